"""Figures of shares and means with their intervals: one row for each thing that was counted.

One for each record, named like the study, in the style of `plots`. It draws what it is given and
measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import LineStyleType

from analysis.composition import LENGTHS, Composition
from analysis.configs import Configs
from analysis.intervals import Share
from analysis.paint_with_words import Places, named
from analysis.painted_reach import Reach
from analysis.plots import COARSE, FINE, INK, STYLE
from analysis.seam_history import History
from analysis.side_by_side import named as heard
from analysis.style_transfer import Styles, window
from analysis.upscaling import Upscaling
from analysis.ways_to_paint import WaysToPaint
from analysis.ways_to_paint import named as way_named
from analysis.written_words import WrittenWords

ROW = 0.27


@dataclass(frozen=True)
class Dot:
    """A value with its interval in row `row`; `filled` tells two series apart without colour."""

    row: int
    value: float
    low: float
    high: float
    filled: bool = True


def composition(found: Composition) -> Figure:
    """What short and long captions state, and how often it is shown; ticks are chance and truth."""
    names = list(dict.fromkeys(row.name for row in found.rows))
    dots = [
        Dot(names.index(r.name), 100 * r.share, 100 * r.low, 100 * r.high, r.length == LENGTHS[0])
        for r in found.rows
    ]
    with pyplot.rc_context(STYLE):
        figure, axes = _rows([name.replace("_", " ") for name in names])
        _dots(axes, dots, offset=0.16)
        for row in found.rows:
            marks: tuple[tuple[float | None, LineStyleType], ...] = (
                (row.chance, ":"),
                (row.true, "-"),
            )
            for value, style in marks:
                if row.length == LENGTHS[0] and value is not None:
                    _tick(axes, names.index(row.name), 100 * value, style)
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel("pictures that show it, % (filled: short captions, open: long ones)")
        axes.set_title(
            f"{found.n} captions of each length; dotted: shuffled captions, line: true renders",
            fontsize=9,
        )
        pyplot.close(figure)
    return figure


def written_words(found: WrittenWords) -> Figure:
    """Signs that carry the word (filled) and that are there (open), then by the word's length.

    The line is what the inspector reads in true renders.
    """
    labels = [f"{heard(each.embeddings)} heard" for each in found.written]
    labels += [f"{each.letters} letters, n = {each.n}" for each in found.lengths]
    rights = [each.right for each in (*found.written, *found.lengths)]
    dots = [Dot(row, *(100 * v for v in right), filled=True) for row, right in enumerate(rights)]
    dots += [
        Dot(row, *(100 * v for v in each.signs), filled=False)
        for row, each in enumerate(found.written)
    ]
    with pyplot.rc_context(STYLE):
        figure, axes = _rows(labels)
        _dots(axes, dots, offset=0.14)
        axes.axvline(100 * found.true[0], color=INK, linewidth=0.8)
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel("% of the pictures (filled: a sign with the word, open: a sign)")
        axes.set_title(f"{found.model}, {found.n} captions; line: read in true renders", fontsize=9)
        pyplot.close(figure)
    return figure


def style_transfer(found: Styles) -> Figure:
    """At every setting: the reference's style (filled), and the sentence's thing (open)."""
    labels, dots = [], []
    for row, lent in enumerate(found.lent):
        how = f"strength {lent.strength:g}, {window(lent)}"
        labels.append(how if lent.strength else "no reference")
        for share, filled in ((lent.style, True), (lent.things, False)):
            dots.append(_dot(row, share, filled))
    with pyplot.rc_context(STYLE):
        figure, axes = _rows(labels)
        _dots(axes, dots, offset=0.14)
        axes.axvline(100 * found.chance, color=INK, linewidth=0.8, linestyle=":")
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel("% of the pictures (filled: the reference's style, open: the thing)")
        axes.set_title(f"{found.model}, {found.n} captions; dotted: a guessed style", fontsize=9)
        pyplot.close(figure)
    return figure


def paint_with_words(found: Places) -> Figure:
    """How much of a thing lies in its square (filled: one thing, open: two), dotted: by chance.

    On the right, how often one stands on the side where it was painted.
    """
    settings = list(dict.fromkeys(map(named, found.placed)))
    dots = [
        Dot(settings.index(named(p)), *(100 * v for v in p.inside), filled=p.things == 1)
        for p in found.placed
    ]
    with pyplot.rc_context(STYLE):
        figure, (axes, *beside) = _panels(settings, 2 if found.sided else 1)
        for each in beside:
            rows = [settings.index(named(sided)) for sided in found.sided]
            asked = [
                Dot(row, *(100 * v for v in s.asked), filled=True)
                for row, s in zip(rows, found.sided, strict=True)
            ]
            _dots(each, asked)
            each.axvline(50, color=INK, linewidth=0.8, linestyle=":")
            each.set_xlim(-1.5, 101.5)
            each.set_xlabel("on the painted side, %")
        _dots(axes, dots, offset=0.14)
        for placed in found.placed:
            _tick(axes, settings.index(named(placed)), 100 * placed.chance, ":")
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel("of a thing's box inside its square, % (filled: one thing, open: two)")
        axes.set_title(
            f"{found.model}, {found.n} captions; dotted: another picture's squares", fontsize=9
        )
        pyplot.close(figure)
    return figure


def painted_reach(found: Reach) -> Figure:
    """How much of a thing the best page (filled) and a usual one (open) have in its square."""
    dots = [
        _dot(row, share, filled)
        for row, each in enumerate(found.filled)
        for share, filled in ((each.usual, False), (each.best, True))
    ]
    with pyplot.rc_context(STYLE):
        figure, axes = _rows([_counted(each.things) for each in found.filled])
        _dots(axes, dots)
        axes.set_xlim(-1.5, 101.5)
        axes.set_xlabel("of a thing's box inside its square, %")
        told = f"filled: the best of {found.draws} pages, open: a usual page"
        axes.set_title(f"drawn by the rules, {found.n} captions; {told}", fontsize=9)
        pyplot.close(figure)
    return figure


def ways_to_paint(found: WaysToPaint) -> Figure:
    """Things in their squares, there at all, and on their side, by every way of painting.

    Filled are captions of one thing, open those of two.
    """
    squares = [(row, each) for row, way in enumerate(found.painted) for each in way.squares]
    inside = [_dot(row, each.inside, each.things == 1) for row, each in squares]
    there = [_dot(row, each.present, each.things == 1) for row, each in squares]
    sided = [_dot(row, way.sided.asked, True) for row, way in enumerate(found.painted)]
    titles = ("of a thing's box inside its square, %", "there at all, %", "on the painted side, %")
    with pyplot.rc_context(STYLE):
        figure, panels = _panels([way_named(way) for way in found.painted], 3)
        for axes, dots, title in zip(panels, (inside, there, sided), titles, strict=True):
            _dots(axes, dots, offset=0.14)
            axes.set_xlim(-1.5, 101.5)
            axes.set_xlabel(title)
        told = f"{found.n} captions of one thing (filled) and of two (open), 95 % intervals"
        figure.suptitle(f"{found.model}, {told}", fontsize=9)
        pyplot.close(figure)
    return figure


def _dot(row: int, share: Share, filled: bool) -> Dot:
    return Dot(row, *(100 * value for value in share), filled=filled)


def configs(found: Configs) -> Figure:
    """Fréchet distance of every configuration to true renders."""
    names = [scored.name for scored in found.scored]
    dots = [
        Dot(row, *scored.distances["frechet"])
        for row, scored in enumerate(found.scored)
        if "frechet" in scored.distances
    ]
    with pyplot.rc_context(STYLE):
        figure, axes = _rows([f"Config {name}" for name in names])
        _dots(axes, dots)
        axes.set_xlim(left=0)
        axes.set_xlabel("Fréchet distance to true renders, inspector features")
        axes.set_title(f"{found.size} px, {found.n} captions, 95 % intervals", fontsize=9)
        pyplot.close(figure)
    return figure


def upscaling(found: Upscaling) -> Figure:
    """GMSD of every way of enlarging, by what was enlarged; the stage is filled."""
    dots = [
        Dot(row, w.gmsd[0], w.gmsd[0] - w.gmsd[1], sum(w.gmsd), w.method == found.stage)
        for row, w in enumerate(found.ways)
    ]
    with pyplot.rc_context(STYLE):
        figure, axes = _rows([f"{w.method}, {w.small}" for w in found.ways])
        _dots(axes, dots)
        axes.set_xlim(left=0)
        axes.set_xlabel("GMSD to the true render, lower is better")
        axes.set_title(f"{found.low} to {found.high} px, {found.n} unseen scenes", fontsize=9)
        pyplot.close(figure)
    return figure


def seam_history(found: History) -> Figure:
    """Distance to the fine solution with the history kept and begun anew."""
    with pyplot.rc_context(STYLE):
        figure, axes = _rows(["kept", "begun anew"])
        axes.barh([0, 1], [found.kept, found.begun_anew], color=[COARSE, FINE], height=0.5)
        axes.set_xlabel("root mean square to the fine solution, pixels in [-1, 1]")
        axes.set_title(
            f"{found.model}, {found.n} pictures, {found.steps} steps: {found.verdict}", fontsize=9
        )
        pyplot.close(figure)
    return figure


def _counted(things: int) -> str:
    return "one thing" if things == 1 else f"{things} things"


def _rows(labels: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with one row for each label, the first on top."""
    figure, (axes,) = _panels(labels, 1)
    return figure, axes


def _panels(labels: Sequence[str], count: int) -> tuple[Figure, list[Axes]]:
    """Axes side by side that share their rows, the first twice as wide as the others."""
    figure, panels = pyplot.subplots(
        1,
        count,
        figsize=(6.4 + 2.2 * (count - 1), 0.9 + ROW * len(labels)),
        sharey=True,
        squeeze=False,
        layout="constrained",
        width_ratios=[2] + [1] * (count - 1),
    )
    first = panels[0][0]
    first.set_yticks(range(len(labels)), labels)
    first.set_ylim(len(labels) - 0.4, -0.6)
    for axes in panels[0]:
        axes.tick_params(axis="y", length=0)
    return figure, list(panels[0])


def _dots(axes: Axes, dots: Sequence[Dot], offset: float = 0.0) -> None:
    for dot in dots:
        row = dot.row - offset if dot.filled else dot.row + offset
        colour = COARSE if dot.filled else FINE
        axes.plot([dot.low, dot.high], [row, row], color=colour, linewidth=1.4)
        fill = colour if dot.filled else axes.get_facecolor()
        axes.plot(dot.value, row, "o", color=colour, markerfacecolor=fill, markersize=4.5)


def _tick(axes: Axes, row: int, value: float, style: LineStyleType) -> None:
    axes.vlines(value, row - 0.35, row + 0.35, INK, style, linewidth=1)
