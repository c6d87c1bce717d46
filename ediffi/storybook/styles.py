"""The nine styles: which treatment redraws the flat page, at what size it works, what it needs.

This is where a style's name becomes its hand; the treatments themselves are in `brushes`, `panes`
and `prints`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from ediffi.storybook.brushes import (
    crayon,
    crayon_margin,
    cutout,
    watercolour,
    watercolour_margin,
)
from ediffi.storybook.page import Page
from ediffi.storybook.panes import glass, mosaic, neon
from ediffi.storybook.pixels import F
from ediffi.storybook.prints import GRID, linocut, linocut_margin, pixel
from ediffi.storybook.raster import Window
from ediffi.storybook.sheet import Sheet, Tremble, make_sheet

LARGEST_DOUBLED = 512
"""Pages up to this size are worked at twice the size and averaged down."""
SURVEY = 256
"""The page from which a window learns what it must know of the rest."""


@dataclass(frozen=True)
class Style:
    """How a style is worked.

    `reach` is how far, in page units, a pixel looks; `finest` the smallest page it works on;
    `falling` whether rain, snow and stars are drawn by their codes; `margin` tells where there is
    paint at all (more than 1); `grid` is set where a picture of any size is that many squares wide.
    A style that asks the colours only for tone and hue has them drawn `coarse` times smaller.
    """

    treat: Callable[[Sheet], np.ndarray]
    reach: int
    tremble: Tremble | None = None
    margin: Callable[[Window, int], np.ndarray] | None = None
    finest: int = 0
    falling: bool = False
    grid: int = 0
    coarse: int = 1


STYLES = {
    "watercolour": Style(watercolour, 20, Tremble(1.9, (14, 40)), watercolour_margin),
    "crayon": Style(crayon, 6, Tremble(1.2, (20, 60)), crayon_margin),
    "cutout": Style(cutout, 9, Tremble(1.1, (26,)), falling=True),
    "mosaic": Style(mosaic, 14),
    "glass": Style(glass, 44),
    "neon": Style(neon, 36, falling=True),
    "pixel": Style(pixel, 0, finest=2 * GRID, grid=GRID),
    "linocut": Style(linocut, 8, Tremble(0.9, (26,)), linocut_margin, 256, falling=True, coarse=2),
}
"""All styles but `flat`, which needs no treatment."""


def work_scale(style: Style, size: int) -> int:
    """How many times larger than `size` the style works."""
    doubled = 2 if size <= LARGEST_DOUBLED else 1
    return max(doubled, -(-style.finest // size))


def restyle(page: Page, window: Window) -> np.ndarray:
    """The window of a page in its scene's style (not flat), uint8 (h, w, 3)."""
    style = STYLES[page.scene.style]
    if style.grid:
        return _blocks(page, style, window)
    k = work_scale(style, window.page)
    work, inner = _widened(window, k, style.reach)
    whole = None
    if work != Window.whole(work.page):
        whole = make_sheet(page, Window.whole(SURVEY), style.tremble, style.falling)
    coarse = style.coarse if k > 1 else 1
    sheet = make_sheet(page, work, style.tremble, style.falling, k > 1, whole, coarse)
    top, left = inner
    out = style.treat(sheet)[top : top + window.height * k, left : left + window.width * k]
    drawn = Image.fromarray((np.clip(out, 0, 1) * F(255)).astype(np.uint8))
    if k == 1:  # ids have no soft edges, and nothing is averaged down that would give them some
        return np.asarray(drawn.filter(ImageFilter.GaussianBlur(0.55)))
    return np.asarray(drawn.resize((window.width, window.height), Image.Resampling.BOX))


def _widened(window: Window, k: int, reach: int) -> tuple[Window, tuple[int, int]]:
    # The window k times as large with its surroundings, and its top and left therein.
    page = window.page * k
    around = -(-reach * page // 512) * 2  # even, for colours of half the size
    left, top = max(0, window.left * k - around), max(0, window.top * k - around)
    right = min(page, (window.left + window.width) * k + around)
    bottom = min(page, (window.top + window.height) * k + around)
    work = Window(page, left, top, right - left, bottom - top)
    return work, (window.top * k - top, window.left * k - left)


def _blocks(page: Page, style: Style, window: Window) -> np.ndarray:
    # The grid is drawn once, whole; a picture of any size shows it in squares.
    grid = style.treat(make_sheet(page, Window.whole(style.finest), crisp=True))
    grid = np.rint(grid * F(255)).astype(np.uint8)
    rows, columns = grid_of(window)
    return grid[rows][:, columns]


def grid_of(window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of the pixel style's grid for every row and column of the window."""
    rows = (np.arange(window.top, window.top + window.height) * 2 + 1) * GRID // (2 * window.page)
    columns = np.arange(window.left, window.left + window.width) * 2 + 1
    return rows, columns * GRID // (2 * window.page)
