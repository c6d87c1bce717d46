"""Which parts make an ensemble: the paper's configurations A to D and its four-expert experiment.

A table of names, parts and ranges. How such experts are trained stands in `branching`; which of
them ship is the recipe's business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ediffi.diffusion.noise import Interval, LogNormal
from ediffi.experts.tree import EVERY_LEVEL, PAPER_NOISE, Node, Part


@dataclass(frozen=True)
class Role:
    """One seat in an ensemble: `part` is what it learns; without `serves` it serves all of that.

    A part of several intervals needs `serves`, one interval (ValueError from `served`).
    """

    name: str
    part: Part
    serves: Interval | None = None

    def served(self, p: LogNormal = PAPER_NOISE) -> Interval:
        """The one interval in which this expert is asked."""
        if self.serves is not None:
            return self.serves
        intervals = self.part.intervals(p)
        if len(intervals) != 1:
            raise ValueError(f"{self.name} learns {len(intervals)} ranges; say which it serves.")
        return intervals[0]


HIGH, LOW = Node(9, 511), Node(3, 0)
"""Config D's leaves: sigma above 9.61 and below 0.0757 (paper App. B; nodes at second hand)."""

_ALONE = (Role("baseline", EVERY_LEVEL),)
_HALVES = (Role("low", Part(Node(1, 0))), Role("high", Part(Node(1, 1))))
_FOUR = tuple(Role(f"quarter{k}", Part(Node(2, k))) for k in range(4))

BASE_SETS: Mapping[str, Sequence[Role]] = {
    "A": _ALONE,
    "B": _ALONE,
    "C": (Role("rest", Part(excluded=(HIGH,))), Role("high", Part(HIGH))),
    "D": (
        Role("low", Part(LOW)),
        Role("middle", Part(excluded=(HIGH, LOW))),
        Role("high", Part(HIGH)),
    ),
    "four": _FOUR,
}
"""The base's experts in each configuration, least noise first (paper Table 1; Sec. 5.1)."""

SR256_SETS: Mapping[str, Sequence[Role]] = {"A": _ALONE, "B": _HALVES, "C": _HALVES, "D": _HALVES}
"""SR256's experts: one tree level, split at the median of p(sigma), 0.301."""
