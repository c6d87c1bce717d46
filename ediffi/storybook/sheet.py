"""A style's sheet: the flat picture of a page and its ids, in one window, before the treatment.

It prepares what every style asks for and computes what masks need; it knows no single style.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ediffi.storybook.page import Page, code, document
from ediffi.storybook.pixels import F, moved, noise, tremble
from ediffi.storybook.raster import Window, decode, lighten, raster
from ediffi.storybook.scene import Scene

HANDS = 7
"""Styles have this many hands; a scene's seed chooses one, so that their noise can be kept."""


@dataclass(frozen=True)
class Sheet:
    """The flat picture (float32, 0..1) with the layer and the element of every pixel (int32).

    `names[i]` is the layer of number i, `parts` maps (thing, part) to its range of elements. `u` is
    the width of a page unit (1/256 page) in pixels. `whole` is the sheet of the whole page from
    which a window takes what it must know about the rest of the page; None means itself.
    """

    scene: Scene
    window: Window
    colour: np.ndarray
    layer: np.ndarray
    element: np.ndarray
    names: tuple[str, ...]
    parts: dict[tuple[int, str], tuple[int, int]]
    untouched: np.ndarray
    whole: Sheet | None = None

    @property
    def u(self) -> float:
        """Pixels per page unit."""
        return self.window.page / 256

    @property
    def seed(self) -> int:
        """The hand, 1 to HANDS."""
        return hand(self.scene)

    @functools.cached_property
    def thing(self) -> np.ndarray:
        """Where things are, bool (h, w)."""
        return self.where(lambda name: name.startswith("thing"))

    @functools.cached_property
    def owner(self) -> np.ndarray:
        """0, or 1 + the index in `parts` of what a pixel belongs to; int32 (h, w)."""
        return owners(self.parts, self.element)

    def where(self, chosen: Callable[[str], bool]) -> np.ndarray:
        """Where the layers with a chosen name are, bool (h, w)."""
        return np.array([chosen(name) for name in self.names])[self.layer]

    def noise(self, seed: int, *cells: int) -> np.ndarray:
        """Smooth noise in 0..1 fixed to the page."""
        return noise(self.window, seed, *cells)


def owners(parts: dict[tuple[int, str], tuple[int, int]], element: np.ndarray) -> np.ndarray:
    """For every pixel 0, or 1 + the index in `parts` of what its element belongs to."""
    owner = np.zeros(int(element.max()) + 1, np.int32)
    for number, (first, last) in enumerate(parts.values(), 1):
        owner[first:last] = number
    return owner[element]


def hand(scene: Scene) -> int:
    """The hand that draws this scene."""
    return scene.seed % HANDS + 1


@dataclass(frozen=True)
class Tremble:
    """How outlines tremble: by `amount` page units, on noise of these many cells."""

    amount: float
    cells: tuple[int, ...]


def picture(page: Page, window: Window, crisp: bool = False) -> np.ndarray:
    """The flat picture of the window, float32 (h, w, 3) in 0..255."""
    text = document(page, window.crop, lights=False, crisp=crisp)
    return lighten(raster(text, window), page.scene.sky, window)


def make_sheet(
    page: Page,
    window: Window,
    outlines: Tremble | None = None,
    with_weather: bool = False,
    crisp: bool = False,
    whole: Sheet | None = None,
    coarse: int = 1,
) -> Sheet:
    """The sheet of a painted page in a window, its outlines trembling; `crisp` as in `document`.

    The colours, not the ids, are drawn `coarse` times smaller and enlarged.
    """
    key = code(page, window.crop, with_weather)
    layer, element = decode(key.svg, window)
    colour = picture(page, window.smaller(coarse), crisp) * F(1 / 255)
    if coarse > 1:
        colour = colour.repeat(coarse, 0).repeat(coarse, 1)
    untouched = layer
    if outlines:
        at = _tremble(page.scene, window, outlines)
        colour, layer, element = moved(colour, at), moved(layer, at), moved(element, at)
    return Sheet(page.scene, window, colour, layer, element, key.names, key.parts, untouched, whole)


def _tremble(scene: Scene, window: Window, outlines: Tremble) -> np.ndarray:
    amount = outlines.amount * window.page / 256
    return tremble(window, hand(scene), amount, outlines.cells)
