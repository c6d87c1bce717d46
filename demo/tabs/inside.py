"""The page "Look inside": one picture, and where it looked at every word while it was made.

Lays out widgets and ties them together. What is recorded is the engine's business; all choices
among the maps are made in the browser, by `inside.js`, for the value that it gets is whole.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gradio as gr

from demo import easel, engine, inside
from demo.checks import MAX_PROMPT
from demo.engine import Engine
from demo.inside import EMPTY, SCHEMA
from demo.tabs.asking import refusals
from demo.tabs.create import QUIET, ROLL, Create
from demo.waiting import MODEL_QUEUE

WAIT = easel.asks_first("inside-wait")
# What is asked for on the first page is what a visitor wants to look into, unless this page has
# a sentence of its own. Unchanged there, it takes nothing away that was changed here.
CARRY = """(prompt, seed, own, kept) => {
  const [sentence, number] = document.studioCarried || ["", null];
  const asked = own && (own !== sentence || !prompt), same = prompt === sentence && seed === number;
  if (asked || same) return [own, kept];
  document.studioCarried = [prompt, seed];
  return [prompt, seed];
}"""
PLACEHOLDER = "a red balloon and a yellow house in the meadow"


class LookInside:
    """The page's widgets; created inside a Blocks context, wired once."""

    def __init__(self, model: Engine, tab: gr.Tab, first: Create) -> None:
        self.model = model
        with gr.Row(elem_id="inside-ask", equal_height=False):
            self.prompt = gr.Textbox(
                label="Which sentence should be looked into?",
                info="It and its seed alone: painted places, a lent look, later words stay behind.",
                placeholder=PLACEHOLDER,
                lines=1,
                max_lines=4,
                max_length=MAX_PROMPT,
                elem_id="inside-prompt",
            )
            self.seed = gr.Number(7, label="Seed", elem_id="inside-seed")
            self.dice = gr.Button("New seed", elem_id="inside-dice", min_width=44)
            self.look = gr.Button("Look inside", variant="primary", elem_id="inside-look")
            self.stop = gr.Button("Stop", elem_id="inside-stop")
        self.view = easel.part("inside", value=None, elem_id="inside", before=("brush",))
        self.view.label = "Picture and attention"
        # What a client of the API reads; gradio would tell it that the value is a string.
        self.view.api_info = lambda: SCHEMA
        self._wire(tab, first)

    def _wire(self, tab: gr.Tab, first: Create) -> None:
        private: dict[str, Any] = {"api_visibility": "private"}
        tab.select(
            None,
            [first.prompt, first.seed, self.prompt, self.seed],
            [self.prompt, self.seed],
            js=CARRY,
            **private,
        )
        self.dice.click(None, None, self.seed, js=ROLL, **private)
        asked = gr.on([self.look.click, self.prompt.submit], None, js=WAIT, **private)
        looking = asked.then(
            self.stream,
            [self.prompt, self.seed],
            self.view,
            api_name="look_inside",
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
            show_progress="hidden",
            trigger_mode="multiple",
        )
        looking.failure(easel.refused, None, self.view, api_name="look_inside_refused", **QUIET)
        self.stop.click(
            easel.stopped,
            None,
            self.view,
            cancels=[looking],
            api_name="look_inside_stop",
            **QUIET,
        )

    def stream(self, prompt: object, seed: object) -> Iterator[dict[str, Any]]:
        """One picture, and where each place looked at each word; previews after every step."""
        with refusals():
            defaults = self.model.defaults()
            asked = engine.request(prompt, seed, defaults.steps, defaults.guidance, 1)
            if not asked.prompt:
                raise ValueError(EMPTY)
            run = secrets.token_hex(4)
            with closing(self.model.look_inside(asked)) as events:
                for event in events:
                    if isinstance(event, inside.Inside):
                        yield inside.shown(event, asked.prompt, run)
                    else:
                        yield easel.shown(event, asked, run)


def build(model: Engine, tab: gr.Tab, first: Create) -> None:
    """Lays the page out in the current Blocks context, in `tab`; `first` is the first page."""
    LookInside(model, tab, first)
