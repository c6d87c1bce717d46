"""The second page: what stands on Create, painted several times with one thing changed.

Lays out widgets and ties them together; what is put side by side is known in `demo.comparing`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import Any

import gradio as gr

from demo import comparing, easel, sheet
from demo.checks import MAX_PROMPT
from demo.comparing import KINDS
from demo.engine import Engine
from demo.tabs.asking import asked, told_refusals
from demo.tabs.create import QUIET, Create
from demo.told import told
from demo.waiting import MODEL_QUEUE

WAIT = easel.asks_first("compare-wait")


class Compare:
    """The page's widgets; created inside a Blocks context, wired once."""

    def __init__(self, model: Engine, page: Create, tabs: gr.Tabs, tab: gr.Tab) -> None:
        self.model = model
        self.page = page
        with gr.Column(elem_id="comparison"):
            self.summary = gr.HTML("", apply_default_css=False, elem_id="compare-summary")
            self.kind = gr.Radio(
                [(label, kind) for kind, label in KINDS.items()],
                value="encoders",
                label="What shall differ?",
                elem_id="compare-kind",
            )
            self.words = gr.Textbox(
                label="The later words",
                placeholder="left empty: those on Create",
                lines=1,
                max_lines=4,
                max_length=MAX_PROMPT,
                visible=False,
                elem_id="compare-words",
            )
            with gr.Row(elem_id="compare-brushes"):
                self.start = gr.Button("Compare", variant="primary", elem_id="compare-start")
                self.stop = gr.Button("Stop", elem_id="compare-stop")
            self.sheet = easel.part(
                "compare", value=None, elem_id="compare-sheet", before=("pictures", "brush")
            )
        self._wire(tabs, tab)

    def _wire(self, tabs: gr.Tabs, tab: gr.Tab) -> None:
        private: dict[str, Any] = {"api_visibility": "private"}
        self.kind.change(
            lambda kind: gr.update(visible=kind == "words"),
            self.kind,
            self.words,
            api_name="compare_kind",
            **QUIET,
        )
        summary: dict[str, Any] = {"inputs": self.page.request, **QUIET}
        tab.select(self.describe, outputs=self.summary, api_name="compare_summary", **summary)
        self.page.compare.click(
            lambda *values: (gr.Tabs(selected="compare"), self.describe(*values)),
            outputs=[tabs, self.summary],
            api_name="compare_this",
            **summary,
        )
        painting = self.start.click(None, js=WAIT, **private).then(
            self.compare,
            [self.kind, self.words, *self.page.request],
            self.sheet,
            api_name="compare_page",
            api_visibility="private",  # a program asks the endpoint of `demo.api_compare`
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
            show_progress="hidden",
            trigger_mode="multiple",
        )
        painting.failure(easel.refused, None, self.sheet, api_name="compare_refused", **QUIET)
        self.stop.click(
            easel.stopped,
            None,
            self.sheet,
            cancels=[painting],
            api_name="compare_stop",
            **QUIET,
        )

    def describe(self, *values: Any) -> str:
        """What stands on Create, in a line of HTML; what is amiss there, where something is."""
        try:
            said = told(asked(*values))
        except ValueError as error:
            said = str(error)
        return f"<p>On Create: {html.escape(said)}.</p>".replace("..<", ".<")

    def compare(self, kind: object, later: object, *values: Any) -> Iterator[dict[str, Any]]:
        """Previews of every picture in turn, then all of them, as values of the sheet.

        `values` are those of the widgets that Create's own painting takes.
        """

        def run() -> Iterator[dict[str, Any]]:
            what, request = comparing.chosen(kind), asked(*values)
            put = comparing.variants(what, request, self.model, later)
            yield from sheet.values(what, request, put, self.model)

        yield from told_refusals(run)


def build(model: Engine, page: Create, tabs: gr.Tabs, tab: gr.Tab) -> None:
    """Lays the page out in the current Blocks context, beside `page`, whose settings it takes."""
    Compare(model, page, tabs, tab)
