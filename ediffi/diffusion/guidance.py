"""Classifier-free guidance as denoisers made of a denoiser.

`cond` is opaque but for `.null(...)`, which drops the named embeddings (all of them when none is
named) together with the painting. Outside its window a guided denoiser asks the conditional
branch alone, which saves the other evaluations.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ediffi.diffusion.denoiser import Denoiser, spread


@dataclass(frozen=True)
class Window:
    """Guidance acts where low < sigma <= high."""

    low: float = 0.0
    high: float = math.inf

    def __post_init__(self) -> None:
        """Raise ValueError unless 0 <= low < high."""
        if not 0 <= self.low < self.high:
            raise ValueError(f"a window needs 0 <= low < high, not {self.low} and {self.high}")

    def covers(self, sigma: Tensor) -> bool:
        """Whether every noise level of `sigma` (b,) lies inside; a sampler asks at one level."""
        return bool(((sigma > self.low) & (sigma <= self.high)).all())


ALWAYS = Window()


@dataclass(frozen=True)
class Guided:
    """D_null + scale (D_cond - D_null); scale 1 is the conditional model, 0 the unconditional.

    `percentile` in (0, 1) turns on dynamic thresholding (Imagen): values beyond the picture's own
    percentile of |x0|, where that exceeds 1, are clipped and scaled back.
    """

    denoiser: Denoiser
    scale: float
    window: Window = ALWAYS
    percentile: float | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a scale that is not finite or a percentile outside (0, 1)."""
        _check_scales(self.scale)
        if self.percentile is not None and not 0 < self.percentile < 1:
            raise ValueError(f"percentile is {self.percentile}, but must lie between 0 and 1")

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        """The guided clean estimate, shaped like `x`."""
        if self.scale == 1 or not self.window.covers(sigma):
            return self.denoiser(x, sigma, cond)
        without = self.denoiser(x, sigma, cond.null())
        if self.scale == 0:
            return without
        guided = without + self.scale * (self.denoiser(x, sigma, cond) - without)
        return guided if self.percentile is None else dynamic_threshold(guided, self.percentile)


@dataclass(frozen=True)
class NestedGuided:
    """D_null + text (D_text - D_null) + image (D_all - D_text): words and style by their own dials.

    `D_text` is the model with the CLIP image embedding dropped. Equal scales reduce to `Guided`.
    """

    denoiser: Denoiser
    text: float
    image: float
    window: Window = ALWAYS

    def __post_init__(self) -> None:
        """Raise ValueError for a scale that is not finite."""
        _check_scales(self.text, self.image)

    def __call__(self, x: Tensor, sigma: Tensor, cond: Any) -> Tensor:
        """The guided clean estimate, shaped like `x`."""
        if self.text == self.image:
            return Guided(self.denoiser, self.text, self.window)(x, sigma, cond)
        if not self.window.covers(sigma):
            return self.denoiser(x, sigma, cond)
        without = self.denoiser(x, sigma, cond.null())
        worded = self.denoiser(x, sigma, cond.null("clip_image"))
        styled = self.denoiser(x, sigma, cond)
        return without + self.text * (worded - without) + self.image * (styled - worded)


def dynamic_threshold(x0: Tensor, percentile: float) -> Tensor:
    """`x0` clipped per picture to its own percentile of |x0|, at least 1, and divided by it."""
    limit = torch.quantile(x0.float().abs().flatten(1), percentile, dim=1).clamp(min=1)
    limit = spread(limit, x0)
    return x0.clamp(-limit, limit) / limit


def _check_scales(*scales: float) -> None:
    for scale in scales:
        if not math.isfinite(scale):
            raise ValueError(f"guidance is {scale}, but must be a finite number")
