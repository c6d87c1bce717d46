"""One figure for every record of a study, named like the study.

With `plots_of_attention` the only file with matplotlib. It draws what it is given and measures
nothing. Figures are small enough for a notebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.denoising_walk import Walk
from analysis.embedding_ablation import SCORED, Ablation
from analysis.expert_seams import Seams
from analysis.prompt_switching import Switches
from analysis.side_by_side import EIGHT, named

INK, COARSE, FINE, PAPER = "#33312e", "#2f6f8f", "#d9792b", "#fbf8f2"
LOWER = "outside lower center"
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


def prompt_switching(found: Switches) -> Figure:
    """Distance to both pure pictures over the share at which the sentence is switched.

    On the left by pixels, on the right by what the inspector reads. The run with the most pairs is
    bold, in its 95 % band; thin: the other solvers and numbers of steps; dotted: what counts as no
    change.
    """
    most = max(found.runs(), key=lambda run: found.along(*run)[0].pairs)
    with pyplot.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1, 2, figsize=(9.4, 3.4), layout="constrained", sharey=True
        )
        for axes, by, told in zip(panels, ("pixels", "drawn"), ("pixels", "reading"), strict=True):
            for run in found.runs():
                _switches(axes, found, run, by, bold=run == most)
            axes.axhline(found.tolerance, color=INK, linewidth=0.8, linestyle=":")
            axes.set_title(f"by {told}", fontsize=9)
            axes.set_xlabel("switched from this share of the steps on, %")
        panels[0].set_ylabel("distance, pure pictures = 1")
        figure.legend(*panels[1].get_legend_handles_labels(), frameon=False, ncols=2, loc=LOWER)
        solver, steps = most
        n, others = found.along(*most)[0].pairs, len(found.runs()) - 1
        bold = f"{found.model}, {n} pairs of sentences, {solver} in {steps} steps"
        few = min(each.pairs for each in found.switched)
        ways = "ways" if others > 1 else "way"
        thin = f"; thin: {others} other {ways} to sample, {few} pairs" if others else ""
        figure.suptitle(bold + thin, fontsize=9)
        pyplot.close(figure)
    return figure


def embedding_ablation(found: Ablation) -> Figure:
    """Share of captions whose statement came out, with 95 % interval, for all eight choices."""
    lengths = list(dict.fromkeys(each.length for each in found.heard))
    with pyplot.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1,
            len(lengths),
            figsize=(1.6 + 4.6 * len(lengths), 3.6),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        for axes, length in zip(panels[0], lengths, strict=True):
            for k, (name, colour) in enumerate(
                zip(SCORED, (COARSE, FINE, INK, "#7a9a3a"), strict=True)
            ):
                _scores(axes, found, length, name, colour, 0.15 * (k - 1.5))
            told = [named(heard).replace(" + ", " +\n") for heard in EIGHT]
            axes.set_xticks(range(len(EIGHT)), told, fontsize=7)
            axes.set_title(f"{length} captions", fontsize=9)
            axes.set_ylim(0, 1)
        panels[0][0].set_ylabel("came out")
        panels[0][-1].legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
        figure.suptitle(f"{found.model}, {found.n} captions each", fontsize=9)
        pyplot.close(figure)
    return figure


def film_strip(
    pictures: Sequence[np.ndarray], titles: Sequence[str], columns: int | None = None
) -> Figure:
    """Pictures (h, w, 3) uint8 in rows of `columns` (None: one row), each under its title.

    Pixels are not smoothed.
    """
    wide = columns or len(pictures)
    high = -(-len(pictures) // wide)
    with pyplot.rc_context(STYLE):
        figure, rows = pyplot.subplots(
            high,
            wide,
            figsize=(1.2 * wide if columns is None else 1.7 * wide, 1.45 * high),
            layout="constrained",
            squeeze=False,
        )
        for axes in rows.flat[len(pictures) :]:
            axes.axis("off")
        for axes, picture, title in zip(rows.flat, pictures, titles, strict=False):
            axes.imshow(picture, interpolation="nearest")
            axes.set_title(title, fontsize=8)
            axes.axis("off")
        pyplot.close(figure)
    return figure


def _switches(axes: Axes, found: Switches, run: tuple[str, int], by: str, bold: bool) -> None:
    """Both distances of one solver and number of steps."""
    along = found.along(*run)
    shares = [100 * each.share for each in along]
    for which, colour, told in (("first", COARSE, "first"), ("last", FINE, "second")):
        values, low, high = zip(*(getattr(each, f"{by}_{which}") for each in along), strict=True)
        if not bold:
            axes.plot(shares, values, color=colour, alpha=0.45, linewidth=0.8)
            continue
        axes.fill_between(shares, low, high, color=colour, alpha=0.2, linewidth=0)
        label = f"to the {told} sentence's picture"
        axes.plot(shares, values, "o-", color=colour, markersize=4, linewidth=2, label=label)


def _scores(axes: Axes, found: Ablation, length: str, name: str, colour: str, shift: float) -> None:
    """One score of every choice, where captions of this length ask for it."""
    scores = [found.of(length, heard).score(name) for heard in EIGHT]
    asked = [(k, score) for k, score in enumerate(scores) if score is not None]
    axes.errorbar(
        [k + shift for k, _ in asked],
        [score.share for _, score in asked],
        [
            [max(0.0, score.share - score.low) for _, score in asked],
            [max(0.0, score.high - score.share) for _, score in asked],
        ],
        fmt="o",
        color=colour,
        markersize=3,
        linewidth=1,
        label=name,
    )


def _over_noise(axes: Axes, title: str) -> None:
    """Noise levels from high to low, as a sampler passes them."""
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.set_title(title, fontsize=9)
    axes.legend(frameon=False)
