"""Guidance with all its branches in one evaluation: several rows cost far less than several calls.

The readable definitions stand in `diffusion.guidance`; these ask a denoiser once, with the branches
of every picture stacked, and must agree with them (tested). They know no prompt and no sampler.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from ediffi.conditioning.embeddings import Conditioning, PaintedRegions, stack
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.guidance import Window


class PairedGuidance:
    """`Guided`, asked once for both branches: rows of the conditional one, then of the null one.

    What both branches are told is stacked once for all steps, so that what the network prepared for
    it stays valid.
    """

    def __init__(
        self, denoiser: Denoiser, scale: float, window: Window, cond: Conditioning
    ) -> None:
        self.denoiser = denoiser
        self.scale = scale
        self.window = window
        self.both = branches(cond)

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The guided clean estimate, shaped like `x` (b, c, h, w)."""
        if not self.window.covers(sigma):
            return self.denoiser(x, sigma, cond)
        answer = self.denoiser(torch.cat([x, x]), torch.cat([sigma, sigma]), self.both)
        told, without = answer.chunk(2)
        return without + self.scale * (told - without)


class StyledGuidance:
    """`NestedGuided`, asked once: rows with words and picture, with words alone, with nothing.

    The painting belongs to the words, so the second branch keeps it: only the picture's own part,
    scaled by `image`, is the difference of the first two. Outside the window the first is asked
    alone.
    """

    def __init__(
        self, denoiser: Denoiser, text: float, image: float, window: Window, cond: Conditioning
    ) -> None:
        self.denoiser = denoiser
        self.text, self.image = text, image
        self.window = window
        self.all = branches(cond, plain(cond))

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The guided clean estimate, shaped like `x` (b, c, h, w)."""
        if not self.window.covers(sigma):
            return self.denoiser(x, sigma, cond)
        answer = self.denoiser(torch.cat([x] * 3), torch.cat([sigma] * 3), self.all)
        styled, worded, without = answer.chunk(3)
        return without + self.text * (worded - without) + self.image * (styled - worded)


@dataclass(frozen=True)
class Within:
    """One denoiser inside a window of noise levels and another one, told `cond`, outside it."""

    window: Window
    inside: Denoiser
    outside: Denoiser
    cond: Conditioning

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The clean estimate of whoever is asked at this level."""
        if self.window.covers(sigma):
            return self.inside(x, sigma, cond)
        return self.outside(x, sigma, self.cond)


def plain(cond: Conditioning) -> Conditioning:
    """The same words and painting with the exact null of the picture that lends its style."""
    return cond.keep({"clip_image": torch.zeros(cond.batch, dtype=torch.bool)})


def branches(*told: Conditioning) -> Conditioning:
    """The rows of every record, painted as the first one is, and behind them the exact null's."""
    rows = stack([*(replace(each, painting=None) for each in told), told[0].null()])
    return replace(rows, painting=_painted(told[0].painting, len(told)))


def _painted(painting: PaintedRegions | None, times: int) -> PaintedRegions | None:
    """The painting `times` times over, and as many rows in which nothing is painted."""
    if painting is None:
        return None
    tensors = [getattr(painting, field.name) for field in fields(painting)]
    return PaintedRegions(*(torch.cat([t] * times + [torch.zeros_like(t)]) for t in tensors))
