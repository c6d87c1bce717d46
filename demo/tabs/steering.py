"""The widgets that steer a picture besides its sentence: a lent look, other words, the switches.

A strip shows the steps of the run and where the later words take over. Lays them out and lists them
in the order of `demo.steering.read`; what they mean is known there.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from demo import easel
from demo.checks import whole
from demo.engine import MAX_STEPS, Engine
from demo.steering import (
    ENCODERS,
    INSIST,
    MAX_INSIST,
    MAX_LENDERS,
    MAX_STRENGTH,
    SHARE,
    STRENGTH,
    Steering,
    read,
)

PANEL = "Borrow a look, change words, insist"


class SteeringWidgets:
    """The widgets, made inside a Blocks context."""

    def __init__(self) -> None:
        with gr.Accordion(PANEL, open=False, elem_id="steering") as self.panel:
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
            self.kept = gr.Checkbox(
                False,
                label="Use the look that came with the picture or the card",
                visible=False,
                elem_id="kept-look",
            )
            self.look = gr.State(None)
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
            self.strip = easel.part("timeline", value=None, elem_id="timeline")
            self.listened = gr.CheckboxGroup(
                [(told, name) for name, told in ENCODERS.items()],
                value=list(ENCODERS),
                label="The picture listens to",
                elem_id="listened",
            )
            self.insist = gr.Slider(
                0,
                MAX_INSIST,
                value=INSIST,
                step=0.01,
                label="Insist on all that is named",
                info="Several things, as often and where it is said: slower. 0 is the paper's.",
                elem_id="insist",
            )

    @property
    def inputs(self) -> list[Any]:
        """In the order of `demo.steering.read`."""
        return [
            self.style,
            self.strength,
            self.listened,
            self.words,
            self.share,
            self.kept,
            self.look,
            self.insist,
        ]

    @staticmethod
    def values(steering: Steering) -> list[Any]:
        """What the widgets show for a record; files are not put back into a visitor's hands."""
        share, words = steering.turn or (SHARE / 100, "")
        listened = [name for name in ENCODERS if name not in steering.without]
        kept = gr.update(value=steering.look is not None, visible=steering.look is not None)
        shown = [None, steering.strength, listened, words, round(share * 100)]
        return [*shown, kept, steering.look, steering.insist]


def opened(words: str, kept: bool, listened: list[str]) -> Any:
    """The panel, open where a card or a recipe has put later words, a look or a switch into it."""
    set_here = words or kept or len(listened) < len(ENCODERS)
    return gr.update(open=True) if set_here else gr.skip()


def strip(steps: object, words: object, share: object, model: Engine) -> dict[str, Any]:
    """The value of the strip: the steps with their noise levels, and where later words begin.

    Raises ValueError as `demo.engine.request` and `demo.steering.read` do.
    """
    count = whole(steps, "The number of steps", 1, MAX_STEPS)
    turn = read(words=words, share=share).turn
    schedule = model.schedule(count, turn[0] if turn else None)
    levels = [f"{sigma:.3g}" for sigma in schedule.sigmas]
    line = f"{count} steps from σ {levels[0]} down to {levels[-1]}"
    if schedule.begins is not None:
        heard = schedule.begins < count
        line += (
            f"; the later words begin with step {schedule.begins + 1}, at σ"
            f" {levels[schedule.begins]}"
            if heard
            else "; no step is left for the later words"
        )
    return {
        "steps": [
            {"sigma": sigma, "who": who} for sigma, who in zip(levels, schedule.who, strict=True)
        ],
        "begins": schedule.begins,
        "line": f"{line}.",
    }
