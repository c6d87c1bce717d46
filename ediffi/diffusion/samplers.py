"""Solvers of the probability-flow ODE and its stochastic kin, as generators of steps.

Each takes a denoiser, unit noise, a finished grid of noise levels that ends with 0, and `cond`.
They know nothing of networks, guidance, experts or previews; whoever wants those loops over the
steps. Stopping is not asking for the next step.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ediffi.diffusion.denoiser import Denoiser

Sampler = Callable[..., Iterator["Step"]]


@dataclass(frozen=True)
class Step:
    """One step of a sampler.

    `x` (b, c, h, w) is the state *after* the step, at the grid's next level; `denoised` is the
    clean estimate made at `sigma`, the level the step started from; `evaluations` lists the noise
    levels at which the denoiser was asked.
    """

    index: int
    sigma: float
    x: Tensor
    denoised: Tensor
    evaluations: tuple[float, ...]


def euler(denoiser: Denoiser, noise: Tensor, grid: Tensor, cond: Any) -> Iterator[Step]:
    """First order: one evaluation a step along dx/dsigma = (x - D) / sigma (paper Sec. 3)."""
    x = _start(noise, grid)
    for index, (sigma, following) in enumerate(_pairs(grid)):
        denoised = _ask(denoiser, x, sigma, cond)
        x = x + (following - sigma) * (x - denoised) / sigma
        yield Step(index, sigma, x, denoised, (sigma,))


def heun(denoiser: Denoiser, noise: Tensor, grid: Tensor, cond: Any) -> Iterator[Step]:
    """Second order (EDM Algorithm 1): a corrected Euler step, two evaluations but for the last."""
    x = _start(noise, grid)
    for index, (sigma, following) in enumerate(_pairs(grid)):
        x, denoised, asked = _heun_step(denoiser, x, sigma, following, cond)
        yield Step(index, sigma, x, denoised, asked)


@dataclass(frozen=True)
class Churn:
    """How much noise the stochastic sampler adds back, and where (EDM Algorithm 2)."""

    amount: float = 40.0
    low: float = 0.05
    high: float = 50.0
    noise: float = 1.003


def stochastic(
    denoiser: Denoiser,
    noise: Tensor,
    grid: Tensor,
    cond: Any,
    churn: Churn | None = None,
    seeds: tuple[int, ...] | None = None,
) -> Iterator[Step]:
    """EDM's stochastic sampler (Algorithm 2): raise the noise a little, then a Heun step down.

    The added noise of picture i comes from its own generator, seeded by `seeds[i]` (default: i).
    Raises ValueError when seeds and pictures differ in number.
    """
    churn = churn or Churn()
    seeds = tuple(range(len(noise))) if seeds is None else seeds
    if len(seeds) != len(noise):
        raise ValueError(f"{len(noise)} pictures need as many seeds, not {len(seeds)}")
    # Offset from the seed of the starting noise, so that the two streams never coincide.
    generators = [torch.Generator().manual_seed((seed * 2 + 1) % 2**63) for seed in seeds]
    x, steps = _start(noise, grid), len(grid) - 1
    gamma = min(churn.amount / steps, math.sqrt(2) - 1)
    for index, (sigma, following) in enumerate(_pairs(grid)):
        raised = sigma * (1 + gamma) if churn.low <= sigma <= churn.high else sigma
        fresh = torch.stack([torch.randn(x.shape[1:], generator=g) for g in generators]).to(x)
        x = x + churn.noise * math.sqrt(max(raised**2 - sigma**2, 0.0)) * fresh
        x, denoised, asked = _heun_step(denoiser, x, raised, following, cond)
        yield Step(index, sigma, x, denoised, asked)


def dpmpp_2m(
    denoiser: Denoiser, noise: Tensor, grid: Tensor, cond: Any, seams: Sequence[float] = ()
) -> Iterator[Step]:
    """DPM-Solver++(2M): second order with one evaluation a step, in h = ln(sigma / next).

    The clean estimate is extrapolated linearly in ln sigma from the last two evaluations; the first
    step has no history and the last goes to sigma = 0, so both are first order. So is a step whose
    last two evaluations lie on either side of one of `seams`.
    """
    x = _start(noise, grid)
    previous: tuple[float, Tensor] | None = None
    for index, (sigma, following) in enumerate(_pairs(grid)):
        denoised = _ask(denoiser, x, sigma, cond)
        target = denoised
        crossed = previous is not None and any(sigma < seam <= previous[0] for seam in seams)
        if following > 0 and previous is not None and not crossed:
            before, older = previous
            ratio = math.log(sigma / following) / math.log(before / sigma)
            target = denoised + 0.5 * ratio * (denoised - older)
        x = (following / sigma) * x + (1 - following / sigma) * target
        previous = sigma, denoised
        yield Step(index, sigma, x, denoised, (sigma,))


def seeded(sampler: Sampler, seeds: tuple[int, ...]) -> Sampler:
    """The solver with `seeds` (one per picture) for the noise that it adds, if it adds any."""
    return partial(sampler, seeds=seeds) if sampler is stochastic else sampler


def _heun_step(
    denoiser: Denoiser, x: Tensor, sigma: float, following: float, cond: Any
) -> tuple[Tensor, Tensor, tuple[float, ...]]:
    denoised = _ask(denoiser, x, sigma, cond)
    slope = (x - denoised) / sigma
    ahead = x + (following - sigma) * slope
    if following == 0:
        return ahead, denoised, (sigma,)
    corrected = (ahead - _ask(denoiser, ahead, following, cond)) / following
    return x + (following - sigma) * (slope + corrected) / 2, denoised, (sigma, following)


def _start(noise: Tensor, grid: Tensor) -> Tensor:
    if grid.ndim != 1 or len(grid) < 2 or float(grid[-1]) != 0:
        raise ValueError("the grid must be one row of at least two noise levels that ends with 0")
    if bool((grid[:-1] <= grid[1:]).any()):
        raise ValueError("the grid's noise levels must fall from step to step")
    return noise * float(grid[0])


def _pairs(grid: Tensor) -> Iterator[tuple[float, float]]:
    levels = grid.tolist()
    return zip(levels[:-1], levels[1:], strict=True)


def _ask(denoiser: Denoiser, x: Tensor, sigma: float, cond: Any) -> Tensor:
    return denoiser(x, torch.full((len(x),), sigma, dtype=torch.float32, device=x.device), cond)
