"""Where things stand: spots on the page for a cast of roles.

The rules are those of a picture book: subjects on the thirds, nearer is lower, no outlines that
touch, at least 85 % of everything visible. Spots are proposed at random and kept when they obey;
the boxes come from `extents`, and nothing here knows how a thing looks.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ediffi.storybook.extents import Box, extent, holds
from ediffi.storybook.vocabulary import (
    FLOATING,
    KINDS,
    MIN_SIGN,
    MIN_SIZE,
    MIN_WEARER,
    SWIMMING,
    WET,
)

# below this height of its box a thing may be covered: animals keep their faces, a sign its letters
_HEAD = {"animal": 0.5, "sign": 0.7}
_OWN_GROUND = {("white", "snow"), ("green", "meadow"), ("green", "forest"), ("blue", "sea")}
# a tree trunk frames one side of the forest, a lamp post one side of the town
_MARGINS = {"forest": 0.05, "town": 0.03}
_TRIES = 120


@dataclass(frozen=True)
class Role:
    """A thing that has no place on the page yet; `wears` are records with a kind and a colour."""

    kind: str
    colour: str
    wears: tuple = ()
    word: str | None = None


@dataclass(frozen=True)
class Spot:
    """A place on the page in the units of `scene.Thing`."""

    x: float
    y: float
    size: float
    flip: bool
    turn: float


def smallest(role: Role, place: str, crowd: int, floor: float = MIN_SIZE) -> float:
    """The least size at which this role is readable at 64 pixels among `crowd` things."""
    size = max(floor, MIN_SIZE)
    if role.wears:
        size = max(size, MIN_WEARER)
    if role.kind == "sign":
        size = max(size, MIN_SIGN)
    if is_camouflaged(role.colour, place):
        size = max(size, 0.4 if crowd <= 2 else 0.3)
    return size


def is_camouflaged(colour: str, place: str) -> bool:
    """Whether this colour is that of the ground, so that things of it have to be large."""
    return (colour, place) in _OWN_GROUND


def arrange(
    rng: random.Random,
    roles: Sequence[Role],
    place: str,
    relation: tuple[str, int, int] | None = None,
    floor: float = MIN_SIZE,
) -> tuple[Spot, ...] | None:
    """A spot for each role by the rules of the page, or None where none was found in time.

    `relation` (name, i, j) holds between roles i and j of the result.
    """
    pattern = relation or _pattern(rng, roles, place)
    for attempt in range(_TRIES):
        spots = _propose(rng, roles, place, pattern, 0.985**attempt, floor)
        if _is_clear(roles, spots, _MARGINS.get(place, 0.005)) and (
            relation is None or _obeys(roles, spots, relation)
        ):
            return spots
    return None


@dataclass(frozen=True)
class _Stood:
    kind: str
    x: float
    y: float
    size: float
    flip: bool
    wears: tuple


def _stand(role: Role, spot: Spot) -> _Stood:
    return _Stood(role.kind, spot.x, spot.y, spot.size, spot.flip, role.wears)


def _obeys(roles: Sequence[Role], spots: Sequence[Spot], relation: tuple[str, int, int]) -> bool:
    name, i, j = relation
    return holds(name, _stand(roles[i], spots[i]), _stand(roles[j], spots[j]))


def _is_clear(roles: Sequence[Role], spots: Sequence[Spot], margin: float) -> bool:
    """Everything on the page, faces and letters free, and either a clear gap or a clear overlap."""
    boxes = [
        extent(role.kind, role.wears, spot.x, spot.y, spot.size, spot.flip)
        for role, spot in zip(roles, spots, strict=True)
    ]
    for b in boxes:
        if b.left < margin or b.top < 0.01 or b.right > 1 - margin or b.bottom > 0.99:
            return False
    for i in range(1, len(boxes)):
        for j in range(i):
            near, far = (i, j) if spots[i].y > spots[j].y else (j, i)
            if not _are_apart(roles[near], roles[far], boxes[near], boxes[far]):
                return False
    return True


def _are_apart(near: Role, far: Role, a: Box, b: Box) -> bool:
    wide = min(a.right, b.right) - max(a.left, b.left)
    high = min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or high <= 0:
        return min(wide, high) <= -0.012
    if near.kind in FLOATING or far.kind in FLOATING:
        return False
    head = b.top + _HEAD.get(KINDS[far.kind].category, 0.3) * (b.bottom - b.top)
    return a.top >= head and min(wide, high) >= 0.03 and wide * high <= 0.12 * b.area


def _pattern(rng: random.Random, roles: Sequence[Role], place: str) -> tuple[str, int, int] | None:
    """A relation to aim at for two things, so that pages are composed in several ways."""
    if len(roles) != 2 or roles[0] == roles[1]:
        return None
    aloft = [i for i in (0, 1) if roles[i].kind in FLOATING]
    i = rng.randrange(2)
    if len(aloft) == 1:
        return ("above", aloft[0], 1 - aloft[0]) if rng.random() < 0.45 else None
    if len(aloft) == 2:
        return ("above", i, 1 - i) if rng.random() < 0.25 else None
    name = rng.choice(("in front of", "next to", "left of"))
    if name == "in front of" and place in WET:
        i = int(roles[0].kind in SWIMMING)
    return name, i, 1 - i


def _propose(
    rng: random.Random,
    roles: Sequence[Role],
    place: str,
    pattern: tuple[str, int, int] | None,
    shrink: float,
    floor: float,
) -> tuple[Spot, ...]:
    crowd = len(roles)
    sizes = [_size(rng, role, place, crowd, shrink, floor) for role in roles]
    xs = _across(rng, roles)
    depths = rng.choice((("back", "front"), ("front", "back"), ("any", "any")))
    ys = [
        _down(rng, role, place, size, depths[k % 2] if crowd > 1 else "lone")
        for k, (role, size) in enumerate(zip(roles, sizes, strict=True))
    ]
    if pattern is not None:
        _aim(rng, roles, place, pattern, sizes, xs, ys)
    return tuple(
        Spot(round(x, 4), round(y, 4), round(size, 4), _faces_right(rng, role), _turn(rng, role))
        for role, x, y, size in zip(roles, xs, ys, sizes, strict=True)
    )


def _aim(
    rng: random.Random,
    roles: Sequence[Role],
    place: str,
    pattern: tuple[str, int, int],
    sizes: list[float],
    xs: list[float],
    ys: list[float],
) -> None:
    """Moves roles i and j, in place, to where the relation is likely to hold."""
    name, i, j = pattern
    if name in ("right of", "below", "behind"):
        i, j = j, i
    if name in ("left of", "right of") and xs[i] > xs[j]:
        xs[i], xs[j] = xs[j], xs[i]
    elif name in ("above", "below"):
        xs[i] = min(0.82, max(0.18, xs[j] + rng.uniform(-0.16, 0.16)))
        ys[i] = _down(rng, roles[i], place, sizes[i], "high")
        ys[j] = _down(rng, roles[j], place, sizes[j], "low")
    elif name in ("in front of", "behind"):
        ys[i] = _down(rng, roles[i], place, sizes[i], "front")
        ys[j] = _down(rng, roles[j], place, sizes[j], "back")
        sizes[j] = max(sizes[j], min(KINDS[roles[j].kind].high, sizes[i] + 0.04))
        side = 1 if xs[j] < 0.5 else -1
        covered = rng.uniform(0.16, 0.32) * min(sizes[i], sizes[j])
        xs[i] = xs[j] + side * (0.46 * (sizes[i] + sizes[j]) - covered)
    elif name == "next to":
        ys[i] = ys[j] + rng.uniform(-0.05, 0.05) if _same_footing(roles[i], roles[j]) else ys[i]
        side = 1 if xs[j] < 0.5 else -1
        xs[i] = xs[j] + side * rng.uniform(0.9, 1.15) * (sizes[i] + sizes[j]) / 2


def _same_footing(one: Role, other: Role) -> bool:
    return all((one.kind in group) == (other.kind in group) for group in (FLOATING, SWIMMING))


def _size(
    rng: random.Random, role: Role, place: str, crowd: int, shrink: float, floor: float
) -> float:
    kind = KINDS[role.kind]
    low, high = kind.low, kind.high
    if crowd == 1:
        low, high = (low, high) if rng.random() < 0.2 else ((low + high) / 2, high * 1.08)
    scale = (1.0, 0.97, 0.8, 0.68)[min(crowd, 4) - 1]
    return max(smallest(role, place, crowd, floor), rng.uniform(low, high) * scale * shrink)


def _across(rng: random.Random, roles: Sequence[Role]) -> list[float]:
    """Middles from left to right: a lone thing beside the centre, several in a shuffled row."""
    if len(roles) == 1:
        x = rng.uniform(0.33, 0.46) if rng.random() < 0.8 else rng.uniform(0.24, 0.5)
        return [x if rng.random() < 0.5 else 1 - x]
    xs = [0.0] * len(roles)
    for aloft in (False, True):
        group = [i for i, role in enumerate(roles) if (role.kind in FLOATING) == aloft]
        rng.shuffle(group)
        for slot, i in enumerate(group):
            xs[i] = _slot(rng, slot, len(group))
    if len(roles) == 2 and (roles[0].kind in FLOATING) != (roles[1].kind in FLOATING):
        xs[0] = rng.uniform(0.2, 0.4) if rng.random() < 0.5 else rng.uniform(0.6, 0.8)
        xs[1] = 1 - xs[0] + rng.uniform(-0.08, 0.08)
    return xs


def _slot(rng: random.Random, slot: int, slots: int) -> float:
    if slots == 1:
        return rng.uniform(0.25, 0.75)
    if slots == 2:
        return (0.29, 0.71)[slot] + rng.uniform(-0.1, 0.1)
    return (slot + 0.5) / slots + rng.uniform(-0.07, 0.07)


_FEET = {
    "land": {"back": (0.72, 0.82), "front": (0.88, 0.95), "any": (0.76, 0.95)},
    "shore": {"back": (0.9, 0.92), "front": (0.94, 0.965), "any": (0.9, 0.965)},
    "water": {"back": (0.66, 0.75), "front": (0.78, 0.86), "any": (0.68, 0.86)},
    "leap": {"high": (0.46, 0.52), "any": (0.47, 0.62)},
    "air": {"high": (0.17, 0.28), "low": (0.5, 0.66), "lone": (0.3, 0.46), "any": (0.2, 0.37)},
}


def _down(rng: random.Random, role: Role, place: str, size: float, depth: str) -> float:
    """How far down the page this role stands, or floats, at this depth."""
    wet = place in WET
    if role.kind == "fish" and wet:
        stage = "leap"
    elif role.kind in FLOATING:
        stage = "air"
    elif not wet:
        stage = "land"
    else:
        stage = "water" if role.kind in SWIMMING else "shore"
    bands = _FEET[stage]
    low, high = bands.get(depth) or bands.get("front" if depth == "low" else "any") or bands["any"]
    y = rng.uniform(low, high)
    return max(y, 0.52 * size + 0.01) if stage == "air" else y


def _faces_right(rng: random.Random, role: Role) -> bool:
    return rng.random() < 0.5 and role.kind != "sign"


def _turn(rng: random.Random, role: Role) -> float:
    reach = {"balloon": 4.0, "kite": 14.0, "rocket": 20.0, "fish": 18.0}.get(role.kind, 2.0)
    return round(rng.uniform(-reach, reach), 1)
