"""The only place between tensors in [-1, 1] and bytes or PIL pictures.

Knows nothing of models. Tensors are (c, h, w) or (b, c, h, w); PIL's (width, height) is met here
and nowhere else.
"""

import hashlib

import numpy as np
import torch
from PIL import Image
from torch import Tensor

MOST_PIXELS = 100_000_000
"""Picture files with more are not decoded: a small file can claim any size."""

JPEG_QUALITY = 90
"""Of sheets of many pictures, whose colours a palette of 255 would grey."""


def to_tensor(picture: Image.Image | np.ndarray) -> Tensor:
    """A PIL picture or uint8 array (h, w, 3) as float32 (3, h, w) in [-1, 1].

    Transparency is laid on white. Raises ValueError for an array of another shape or dtype.
    """
    if isinstance(picture, Image.Image):
        picture = np.asarray(opaque(picture))
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        raise ValueError(
            f"a picture is uint8 of shape (h, w, 3), not {picture.dtype} {picture.shape}"
        )
    values = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    return values.to(torch.float32) / 127.5 - 1


def to_uint8(pictures: Tensor) -> np.ndarray:
    """Pictures (b, 3, h, w) in [-1, 1] as uint8 (b, h, w, 3), clamped and rounded.

    Raises ValueError when a value is not finite: a broken picture is never shown as a black one.
    """
    if not torch.isfinite(pictures).all():
        raise ValueError("the picture holds values that are not finite")
    scaled = (pictures.detach().float().clamp(-1, 1) + 1) * 127.5
    return scaled.round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def digest(picture: Tensor) -> str:
    """The sha256 of a picture (3, h, w) in [-1, 1] as a file would keep its pixels."""
    pixels = to_uint8(picture[None])[0]
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def to_pil(picture: Tensor) -> Image.Image:
    """One picture (3, h, w) in [-1, 1] as a PIL picture."""
    return Image.fromarray(to_uint8(picture[None])[0])


def opaque(picture: Image.Image) -> Image.Image:
    """A PIL picture of any mode as RGB: transparency laid on white, 16-bit greys scaled to 8."""
    if picture.mode.startswith("I"):
        # PIL's own conversion would cut every grey above 255 to white.
        deep = np.asarray(picture).astype(np.int64).clip(0, 65535)
        picture = Image.fromarray(((deep + 128) // 257).astype(np.uint8))
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        page = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(page, picture.convert("RGBA")).convert("RGB")
    return picture.convert("RGB")
