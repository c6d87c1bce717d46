"""One figure for every record of a study, named like the study. The only file with matplotlib.

It draws what it is given and measures nothing. Figures are small enough for a notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.denoising_walk import Walk
from analysis.expert_seams import Seams

INK, COARSE, FINE, PAPER = "#33312e", "#2f6f8f", "#d9792b", "#fbf8f2"
STYLE: dict[Any, Any] = {
    "figure.dpi": 90,
    "figure.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "text.color": INK,
}


def denoising_walk(walk: Walk) -> Figure:
    """Coarse and fine distance to the final picture over the noise level, high noise first."""
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(6.4, 2.8), layout="constrained")
        for part, errors, colour in (
            ("coarse", walk.coarse, COARSE),
            ("fine", walk.fine, FINE),
        ):
            axes.plot(walk.sigmas, errors, "o-", color=colour, markersize=3, label=part)
            axes.axvline(walk.half_decided(part), color=colour, linewidth=0.8, linestyle=":")
        _over_noise(axes, f"{walk.model}, median of {walk.n} pictures")
        axes.set_xlabel("noise level σ of the step")
        axes.set_ylabel("distance to the end")
        pyplot.close(figure)
    return figure


def expert_seams(report: Seams) -> Figure:
    """Loss over the noise level, each network's divided by the ensemble's; dotted: boundaries."""
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(6.4, 2.8), layout="constrained")
        together = np.array(report.losses["ensemble"])
        axes.axhline(1, color=INK, linewidth=0.8)
        rivals = [name for name in report.losses if name != "ensemble"]
        for name, colour in zip(rivals, (COARSE, FINE, INK), strict=False):
            ratio = np.array(report.losses[name]) / together
            axes.plot(report.sigmas, ratio, "o-", color=colour, markersize=3, label=name)
        for found in report.seams:
            axes.axvline(found.sigma, color=INK, linewidth=0.8, linestyle=":")
        _over_noise(axes, f"{report.model}, {report.n} unseen scenes")
        axes.set_xlabel("noise level σ")
        axes.set_ylabel("loss, ensemble = 1")
        pyplot.close(figure)
    return figure


def film_strip(pictures: Sequence[np.ndarray], titles: Sequence[str]) -> Figure:
    """Pictures (h, w, 3) uint8 in a row, each under its title; pixels are not smoothed."""
    with pyplot.rc_context(STYLE):
        figure, row = pyplot.subplots(
            1,
            len(pictures),
            figsize=(1.2 * len(pictures), 1.45),
            layout="constrained",
            squeeze=False,
        )
        for axes, picture, title in zip(row[0], pictures, titles, strict=True):
            axes.imshow(picture, interpolation="nearest")
            axes.set_title(title, fontsize=8)
            axes.axis("off")
        pyplot.close(figure)
    return figure


def _over_noise(axes: Axes, title: str) -> None:
    """Noise levels from high to low, as a sampler passes them."""
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_title(title, fontsize=9)
    axes.legend(frameon=False)
