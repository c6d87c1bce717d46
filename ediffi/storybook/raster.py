"""From SVG text to pixels: the one place that calls resvg, and the page's own light.

Frame and veil lie over the whole page; as arrays they cost a tenth of what they cost as gradients.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass

import numpy as np
import resvg_py
from PIL import Image

from ediffi.storybook.colours import rgb
from ediffi.storybook.page import LAYER_STEP, Box
from ediffi.storybook.shapes import PAGE
from ediffi.storybook.skies import (
    FRAME_CENTRE,
    FRAME_COLOUR,
    FRAME_REACH,
    FRAME_START,
    VEIL,
    VEIL_END,
    VEIL_TOWARDS,
    page_light,
)


@dataclass(frozen=True)
class Window:
    """A part of a page that is `page` pixels wide: its left and top, width and height in pixels."""

    page: int
    left: int
    top: int
    width: int
    height: int

    @classmethod
    def whole(cls, page: int) -> Window:
        """The window that shows all of the page."""
        return cls(page, 0, 0, page, page)

    def smaller(self, times: int) -> Window:
        """The same part of a page that is so many times smaller."""
        numbers = (self.page, self.left, self.top, self.width, self.height)
        assert all(number % times == 0 for number in numbers)
        return Window(*(number // times for number in numbers))

    @property
    def crop(self) -> Box:
        """The window as fractions of the page: left, top, right, bottom."""
        right, bottom = self.left + self.width, self.top + self.height
        return self.left / self.page, self.top / self.page, right / self.page, bottom / self.page

    def grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of every pixel on the page, float32, shapes (h, 1) and (1, w)."""
        rows = np.arange(self.top, self.top + self.height, dtype=np.float32)
        columns = np.arange(self.left, self.left + self.width, dtype=np.float32)
        return rows[:, None], columns[None, :]


def raster(text: str, window: Window) -> np.ndarray:
    """The SVG text, whose view box is the window's, as uint8 (h, w, 3)."""
    png = resvg_py.svg_to_bytes(
        svg_string=text, width=window.width, height=window.height, skip_system_fonts=True
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGB"))


def decode(text: str, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Layer and element number of every pixel, int32 (h, w) each, from an id picture's text."""
    codes = raster(text, window).astype(np.int32)
    return codes[..., 0] // LAYER_STEP, codes[..., 1] * 256 + codes[..., 2]


def lighten(picture: np.ndarray, sky: str, window: Window) -> np.ndarray:
    """The picture (h, w, 3), uint8, under the page's frame and veil, as float32 in 0..255."""
    keep, added = _page_light(sky, window)
    return picture * keep + added


@functools.lru_cache(16)
def _page_light(sky: str, window: Window) -> tuple[np.ndarray, np.ndarray]:
    # Over and over again `a * keep + added`: a page's light depends on the sky and the window only.
    light, (rows, columns) = page_light(sky), window.grid()
    y, x = (rows + 0.5) * PAGE / window.page, (columns + 0.5) * PAGE / window.page
    reach = np.hypot(x - FRAME_CENTRE, y - FRAME_CENTRE)
    opacity = light.frame * np.clip((reach - FRAME_START) / (FRAME_REACH - FRAME_START), 0, 1)
    keep, added = 1 - opacity[..., None], opacity[..., None] * rgb(FRAME_COLOUR) * 255
    if light.near and light.away:
        dx, dy = VEIL_TOWARDS
        along = np.clip((x * dx + y * dy) / (dx * dx + dy * dy) / VEIL_END, 0, 1)[..., None]
        colour = (rgb(light.near) * (1 - along) + rgb(light.away) * along) * 255
        veil = VEIL * (1 - along)
        keep, added = keep * (1 - veil), added * (1 - veil) + veil * colour
    return keep.astype(np.float32), added.astype(np.float32)
