"""Sampling a batch of checked requests, step by step.

Everything that may change a pixel is decided here: noise, token columns, precision, the batch's
shape. It knows nothing of files, names or command lines.
"""

from __future__ import annotations

import time
from collections import abc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import torch
from torch import Tensor

from ediffi import images
from ediffi.answers import PipelineStep, Report, Result
from ediffi.build import build_sampler
from ediffi.cascade.stages import Stage, upscaled
from ediffi.conditioner import Conditioner
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import StageChoice
from ediffi.controls.collage import ABOVE, Collage, Laid
from ediffi.controls.insisting import insistence
from ediffi.controls.prompt_switching import Switching, first_levels
from ediffi.controls.pulling import Pulled, to_places
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import Step, seeded
from ediffi.experts.ensemble import Ensemble
from ediffi.guiding import guided
from ediffi.loading import Model
from ediffi.memory import memory_for
from ediffi.recipe import BatchShape, Environment, Recipe
from ediffi.request import Request, check_batch
from ediffi.sketching import SKETCH, Sketcher, Unheard, rests

MAX_BATCH = 8
_Event = tuple[str, Step, tuple[str, ...]]


@dataclass(frozen=True)
class _Words:
    """What a batch is told from some step on: the requests that say so, and their conditioning.

    What is not `heard` is asked for the sake of other words, and no listener hears it. What is
    `laid` on the pages they begin with, where they do.
    """

    requests: tuple[Request, ...]
    cond: Conditioning
    heard: bool = True
    laid: Laid | None = None


class Generator:
    """Samples pictures from one model; `device` and `dtype` are those of its weights."""

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype) -> None:
        self.model = model
        self.device = device
        self.dtype = dtype
        self.conditioner = Conditioner(model.encoders, model.config.encoders)
        side, ran = model.config.resolution, model.ran
        self._sketcher = Sketcher(
            self._sketch, model.network_at, ran, self.conditioner, device, side
        )

    @torch.no_grad()  # and not inference mode, which a pulled painting's gradient cannot leave
    def steps(
        self,
        requests: Sequence[Request],
        reports: Sequence[Report],
        shape: BatchShape | None = None,
        start: Tensor | None = None,
    ) -> Iterator[PipelineStep]:
        """The steps of requests that share size, sampling, stages and switched-off embeddings.

        `shape` asks for at least so many token columns. With `start` (b, 3, h, w) in [-1, 1] the
        base is left out: the stages enlarge these pictures. Raises ValueError for requests that
        cannot share a batch, when the picture stops being finite, and when memory runs out.
        """
        check_batch(requests, MAX_BATCH)
        with memory_for(*_needs(requests)):
            yield from self._steps(requests, reports, shape, start)

    def _steps(
        self,
        requests: Sequence[Request],
        reports: Sequence[Report],
        shape: BatchShape | None,
        start: Tensor | None,
    ) -> Iterator[PipelineStep]:
        told, made = self._told(requests, shape)
        lengths = [choice.sampling.steps for choice in requests[0].stages]
        total = sum(lengths) + (requests[0].sampling.steps if start is None else 0)
        pictures: dict[int, Tensor] = {}
        index, began = 0, time.perf_counter()
        for stage, step, experts in self._events(requests, told, start):
            if stage != SKETCH:
                index += 1
                pictures[min(step.x.shape[2:])] = step.x
            _check_finite(step, stage, index, total)
            last = index == total
            yield PipelineStep(
                index=index,
                total=total,
                sigma=step.sigma,
                denoised=step.denoised,
                experts=experts,
                seconds=time.perf_counter() - began,
                results=self._results(requests, reports, pictures, made, start) if last else (),
                stage=stage,
            )
            began = time.perf_counter()

    def _told(
        self, requests: Sequence[Request], shape: BatchShape | None
    ) -> tuple[list[_Words], BatchShape]:
        """The first words and those of every turn, and the shape of the first."""
        first, made = self.conditioner.batch(requests, shape)
        told = [(requests, first)]
        for turn in requests[0].timeline:
            turned = [request.turned(turn) for request in requests]
            told.append((turned, self.conditioner.batch(turned)[0]))
        return [_Words(tuple(said), cond.to(self.device)) for said, cond in told], made

    def _events(
        self, requests: Sequence[Request], told: Sequence[_Words], picture: Tensor | None
    ) -> Iterator[_Event]:
        """Stage, step and the experts that ran, from the base (unless a picture is given) on.

        Before it come the steps of the sketches of a collage, as the stage `SKETCH`.
        """
        seeds = [request.seed for request in requests]
        if picture is None:
            side = self.model.config.resolution
            noise = seeded_noise(seeds, (3, side, side))
            told = yield from self._laid(told)
            for step in self._sample(requests, noise.to(self.device), told):
                yield "base", step, self.model.ran(step.evaluations)
                picture = step.x
        assert picture is not None
        # A stage follows the picture that it is shown: a painting has done its work by then, and
        # so have all words but the last.
        cond, picture = replace(told[-1].cond, painting=None), picture.to(self.device)
        for choice in requests[0].stages:
            stage = self._stage(choice)
            for step in upscaled(stage, picture, cond, seeds):
                asked = stage.denoiser
                ran = asked.ran(step.evaluations) if isinstance(asked, Ensemble) else (stage.name,)
                yield stage.name, step, ran
                picture = step.x

    def _stage(self, choice: StageChoice) -> Stage:
        for stage in self.model.stages:
            if stage.name == choice.stage:
                sampler = build_sampler(choice.sampling.solver)
                return replace(stage, sampling=choice.sampling, sampler=sampler)
        known = ", ".join(stage.name for stage in self.model.stages) or "none"
        raise ValueError(f"There is no stage {choice.stage!r}; the model has {known}.")

    def replay(
        self, request: Request, shape: BatchShape, report: Report, start: Tensor | None = None
    ) -> Result:
        """The picture again, sampled in a batch of the same shape; ValueError for a wrong shape.

        `start` (1, 3, h, w) is the picture that was enlarged, if one was.
        """
        dims = self.model.config.encoders
        fits = (
            1 <= shape.pictures <= MAX_BATCH
            and 0 <= shape.row < shape.pictures
            and 0 <= shape.t5_columns <= dims.t5_length
            and 0 <= shape.clip_columns <= dims.clip_length
        )
        if not fits:
            raise ValueError(f"The recipe's batch is not usable: {shape}.")
        copies = [request] * shape.pictures
        results: tuple[Result, ...] = ()
        given = None if start is None else start.expand(shape.pictures, -1, -1, -1)
        for step in self.steps(copies, [report] * shape.pictures, shape, given):
            results = step.results
        return results[shape.row]

    def _sample(
        self, requests: Sequence[Request], noise: Tensor, told: Sequence[_Words]
    ) -> Iterator[Step]:
        sampling = requests[0].sampling
        grid = _grid(requests[0])
        parts = tuple((self._asked(words), words.cond) for words in told)
        denoiser, cond = parts[0]
        if len(parts) > 1:
            denoiser = Switching(parts, first_levels(requests[0].timeline, grid))
        sampler = seeded(build_sampler(sampling.solver), tuple(r.seed for r in requests))
        if sampling.solver == "dpmpp_2m" and self.model.ensemble and not sampling.seam_history:
            return sampler(denoiser, noise, grid, cond, seams=self.model.ensemble.boundaries)
        return sampler(denoiser, noise, grid, cond)

    def _asked(self, words: _Words) -> Denoiser:
        """Who answers for these words: guided, pulled, and where they ask for it as a collage."""
        first = words.requests[0]
        whole = self._pulled(
            guided(self.model, first.sampling, words.cond, first.lent_style), words
        )
        if not words.heard:
            return Unheard(whole, self.model.network_at)
        if words.laid is None:
            return whole
        # As wide as the words themselves: a batch of another shape gives other last bits.
        shape = BatchShape(1, 0, words.cond.t5.shape[1], words.cond.clip.shape[1])
        rest = replace(self._told(list(rests(words.requests)), shape)[0][0], heard=False)
        return Collage(whole, self._asked(rest), rest.cond, words.laid)

    def _laid(self, told: Sequence[_Words]) -> abc.Generator[_Event, None, list[_Words]]:
        """The words with what they lay on their pages, sketched; at low noise they lay nothing."""
        first = told[0].requests[0]
        found = []
        for words, level in zip(
            told, [inf, *first_levels(first.timeline, _grid(first))], strict=True
        ):
            asks = words.requests[0].collaged and level > ABOVE
            laid = (yield from self._sketcher.lay(words.requests)) if asks else None
            found.append(replace(words, laid=laid))
        return found

    def _sketch(self, requests: Sequence[Request]) -> Iterator[Step]:
        side = self.model.config.resolution
        noise = seeded_noise([request.seed for request in requests], (3, side, side))
        told = [replace(words, heard=False) for words in self._told(requests, None)[0]]
        return self._sample(requests, noise.to(self.device), told)

    def _pulled(self, denoiser: Denoiser, words: _Words) -> Denoiser:
        insist, pulls = words.requests[0].sampling.insist, [to_places(words.cond.painting)]
        if insist:
            # A sketch is of one thing, which must be there to be cut out: it insists always.
            phrases = self.conditioner.phrases(words.requests, words.cond, not words.heard)
            if phrases.columns.any():
                pulls.append(insistence(phrases.to(self.device), insist))
        for pull in pulls:
            if pull is not None:
                denoiser = Pulled(denoiser, self.model.network_at, words.cond, pull)
        return denoiser

    def _results(
        self,
        requests: Sequence[Request],
        reports: Sequence[Report],
        pictures: dict[int, Tensor],
        made: BatchShape,
        start: Tensor | None,
    ) -> tuple[Result, ...]:
        kept = {size: [images.to_pil(row) for row in x] for size, x in pictures.items()}
        return tuple(
            Result(
                images={size: rows[row] for size, rows in kept.items()},
                recipe=replace(
                    self._recipe(request, replace(made, row=row)),
                    source=None if start is None else images.digest(start[row]),
                ),
                report=report,
            )
            for row, (request, report) in enumerate(zip(requests, reports, strict=True))
        )

    def _recipe(self, request: Request, batch: BatchShape) -> Recipe:
        return Recipe(
            prompt=request.prompt,
            seed=request.seed,
            size=request.size,
            sampling=request.sampling,
            model=self.model.name,
            weights=self.model.sums(request.stages),
            environment=Environment.here(self.device, self.dtype),
            batch=batch,
            without=request.without,
            painting=request.painting.to_json() if request.painting else None,
            stages=request.stages,
            t5_prompt=request.t5_prompt,
            clip_prompt=request.clip_prompt,
            style=request.style,
            timeline=request.timeline,
        )


def _grid(request: Request) -> Tensor:
    sampling = request.sampling
    return edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)


def _needs(requests: Sequence[Request]) -> tuple[str, str]:
    """What is being made, and what to ask for where memory does not suffice."""
    pictures = f"{len(requests)} pictures" if len(requests) > 1 else "one picture"
    fewer = ["fewer pictures at once"] if len(requests) > 1 else []
    smaller = ["a smaller size"] if requests[0].stages else []
    asked = " or ".join([*fewer, *smaller])
    told = f"ask for {asked}" if asked else "close other programs, or use another device"
    return f"{pictures} of {requests[0].size} px", told


def _check_finite(step: Step, stage: str, index: int, total: int) -> None:
    if not bool(torch.isfinite(step.denoised).all()):
        raise ValueError(
            f"The picture is no longer finite at step {index} of {total} ({stage}), sigma"
            f" {step.sigma:.3g}: the guidance is too strong for it."
        )
