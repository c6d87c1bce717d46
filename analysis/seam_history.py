"""May a multistep solver carry one expert's estimate over to the next? Measured, not assumed.

DPM-Solver++(2M) extrapolates from its last two estimates. Across a seam these are two experts', so
it can keep its history there or begin anew with one step of first order. Both are compared with a
fine solution of the same equation from the same noise. It knows an ensemble and its solver, not
what the pictures show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ediffi.config import SamplingConfig
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import dpmpp_2m, heun

FINE = 100
BATCH = 8


@dataclass(frozen=True)
class History:
    """Root-mean-square distance to the fine solution, [-1, 1], mean over n pictures.

    `gain` is how much nearer keeping the history comes, picture by picture, with its 95 % interval:
    positive speaks for keeping it.
    """

    model: str
    n: int
    seed: int
    steps: int
    fine_steps: int
    seams: tuple[float, ...]
    kept: float
    begun_anew: float
    gain: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """`keep`, `begin anew`, or `not told apart` when the interval holds zero."""
        if self.interval[0] > 0:
            return "keep"
        return "begin anew" if self.interval[1] < 0 else "not told apart"


def measure(
    name: str,
    denoiser: Denoiser,
    seams: Sequence[float],
    cond: Any,
    side: int,
    n: int,
    sampling: SamplingConfig,
    seed: int = 0,
) -> History:
    """Samples `n` pictures (3, side, side) in three ways; `cond` has a row for each."""
    kept, anew = [], []
    for start in range(0, n, BATCH):
        rows = torch.arange(start, min(start + BATCH, n))
        noise = seeded_noise([seed + int(row) for row in rows], (3, side, side))
        told = cond.rows(rows)
        truth = _last(heun(denoiser, noise, _grid(sampling, FINE), told))
        grid = _grid(sampling, sampling.steps)
        kept.append(_distance(_last(dpmpp_2m(denoiser, noise, grid, told)), truth))
        cut = dpmpp_2m(denoiser, noise, grid, told, seams=tuple(seams))
        anew.append(_distance(_last(cut), truth))
    return _found(name, torch.cat(kept), torch.cat(anew), seams, seed, sampling.steps)


def sentence(found: History) -> str:
    """What was found, in one sentence."""
    low, high = found.interval
    return (
        f"Over {len(found.seams)} seams in {found.steps} steps the history kept ends"
        f" {found.kept:.4f} from the fine solution, begun anew {found.begun_anew:.4f}: "
        f"{found.verdict} (nearer by {found.gain:.4f}, {low:.4f} to {high:.4f}, n = {found.n})."
    )


def _found(
    name: str, kept: Tensor, anew: Tensor, seams: Sequence[float], seed: int, steps: int
) -> History:
    gains = anew - kept
    mean, half = float(gains.mean()), 1.96 * float(gains.std()) / math.sqrt(len(gains))
    return History(
        model=name,
        n=len(gains),
        seed=seed,
        steps=steps,
        fine_steps=FINE,
        seams=tuple(round(s, 4) for s in seams),
        kept=round(float(kept.mean()), 5),
        begun_anew=round(float(anew.mean()), 5),
        gain=round(mean, 5),
        interval=(round(mean - half, 5), round(mean + half, 5)),
    )


@torch.inference_mode()
def _last(steps: Any) -> Tensor:
    for step in steps:
        x = step.x
    return x


def _grid(sampling: SamplingConfig, steps: int) -> Tensor:
    return edm_grid(steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)


def _distance(one: Tensor, other: Tensor) -> Tensor:
    return (one - other).square().flatten(1).mean(1).sqrt()
