"""The real engine: `ediffi.EDiffI` behind the studio's verbs.

It translates records and nothing else: sampling is the pipeline's business, words are the
vocabulary's. Loading torch takes seconds, so the libraries are imported where they are needed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from demo import engine
from demo.engine import (
    Defaults,
    Painted,
    Picture,
    Progress,
    Recalled,
    Request,
    Schedule,
    Shelf,
    Unknown,
)
from demo.examples import EXAMPLES, file_name
from demo.inside import Inside
from demo.recalled import painting_of, recall
from demo.steering import Steering, open_lender
from demo.storybook_inside import look_inside
from ediffi.config import SamplingConfig
from ediffi.files import read_json
from ediffi.presets import preset
from ediffi.storybook import phrases, vocabulary

if TYPE_CHECKING:
    from ediffi.answers import PipelineStep, Result
    from ediffi.controls.style_transfer import Style
    from ediffi.pipeline import EDiffI
    from ediffi.request import Request as Asked

SHIPPED = "storybook"


class StorybookEngine:
    """An engine around a model that may still be on its way.

    Words and defaults are known before the model is there; painting and recalling wait for it.
    """

    def __init__(
        self,
        coming: Future[EDiffI],
        sampling: SamplingConfig,
        sizes: tuple[int, ...],
        source: str = "",
    ) -> None:
        self.coming = coming
        self.sampling = sampling
        self.sizes = sizes
        self.source = source
        self._rivals: dict[str, EDiffI] = {}

    @classmethod
    def of(cls, model: EDiffI, source: str = "") -> StorybookEngine:
        """The engine of a model that is there; `source` is where its other networks are found."""
        coming: Future[EDiffI] = Future()
        coming.set_result(model)
        return cls(coming, model.model.preset.sampling, model.sizes, source)

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
        from demo.attended import Attended

        began = time.perf_counter()
        if request.source is not None:
            yield from self._enlarge(request, request.source)
            return
        model = self._network(request.network)
        asked = self._asked(model, request)
        heard = Attended(model, asked)
        results: tuple[Result, ...] = ()
        with ExitStack() as listening:
            listening.enter_context(heard.listening())
            for step in model.steps(asked):
                if step.index == heard.last:
                    listening.close()
                yield _progress(model, step, began)
                results = step.results
        yield _painted(results, began, heard.sentences())

    def _enlarge(self, request: Request, source: Path) -> Generator[Progress | Painted]:
        began = time.perf_counter()
        results: tuple[Result, ...] = ()
        lender = open_lender(source)
        for step in self.model.upscale_steps(lender, request.prompt, request.size, request.seed):
            yield _progress(self.model, step, began)
            results = step.results
        yield _painted(results, began)

    def _asked(self, model: EDiffI, request: Request) -> list[Asked]:
        """What the model is asked for, one request a picture."""
        painting, steering = painting_of(request), request.steering
        style = _style(model, steering)
        return [
            model.request(
                request.prompt,
                seed=(request.seed + k) % (engine.MAX_SEED + 1),
                steps=request.steps,
                guidance=request.guidance,
                size=request.size,
                painting=painting,
                style=style,
                without=steering.without,
                timeline=[steering.turn] if steering.turn else (),
                insist=steering.insist,
            )
            for k in range(request.pictures)
        ]

    def schedule(self, steps: int, share: float | None = None) -> Schedule:
        """The base's noise levels, and the network that serves each of them."""
        from ediffi.controls.prompt_switching import Turn, first_steps
        from ediffi.diffusion.noise import edm_grid

        chosen = self.sampling
        grid = edm_grid(steps, chosen.sigma_min, chosen.sigma_max, chosen.rho)
        sigmas = tuple(grid[:-1].tolist())
        who = tuple(" and ".join(self.model.model.ran((sigma,))) for sigma in sigmas)
        begins = None if share is None else first_steps((Turn(share, ""),), steps)[0]
        return Schedule(sigmas, who, begins)

    def networks(self) -> tuple[str, ...]:
        """The model's own network or ensemble, and the others of its folder."""
        from demo.rivals import networks

        return networks(self.source) if self.source else (self.model.model.network,)

    def look_inside(self, request: Request) -> Generator[Progress | Inside]:
        """One picture and its attention."""
        return look_inside(self.model, request)

    def recall(self, png: Path) -> Recalled:
        """The recipe of a PNG as a request, and what this page cannot set as it was."""
        return recall(png, self.model)

    def _network(self, name: str | None) -> EDiffI:
        """The model with this network; one that is not in use is loaded when it is first asked."""
        from demo.rivals import load_rival

        if name is None or name == self.networks()[0]:
            return self.model
        if name not in self._rivals:
            if name not in self.networks():
                raise ValueError(f"This model has no network {name!r}.")
            self._rivals[name] = load_rival(self.source, name)
        return self._rivals[name]


def load(model: str) -> StorybookEngine:
    """The engine of a model name, folder or hub id; errors as in `EDiffI.from_pretrained`."""
    from ediffi.pipeline import EDiffI

    return StorybookEngine.of(EDiffI.from_pretrained(model), model)


def begin(model: str) -> StorybookEngine:
    """As `load`, but the shipped storybook's engine comes at once and its model a little later.

    Errors of a model on its way are raised by `StorybookEngine.model`.
    """
    if model.split("/")[0] != SHIPPED:
        return load(model)
    coming: Future[EDiffI] = Future()
    threading.Thread(target=_fetch, args=(model, coming), daemon=True).start()
    return StorybookEngine(coming, preset(SHIPPED).sampling, _shipped_sizes(), model)


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
    """Paints the picture of every example card with the default settings, into `demo/assets`.

    A card that borrows another one's look is painted after it.
    """
    defaults = painter.defaults()
    for example in sorted(EXAMPLES, key=lambda each: each.lender is not None):
        for event in painter.paint(example.request(defaults)):
            if isinstance(event, Painted):
                example.picture.parent.mkdir(exist_ok=True)
                example.picture.write_bytes(event.pictures[0].png)


def _first(wordings: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The commonest wording of every row."""
    return tuple(row[0] for row in wordings.values())


def _style(model: EDiffI, steering: Steering) -> Style | None:
    if not steering.lends:
        return None
    if steering.style:
        lenders = [open_lender(path) for path in steering.style]
        return model.style(lenders, strength=steering.strength)
    if isinstance(steering.look, Image.Image):
        return model.style([steering.look], strength=steering.strength)
    return None if steering.look is None else replace(steering.look, strength=steering.strength)


def _progress(model: EDiffI, step: PipelineStep, began: float) -> Progress:
    from ediffi import images
    from ediffi.sketching import SKETCH

    several = model.model.ensemble is not None or bool(model.model.stages)
    who = " and ".join(step.experts) if several else ""
    who = "sketching what is painted" if step.stage == SKETCH else who
    seconds = time.perf_counter() - began
    return Progress(
        step.index, step.total, step.sigma, seconds, images.to_uint8(step.previews), who
    )


def _painted(results: Sequence[Result], began: float, heard: Sequence[str] = ()) -> Painted:
    said = dict.fromkeys(note for result in results for note in result.report.sentences())
    pictures = tuple(_picture(result) for result in results)
    return Painted(pictures, time.perf_counter() - began, (*said, *heard))


def _picture(result: Result) -> Picture:
    from ediffi.recipe import png_bytes

    recipe = result.recipe
    return Picture(
        image=result.image,
        png=png_bytes(result.image, recipe),
        seed=recipe.seed,
        name=file_name(recipe.prompt, recipe.seed),
    )
