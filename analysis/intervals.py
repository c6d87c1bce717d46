"""Means over pictures with their 95 % intervals, as the records of studies keep them.

It knows numbers and nothing of what was measured; the intervals of shares of yes and no, alone and
in pairs, are `ediffi.storybook.scoring`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ediffi.storybook.scoring import wilson

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
