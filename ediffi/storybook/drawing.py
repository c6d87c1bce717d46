"""Pictures of scenes: the storybook's front door for everything that draws."""

from __future__ import annotations

import numpy as np

from ediffi.storybook import page, styles


def render(scene, size: int, crop: tuple[float, float, float, float] | None = None) -> np.ndarray:
    """The scene in its style, uint8 (h, w, 3); the page is `size` pixels wide, `crop` a part of it.

    `crop` is (left, top, right, bottom) as fractions of the page.
    """
    if not isinstance(size, int) or not 16 <= size <= 2048:
        raise ValueError(f"size must be a whole number of pixels from 16 to 2048, but is {size!r}.")
    picture = styles.render(scene, size)
    if crop is None:
        return picture
    left, top, right, bottom = (round(v * size) for v in crop)
    return picture[top:bottom, left:right]


def svg(scene) -> str:
    """The flat drawing of the scene as one SVG document of 256 units."""
    return page.svg(page.paint(scene))
