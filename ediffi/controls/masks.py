"""Masks as a painting keeps them: 64 x 64 cells of 0..255, and what can be done to them.

A cell holds the share of it that is painted; cells stand in reading order, whatever the shape of
the picture. Knows cells only: neither phrases nor prompts, neither tokens nor networks.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ediffi.controls.limits import shown, whole
from ediffi.images import MOST_PIXELS, opaque

GRID = 64
WIDEST_FEATHER = 16.0

Mask = np.ndarray | Image.Image | Tensor
Cells = tuple[int, ...]

_CELLS = GRID * GRID
# Beyond so many numbers the run lengths of a mask are longer than its cells in base64.
_MOST_RUNS = 1024
_BASE64 = 4 * math.ceil(_CELLS / 3)
# Less than any share that one pixel of the largest canvas leaves in a cell, more than rounding.
_NOTHING = 1e-3


def shares(mask: Mask, whose: str) -> Cells:
    """What part of each cell `mask` paints, in 255ths, rounded up.

    `mask` is (h, w) of bool, of 0..255 bytes, or of floats in [0, 1], any size up to
    `images.MOST_PIXELS`; or a PIL picture, whose lightness counts and whose transparent part is not
    painted. Raises ValueError, beginning with `whose`, for anything else and where nothing is
    painted.
    """
    values, bytes_ = _values(mask, whose)
    painted = values.to(torch.float32)
    if bytes_:
        painted = painted / 255
    if not bool(((painted >= 0) & (painted <= 1)).all()):
        raise ValueError(f"{whose} has values outside 0 to 1.")
    pooled = F.adaptive_avg_pool2d(painted[None, None], GRID)[0, 0]
    # Rounded up, so that a mark of a few pixels on a large canvas is not lost.
    cells = (pooled * 255 - _NOTHING).ceil().clamp(0, 255).to(torch.uint8).flatten().tolist()
    return checked(tuple(cells), whose)


def checked(cells: Cells, whose: str) -> Cells:
    """The cells where they are a mask that paints something; ValueError where they are not."""
    try:
        content = bytes(cells)
    except (TypeError, ValueError):
        raise ValueError(f"{whose} holds other values than whole numbers 0 to 255.") from None
    if not isinstance(cells, tuple) or len(content) != _CELLS:
        raise ValueError(f"{whose} has {len(content):,} cells, but must have {_CELLS:,}.")
    if not any(content):
        raise ValueError(f"{whose} is empty: nothing is painted for it.")
    return cells


def as_tensor(cells: Cells) -> Tensor:
    """The mask as float32 (64, 64) in [0, 1]."""
    return torch.tensor(cells, dtype=torch.float32).reshape(GRID, GRID) / 255


def feathered(mask: Tensor, feather: float) -> Tensor:
    """`mask` (64, 64) in [0, 1] with soft edges that reach `feather` cells (0..16) to either side.

    A Gaussian of standard deviation feather / 2, cut at two deviations. The page ends in its own
    values, so that a region which touches the border stays whole there, and a full page full.
    """
    if feather == 0:
        return mask
    reach = math.ceil(feather)
    steps = torch.arange(-reach, reach + 1, dtype=torch.float64)
    bell = torch.exp(-2 * (steps / feather).square())
    bell = (bell / bell.sum()).to(mask.dtype)
    page = F.pad(mask[None, None], [reach] * 4, mode="replicate")
    page = F.conv2d(F.conv2d(page, bell[None, None, :, None]), bell[None, None, None, :])
    return page[0, 0].clamp(0, 1)


def moved(cells: Cells, right: int, down: int) -> Cells:
    """The mask so many cells to the right and down; what leaves the page is lost."""
    page = np.zeros((GRID, GRID), np.uint8)
    kept = np.array(cells, np.uint8).reshape(GRID, GRID)
    kept = kept[_stays(-down), _stays(-right)]
    page[_stays(down), _stays(right)] = kept
    return tuple(page.flatten().tolist())


def inverted(cells: Cells) -> Cells:
    """The rest of the page."""
    return tuple(255 - value for value in cells)


def packed(cells: Cells) -> list[int] | str:
    """The mask for JSON: run lengths [value, count, ...], or base64 of its cells if shorter."""
    runs: list[int] = []
    for value in cells:
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    return runs if len(runs) <= _MOST_RUNS else base64.b64encode(bytes(cells)).decode("ascii")


def unpacked(data: Any) -> Cells:
    """The mask that `packed` wrote; ValueError in one sentence for anything else.

    Nothing is unrolled before it is known to be of the right size.
    """
    if isinstance(data, str):
        return _decoded(data)
    if not isinstance(data, list) or len(data) % 2 or len(data) > 2 * _CELLS:
        raise ValueError("a mask's runs are a list of pairs: a value and how often it comes.")
    values = [whole("a value in a mask's runs", value, 0, 255) for value in data[::2]]
    counts = [whole("a count in a mask's runs", count, 1, _CELLS) for count in data[1::2]]
    if sum(counts) != _CELLS:
        total = shown(sum(counts))
        raise ValueError(f"a mask's runs add up to {total} cells, but must add up to {_CELLS}.")
    return tuple(v for v, n in zip(values, counts, strict=True) for _ in range(n))


def loaded(picture: Image.Image, whose: str) -> Image.Image:
    """The picture with its pixels read; ValueError where it is too large or broken."""
    _check_pixels(*picture.size, whose)
    try:
        picture.load()
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{whose} cannot be read: {error}.") from None
    return picture


def has_alpha(picture: Image.Image) -> bool:
    """Whether the picture's pixels can be transparent; deep greys are never read so."""
    if picture.mode.startswith("I"):
        return False
    return picture.mode in ("RGBA", "LA", "PA", "RGBa") or "transparency" in picture.info


def _values(mask: Mask, whose: str) -> tuple[Tensor, bool]:
    """The mask's values, and whether they are bytes."""
    if isinstance(mask, Image.Image):
        mask = _lightness(loaded(mask, whose))
    values = mask if isinstance(mask, Tensor) else np.asarray(mask)
    # Before anything is copied: a view can claim any size.
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{whose} has the shape {tuple(values.shape)}, not (h, w).")
    _check_pixels(values.shape[1], values.shape[0], whose)
    if isinstance(values, Tensor):
        if values.is_complex():
            raise ValueError(f"{whose} holds complex values, which are no shares.")
        return values.detach().cpu(), values.dtype == torch.uint8
    if values.dtype.kind not in "biuf":
        raise ValueError(f"{whose} holds {values.dtype} values, which are no shares.")
    return torch.from_numpy(values.astype(np.float32)), values.dtype == np.uint8


def _lightness(picture: Image.Image) -> np.ndarray:
    if has_alpha(picture):
        page = Image.new("RGBA", picture.size, "black")
        return np.asarray(Image.alpha_composite(page, picture.convert("RGBA")).convert("L"))
    return np.asarray(opaque(picture).convert("L"))


def _check_pixels(width: int, height: int, whose: str) -> None:
    if width * height > MOST_PIXELS:
        raise ValueError(
            f"{whose} has {width:,} x {height:,} pixels, but at most {MOST_PIXELS:,} are read."
        )


def _stays(shift: int) -> slice:
    """Where on the page the rows lie that come from within it when they move by `shift`."""
    return slice(shift, None) if shift >= 0 else slice(None, shift)


def _decoded(data: str) -> Cells:
    if len(data) != _BASE64:
        raise ValueError(
            f"a mask in base64, written where runs are longer, has {_BASE64:,} letters, not"
            f" {len(data):,}."
        )
    try:
        return tuple(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        raise ValueError("a mask is no base64, which is written where runs are longer.") from None
