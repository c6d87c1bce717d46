"""Pixels of a colour map matched with a list of colours: certain ones, blurred edges, the rest.

Works in bands of rows, so that a large map needs little memory beside itself. Knows colours and
pixels, neither phrases nor files.
"""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np
import torch
from torch.nn import functional as F

from ediffi.controls.limits import brief, whole

Rgb = tuple[int, int, int]
Colour = str | Rgb

# An edge is as wide as a brush blurs it; two pixels to either side, a colour itself must stand.
_REACH = 2
_BAND_PIXELS = 1_000_000


def parsed(colour: Colour) -> Rgb:
    """Red, green and blue of "#rrggbb" or (r, g, b), 0 to 255 each; ValueError for all else."""
    if isinstance(colour, str):
        found = re.fullmatch(r"#([0-9a-fA-F]{6})", colour)
        if not found:
            raise ValueError(f"a colour is written #rrggbb, and {brief(colour)} is not.")
        red, green, blue = bytes.fromhex(found[1])
        return red, green, blue
    if not isinstance(colour, tuple | list) or len(colour) != 3:
        raise ValueError("a colour is #rrggbb, or three numbers for red, green and blue.")
    red, green, blue = (whole("a part of a colour", part, 0, 255) for part in colour)
    return red, green, blue


def match(
    pixels: np.ndarray, painted: np.ndarray, palette: np.ndarray, tolerance: float
) -> np.ndarray:
    """The index in `palette` (k, 3) of every pixel's colour as int8 (h, w); -1 where none is.

    `pixels` (h, w, 3) uint8 count where `painted` (h, w). The nearest colour within `tolerance`
    is taken. A pixel without one may be a mixture: where it lies within `tolerance` of the line
    between two colours that both stand within two pixels of it, it gets the nearer of the two.
    """
    h, w = painted.shape
    chosen = np.full((h, w), -1, np.int8)
    if not len(palette):
        return chosen
    rows = max(1, _BAND_PIXELS // w)
    for top in range(0, h, rows):
        first, last = max(0, top - _REACH), min(h, top + rows + _REACH)
        band = pixels[first:last].astype(np.int32)
        found = _certain(band, painted[first:last], palette, tolerance)
        _settle_edges(band, painted[first:last], palette, tolerance, found)
        chosen[top : top + rows] = found[top - first : top - first + rows]
    return chosen


def _certain(
    band: np.ndarray, painted: np.ndarray, palette: np.ndarray, tolerance: float
) -> np.ndarray:
    chosen = np.full(band.shape[:2], -1, np.int8)
    best = np.full(band.shape[:2], tolerance**2)
    for index, colour in enumerate(palette):
        distance = np.square(band - colour).sum(-1)
        # The first of two equally near colours keeps the pixel.
        nearer = painted & ((distance < best) | ((distance == best) & (chosen < 0)))
        chosen[nearer] = index
        best[nearer] = distance[nearer]
    return chosen


def _settle_edges(
    band: np.ndarray,
    painted: np.ndarray,
    palette: np.ndarray,
    tolerance: float,
    chosen: np.ndarray,
) -> None:
    """Write into `chosen` the nearer colour of every mixture of two neighbours."""
    ys, xs = np.nonzero(painted & (chosen < 0))
    if not len(ys):
        return
    near = {
        index: _widened(chosen == index)[ys, xs]
        for index in range(len(palette))
        if (chosen == index).any()
    }
    loose = band[ys, xs].astype(np.float64)
    best = np.full(len(ys), tolerance)
    settled = np.full(len(ys), -1, np.int8)
    for one, other in combinations(near, 2):
        start, way = palette[one].astype(np.float64), (palette[other] - palette[one]).astype(float)
        share = ((loose - start) @ way / (way @ way)).clip(0, 1)
        off = np.linalg.norm(loose - start - share[:, None] * way, axis=1)
        between = near[one] & near[other] & (off <= best)
        settled[between] = np.where(share[between] < 0.5, one, other)
        best[between] = off[between]
    chosen[ys, xs] = settled


def _widened(mask: np.ndarray) -> np.ndarray:
    """The mask and all pixels within reach of it, (h, w) bool."""
    page = torch.from_numpy(mask.astype(np.float32))[None, None]
    return F.max_pool2d(page, 2 * _REACH + 1, stride=1, padding=_REACH)[0, 0].numpy() > 0
