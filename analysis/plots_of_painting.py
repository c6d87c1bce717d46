"""Figures of painted pages: pictures with the outlines of what was painted on them.

In the style of `plots`. It draws what it is given and measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.plots import STYLE

INKS = ("#b5372f", "#1f6f78", "#b07d12", "#5b4a8a")
LINES = ("solid", "dashed", "dotted", "dashdot")
"""A colour and a line for each region, so that the figure is read in grey too."""


def painted_pages(
    pages: Sequence[Sequence[np.ndarray]],
    masks: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    labels: Sequence[str],
) -> Figure:
    """A row of pictures (h, w, 3) uint8 for every label, each with its masks as outlines.

    `masks` has for every column those of its regions, bool (64, 64); none for a bare picture.
    """
    with pyplot.rc_context(STYLE):
        figure, rows = pyplot.subplots(
            len(pages),
            len(titles),
            figsize=(1.75 * len(titles), 1.85 * len(pages) + 0.2),
            layout="constrained",
            squeeze=False,
        )
        for row, pictures, label in zip(rows, pages, labels, strict=True):
            for axes, picture, regions in zip(row, pictures, masks, strict=True):
                high, wide = picture.shape[:2]
                axes.imshow(picture, interpolation="nearest")
                for region, ink, line in zip(regions, INKS, LINES, strict=False):
                    _outline(axes, region, (high, wide), ink, line)
                axes.set_xticks([])
                axes.set_yticks([])
            row[0].set_ylabel(label, fontsize=7)
        for axes, title in zip(rows[0], titles, strict=True):
            axes.set_title(title, fontsize=8)
        pyplot.close(figure)
    return figure


def _outline(axes: Axes, region: np.ndarray, size: tuple[int, int], ink: str, line: str) -> None:
    """The edge of a mask on a picture of `size` (h, w), on a white line that any ground shows."""
    down, across = (
        (np.arange(cells) + 0.5) * pixels / cells - 0.5
        for cells, pixels in zip(region.shape, size, strict=True)
    )
    for colour, width, style in (("white", 2.6, "solid"), (ink, 1.4, line)):
        axes.contour(across, down, region, [0.5], colors=colour, linewidths=width, linestyles=style)
