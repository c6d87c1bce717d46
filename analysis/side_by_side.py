"""One sentence and one noise, one thing changed: which things, in what order, and how far apart.

What the studies of encoders and of switched sentences share with the studio's Compare page. It
knows pictures as arrays and the names of embeddings; no model, no inspector, no page.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

TOLD = {"t5": "T5", "clip_text": "CLIP text", "clip_image": "CLIP image"}
"""The three embeddings by the names under which they are switched off, and how people say them."""

EIGHT = (
    ("t5", "clip_text"),
    ("t5",),
    ("clip_text",),
    (),
    ("t5", "clip_text", "clip_image"),
    ("t5", "clip_image"),
    ("clip_text", "clip_image"),
    ("clip_image",),
)
"""Every choice of embeddings: four without a picture's, the same four with it."""

SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85)
"""Shares of the steps at which a strip of pictures switches its sentence; our choice."""


def left_out(heard: Sequence[str]) -> tuple[str, ...]:
    """The embeddings that are switched off where these are heard."""
    return tuple(name for name in TOLD if name not in heard)


def named(heard: Sequence[str]) -> str:
    """The embeddings that are heard, in words.

    >>> named(("t5", "clip_image")), named(())
    ('T5 + CLIP image', 'nothing')
    """
    return " + ".join(TOLD[name] for name in heard) or "nothing"


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square difference of two uint8 pictures (h, w, 3), from 0 to 1."""
    gap = one.astype(np.float64) - other.astype(np.float64)
    return float(np.sqrt(np.square(gap).mean())) / 255


def departure(picture: np.ndarray, first: np.ndarray, last: np.ndarray) -> tuple[float, float]:
    """How far a picture lies from the first and from the last one, as shares of their own distance.

    (0, 1) is the first picture, (1, 0) the last. Both are 0 where first and last are the same.
    """
    whole = difference(first, last)
    if not whole:
        return 0.0, 0.0
    return difference(picture, first) / whole, difference(picture, last) / whole
