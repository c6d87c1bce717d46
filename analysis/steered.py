"""What painting and a reference picture do, told: a table of each for README and model card.

It reads records of studies as they are kept; it measures nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from analysis.intervals import Share
from analysis.paint_with_words import Placed, Places, Sided
from analysis.painted_reach import Filled, Reach
from analysis.style_transfer import Lent, Styles, styles_lines, window
from analysis.ways_to_paint import Squares, WaysToPaint, named
from ediffi.config import from_json

UNPAINTED = ("none", 0.0, 0.0)
PAPER = ("max", 1.0, 0.0)
"""Rule, weight and how much is held back elsewhere: the paper's formula holds nothing back."""
MEASURES = (
    "of one thing's box, in its square",
    "of two things' boxes, in theirs",
    "of those there, on the painted side",
    "the one thing is there",
    "of the two, there are",
)
LENDS = ("the reference's style", "the sentence's thing", "a thing of the reference alone")
Row = tuple[str, Sequence[Share | None]]
"""A name, and for each column a share with its interval; None where it was not asked."""


def placed_table(places: dict[str, Any], ways: dict[str, Any], reach: dict[str, Any]) -> str:
    """Where painted things stand, and whether they are there, by every way of painting.

    From the records of `paint_with_words`, `ways_to_paint` and `painted_reach`. Raises ValueError
    where they are not of the same captions, or the first two not of one model.
    """
    found, other, drawn = (
        from_json(Places, places),
        from_json(WaysToPaint, ways),
        from_json(Reach, reach),
    )
    asked = {(each.n, each.seed) for each in (found, other, drawn)}
    if len(asked) > 1 or found.model != other.model:
        raise ValueError("The records of painting are not of the same captions by one model.")
    best = (*_by_number(drawn.filled, "best"), None, None, None)
    rows: list[Row] = [
        ("unpainted", _placed(found, UNPAINTED)),
        ("by the paper's formula", _placed(found, PAPER)),
        *((named(way), _way(way.squares, way.sided)) for way in other.painted),
        (f"drawn, the best of {drawn.draws:,} pages", best),
    ]
    title = (
        f"**Where painted things stand** ({found.model}): {found.n} captions of one thing and"
        f" {found.n} of two, seed {found.seed}, painted on random squares of"
        f" {100 * found.area:.0f} % of the page on average, one thing on the left and on the right"
        " as well; per cent, in brackets the 95 % interval."
    )
    return _table(title, "painted", MEASURES, rows)


def lent_table(record: dict[str, Any]) -> str:
    """What a reference picture lends at each strength and window, and each style at the usual."""
    found = from_json(Styles, record)
    title = (
        f"**What a reference lends** ({found.model}): {found.n} captions that name no style, seed"
        f" {found.seed}; a guess meets the style in {100 * found.chance:.0f} %; per cent of the"
        " pictures, in brackets the 95 % interval."
    )
    rows: list[Row] = [
        (_setting(each), (each.style, each.things, each.leak)) for each in found.lent
    ]
    told = "".join(f"\n{line}\n" for line in styles_lines(found))
    return _table(title, "strength", LENDS, rows) + told


def _placed(found: Places, by: tuple[str, float, float]) -> Sequence[Share | None]:
    squares = [each for each in found.placed if _by(each) == by]
    return _way(squares, next((each for each in found.sided if _by(each) == by), None))


def _by(each: Placed | Sided) -> tuple[str, float, float]:
    return each.rule, each.weight, each.elsewhere


def _way(squares: Sequence[Placed | Squares], sided: Sided | None) -> Sequence[Share | None]:
    """A row in the order of `MEASURES`."""
    there = _by_number(squares, "present")
    return *_by_number(squares, "inside"), sided.asked if sided else None, *there


def _by_number(rows: Iterable[Placed | Squares | Filled], name: str) -> Sequence[Share | None]:
    """A field of the row for one thing, and of that for two."""
    told: dict[int, Share] = {each.things: getattr(each, name) for each in rows}
    return told.get(1), told.get(2)


def _setting(lent: Lent) -> str:
    return f"{lent.strength:g}, {window(lent)}" if lent.strength else "no reference"


def _table(title: str, first: str, columns: Sequence[str], rows: Sequence[Row]) -> str:
    lines = [title, "", f"| {first} | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    lines += [f"| {name} | {' | '.join(map(_cell, shares))} |" for name, shares in rows]
    return "\n".join([*lines, ""])


def _cell(share: Share | None) -> str:
    if share is None:
        return "–"
    middle, low, high = (100 * each for each in share)
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"
