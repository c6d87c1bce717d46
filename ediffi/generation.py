"""Sampling a batch of checked requests, step by step.

Everything that may change a pixel is decided here: noise, token columns, precision, the batch's
shape. It knows nothing of files, names or command lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ediffi import images
from ediffi.answers import PipelineStep, Report, Result
from ediffi.build import build_sampler
from ediffi.cascade.stages import Stage, upscaled
from ediffi.conditioner import Conditioner
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import SamplingConfig, StageChoice
from ediffi.controls.insisting import insistence
from ediffi.controls.prompt_switching import Switching, first_levels
from ediffi.controls.pulling import Pulled, to_places
from ediffi.controls.style_transfer import Style
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import Step, seeded
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.loading import Model
from ediffi.memory import memory_for
from ediffi.recipe import BatchShape, Environment, Recipe
from ediffi.request import Request
from ediffi.stacked_guidance import PairedGuidance, StyledGuidance, Within, plain

MAX_BATCH = 8


@dataclass(frozen=True)
class _Words:
    """What a batch is told from some step on: the requests that say so, and their conditioning."""

    requests: tuple[Request, ...]
    cond: Conditioning


class Generator:
    """Samples pictures from one model; `device` and `dtype` are those of its weights."""

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype) -> None:
        self.model = model
        self.device = device
        self.dtype = dtype
        self.conditioner = Conditioner(model.encoders, model.config.encoders)

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
        _check_batch(requests)
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
        began = time.perf_counter()
        for index, (stage, step, experts) in enumerate(self._events(requests, told, start), 1):
            _check_finite(step, stage, index, total)
            pictures[min(step.x.shape[2:])] = step.x
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
    ) -> Iterator[tuple[str, Step, tuple[str, ...]]]:
        """Stage, step and the experts that ran, from the base (unless a picture is given) on."""
        seeds = [request.seed for request in requests]
        if picture is None:
            side = self.model.config.resolution
            noise = seeded_noise(seeds, (3, side, side))
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
        sampling, style = requests[0].sampling, requests[0].lent_style
        grid = edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
        parts = tuple(
            (self._pulled(self._guided(sampling, words.cond, style), words), words.cond)
            for words in told
        )
        denoiser, cond = parts[0]
        if len(parts) > 1:
            denoiser = Switching(parts, first_levels(requests[0].timeline, grid))
        sampler = seeded(build_sampler(sampling.solver), tuple(r.seed for r in requests))
        if sampling.solver == "dpmpp_2m" and self.model.ensemble and not sampling.seam_history:
            return sampler(denoiser, noise, grid, cond, seams=self.model.ensemble.boundaries)
        return sampler(denoiser, noise, grid, cond)

    def _pulled(self, denoiser: Denoiser, words: _Words) -> Denoiser:
        insist, pulls = words.requests[0].sampling.insist, [to_places(words.cond.painting)]
        if insist:
            phrases = self.conditioner.phrases(words.requests, words.cond).to(self.device)
            pulls.append(insistence(phrases, insist))
        for pull in pulls:
            if pull is not None:
                denoiser = Pulled(denoiser, self.model.network_at, words.cond, pull)
        return denoiser

    def _guided(
        self, sampling: SamplingConfig, cond: Conditioning, style: Style | None
    ) -> Denoiser:
        usual = sampling.guidance, sampling.guidance_low, sampling.guidance_high
        if not sampling.per_expert:
            return self._with_guidance(*usual, cond, style)
        ensemble = self.model.ensemble
        if ensemble is None:
            raise ValueError(f"{self.model.name} has no experts, so none has guidance of its own.")
        own = {each.expert: (each.guidance, each.low, each.high) for each in sampling.per_expert}
        for name in own:
            ensemble.expert(name)  # raises for a name that nobody has
        seats = []
        for expert in ensemble.experts:
            guided = self._with_guidance(*own.get(expert.name, usual), cond, style)
            seats.append(Expert(expert.name, lambda guided=guided: guided, expert.serves))
        return Ensemble(seats, self.device)

    def _with_guidance(
        self, scale: float, low: float, high: float, cond: Conditioning, style: Style | None
    ) -> Denoiser:
        if style is None:
            return self._worded(scale, low, high, cond)
        unstyled, styled = plain(cond), self.model.denoiser
        if low < high:
            styled = StyledGuidance(styled, scale, style.strength, Window(low, high), cond)
        outside = self._worded(scale, low, high, unstyled)
        return Within(Window(style.sigma_low, style.sigma_high), styled, outside, unstyled)

    def _worded(self, scale: float, low: float, high: float, cond: Conditioning) -> Denoiser:
        denoiser = self.model.denoiser
        if low == high:
            return denoiser
        if scale in (0, 1):  # one branch alone
            return Guided(denoiser, scale, Window(low, high))
        return PairedGuidance(denoiser, scale, Window(low, high), cond)

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


def _check_batch(requests: Sequence[Request]) -> None:
    if not 1 <= len(requests) <= MAX_BATCH:
        raise ValueError(f"A batch has 1 to {MAX_BATCH} pictures, not {len(requests)}.")
    if len({request.shared for request in requests}) > 1:
        raise ValueError(
            "The pictures of a batch must share size, sampling, embeddings, timeline and the"
            " style's dial."
        )


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
