"""The widgets that steer a picture besides its sentence: a lent look, other words, the switches.

Lays them out and lists them in the order of `demo.steering.read`; what they mean is known there.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo.steering import ENCODERS, MAX_LENDERS, MAX_STRENGTH, SHARE, STRENGTH, Steering


class SteeringWidgets:
    """The widgets, made inside a Blocks context."""

    def __init__(self) -> None:
        with gr.Accordion("Borrow a look, change the words", open=False, elem_id="steering"):
            self.style = gr.File(
                label=f"Pictures that lend their look, {MAX_LENDERS} at most",
                file_count="multiple",
                file_types=[".png", ".jpg", ".jpeg", ".webp"],
                type="filepath",
                height=104,
                elem_id="style",
            )
            self.strength = gr.Slider(
                0,
                MAX_STRENGTH,
                value=STRENGTH,
                step=0.1,
                label="Strength of the look",
                info="0 leaves the look alone.",
                elem_id="strength",
            )
            self.words = gr.Textbox(
                label="Later on, other words",
                placeholder="a white owl in the snow",
                lines=1,
                max_lines=4,
                elem_id="later",
            )
            self.share = gr.Slider(
                1,
                99,
                value=SHARE,
                step=1,
                label="From this share of the steps on, in per cent",
                info="Early words decide the layout, late ones the details.",
                elem_id="share",
            )
            self.listened = gr.CheckboxGroup(
                [(told, name) for name, told in ENCODERS.items()],
                value=list(ENCODERS),
                label="The picture listens to",
                elem_id="listened",
            )

    @property
    def inputs(self) -> list[Any]:
        """In the order of `demo.steering.read`."""
        return [self.style, self.strength, self.listened, self.words, self.share]

    @staticmethod
    def values(steering: Steering) -> list[Any]:
        """What the widgets show for a record; pictures are not put back into a visitor's hands."""
        share, words = steering.turn or (SHARE / 100, "")
        listened = [name for name in ENCODERS if name not in steering.without]
        return [None, steering.strength, listened, words, round(share * 100)]
