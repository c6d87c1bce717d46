"""Exact masks: which pixels of a rendered scene show which thing and which worn piece.

They come from the same ids the styles draw with, moved by the same trembling hand and cut off by
the same torn border, so they hold in every style. What the pixels look like is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ediffi.storybook.drawing import window_of
from ediffi.storybook.page import Page, code, paint
from ediffi.storybook.pixels import moved, tremble
from ediffi.storybook.raster import Window, decode
from ediffi.storybook.scene import Scene
from ediffi.storybook.sheet import hand, owners
from ediffi.storybook.styles import STYLES, Style, grid_of, work_scale

FLAT = Style(treat=lambda sheet: sheet.colour, reach=0)


@dataclass(frozen=True)
class Masks:
    """Visible pixels, bool (size, size) each; no pixel belongs to two.

    `things[i]` is thing i without what it wears, `worn[i][kind]` a piece it wears. Shadows, halos
    and ripples belong to nobody.
    """

    things: tuple[np.ndarray, ...]
    worn: tuple[dict[str, np.ndarray], ...]

    def dressed(self, index: int) -> np.ndarray:
        """Thing `index` together with all it wears."""
        return np.logical_or.reduce([self.things[index], *self.worn[index].values()])


def masks(scene: Scene, size: int) -> Masks:
    """The masks of `render(scene, size)`; a pixel goes to whatever fills most of it.

    Raises ValueError as `render` does.
    """
    window, page = window_of(size), paint(scene)
    style = STYLES.get(scene.style, FLAT)
    owners, labels = _owners(page, style, window)
    blank = np.zeros((size, size), bool)
    found = {part: owners == label for label, part in enumerate(labels, 1)}
    indices = range(len(scene.things))
    return Masks(
        things=tuple(found.get((i, "body"), blank) for i in indices),
        worn=tuple(
            {wear.kind: found[i, wear.kind] for wear in scene.things[i].wears} for i in indices
        ),
    )


def _owners(page: Page, style: Style, window: Window) -> tuple[np.ndarray, list[tuple[int, str]]]:
    # For every pixel 0 or 1 + the number of the part that owns it.
    if style.grid:
        return _owners_on_grid(page, style, window)
    k = work_scale(style, window.page) if style is not FLAT else 2
    work = Window.whole(window.page * k)
    labels, numbers = _numbered(page, work)
    if style.tremble:
        amount, seed = style.tremble.amount * work.page / 256, hand(page.scene)
        numbers = moved(numbers, tremble(work, seed, amount, style.tremble.cells))
    if style.margin:
        numbers = numbers * (style.margin(work, hand(page.scene)) > 1)
    return _majority(numbers, len(labels), window.page, k), labels


def _owners_on_grid(
    page: Page, style: Style, window: Window
) -> tuple[np.ndarray, list[tuple[int, str]]]:
    work = Window.whole(style.finest)
    labels, numbers = _numbered(page, work)
    k = work.page // style.grid
    rows, columns = grid_of(window)
    return _majority(numbers, len(labels), style.grid, k)[rows][:, columns], labels


def _numbered(page: Page, work: Window) -> tuple[list[tuple[int, str]], np.ndarray]:
    key = code(page, work.crop)
    _, element = decode(key.svg, work)
    return list(key.parts), owners(key.parts, element)


def _majority(numbers: np.ndarray, most: int, size: int, k: int) -> np.ndarray:
    blocks = numbers.reshape(size, k, size, k)
    share = [(blocks == number).sum((1, 3)) for number in range(most + 1)]
    return np.argmax(np.stack(share), 0)
