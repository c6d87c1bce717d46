"""How much of the page a thing covers, and which relations a sentence may state of two things.

Knows boxes, never pixels: a drawing's extents are numbers here, measured once from the drawings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ediffi.storybook.vocabulary import FLOATING

RELATIONS = ("left of", "right of", "above", "below", "in front of", "behind", "next to")
CONVERSE = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "in front of": "behind",
    "behind": "in front of",
    "next to": "next to",
}

# left, top, right, bottom of the drawing, and its hat's x, y and width, in hundredths of its square
_EXTENTS = {
    "balloon": (13, 3, 87, 98, 50, 5, 24),
    "bear": (8, 4, 98, 102, 46, 11, 38),
    "boat": (4, 2, 97, 98, 47, 3, 18),
    "cactus": (11, 1, 90, 102, 48, 10, 30),
    "car": (0, 19, 97, 100, 54, 30, 30),
    "castle": (3, 1, 98, 100, 24, 4, 22),
    "cat": (8, 9, 97, 101, 37, 29, 34),
    "dog": (3, 21, 100, 101, 36, 21, 34),
    "duck": (0, 13, 98, 100, 34, 12, 30),
    "fish": (0, 13, 100, 86, 34, 25, 28),
    "flower": (9, 4, 88, 102, 45, 12, 30),
    "fox": (3, 9, 100, 100, 40, 33, 34),
    "house": (3, -6, 98, 100, 33, 16, 34),
    "kite": (4, -3, 108, 101, 42, 2, 20),
    "lighthouse": (14, 4, 89, 100, 50, 15, 26),
    "mushroom": (4, 11, 98, 100, 45, 15, 34),
    "oak": (5, 6, 95, 100, 46, 8, 30),
    "owl": (7, 3, 95, 100, 47, 13, 38),
    "palm": (2, 1, 97, 100, 46, 20, 26),
    "penguin": (1, 5, 97, 101, 46, 8, 36),
    "pine": (11, 2, 92, 100, 52, 7, 26),
    "rabbit": (13, 1, 97, 101, 38, 31, 34),
    "rocket": (13, 1, 84, 100, 50, 3, 22),
    "sign": (2, 26, 99, 100, 50, 32, 24),
    "tent": (0, 5, 100, 101, 38, 14, 24),
    "train": (0, -3, 99, 100, 76, 20, 26),
    "whale": (2, 2, 101, 90, 26, 36, 34),
    "windmill": (8, -5, 97, 100, 53, 24, 30),
}
# the umbrella in its bearer's hand, likewise
_UMBRELLAS = {
    "bear": (32, -43, 118, 49),
    "cat": (-8, -27, 78, 64),
    "dog": (-12, -29, 71, 60),
    "duck": (1, -24, 80, 59),
    "fox": (-8, -27, 78, 64),
    "owl": (24, -24, 122, 83),
    "penguin": (-26, -27, 71, 73),
    "rabbit": (-8, -27, 82, 68),
}


class Worn(Protocol):
    """Anything with the kind of a `scene.Wear`."""

    @property
    def kind(self) -> str:
        """The kind, which names the extents."""
        ...


@dataclass(frozen=True)
class Box:
    """What a thing covers, its hat and umbrella included, in fractions of the page."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def area(self) -> float:
        """Width times height."""
        return (self.right - self.left) * (self.bottom - self.top)


class Placed(Protocol):
    """Anything with the geometry of a `scene.Thing`."""

    @property
    def kind(self) -> str:
        """The kind, which names the extents."""
        ...

    @property
    def x(self) -> float:
        """Across, 0 to 1."""
        ...

    @property
    def y(self) -> float:
        """Down, 0 to 1."""
        ...

    @property
    def size(self) -> float:
        """The side of the drawing's square."""
        ...

    @property
    def flip(self) -> bool:
        """Whether it is mirrored."""
        ...

    @property
    def wears(self) -> tuple:
        """What it wears."""
        ...


def box(thing: Placed) -> Box:
    """What a thing covers on the page, turned or not."""
    return extent(thing.kind, thing.wears, thing.x, thing.y, thing.size, thing.flip)


def extent(kind: str, wears: Sequence[Worn], x: float, y: float, size: float, flip: bool) -> Box:
    """What a thing of this kind covers when it stands at (x, y) and wears this."""
    left, top, right, bottom, hat_x, hat_y, hat = _EXTENTS[kind]
    for wear in wears:
        if wear.kind == "hat":
            left, right = min(left, hat_x - hat / 2), max(right, hat_x + hat / 2)
            top = min(top, hat_y - 0.8 * hat)
        elif wear.kind == "umbrella" and kind in _UMBRELLAS:
            extents = _UMBRELLAS[kind]
            left, top = min(left, extents[0]), min(top, extents[1])
            right, bottom = max(right, extents[2]), max(bottom, extents[3])
    if flip:
        left, right = 100 - right, 100 - left
    k, foot = size / 100, 50 if kind in FLOATING else 100
    return Box(
        x + (left - 50) * k, y + (top - foot) * k, x + (right - 50) * k, y + (bottom - foot) * k
    )


def holds(relation: str, a: Placed, b: Placed) -> bool:
    """Whether a sentence may say that `a` is `relation` `b`; clear cases only."""
    if relation in ("right of", "below", "behind"):
        return holds(CONVERSE[relation], b, a)
    one, two = box(a), box(b)
    wide = min(one.right, two.right) - max(one.left, two.left)
    if relation == "left of":
        return one.right <= two.left + 0.03 and b.x - a.x >= 0.15
    if relation == "above":
        return one.bottom <= two.top + 0.02 and abs(a.x - b.x) <= 0.2
    if relation == "in front of":
        narrow = min(one.right - one.left, two.right - two.left)
        grounded = a.kind not in FLOATING and b.kind not in FLOATING
        return grounded and a.y - b.y >= 0.05 and wide >= 0.15 * narrow
    if relation == "next to":
        same_air = (a.kind in FLOATING) == (b.kind in FLOATING)
        level = abs(one.bottom - two.bottom) <= 0.15
        return same_air and level and -0.2 <= wide <= 0.02
    raise ValueError(f"The relation {relation!r} is not one of {', '.join(RELATIONS)}.")
