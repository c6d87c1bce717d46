"""Means over pictures with their 95 % intervals, as the records of studies keep them.

It knows numbers and nothing of what was measured; the intervals of shares of yes and no, alone and
in pairs, are `ediffi.storybook.scoring`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ediffi.storybook.scoring import UNASKED, YES, more_often, wilson

Share = tuple[float, float, float]
"""A mean, and the ends of its 95 % interval."""


def mean(values: Sequence[float]) -> Share:
    """The mean of values that are never negative, one a picture, with its normal 95 % interval.

    A single value has no interval: both ends are the value. Raises ValueError for no value.
    """
    if not len(values):
        raise ValueError("A mean needs at least 1 value.")
    numbers = np.asarray(values, dtype=np.float64)
    middle = float(numbers.mean())
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    half = 1.96 * spread / math.sqrt(len(numbers))
    return round(middle, 4), round(max(0.0, middle - half), 4), round(middle + half, 4)


def share(shown: Sequence[bool]) -> Share:
    """How many are so, with the 95 % Wilson interval; ValueError where there are none."""
    low, high = wilson(sum(shown), len(shown))
    return round(sum(shown) / len(shown), 4), round(low, 4), round(high, 4)


def marked(shown: str) -> tuple[int, Share]:
    """How many pictures were asked, and how many of these are so; ValueError where none was.

    `shown` is `ediffi.storybook.scoring.marks`.
    """
    right, n = shown.count(YES), len(shown) - shown.count(UNASKED)
    low, high = wilson(right, n)
    return n, (round(right / n, 4), round(low, 4), round(high, 4))


def in_pairs(one: str, other: str | None) -> Share:
    """How much more often `one` is so than `other`, both marks of the same pictures.

    No difference where there is no other, or no picture was asked of both.
    """
    more = None if other is None else more_often(one, other)
    if more is None:
        return 0.0, 0.0, 0.0
    return round(more.value, 4), round(more.low, 4), round(more.high, 4)
