"""The real engine: `ediffi.EDiffI` behind the studio's verbs.

It translates records and nothing else: sampling is the pipeline's business, words are the
vocabulary's. Loading torch takes seconds, so the libraries are imported where they are needed.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from demo import engine
from demo.engine import Defaults, Painted, Picture, Progress, Recalled, Request, Shelf, Unknown
from demo.examples import EXAMPLES, file_name
from ediffi.storybook import phrases, vocabulary

if TYPE_CHECKING:
    from ediffi.pipeline import EDiffI
    from ediffi.request import Result


class StorybookEngine:
    """An engine around a loaded model."""

    def __init__(self, model: EDiffI) -> None:
        self.model = model

    def defaults(self) -> Defaults:
        """The sampling settings that come with the model."""
        sampling = self.model.model.preset.sampling
        return Defaults(steps=sampling.steps, guidance=sampling.guidance)

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
        asked = [
            self.model.request(
                request.prompt,
                seed=(request.seed + k) % (engine.MAX_SEED + 1),
                steps=request.steps,
                guidance=request.guidance,
            )
            for k in range(request.pictures)
        ]
        results: tuple[Result, ...] = ()
        for step in self.model.steps(asked):
            seconds = time.perf_counter() - began
            previews = images.to_uint8(step.previews)
            yield Progress(step.index, step.total, step.sigma, seconds, previews)
            results = step.results
        yield Painted(
            tuple(_picture(result) for result in results),
            time.perf_counter() - began,
            tuple(dict.fromkeys(note for r in results for note in r.report.sentences())),
        )

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
        made = engine.request(recipe.prompt, recipe.seed, sampling.steps, sampling.guidance, 1)
        default = self.model.model.preset.sampling
        notes = []
        if recipe.model != self.model.model.name:
            notes.append(f"It was painted by the model {recipe.model}.")
        if sampling.solver != default.solver:
            notes.append(f"It was painted with the solver {sampling.solver}.")
        if recipe.painting is not None:
            notes.append("Its painted regions are not brought back.")
        return Recalled(made, tuple(notes))


def load(model: str) -> StorybookEngine:
    """The engine of a model name, folder or hub id; errors as in `EDiffI.from_pretrained`."""
    from ediffi.pipeline import EDiffI

    return StorybookEngine(EDiffI.from_pretrained(model))


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


def _picture(result: Result) -> Picture:
    from ediffi.recipe import png_bytes

    recipe = result.recipe
    return Picture(
        image=result.image,
        png=png_bytes(result.image, recipe),
        seed=recipe.seed,
        name=file_name(recipe.prompt, recipe.seed),
    )
