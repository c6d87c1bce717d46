"""Did the split help, where, and by how much? Each expert beside its parent and the baseline.

The paper claims that experts lower the loss in their own ranges at no cost per step (Sec. 4.1).
Here every network denoises the same noisy pictures: its loss is compared, picture by picture, with
that of the baseline that was trained on from the same checkpoint on as many pictures as all experts
together. At each boundary the two neighbours are asked the same question. It knows denoisers and
pictures, not how either was made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ediffi.diffusion.denoiser import Denoiser, spread
from ediffi.diffusion.loss import loss_weight
from ediffi.diffusion.noise import seeded_noise
from ediffi.experts.ensemble import Ensemble

LOWEST, HIGHEST, LEVELS = 0.01, 60.0, 24
BATCH = 16
SIGMA_DATA = 0.5


@dataclass(frozen=True)
class Gain:
    """How much less `expert` loses than `rival` where it serves, as a share of the rival's loss.

    Mean over its levels and n pictures, with a 95 % interval from the pictures' own differences:
    positive is better.
    """

    expert: str
    rival: str
    low: float
    high: float
    levels: int
    mean: float
    interval: tuple[float, float]

    @property
    def verdict(self) -> str:
        """`better`, `worse`, or `not told apart` when the interval holds zero."""
        if self.interval[0] > 0:
            return "better"
        return "worse" if self.interval[1] < 0 else "not told apart"


@dataclass(frozen=True)
class Seam:
    """A boundary: how far the two neighbours disagree there.

    `disagreement` is the root-mean-square distance of their estimates divided by that of the truth
    from the better of the two; 0 is no seam at all.
    """

    sigma: float
    below: str
    above: str
    disagreement: float


@dataclass(frozen=True)
class Seams:
    """The report: loss (weighted as in training) of every network per noise level, gains, seams."""

    model: str
    n: int
    seed: int
    sigmas: tuple[float, ...]
    losses: dict[str, tuple[float, ...]]
    gains: tuple[Gain, ...]
    seams: tuple[Seam, ...]


def levels_of(ensemble: Ensemble, count: int = LEVELS) -> tuple[float, ...]:
    """`count` noise levels, evenly in ln sigma; none lies on a boundary."""
    step = (HIGHEST / LOWEST) ** (1 / (count - 1))
    sigmas = [LOWEST * step**k for k in range(count)]
    return tuple(s * 1.001 if s in ensemble.boundaries else s for s in sigmas)


@torch.inference_mode()
def losses(
    denoiser: Denoiser, pictures: Tensor, cond: Any, sigmas: Sequence[float], seed: int
) -> Tensor:
    """The weighted loss of every picture at every level, (levels, n) float64.

    `pictures` (n, 3, h, w) in [-1, 1]. Noise depends on seed, level and picture only, so networks
    are compared on the very same inputs.
    """
    rows = []
    for level, sigma in enumerate(sigmas):
        parts = []
        for start in range(0, len(pictures), BATCH):
            index = torch.arange(start, min(start + BATCH, len(pictures)))
            x0, told = pictures[index], torch.full((len(index),), sigma)
            noise = _noise(seed, level, index, x0)
            denoised = denoiser(x0 + spread(told, x0) * noise, told, cond.rows(index))
            squared = (denoised - x0).double().square().flatten(1).mean(1)
            parts.append(loss_weight(told.double(), SIGMA_DATA) * squared)
        rows.append(torch.cat(parts))
    return torch.stack(rows)


def gain(expert: str, rival: str, own: Tensor, other: Tensor, sigmas: Sequence[float]) -> Gain:
    """Compares two networks' losses (levels, n) at `sigmas`, the levels where the expert serves."""
    shares = ((other - own) / other.mean(1, keepdim=True)).mean(0)
    mean = float(shares.mean())
    half = 1.96 * float(shares.std()) / math.sqrt(len(shares))
    return Gain(
        expert,
        rival,
        round(min(sigmas), 4),
        round(max(sigmas), 4),
        len(sigmas),
        round(mean, 4),
        (round(mean - half, 4), round(mean + half, 4)),
    )


@torch.inference_mode()
def seam(ensemble: Ensemble, sigma: float, pictures: Tensor, cond: Any, seed: int) -> Seam:
    """Asks both neighbours of the boundary `sigma` about the same noisy pictures."""
    place = ensemble.boundaries.index(sigma)
    below, above = ensemble.experts[place], ensemble.experts[place + 1]
    apart, errors = [], ([], [])
    for start in range(0, len(pictures), BATCH):
        index = torch.arange(start, min(start + BATCH, len(pictures)))
        x0, told = pictures[index], torch.full((len(index),), sigma)
        x = x0 + spread(told, x0) * _noise(seed, place, index, x0)
        answers = [ensemble.denoiser(e.name)(x, told, cond.rows(index)) for e in (below, above)]
        apart.append((answers[0] - answers[1]).square().flatten(1).mean(1))
        for found, answer in zip(errors, answers, strict=True):
            found.append((answer - x0).square().flatten(1).mean(1))
    error = min(float(torch.cat(found).mean()) for found in errors)
    ratio = math.sqrt(float(torch.cat(apart).mean()) / max(error, 1e-12))
    return Seam(round(sigma, 4), below.name, above.name, round(ratio, 4))


def measure(
    name: str,
    ensemble: Ensemble,
    rivals: Mapping[str, Denoiser],
    pictures: Tensor,
    cond: Any,
    seed: int = 0,
    count: int = LEVELS,
) -> Seams:
    """The report for an ensemble beside `rivals`: the continued baseline, the parent, or both."""
    sigmas = levels_of(ensemble, count)
    found = {
        rival: losses(denoiser, pictures, cond, sigmas, seed) for rival, denoiser in rivals.items()
    }
    together = losses(ensemble, pictures, cond, sigmas, seed)
    gains = []
    for expert in ensemble.experts:
        at = [k for k, sigma in enumerate(sigmas) if ensemble.serving(sigma).name == expert.name]
        own = [sigmas[k] for k in at]
        for rival, theirs in found.items():
            if at:
                gains.append(gain(expert.name, rival, together[at], theirs[at], own))
    for rival, theirs in found.items():
        gains.append(gain("ensemble", rival, together, theirs, sigmas))
    curves = {"ensemble": together, **found}
    return Seams(
        model=name,
        n=len(pictures),
        seed=seed,
        sigmas=tuple(round(sigma, 5) for sigma in sigmas),
        losses={k: tuple(round(float(v), 5) for v in t.mean(1)) for k, t in curves.items()},
        gains=tuple(gains),
        seams=tuple(seam(ensemble, s, pictures, cond, seed) for s in ensemble.boundaries),
    )


def sentences(report: Seams) -> list[str]:
    """What was found, one sentence for each gain and each seam."""
    said = []
    for g in report.gains:
        low, high = (f"{100 * end:+.1f}" for end in g.interval)
        said.append(
            f"{g.expert} against {g.rival} from sigma {g.low:.2g} to {g.high:.2g}: {g.verdict},"
            f" loss {100 * abs(g.mean):.1f} % {'lower' if g.mean >= 0 else 'higher'}"
            f" (gain in percent, 95 % interval: {low} to {high}, n = {report.n})."
        )
    for s in report.seams:
        said.append(
            f"At sigma {s.sigma:.2g} {s.below} and {s.above} differ by {100 * s.disagreement:.0f} %"
            " of the error of the better one."
        )
    return said


def _noise(seed: int, level: int, index: Tensor, x0: Tensor) -> Tensor:
    seeds = [(seed * 1_000 + level) * 1_000_000 + int(k) for k in index]
    return seeded_noise(seeds, tuple(x0.shape[1:]))
