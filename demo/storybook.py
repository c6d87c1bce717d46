"""The real engine: `ediffi.EDiffI` behind the studio's verbs.

It translates records and nothing else: sampling is the pipeline's business, words are the
vocabulary's. Loading torch takes seconds, so the libraries are imported where they are needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from demo import engine, regions
from demo.engine import Defaults, Painted, Picture, Progress, Recalled, Request, Shelf, Unknown
from demo.examples import EXAMPLES, file_name
from demo.regions import Region
from demo.steering import ENCODERS, Steering, open_lender
from ediffi.config import SamplingConfig
from ediffi.files import read_json
from ediffi.presets import preset
from ediffi.storybook import phrases, vocabulary

if TYPE_CHECKING:
    from ediffi.answers import Result
    from ediffi.controls.paint_with_words import Painting
    from ediffi.controls.style_transfer import Style
    from ediffi.pipeline import EDiffI
    from ediffi.recipe import Recipe

SHIPPED = "storybook"


class StorybookEngine:
    """An engine around a model that may still be on its way.

    Words and defaults are known before the model is there; painting and recalling wait for it.
    """

    def __init__(
        self, coming: Future[EDiffI], sampling: SamplingConfig, sizes: tuple[int, ...]
    ) -> None:
        self.coming = coming
        self.sampling = sampling
        self.sizes = sizes

    @classmethod
    def of(cls, model: EDiffI) -> StorybookEngine:
        """The engine of a model that is there."""
        coming: Future[EDiffI] = Future()
        coming.set_result(model)
        return cls(coming, model.model.preset.sampling, model.sizes)

    @property
    def model(self) -> EDiffI:
        """The model, waited for; raises what its loading raised."""
        return self.coming.result()

    def defaults(self) -> Defaults:
        """The sampling settings that come with the model."""
        return Defaults(self.sampling.steps, self.sampling.guidance, self.sizes)

    def shelves(self) -> tuple[Shelf, ...]:
        """The storybook's vocabulary, leaving out words that a visitor need not be told."""
        kinds = vocabulary.KINDS.values()
        return (
            Shelf("things", tuple(kind.nouns[0][0] for kind in kinds)),
            Shelf("worn or held", vocabulary.WEARABLES),
            Shelf("colours", vocabulary.COLOURS),
            Shelf("places", _first(phrases.PLACES)),
            Shelf("times and weathers", _first(phrases.SKIES)),
            Shelf("by another hand", _first(phrases.STYLES_AFTER)),
            Shelf("words for a sign", vocabulary.WORDS),
        )

    def unknown(self, prompt: str) -> tuple[Unknown, ...]:
        """Words that no caption of the storybook contains."""
        return tuple(Unknown(*found) for found in vocabulary.unknown_words(prompt))

    def paint(self, request: Request) -> Generator[Progress | Painted]:
        """One batch of pictures; seeds that run over the largest one begin again at 0."""
        from ediffi import images

        began = time.perf_counter()
        painting, steering = _painting(request), request.steering
        style = self._style(steering)
        asked = [
            self.model.request(
                request.prompt,
                seed=(request.seed + k) % (engine.MAX_SEED + 1),
                steps=request.steps,
                guidance=request.guidance,
                size=request.size,
                painting=painting,
                style=style,
                without=steering.without,
                timeline=[steering.turn] if steering.turn else (),
            )
            for k in range(request.pictures)
        ]
        results: tuple[Result, ...] = ()
        several = self.model.model.ensemble is not None or bool(self.model.model.stages)
        for step in self.model.steps(asked):
            seconds = time.perf_counter() - began
            previews = images.to_uint8(step.previews)
            who = " and ".join(step.experts) if several else ""
            yield Progress(step.index, step.total, step.sigma, seconds, previews, who)
            results = step.results
        yield Painted(
            tuple(_picture(result) for result in results),
            time.perf_counter() - began,
            tuple(dict.fromkeys(note for r in results for note in r.report.sentences())),
        )

    def _style(self, steering: Steering) -> Style | None:
        if not (steering.style and steering.strength):
            return None
        lenders = [open_lender(path) for path in steering.style]
        return self.model.style(lenders, strength=steering.strength)

    def recall(self, png: Path) -> Recalled:
        """The recipe of a PNG as a request, and what this page cannot set as it was."""
        from ediffi.recipe import read_png

        engine.open_png(png).close()
        try:
            recipe = read_png(png)
        except ValueError as error:
            # The visitor knows a picture, not the server's name for it.
            raise ValueError(str(error).replace(str(png), "this picture")) from None
        sampling = recipe.sampling
        size = recipe.size if recipe.size in self.sizes else self.sizes[0]
        made = engine.request(
            recipe.prompt, recipe.seed, sampling.steps, sampling.guidance, 1, size
        )
        made, notes = _painted_again(made, recipe)
        steered, more = _steered_again(recipe)
        made, notes = replace(made, steering=steered), notes + more
        if size != recipe.size:
            notes.append(f"It has {recipe.size} pixels, which this model does not make.")
        if recipe.model != self.model.model.name:
            notes.append(f"It was painted by the model {recipe.model}.")
        if sampling.solver != self.sampling.solver:
            notes.append(f"It was painted with the solver {sampling.solver}.")
        if recipe.source is not None:
            notes.append("It was enlarged from a picture, which is not brought back.")
        return Recalled(made, tuple(notes))


def load(model: str) -> StorybookEngine:
    """The engine of a model name, folder or hub id; errors as in `EDiffI.from_pretrained`."""
    from ediffi.pipeline import EDiffI

    return StorybookEngine.of(EDiffI.from_pretrained(model))


def begin(model: str) -> StorybookEngine:
    """As `load`, but the shipped storybook's engine comes at once and its model a little later.

    Errors of a model on its way are raised by `StorybookEngine.model`.
    """
    if model.split("/")[0] != SHIPPED:
        return load(model)
    coming: Future[EDiffI] = Future()
    threading.Thread(target=_fetch, args=(model, coming), daemon=True).start()
    return StorybookEngine(coming, preset(SHIPPED).sampling, _shipped_sizes())


def _shipped_sizes() -> tuple[int, ...]:
    """The sizes of the shipped model, from its table of contents: nothing heavy is loaded."""
    folder = Path(str(files("ediffi.storybook"))) / "weights"
    stages = read_json(folder / "model.json").get("stages", {})
    chosen = preset(SHIPPED)
    larger = [s.denoiser.resolution for s in chosen.stages if s.denoiser.name in stages]
    return (chosen.base.resolution, *larger)


def _fetch(model: str, coming: Future[EDiffI]) -> None:
    try:
        from ediffi.pipeline import EDiffI

        fetched = EDiffI.from_pretrained(model)
        # The first evaluation allocates and chooses kernels: better now than under a visitor.
        fetched.generate("", steps=1)
        coming.set_result(fetched)
    except BaseException as error:  # whatever it is, whoever waits must hear of it
        coming.set_exception(error)


def paint_examples(painter: StorybookEngine) -> None:
    """Paints the picture of every example card with the default settings, into `demo/assets`."""
    defaults = painter.defaults()
    for example in EXAMPLES:
        asked = engine.request(example.prompt, example.seed, defaults.steps, defaults.guidance, 1)
        for event in painter.paint(asked):
            if isinstance(event, Painted):
                example.picture.parent.mkdir(exist_ok=True)
                example.picture.write_bytes(event.pictures[0].png)


def _first(wordings: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The commonest wording of every row."""
    return tuple(row[0] for row in wordings.values())


def _painting(request: Request) -> Painting | None:
    from ediffi.controls.paint_with_words import Painting

    if not request.painting:
        return None
    painting = Painting(request.prompt)
    for region in request.painting:
        mask = np.frombuffer(region.mask, np.uint8).reshape(regions.GRID, regions.GRID)
        painting = painting.add(
            region.phrase, mask, occurrence=region.occurrence, weight=region.weight
        )
    return painting


def _painted_again(made: Request, recipe: Recipe) -> tuple[Request, list[str]]:
    """The request with the recipe's painting, and what of it this page cannot show."""
    from ediffi.controls.paint_with_words import Painting

    if recipe.painting is None:
        return made, []
    try:
        painting = Painting.from_json(recipe.painting)
        found = [Region(r.phrase, r.occurrence, r.weight, bytes(r.mask)) for r in painting.regions]
        kept, _ = regions.read(regions.as_json(painting.prompt, found), made.prompt)
    except ValueError as error:
        return made, [f"Its painted regions are not brought back: {error}"]
    made = replace(made, painting=kept)
    if _painting(made) != painting:
        return made, ["Its painted regions had settings that this page does not have."]
    return made, []


def _steered_again(recipe: Recipe) -> tuple[Steering, list[str]]:
    """What steered a recipe's picture, and what of it this page cannot show."""
    notes = []
    turns = [(turn.share, turn.prompt) for turn in recipe.timeline]
    if len(turns) > 1:
        notes.append("Its words changed more than once, and only the first change is brought back.")
    if recipe.style is not None:
        notes.append("It borrowed its look from another picture, which is not brought back.")
    if recipe.t5_prompt is not None or recipe.clip_prompt is not None:
        notes.append("One of its encoders read other words, which are not brought back.")
    off = tuple(name for name in recipe.without if name in ENCODERS)
    return Steering(without=off, turn=turns[0] if turns else None), notes


def _picture(result: Result) -> Picture:
    from ediffi.recipe import png_bytes

    recipe = result.recipe
    return Picture(
        image=result.image,
        png=png_bytes(result.image, recipe),
        seed=recipe.seed,
        name=file_name(recipe.prompt, recipe.seed),
    )
