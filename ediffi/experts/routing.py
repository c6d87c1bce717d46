"""Which expert runs at each step, known before anything is sampled.

It walks a solver over an empty picture, so that every solver's extra evaluations are counted too.
Noise that a stochastic solver adds back is counted as well. It knows no network.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ediffi.diffusion.samplers import Sampler
from ediffi.experts.ensemble import Ensemble


def routes(
    ensemble: Ensemble, sampler: Sampler, grid: Tensor
) -> list[tuple[tuple[float, ...], tuple[str, ...]]]:
    """For every step of `sampler` on `grid`: where it evaluates, and the experts that answer."""
    steps = sampler(_nothing, torch.zeros(1, 1, 1, 1), grid, None)
    return [(step.evaluations, ensemble.ran(step.evaluations)) for step in steps]


def _nothing(x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
    return torch.zeros_like(x)
