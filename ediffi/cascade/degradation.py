"""Random flaws for clean low-resolution pictures, so that a stage forgives its forerunner's.

Two passes of blur, resizing, noise and JPEG in mild ranges (paper Sec. 4 names the idea; the ranges
are those of its closest public relative for pictures of 64 px). A stage that takes 256 px has the
same ones, where that relative blurs by up to four times as many pixels: chosen. Knows pictures and
seeds, nothing of training.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import torch
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from ediffi import images
from ediffi.diffusion.noise import derived_seed

Range = tuple[float, float]
"""From the first number to the second, drawn evenly."""


@dataclass(frozen=True)
class Pass:
    """One pass: a switch for each step, how often the step happens, and how strong it may be.

    `blur_sigma` in pixels; `resize_factor` is drawn above 1 with probability `up`, below 1 with
    `down`, and noise and JPEG then meet the picture in that size; `gaussian_sigma` in steps of 8
    bits, `poisson_scale` as a factor of shot noise, for the pictures whose noise is not Gaussian;
    `jpeg_quality` from 1 to 100.
    """

    blur: bool = True
    blur_probability: float = 0.2
    blur_sigma: Range = (0.1, 1.5)
    resize: bool = True
    up: float = 0.2
    down: float = 0.2
    resize_factor: Range = (0.8, 1.2)
    noise: bool = True
    gaussian: float = 1.0
    gaussian_sigma: Range = (0.0, 3.0)
    poisson_scale: Range = (0.005, 3.0)
    jpeg: bool = False
    jpeg_probability: float = 1.0
    jpeg_quality: Range = (75.0, 95.0)

    def __post_init__(self) -> None:
        """Raise ValueError for a share outside 0..1, or a range that is reversed or impossible."""
        for name in ("blur_probability", "up", "down", "gaussian", "jpeg_probability"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, outside 0 to 1")
        if self.up + self.down > 1:
            raise ValueError(f"up + down is {self.up + self.down}, but must be at most 1")
        limits = {"resize_factor": (0.25, 4), "jpeg_quality": (1, 100)}
        for field in fields(self):
            drawn = getattr(self, field.name)
            if isinstance(drawn, tuple):
                least, most = limits.get(field.name, (0, 100))
                if not least <= drawn[0] <= drawn[1] <= most:
                    raise ValueError(
                        f"{field.name} is {drawn}, but must rise within {least} to {most}"
                    )


@dataclass(frozen=True)
class Degradation:
    """Two passes, and `strength` from 0 (nothing happens) to 1 (the ranges as they stand)."""

    first: Pass = Pass()
    second: Pass = Pass(gaussian_sigma=(0.0, 2.5), poisson_scale=(0.005, 2.5))
    strength: float = 1.0

    def __post_init__(self) -> None:
        """Raise ValueError for a strength outside 0..1."""
        if not 0 <= self.strength <= 1:
            raise ValueError(f"strength is {self.strength}, outside 0 to 1")


def degrade(x: Tensor, config: Degradation, seeds: Sequence[int]) -> Tensor:
    """Pictures (b, 3, h, w) in [-1, 1] with flaws that `seeds` (one each) decide, same shape.

    Every step draws from a seed of its own, so that a switch changes nothing else. Strength 0, or
    all switches off, gives back every bit. Raises ValueError unless there is a seed per picture.
    """
    if len(seeds) != len(x):
        raise ValueError(f"{len(x)} pictures need as many seeds, not {len(seeds)}")
    if config.strength == 0 or not len(x):
        return x
    rows = []
    for picture, seed in zip(x.split(1), seeds, strict=True):
        for name, ranges in (("first", config.first), ("second", config.second)):
            picture = _passed(picture, ranges, config.strength, derived_seed(seed, name))
        rows.append(picture)
    return torch.cat(rows)


def softened(picture: Tensor, sigma: float) -> Tensor:
    """`picture` (b, 3, h, w) under a Gaussian blur of `sigma` pixels; unchanged at 0."""
    # The kernel is mirrored at the edge, which needs as many pixels as it is long on one side.
    radius = min(math.ceil(3 * sigma), min(picture.shape[2:]) - 1)
    if radius < 1:
        return picture
    return tv.gaussian_blur(picture, [2 * radius + 1] * 2, [sigma, sigma])


def _passed(picture: Tensor, ranges: Pass, strength: float, seed: int) -> Tensor:
    """One picture (1, 3, h, w) through the steps of a pass that are switched on."""
    size = [picture.shape[2], picture.shape[3]]
    if ranges.blur:
        picture = _blurred(picture, ranges, strength, _Draws(seed, "blur"))
    if ranges.resize:
        picture = _resized(picture, ranges, strength, _Draws(seed, "resize"))
    if ranges.noise:
        picture = _noisy(picture, ranges, strength, _Draws(seed, "noise"))
    if ranges.jpeg:
        picture = _compressed(picture, ranges, strength, _Draws(seed, "jpeg"))
    if list(picture.shape[2:]) != size:
        picture = _in_size(picture, size)
    return picture.clamp(-1, 1)


class _Draws:
    """Random numbers of one step of one pass."""

    def __init__(self, seed: int, step: str) -> None:
        # Halved, because torch reads a seed as signed 64 bits.
        self.generator = torch.Generator().manual_seed(derived_seed(seed, step) // 2)

    def share(self) -> float:
        """From [0, 1)."""
        return float(torch.rand((), generator=self.generator))

    def within(self, drawn: Range) -> float:
        """From a range."""
        low, high = drawn
        return low + (high - low) * self.share()


def _blurred(picture: Tensor, ranges: Pass, strength: float, draws: _Draws) -> Tensor:
    happens, sigma = draws.share() < ranges.blur_probability, draws.within(ranges.blur_sigma)
    return softened(picture, sigma * strength) if happens else picture


def _resized(picture: Tensor, ranges: Pass, strength: float, draws: _Draws) -> Tensor:
    way, (low, high) = draws.share(), ranges.resize_factor
    if way < ranges.up:
        factor = draws.within((max(1.0, low), max(1.0, high)))
    elif way < ranges.up + ranges.down:
        factor = draws.within((min(1.0, low), min(1.0, high)))
    else:
        return picture
    factor = 1 + (factor - 1) * strength
    return _in_size(picture, [max(1, round(side * factor)) for side in picture.shape[2:]])


def _in_size(picture: Tensor, size: list[int]) -> Tensor:
    return tv.resize(picture, size, v2.InterpolationMode.BILINEAR, antialias=True)


def _noisy(picture: Tensor, ranges: Pass, strength: float, draws: _Draws) -> Tensor:
    on_cpu = picture.cpu()
    if draws.share() < ranges.gaussian:
        sigma = draws.within(ranges.gaussian_sigma) / 127.5
        noise = sigma * torch.randn(on_cpu.shape, generator=draws.generator)
    else:
        scale = draws.within(ranges.poisson_scale)
        light = (on_cpu.clamp(-1, 1) + 1) * 127.5
        noise = scale * (torch.poisson(light, generator=draws.generator) - light) / 127.5
    return picture + strength * noise.to(picture)


def _compressed(picture: Tensor, ranges: Pass, strength: float, draws: _Draws) -> Tensor:
    happens, quality = draws.share() < ranges.jpeg_probability, draws.within(ranges.jpeg_quality)
    if not happens:
        return picture
    # Through Pillow, because torchvision's own encoder is deprecated; its hints know tensors only.
    through_pillow = cast(Any, tv.jpeg)
    kept = through_pillow(images.to_pil(picture[0]), round(100 - (100 - quality) * strength))
    return images.to_tensor(kept)[None].to(picture)
