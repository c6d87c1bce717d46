"""Style transfer: a picture takes the look of reference pictures (paper Sec. 4.2, 5.3).

What is borrowed is the CLIP image vector of the references, held as numbers, so that a recipe makes
its picture again without their files. How strongly it speaks is a guidance scale of its own. This
file asks an encoder that it is handed; it knows no denoiser and no sampler.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from ediffi import images
from ediffi.conditioning.clip import unit_mean_square
from ediffi.config import HIGHEST_SIGMA

MOST_REFERENCES = 8
STRENGTH = 3.0
"""The strength that a style has where none is given."""
STRONGEST = 30.0
"""The largest strength; as the largest guidance."""
LONGEST = 4
"""How many times its shorter side a reference may be long."""
SMALLEST = 8
"""Shorter side below which a reference shows no style, in pixels."""
SQUARES = "squares-1"
"""How references become vectors: evenly spaced squares along the longer side, vectors averaged."""

Encode = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Reference:
    """One reference picture: the sha256 of its pixels, and its share of the style."""

    digest: str
    weight: float = 1.0


@dataclass(frozen=True)
class Style:
    """A look that a picture is to take.

    `vector` is the CLIP image vector of mean square 1. `strength` is the scale w_i of nested
    guidance, D_null + w_t (D_text - D_null) + w_i (D_text,image - D_text): 0 is no style at all,
    the guidance scale is plain guidance on words and picture together. It acts where
    sigma_low < sigma <= sigma_high. `references` say where the vector came from. Raises ValueError
    for values beyond their limits.
    """

    vector: tuple[float, ...]
    references: tuple[Reference, ...]
    strength: float = STRENGTH
    sigma_low: float = 0.0
    sigma_high: float = HIGHEST_SIGMA
    preprocessing: str = SQUARES

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= STRONGEST:  # also false for NaN
            raise ValueError(
                f"The style strength is {self.strength} and must lie between 0 and {STRONGEST:g}."
            )
        if not 0 <= self.sigma_low < self.sigma_high <= HIGHEST_SIGMA:
            raise ValueError(
                f"The style's window needs 0 <= low < high <= {HIGHEST_SIGMA:g}, not"
                f" {self.sigma_low} and {self.sigma_high}."
            )
        if not self.vector or not all(math.isfinite(v) for v in self.vector):
            raise ValueError("The style's vector is empty or holds a value that is not finite.")
        if not 1 <= len(self.references) <= MOST_REFERENCES:
            raise ValueError(
                f"A style has 1 to {MOST_REFERENCES} reference pictures, not"
                f" {len(self.references)}."
            )
        if self.preprocessing != SQUARES:
            raise ValueError(
                f"The style was read by {self.preprocessing[:40]!r}, which this version does not"
                f" know; it knows {SQUARES}."
            )

    def tensor(self) -> Tensor:
        """The vector as float32 (d,)."""
        return torch.tensor(self.vector, dtype=torch.float32)


def style_of(
    pictures: Sequence[Image.Image],
    encode: Encode,
    weights: Sequence[float] | None = None,
    strength: float = STRENGTH,
    window: tuple[float, float] = (0.0, HIGHEST_SIGMA),
) -> Style:
    """The style of one or several reference pictures.

    `encode` is `Encoders.encode_image`. `weights` (1 each if None) say how much each picture counts
    and need not add up to anything. Raises ValueError for no or too many pictures, pictures that
    are too small or too long, weights that are not positive, and as `Style` does.
    """
    if not 1 <= len(pictures) <= MOST_REFERENCES:
        raise ValueError(
            f"A style has 1 to {MOST_REFERENCES} reference pictures, not {len(pictures)}."
        )
    shares = [1.0] * len(pictures) if weights is None else list(weights)
    if len(shares) != len(pictures):
        raise ValueError(f"{len(pictures)} reference pictures were given {len(shares)} weights.")
    for share in shares:
        if not (math.isfinite(share) and share > 0):
            raise ValueError(f"The weight of a reference picture is {share} and must be above 0.")
    tensors = [images.to_tensor(_checked(picture)) for picture in pictures]
    vectors = torch.stack([picture_vector(tensor, encode) for tensor in tensors])
    mixed = unit_mean_square((torch.tensor(shares)[:, None] * vectors).sum(0))
    return Style(
        vector=tuple(mixed.tolist()),
        references=tuple(
            Reference(images.digest(tensor), share)
            for tensor, share in zip(tensors, shares, strict=True)
        ),
        strength=strength,
        sigma_low=window[0],
        sigma_high=min(window[1], HIGHEST_SIGMA),
    )


def picture_vector(picture: Tensor, encode: Encode) -> Tensor:
    """The vector (d,) of `picture` (3, h, w) in [-1, 1], float32 on the CPU, mean square 1.

    The picture is neither squeezed nor cut: CLIP looks at squares of the shorter side, spread
    evenly over the longer one and overlapping, and their vectors are averaged.
    """
    vectors = torch.cat([encode(square[None]) for square in squares(picture)])
    return unit_mean_square(vectors.float().cpu().mean(0))


def squares(picture: Tensor) -> list[Tensor]:
    """Squares (3, s, s) of the shorter side s that cover `picture` (3, h, w), evenly spaced."""
    h, w = picture.shape[1:]
    side, spare = min(h, w), abs(h - w)
    count = -(-max(h, w) // side)
    starts = [round(k * spare / max(1, count - 1)) for k in range(count)]
    if h > w:
        return [picture[:, s : s + side] for s in starts]
    return [picture[:, :, s : s + side] for s in starts]


def _checked(picture: Image.Image) -> Image.Image:
    shorter, longer = sorted(picture.size)
    size = f"{picture.width} x {picture.height}"
    if shorter < SMALLEST:
        raise ValueError(
            f"A reference picture of {size} pixels shows no style: its shorter side must have at"
            f" least {SMALLEST}."
        )
    if longer > LONGEST * shorter:
        raise ValueError(
            f"A reference picture has {size} pixels; its longer side may be at most {LONGEST}"
            " times the shorter one."
        )
    if picture.width * picture.height > images.MOST_PIXELS:
        raise ValueError(
            f"A reference picture has {size} pixels; at most {images.MOST_PIXELS // 10**6} million"
            " are read."
        )
    return picture
