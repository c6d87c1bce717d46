"""Pictures of scenes: the storybook's front door for everything that draws.

`render` gives pixels in the scene's style, `svg` the flat drawing as text; exact masks are in
`masks`. Scenes are taken as they are: which scenes there are, and what is said about them, is not
known here.
"""

from __future__ import annotations

import numpy as np

from ediffi.storybook.page import WHOLE, Box, document, paint
from ediffi.storybook.raster import Window
from ediffi.storybook.scene import Scene
from ediffi.storybook.sheet import picture
from ediffi.storybook.styles import restyle

SMALLEST, LARGEST = 16, 2048


def render(scene: Scene, size: int, crop: Box | None = None) -> np.ndarray:
    """The scene in its style, uint8 (size, size, 3), or the part of it that `crop` names.

    The page is `size` pixels wide. `crop` is (left, top, right, bottom) in fractions of the page,
    rounded to whole pixels; what comes back are just those pixels of the page, so (0, 0, .25, .25)
    at 1024 gives 256 by 256 of them, at the cost of little more than a picture of that size.

    Raises ValueError in one sentence for a size outside 16..2048 and for a crop that is empty or
    leaves the page.
    """
    window = window_of(size, WHOLE if crop is None else crop)
    page = paint(scene)
    if scene.style == "flat":
        return np.rint(picture(page, window)).astype(np.uint8)
    return restyle(page, window)


def svg(scene: Scene) -> str:
    """The flat drawing of the scene as one SVG document of 256 by 256 units."""
    return document(paint(scene))


def window_of(size: int, crop: Box = WHOLE) -> Window:
    """The window of a crop on a page `size` pixels wide; ValueError as `render` says."""
    whole_number = isinstance(size, int) and not isinstance(size, bool)
    if not whole_number or not SMALLEST <= size <= LARGEST:
        raise ValueError(
            f"size must be a whole number of pixels from {SMALLEST} to {LARGEST}, but is {size!r}."
        )
    left, top, right, bottom = crop
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError(
            f"crop must be (left, top, right, bottom) with 0 <= left < right <= 1 and "
            f"0 <= top < bottom <= 1, but is {crop!r}."
        )
    x0, y0, x1, y1 = (round(edge * size) for edge in crop)
    if x1 == x0 or y1 == y0:
        raise ValueError(f"crop {crop!r} holds no pixel of a page {size} pixels wide.")
    return Window(size, x0, y0, x1 - x0, y1 - y0)
