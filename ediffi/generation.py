"""Sampling a batch of checked requests, step by step.

Everything that may change a pixel is decided here: noise, token columns, precision, the batch's
shape. It knows nothing of files, names or command lines.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import torch
from torch import Tensor

from ediffi import images
from ediffi.build import build_sampler
from ediffi.conditioner import Conditioner
from ediffi.conditioning.embeddings import Conditioning, PaintedRegions, stack
from ediffi.config import SamplingConfig
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import Step, seeded
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.loading import Model
from ediffi.recipe import BatchShape, Environment, Recipe
from ediffi.request import PipelineStep, Report, Request, Result

MAX_BATCH = 8


class PairedGuidance:
    """`Guided`, asked once for both branches: rows of the conditional one, then of the null one.

    One evaluation of 2 b rows costs far less than two of b rows. What both branches are told is
    stacked once for all steps, so that what the network prepared for it stays valid.
    """

    def __init__(
        self, denoiser: Denoiser, scale: float, window: Window, cond: Conditioning
    ) -> None:
        self.denoiser = denoiser
        self.scale = scale
        self.window = window
        both = stack([replace(cond, painting=None), cond.null()])
        self.both = replace(both, painting=_with_blank_rows(cond.painting))

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The guided clean estimate, shaped like `x` (b, c, h, w)."""
        if not self.window.covers(sigma):
            return self.denoiser(x, sigma, cond)
        answer = self.denoiser(torch.cat([x, x]), torch.cat([sigma, sigma]), self.both)
        told, without = answer.chunk(2)
        return without + self.scale * (told - without)


class Generator:
    """Samples pictures from one model; `device` and `dtype` are those of its weights."""

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype) -> None:
        self.model = model
        self.device = device
        self.dtype = dtype
        self.conditioner = Conditioner(model.encoders, model.config.encoders)

    @torch.inference_mode()
    def steps(
        self,
        requests: Sequence[Request],
        reports: Sequence[Report],
        shape: BatchShape | None = None,
    ) -> Iterator[PipelineStep]:
        """The steps of requests that share size, sampling and switched-off embeddings.

        `shape` asks for at least so many token columns. Raises ValueError for requests that cannot
        share a batch, and when the picture stops being finite.
        """
        _check_batch(requests)
        sampling, size = requests[0].sampling, requests[0].size
        cond, made = self.conditioner.batch(requests, shape)
        noise = seeded_noise([request.seed for request in requests], (3, size, size))
        total = sampling.steps
        began = time.perf_counter()
        for step in self._sample(requests, noise.to(self.device), cond.to(self.device)):
            if not bool(torch.isfinite(step.denoised).all()):
                raise ValueError(
                    f"The picture is no longer finite at step {step.index + 1} of {total}, sigma"
                    f" {step.sigma:.3g}: guidance {sampling.guidance:g} is too strong for it."
                )
            last = step.index + 1 == total
            yield PipelineStep(
                index=step.index + 1,
                total=total,
                sigma=step.sigma,
                denoised=step.denoised,
                experts=self.model.ran(step.evaluations),
                seconds=time.perf_counter() - began,
                results=self._results(requests, reports, step.x, made) if last else (),
            )
            began = time.perf_counter()

    def replay(self, request: Request, shape: BatchShape, report: Report) -> Result:
        """The picture again, sampled in a batch of the same shape; ValueError for a wrong shape."""
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
        for step in self.steps(copies, [report] * shape.pictures, shape):
            results = step.results
        return results[shape.row]

    def _sample(
        self, requests: Sequence[Request], noise: Tensor, cond: Conditioning
    ) -> Iterator[Step]:
        sampling = requests[0].sampling
        grid = edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
        denoiser = self._guided(sampling, cond)
        sampler = seeded(build_sampler(sampling.solver), tuple(r.seed for r in requests))
        if sampling.solver == "dpmpp_2m" and self.model.ensemble and not sampling.seam_history:
            return sampler(denoiser, noise, grid, cond, seams=self.model.ensemble.boundaries)
        return sampler(denoiser, noise, grid, cond)

    def _guided(self, sampling: SamplingConfig, cond: Conditioning) -> Denoiser:
        usual = sampling.guidance, sampling.guidance_low, sampling.guidance_high
        if not sampling.per_expert:
            return self._with_guidance(*usual, cond)
        ensemble = self.model.ensemble
        if ensemble is None:
            raise ValueError(f"{self.model.name} has no experts, so none has guidance of its own.")
        own = {each.expert: (each.guidance, each.low, each.high) for each in sampling.per_expert}
        for name in own:
            ensemble.expert(name)  # raises for a name that nobody has
        seats = []
        for expert in ensemble.experts:
            guided = self._with_guidance(*own.get(expert.name, usual), cond)
            seats.append(Expert(expert.name, lambda guided=guided: guided, expert.serves))
        return Ensemble(seats, self.device)

    def _with_guidance(self, scale: float, low: float, high: float, cond: Conditioning) -> Denoiser:
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
        x: Tensor,
        made: BatchShape,
    ) -> tuple[Result, ...]:
        return tuple(
            Result(
                images={request.size: images.to_pil(picture)},
                recipe=self._recipe(request, replace(made, row=row)),
                report=report,
            )
            for row, (request, report, picture) in enumerate(zip(requests, reports, x, strict=True))
        )

    def _recipe(self, request: Request, batch: BatchShape) -> Recipe:
        return Recipe(
            prompt=request.prompt,
            seed=request.seed,
            size=request.size,
            sampling=request.sampling,
            model=self.model.name,
            weights=dict(self.model.weights),
            environment=Environment.here(self.device, self.dtype),
            batch=batch,
            without=request.without,
            painting=request.painting.to_json() if request.painting else None,
        )


def _check_batch(requests: Sequence[Request]) -> None:
    if not 1 <= len(requests) <= MAX_BATCH:
        raise ValueError(f"A batch has 1 to {MAX_BATCH} pictures, not {len(requests)}.")
    shared = {(r.size, r.sampling, r.without) for r in requests}
    if len(shared) > 1:
        raise ValueError("The pictures of a batch must share size, sampling and embeddings.")


def _with_blank_rows(painting: PaintedRegions | None) -> PaintedRegions | None:
    """The painting followed by as many rows in which nothing is painted: the null branch's."""
    if painting is None:
        return None
    tensors = [getattr(painting, field.name) for field in fields(painting)]
    return PaintedRegions(*(torch.cat([t, torch.zeros_like(t)]) for t in tensors))
