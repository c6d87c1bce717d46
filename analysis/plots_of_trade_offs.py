"""Figures of what is weighed against what: guidance, capacity, noise ranges, variety.

One for each record, named like the study, in the style of `plots`. It draws what it is given and
measures nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.expert_ranges import Ranges, Seat
from analysis.guidance_tradeoff import Tradeoff
from analysis.inference_cost import InferenceCost
from analysis.insisting import ASKED, Insisted, Insistence
from analysis.lost_by_noise import ASKED as LOST
from analysis.lost_by_noise import Begun, Lost
from analysis.plots import COARSE, FINE, INK, PAPER, STYLE
from analysis.variations import Variations
from ediffi.storybook.distances import Distance

SAND = "#d8cfbf"
MARKED = (("o", COARSE, "-"), ("s", FINE, "--"), ("^", INK, ":"), ("D", SAND, "-."))
"""Marker, colour and line of every series: told apart without colour too."""
GROUNDS = {
    1: (SAND,),
    2: (COARSE, FINE),
    3: (COARSE, SAND, FINE),
    4: (COARSE, SAND, INK, FINE),
}
"""The colours of an ensemble's experts, least noise first."""
INSISTED = ("thing", "two_things", "left_right", "count")
"""What `insisting` draws, a series each."""
WAYS = ("wider", "deeper", "experts")
TIERS = (("base", "A"), ("base", "C"), ("base", "D"), ("base", "four"), ("SR256", "B"))
"""The rows of `expert_ranges`; Config B has A's base, and C and D have its SR256."""


def guidance_tradeoff(found: Tradeoff) -> Figure:
    """Fréchet distance over alignment, a curve for each network, a point for each scale.

    Alignment is what the inspector sees, and beside it a second CLIP's score where one judged.
    """
    judged = all(point.clip for curve in found.curves for point in curve.points)
    with pyplot.rc_context(STYLE):
        figure, panels = pyplot.subplots(
            1,
            1 + judged,
            figsize=(6.4, 3.6 if not judged else 3.2),
            layout="constrained",
            sharey=True,
            squeeze=False,
        )
        first, *others = panels[0]
        _curves(first, found, [[p.aligned for p in c.points] for c in found.curves], 100)
        first.set_xlabel("statements of the caption that are shown, %")
        first.set_ylabel(f"Fréchet distance, {found.features}")
        first.legend(frameon=False)
        for axes in others:
            scores = [[p.clip for p in c.points if p.clip] for c in found.curves]
            _curves(axes, found, scores, 1)
            axes.set_xlabel("score by a second CLIP")
        figure.suptitle(
            f"{found.n} {found.length} captions, guidance at the points, 95 % intervals", fontsize=9
        )
        pyplot.close(figure)
    return figure


def _curves(
    axes: Axes, found: Tradeoff, across: Sequence[Sequence[Distance]], factor: float
) -> None:
    """Every network's distances over `across`, which is shown times `factor`."""
    for (marker, colour, line), curve, values in zip(MARKED, found.curves, across, strict=False):
        x = factor * _triples(values)
        y = _triples([point.frechet for point in curve.points])
        axes.errorbar(
            x[0],
            y[0],
            xerr=np.abs(x[1:] - x[0]),
            yerr=np.abs(y[1:] - y[0]),
            fmt=marker + line,
            color=colour,
            markersize=4,
            linewidth=1.2,
            elinewidth=0.6,
            label=curve.network,
        )
        for point, at in zip(curve.points, zip(x[0], y[0], strict=True), strict=True):
            _noted(axes, f"{point.guidance:g}", at)
    axes.axhline(found.floor, color=INK, linewidth=0.8, linestyle=":")
    left = factor * min(each.low for values in across for each in values)
    _noted(axes, "between true renders", (left, found.floor))
    axes.set_ylim(bottom=0)


def inference_cost(found: InferenceCost) -> Figure:
    """Time and memory of one evaluation over parameters: wider, deeper, more experts."""
    with pyplot.rc_context(STYLE):
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(6.4, 2.8), layout="constrained")
        start = found.costs[0]
        for (marker, colour, line), way in zip(MARKED, WAYS, strict=False):
            costs = [start, *(cost for cost in found.costs if cost.way == way)]
            millions = [cost.parameters / 1e6 for cost in costs]
            ratios = np.array([cost.ratio for cost in costs])
            memory = [cost.resident_mib + cost.live_mib for cost in costs]
            left.fill_between(millions, ratios[:, 1], ratios[:, 2], color=colour, alpha=0.2)
            for axes, values in ((left, ratios[:, 0]), (right, memory)):
                axes.plot(millions, values, marker + line, color=colour, markersize=4, label=way)
        left.set_ylabel("time of one evaluation,\nas it is = 1")
        right.set_ylabel("memory at work, MiB\n(one expert resident)")
        for axes in (left, right):
            axes.set_ylim(bottom=0)
            axes.set_xlabel("parameters, millions")
        right.legend(frameon=False, loc="upper left")
        figure.suptitle(
            f"{found.network}, {found.resolution} px, {found.dtype} on {found.device}, medians of"
            f" {found.n} turns",
            fontsize=9,
        )
        pyplot.close(figure)
    return figure


def expert_ranges(found: Ranges) -> Figure:
    """p(sigma) above, and below it who serves which noise levels, with the steps of the grid."""
    low, high = 0.7 * min(found.sigmas), 1.4 * max(found.sigmas)
    with pyplot.rc_context(STYLE):
        figure, (above, below) = pyplot.subplots(
            2, 1, figsize=(6.4, 4.2), height_ratios=(1, 2.4), sharex=True, layout="constrained"
        )
        logs = np.linspace(math.log(low), math.log(high), 400)
        density = np.exp(-0.5 * ((logs - found.P_mean) / found.P_std) ** 2)
        above.fill_between(np.exp(logs), density, color=SAND, linewidth=0)
        above.plot(found.sigmas, np.full(found.n, -0.08), "|", color=INK, markersize=6)
        above.set_ylabel("p(σ) per ln σ")
        above.set_yticks([])
        above.tick_params(axis="x", which="both", length=0)
        above.spines["bottom"].set_visible(False)
        above.set_title(
            f"training noise, and the {found.n} steps of a sampling grid (ticks)", fontsize=9
        )
        for row, (network, config) in enumerate(TIERS):
            seats = found.seats_of(config, network)
            for seat, ground in zip(seats, GROUNDS[len(seats)], strict=True):
                _tier(below, row, seat, ground, (low, high))
        below.set_yticks(range(len(TIERS)), [f"{network} {config}" for network, config in TIERS])
        below.invert_yaxis()
        below.set_xscale("log")
        below.set_xlim(high, low)
        below.set_xlabel("noise level σ")
        below.tick_params(axis="y", length=0)
        below.spines["left"].set_visible(False)
        pyplot.close(figure)
    return figure


def variations(found: Variations) -> Figure:
    """How much pictures of one caption differ, beside pictures of two captions."""
    rows = (("two captions", found.over_captions), ("one caption,\ntwo seeds", found.over_seeds))
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(6.4, 1.9), layout="constrained")
        for row, (_, distance) in enumerate(rows):
            marker, colour, _ = MARKED[row]
            axes.plot([distance.low, distance.high], [row, row], color=colour, linewidth=1.4)
            axes.plot(distance.value, row, marker, color=colour, markersize=5)
        axes.set_yticks(range(len(rows)), [label for label, _ in rows])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("mean squared distance of two pictures, inspector features")
        axes.set_title(
            f"{found.n} captions, {found.seeds} seeds each; of what they state"
            f" {100 * found.aligned.value:.0f} % is shown",
            fontsize=9,
        )
        pyplot.close(figure)
    return figure


def insisting(found: Insistence) -> Figure:
    """What is shown over how far early steps go until every phrase is heard."""
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(6.4, 3.4), layout="constrained")
        _scores(axes, found.insisted, {name: ASKED[name] for name in INSISTED})
        axes.set_xticks(range(len(found.insisted)), [f"{i.insist:g}" for i in found.insisted])
        axes.set_ylim(0, 101.5)
        axes.set_xlabel("how far early steps insist (0: the paper)")
        axes.set_ylabel("pictures that show it, %")
        axes.set_title(f"{found.model}, {found.captions} captions, 95 % intervals", fontsize=9)
        axes.legend(frameon=False, ncols=4, loc="lower center", bbox_to_anchor=(0.5, 1.08))
        pyplot.close(figure)
    return figure


def lost_by_noise(found: Lost) -> Figure:
    """What is shown over the noise at which pictures began, the truth to the left."""
    levels = [each.sigma for each in found.begun[1:-1] if each.sigma]
    with pyplot.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(6.4, 3.4), layout="constrained")
        _scores(axes, found.begun, LOST)
        for seam in found.seams:
            if levels[0] < seam < levels[-1]:
                at = 1 + np.interp(math.log(seam), np.log(levels), range(len(levels)))
                axes.axvline(at, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
                axes.annotate(f"seam, {seam:.3g}", (at, 3), (3, 0), textcoords="offset points")
        ticks = ["truth", *(f"{level:g}" for level in levels), "noise"]
        axes.set_xticks(range(len(found.begun)), ticks)
        axes.set_ylim(0, 101.5)
        axes.set_xlabel("σ of the noise on the true picture at which sampling begins")
        axes.set_ylabel("pictures that show it, %")
        axes.set_title(f"{found.model}, {found.n} captions, 95 % intervals", fontsize=9)
        axes.legend(frameon=False, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1.08))
        pyplot.close(figure)
    return figure


def _scores(
    axes: Axes, told: Sequence[Insisted] | Sequence[Begun], names: Mapping[str, str]
) -> None:
    """A line for every score over what was told one after the other, its interval at each place."""
    for k, ((marker, colour, line), name) in enumerate(zip(MARKED, names, strict=False)):
        rows = [(x, row) for x, each in enumerate(told) if (row := each.score(name))]
        across = [x + 0.05 * (k - (len(names) - 1) / 2) for x, _ in rows]
        middle, low, high = 100 * np.array([row.share for _, row in rows]).T
        axes.plot(across, middle, marker=marker, color=colour, linestyle=line, label=names[name])
        axes.vlines(across, low, high, color=colour, linewidth=1)


def _triples(values: Sequence[Distance]) -> np.ndarray:
    """Values, lower and upper ends as (3, n)."""
    return np.array([[each.value, each.low, each.high] for each in values]).T


def _noted(axes: Axes, text: str, at: tuple[float, float]) -> None:
    axes.annotate(text, at, (4, 4), textcoords="offset points", fontsize=7)


def _tier(axes: Axes, row: int, seat: Seat, ground: str, ends: tuple[float, float]) -> None:
    """One expert's range in its row, with its steps and the share of p(sigma) where they fit."""
    low, high = max(seat.low, ends[0]), min(seat.high or math.inf, ends[1])
    ink = INK if ground in (SAND, FINE) else PAPER
    axes.barh(row, high - low, left=low, height=0.72, color=ground, edgecolor=PAPER, linewidth=1.5)
    told = f"{seat.expert}\n{seat.steps} steps · {100 * seat.mass:.3g} % of p(σ)"
    if math.log(high / low) < 1.5:
        told = f"{seat.expert}\n{seat.steps} · {100 * seat.mass:.3g} %"
    axes.text(math.sqrt(low * high), row, told, color=ink, fontsize=6.5, ha="center", va="center")
