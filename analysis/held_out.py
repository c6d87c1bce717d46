"""Are combinations that occur in no training scene painted as surely as others?

Two evaluations of one model are held against each other: captions of the usual unseen scenes, and
captions that each have a held-out colour of a kind or a held-out pair of kinds. These name other
numbers of things than those, and fewer clothes, words and counts, so only captions that state alike
are compared: one thing or two, and nothing besides but place, sky, style and sides. It knows marks
of evaluations; no model and no picture.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ediffi.storybook.scoring import NO, UNASKED, YES, Difference, wilson

Row = Mapping[str, str]
"""What one caption was asked, a letter for each score."""


BESIDES = ("count", "clothes", "word")
"""What one set of captions states often and the other hardly ever, and takes room on the page."""


def _alone(row: Row) -> bool:
    return row["two_things"] == UNASKED and _nothing_else(row)


def _pair(row: Row) -> bool:
    return row["two_things"] != UNASKED and _nothing_else(row)


def _nothing_else(row: Row) -> bool:
    return all(row[name] == UNASKED for name in BESIDES)


ALIKE: tuple[tuple[str, str, Callable[[Row], bool]], ...] = (
    ("thing", "of captions of one plain thing, it is there", _alone),
    ("colour", "of these, it has the colour that is said", _alone),
    ("two_things", "of captions of two plain things, both are there", _pair),
    ("two_colours", "of these, each has the colour that is said", _pair),
)
"""What is compared: a score, in words, and the captions that state alike."""


def less_often(met: Sequence[str], unmet: Sequence[str]) -> Difference:
    """How much more often `met` marks are so than `unmet` ones, of other captions.

    The interval is Newcombe's (1998, method 10), of two Wilson intervals; `n` counts the `unmet`.
    Raises ValueError where one of them has no mark.
    """
    told = [(marks.count(YES), len(marks)) for marks in (met, unmet)]
    (low, high), (lower, higher) = (wilson(*each) for each in told)
    one, other = (right / n for right, n in told)
    down = math.hypot(one - low, higher - other)
    up = math.hypot(high - one, other - lower)
    return Difference(one - other, one - other - down, one - other + up, told[1][1])


def lines(usual: Mapping[str, Any], held_out: Mapping[str, Any]) -> list[str]:
    """A sentence for each score: the share of held-out combinations beside the usual one."""
    said = []
    for name, words, fits in ALIKE:
        met, unmet = (_marks(record, name, fits) for record in (usual, held_out))
        if not met or not unmet:
            continue
        gap = less_often(met, unmet)
        said.append(
            f"{words}: {_percent(unmet)} of {len(unmet)} with a held-out combination,"
            f" {_percent(met)} of {len(met)} others; {_points(gap)}."
        )
    return said


def _marks(record: Mapping[str, Any], name: str, fits: Callable[[Row], bool]) -> list[str]:
    """The marks of a score for the captions that fit and were asked."""
    shown: Mapping[str, str] = record["shown"]
    rows = [dict(zip(shown, letters, strict=True)) for letters in zip(*shown.values(), strict=True)]
    return [row[name] for row in rows if fits(row) and row[name] in (YES, NO)]


def _percent(marks: Sequence[str]) -> str:
    return f"{marks.count(YES) / len(marks):.1%}".replace("%", " %")


def _points(gap: Difference) -> str:
    """How far apart, the larger way first."""
    less = gap.value >= 0
    low, high = (gap.low, gap.high) if less else (-gap.high, -gap.low)
    way = "less" if less else "more"
    return f"{100 * abs(gap.value):.1f} points {way} often ({100 * low:.1f} to {100 * high:.1f})"
