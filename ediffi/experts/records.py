"""What an expert's file says of itself: its part, its two ranges, its parent, lineage and base.

Reads and writes plain JSON values. It knows no network and no file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ediffi.diffusion.noise import EVERYTHING, Interval
from ediffi.experts.tree import EVERY_LEVEL, Part, as_told


@dataclass(frozen=True)
class Descent:
    """Where an expert comes from and what it is for.

    `trained_on` is where its noise was drawn, `serves` where an ensemble asks it; `lineage` names
    the runs whose weights led to it, itself last; `base` identifies the first of them, and experts
    of different bases do not mix.
    """

    part: Part = EVERY_LEVEL
    trained_on: tuple[Interval, ...] = (EVERYTHING,)
    serves: Interval = EVERYTHING
    parent: str | None = None
    lineage: tuple[str, ...] = ()
    base: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; an open end is null."""
        return {
            "node": str(self.part),
            "trained_on": [_ends(interval) for interval in self.trained_on],
            "serves": _ends(self.serves),
            "parent": self.parent,
            "lineage": list(self.lineage),
            "base": self.base,
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Descent:
        """The descent in a training record, other keys left alone.

        Records without a node are those of networks for every noise level. Raises ValueError for a
        value of a wrong kind.
        """
        trained = record.get("trained_on", [[0.0, None]])
        lineage = record.get("lineage") or []
        if not isinstance(trained, list) or not trained or not isinstance(lineage, list):
            raise ValueError("trained_on must be a list of ranges, and lineage a list of names.")
        return cls(
            part=Part.parse(str(record.get("node", EVERY_LEVEL))),
            trained_on=tuple(_interval(ends) for ends in trained),
            serves=_interval(record.get("serves", [0.0, None])),
            parent=None if record.get("parent") is None else str(record["parent"]),
            lineage=tuple(map(str, lineage)),
            base=str(record.get("base", "")),
        )


def _ends(interval: Interval) -> list[float | None]:
    return [interval.low, None if math.isinf(interval.high) else interval.high]


def _interval(ends: object) -> Interval:
    pair = list(ends) if isinstance(ends, list) else []
    if len(pair) != 2 or any(
        isinstance(end, bool) or not isinstance(end, int | float | None) for end in pair
    ):
        raise ValueError(f"a range of noise levels is [low, high or null], not {ends!r}.")
    low, high = pair
    return Interval(as_told(low or 0.0), math.inf if high is None else as_told(high))
