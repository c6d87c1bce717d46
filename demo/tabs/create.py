"""The first page: a sentence, a few settings, and the easel on which the pictures form.

Lays out widgets and ties them together; every handler is widgets → request → engine → widgets. How
a picture is made, and which values are allowed, is the engine's business.
"""

from __future__ import annotations

import html
import random
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from demo import cards, easel, engine, painter, steering
from demo.checks import MAX_PROMPT
from demo.engine import Engine
from demo.examples import EXAMPLES, surprise
from demo.tabs.asking import asked, refusals, told_refusals
from demo.tabs.steering import SteeringWidgets, opened, strip
from demo.waiting import MODEL_QUEUE

# A new seed is drawn where the click happens: the field shows at once what will be used.
ANY = "Math.floor(Math.random() * 4294967296)"
NEXT = f"keep && seed !== null ? seed : {ANY}"
ROLL = f"() => {ANY}"
WAIT = '() => { document.dispatchEvent(new CustomEvent("easel-wait")); }'
NEXT_SEED = f"(keep, seed) => {{ ({WAIT})(); return {NEXT}; }}"
IF_FREE = easel.asks_first("easel-wait", NEXT, "keep, seed")
TELL_SENTENCE = """(sentence) => {
  document.dispatchEvent(new CustomEvent("sentence", { detail: sentence }));
}"""
FOCUS_PAINT = "() => { document.querySelector('#paint').focus(); }"
# Whoever stops on a phone has the picture before them, and it must not run away.
FOCUS_PAINT_IN_PLACE = "() => { document.querySelector('#paint').focus({ preventScroll: true }); }"

UNSTEERED = SteeringWidgets.values(steering.Steering())

HIDDEN: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
"""Of events whose words must reach the visitor: gradio shows none that pass its queue by."""
QUIET: dict[str, Any] = {**HIDDEN, "queue": False}


class Create:
    """The page's widgets; created inside a Blocks context, wired once."""

    def __init__(self, model: Engine) -> None:
        self.model = model
        # The examples stand outside of what the easel stays in view in: it must not lie under them.
        with gr.Column(elem_id="spread"):
            with gr.Row(elem_id="studio", equal_height=False):
                with gr.Column(elem_id="ask"):
                    self._ask()
                with gr.Column(elem_id="page"):
                    self.easel = easel.easel()
                    self.compare = gr.Button(
                        "Compare this: what does each part do?", elem_id="compare-this"
                    )
                with gr.Column(elem_id="settings"):
                    self._settings(model.defaults())
            with gr.Column(elem_id="ideas"):
                self.ideas = gr.HTML(
                    cards.examples_html(EXAMPLES),
                    js_on_load=easel.script("ideas"),
                    apply_default_css=False,
                    elem_id="examples",
                )
        self.request = [
            self.prompt,
            self.seed,
            self.steps,
            self.guidance,
            self.pictures,
            self.size,
            self.painting,
            *self.steering.inputs,
        ]
        """The inputs of a painting, in the order of `stream`."""
        self._wire()

    def _ask(self) -> None:
        self.prompt = gr.Textbox(
            label="What should the picture show?",
            placeholder="a white rabbit with a blue hat next to a red mushroom",
            lines=1,
            max_lines=6,
            max_length=MAX_PROMPT,
            elem_id="prompt",
            autofocus=True,
        )
        self.marks = easel.part("marks", value=[], elem_id="marks")
        with gr.Row(elem_id="brushes"):
            self.paint = gr.Button("Paint", variant="primary", elem_id="paint")
            self.stop = gr.Button("Stop", elem_id="stop")
            self.surprise = gr.Button("Surprise me", elem_id="surprise")
        self.painting = painter.painter()
        self.steering = SteeringWidgets()
        with gr.Accordion("Words the storybook knows", open=False, elem_id="words"):
            gr.HTML(
                cards.shelves_html(self.model.shelves()),
                js_on_load=easel.script("shelves"),
                apply_default_css=False,
            )

    def _settings(self, defaults: engine.Defaults) -> None:
        with gr.Row(elem_id="seed-row", equal_height=True):
            self.seed = gr.Number(7, label="Seed", elem_id="seed")
            self.dice = gr.Button("New seed", elem_id="dice", min_width=44)
            self.keep = gr.Checkbox(
                False, label="Keep it: the same seed paints the same picture", elem_id="keep"
            )
        self.pictures = gr.Radio(
            [(str(n), n) for n in range(1, engine.MAX_PICTURES + 1)],
            value=1,
            label="Pictures",
            elem_id="pictures",
        )
        self.size = gr.Radio(
            [(f"{size} px", size) for size in defaults.sizes],
            value=defaults.sizes[0],
            label="Size",
            visible=len(defaults.sizes) > 1,
            elem_id="size",
        )
        self.steps = gr.Slider(
            1,
            engine.MAX_STEPS,
            value=defaults.steps,
            step=1,
            label="Steps",
            info="More steps: slower, a little finer.",
            elem_id="steps",
        )
        self.guidance = gr.Slider(
            0,
            engine.MAX_GUIDANCE,
            value=defaults.guidance,
            step=0.1,
            label="Guidance",
            info="How closely the picture follows the sentence.",
            elem_id="guidance",
        )
        self.png = gr.File(
            label="Settings from a picture",
            file_types=[".png"],
            type="filepath",
            height=88,
            elem_id="recall",
        )

    def _wire(self) -> None:
        private: dict[str, Any] = {"api_visibility": "private"}
        seed: dict[str, Any] = {
            "fn": None,
            "inputs": [self.keep, self.seed],
            "outputs": self.seed,
            **private,
        }
        chosen = self.ideas.click(
            choose,
            None,
            [self.prompt, self.seed, self.painting, *self.steering.inputs],
            api_name="choose",
            **QUIET,
        )
        invented = self.surprise.click(
            invent,
            None,
            [self.prompt, self.painting, *self.steering.inputs],
            api_name="invent",
            **QUIET,
        )
        asked = gr.on([self.paint.click, self.prompt.submit], js=IF_FREE, **seed)
        painting: list[Any] = [
            self._paint_after(asked, "create"),
            self._paint_after(chosen.then(None, js=WAIT, **private), "create_chosen"),
            self._paint_after(invented.then(js=NEXT_SEED, **seed), "create_invented"),
        ]
        self.stop.click(easel.stopped, None, self.easel, cancels=painting, api_name="stop", **QUIET)
        self.stop.click(None, js=FOCUS_PAINT_IN_PLACE, **private)
        self.dice.click(None, None, self.seed, js=ROLL, **private)
        self._wire_reading()
        set_by_others = [self.steering.words, self.steering.kept, self.steering.listened]
        gr.on(
            [each.change for each in set_by_others],
            opened,
            set_by_others,
            self.steering.panel,
            api_name="steering",
            **QUIET,
        )
        # Without triggers it also runs when the page is opened, and whenever an input changes.
        gr.on(
            None,
            self.timeline,
            [self.steps, self.steering.words, self.steering.share],
            self.steering.strip,
            api_name="timeline",
            trigger_mode="always_last",
            **QUIET,
        )

    def _wire_reading(self) -> None:
        self.prompt.change(
            None, self.prompt, None, js=TELL_SENTENCE, queue=False, api_visibility="private"
        )
        self.prompt.change(
            self.mark,
            self.prompt,
            self.marks,
            api_name="mark",
            trigger_mode="always_last",
            **QUIET,
        )
        self.png.upload(
            self.recall, self.png, [*self.request, self.keep, self.png], api_name="reread", **HIDDEN
        ).failure(lambda: None, None, self.png, **HIDDEN)

    def _paint_after(self, event: Dependency, api_name: str) -> Dependency:
        """A painting after an event.

        A second click on Paint is ignored, which is the easel's doing; a card or a surprise takes
        the brush out of the hand that paints, which is the queue's (`demo.waiting`).
        """
        painting = event.then(
            self.stream,
            self.request,
            self.easel,
            api_name=api_name,
            api_visibility="private",  # a program asks the endpoints of `demo.api`
            concurrency_id=MODEL_QUEUE,
            concurrency_limit=1,
            show_progress="hidden",
            trigger_mode="multiple",  # "once" drops a click in the moment after a picture is done
        )
        painting.failure(easel.refused, None, self.easel, api_name=f"{api_name}_refused", **QUIET)
        return painting

    def stream(self, *values: Any) -> Iterator[dict[str, Any]]:
        """Previews after every step, then the finished pictures, as values of the easel.

        `values` are those of the widgets in `request`.
        """
        yield from told_refusals(lambda: easel.values(self.model, asked(*values)))

    def timeline(self, steps: object, words: object, share: object) -> dict[str, Any] | None:
        """The strip of the steering panel; nothing while a value is none, as Paint will say."""
        try:
            return strip(steps, words, share, self.model)
        except ValueError:
            return None

    def mark(self, prompt: object) -> list[list[Any]]:
        """The words that the storybook does not know, as [start, end, word]."""
        if not isinstance(prompt, str) or len(prompt) > MAX_PROMPT:
            return []
        return [[word.start, word.end, word.word] for word in self.model.unknown(prompt)]

    def recall(self, png: str | None) -> list[Any]:
        """The settings that made a picture, the seed kept, and the drop zone emptied."""
        if png is None:
            raise gr.Error("There is no picture to read.", print_exception=False)
        return [*self.restored(Path(png)), None]

    def restored(self, png: Path) -> list[Any]:
        """What the request's widgets and `keep` show for the recipe of a PNG; tells the visitor."""
        with refusals():
            recalled = self.model.recall(png)
        made, notes = recalled.request, map(html.escape, recalled.notes)
        gr.Info(" ".join(["The settings of this picture are back.", *notes]), title="Recipe read")
        size = self.size.value if made.size is None else made.size
        values = [made.prompt, made.seed, made.steps, made.guidance, made.pictures, size]
        painted = painter.shown(made.prompt, made.painting, made.manner)
        return [*values, painted, *SteeringWidgets.values(made.steering), True]


def choose(event: gr.EventData) -> tuple[Any, ...]:
    """The sentence and seed of the card that was clicked, and what it paints, borrows or turns."""
    index = event._data.get("index") if isinstance(event._data, dict) else None
    if type(index) is not int or not 0 <= index < len(EXAMPLES):
        raise gr.Error("There is no such example.", print_exception=False)
    example = EXAMPLES[index]
    shown = painter.shown(example.prompt, example.painting)
    return example.prompt, example.seed, shown, *SteeringWidgets.values(example.steering)


def invent() -> tuple[Any, ...]:
    """A new sentence, with nothing painted or borrowed."""
    sentence = surprise(random.Random(secrets.randbits(32)))
    return sentence, painter.shown(sentence), *UNSTEERED


def build(model: Engine) -> Create:
    """Lays the page out in the current Blocks context; other pages take over what stands on it."""
    return Create(model)
