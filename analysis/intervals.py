"""Means and paired comparisons over pictures with their 95 % intervals, as records keep them.

It knows numbers and nothing of what was measured; shares of yes and no have Wilson's interval in
`ediffi.storybook.scoring`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Share = tuple[float, float, float]
"""A mean, and the ends of its 95 % interval."""

YES, NO, UNASKED = "1", "0", "-"


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


def paired(values: Sequence[float]) -> Share:
    """The mean of differences, one a picture, of either sign, with its normal 95 % interval.

    Raises ValueError for fewer than 2 values.
    """
    if len(values) < 2:
        raise ValueError(f"A paired difference needs at least 2 pictures, not {len(values)}.")
    numbers = np.asarray(values, dtype=np.float64)
    middle = float(numbers.mean())
    half = 1.96 * float(numbers.std(ddof=1)) / math.sqrt(len(numbers))
    return round(middle, 4), round(middle - half, 4), round(middle + half, 4)


def marks(outcomes: Sequence[bool | None]) -> str:
    """A letter for each picture: 1 where it is so, 0 where not, - where it was not asked.

    >>> marks([True, None, False])
    '1-0'
    """
    return "".join(UNASKED if each is None else YES if each else NO for each in outcomes)


def more_often(one: str, other: str) -> tuple[Share, int]:
    """How much more often `one` is so than `other`, and in how many pictures both were asked.

    Both are `marks` of the same captions. The interval is the adjusted one for paired shares of
    Bonett and Price 2012, which stays honest where few pictures differ or none. Raises ValueError
    for marks of different lengths, or where nothing was asked of both.
    """
    if len(one) != len(other):
        raise ValueError(f"Marks of {len(one)} and of {len(other)} pictures are not of the same.")
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if UNASKED not in (a, b)]
    if not pairs:
        raise ValueError("No picture was asked of both.")
    n, gained, lost = len(pairs), pairs.count((YES, NO)), pairs.count((NO, YES))
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    middle, half = up - down, 1.96 * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    ends = max(-1.0, middle - half), min(1.0, middle + half)
    return (round((gained - lost) / n, 4), round(ends[0], 4), round(ends[1], 4)), n
