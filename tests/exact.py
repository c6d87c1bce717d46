"""Denoisers known in closed form: what a perfect network would answer on simple data."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ediffi.diffusion.denoiser import spread


@dataclass
class GaussianDenoiser:
    """The optimal denoiser of data N(mean, deviation^2) per pixel; counts how often it is asked."""

    mean: float = 0.0
    deviation: float = 0.5
    asked: list[float] = field(default_factory=list)

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        self.asked.append(float(sigma[0]))
        noise, data = spread(sigma, x) ** 2, self.deviation**2
        return (data * x + noise * self.mean) / (noise + data)


@dataclass(frozen=True)
class MixtureDenoiser:
    """The optimal denoiser of two narrow Gaussians at -centre and centre, per pixel."""

    centre: float = 0.6
    deviation: float = 0.1

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        noise, data = spread(sigma, x) ** 2, self.deviation**2
        total = noise + data
        right = torch.sigmoid(2 * self.centre * x / total)
        means = self.centre * (2 * right - 1)
        return means + data / total * (x - means)


@dataclass(frozen=True)
class NamedCond:
    """A conditioning that is only a set of names; `null` takes names away, as the real one does."""

    names: frozenset[str] = frozenset({"t5", "clip_text", "clip_image"})

    def null(self, *names: str) -> "NamedCond":
        return NamedCond(self.names - set(names) if names else frozenset())


@dataclass(frozen=True)
class NamedDenoiser:
    """Answers a different constant for every set of embeddings it is given."""

    values: dict[str, float]

    def __call__(self, x: Tensor, sigma: Tensor, cond: NamedCond) -> Tensor:
        return torch.full_like(x, sum(self.values[name] for name in cond.names))
