"""A storybook scene as a value: what stands where, in what colour, under which sky, by which hand.

One integer decides a scene. A scene knows neither how it looks (`drawing`) nor what is said about
it (`captions`). Changing how scenes are drawn by lot changes what every seed means.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ediffi import config
from ediffi.storybook import casting, vocabulary
from ediffi.storybook.layout import Role, Spot, arrange

SPLITS = ("train", "validation", "test", "held_out")


@dataclass(frozen=True)
class Wear:
    """A worn piece: `kind` is hat, scarf or umbrella; it has a colour of its own."""

    kind: str
    colour: str

    def __post_init__(self):
        _one_of("wearable", self.kind, vocabulary.WEARABLES)
        _one_of("colour", self.colour, vocabulary.COLOURS)


@dataclass(frozen=True)
class Thing:
    """One thing on the page; x, y and size are fractions of the page, x to the right and y down.

    (x, y) is the middle of the feet, or the centre of a kind that floats; `size` is the side of the
    drawing's square; things face left, or right when flipped; `turn` is in degrees, clockwise.
    Raises ValueError for an unknown name, a worn piece that does not fit, or a word on no sign.
    """

    kind: str
    colour: str
    x: float
    y: float
    size: float
    flip: bool = False
    turn: float = 0.0
    wears: tuple[Wear, ...] = ()
    word: str | None = None

    def __post_init__(self):
        _check_role(self.kind, self.colour, self.wears, self.word)
        if self.kind == "sign" and self.flip:
            raise ValueError("A sign cannot be flipped: a mirrored word is no word.")


@dataclass(frozen=True)
class Scene:
    """Things at a place, under a sky, in a style; `seed` varies the background and nothing else."""

    things: tuple[Thing, ...]
    place: str
    sky: str
    style: str
    seed: int

    def __post_init__(self):
        _one_of("place", self.place, vocabulary.PLACES)
        _one_of("sky", self.sky, vocabulary.SKIES)
        _one_of("style", self.style, vocabulary.STYLES)

    def svg(self) -> str:
        """The drawing as one SVG text, before any style."""
        from ediffi.storybook import drawing

        return drawing.svg(self)

    def to_json(self) -> dict:
        """The scene as plain dicts and lists."""
        return config.as_json(self)

    @classmethod
    def from_json(cls, data: dict) -> Scene:
        """Reads `to_json` back; raises ValueError for an unknown key or an unknown name."""
        return config.from_json(cls, data)


def sample_scene(
    seed: int, split: str = "train", curriculum: casting.Curriculum | None = None
) -> Scene:
    """The scene that this integer stands for in this split, the same on every machine.

    Splits never share a scene: the background's seed tells them apart. Held-out combinations occur
    in the split `held_out` only, where every scene has one. `curriculum` narrows the world.
    Raises ValueError for an unknown split, a negative seed, or a curriculum without a held-out
    combination where one is asked for.
    """
    _one_of("split", split, SPLITS)
    if seed < 0:
        raise ValueError(f"The scene seed {seed} is negative; the least is 0.")
    world = curriculum or casting.WHOLE_WORLD
    rng = random.Random(f"storybook/{split}/{seed}")
    while True:
        cast = casting.draw(rng, world, held_out=split == "held_out")
        background = rng.getrandbits(40) * len(SPLITS) + SPLITS.index(split)
        spots = arrange(rng, cast.roles, cast.place, floor=world.min_size)
        if spots is not None:
            things = _stand(cast.roles, spots)
            return Scene(things, cast.place, cast.sky, cast.style, background)


def compose(
    roles: Sequence[Role],
    place: str,
    sky: str = "day",
    style: str = "flat",
    seed: int = 0,
    relation: tuple[str, int, int] | None = None,
) -> Scene:
    """The requested cast on a well-laid page; `relation` (name, i, j) holds between roles i and j.

    `seed` decides positions, sizes, facing and the background. Raises ValueError for unknown names
    and for a cast or a relation that the page has no room for.

    >>> scene = compose([Role("kite", "red"), Role("fox", "blue")], "meadow",
    ...                 relation=("above", 0, 1))
    >>> scene.things[0].y < scene.things[1].y
    True
    """
    for role in roles:
        _check_role(role.kind, role.colour, role.wears, role.word)
    _one_of("place", place, vocabulary.PLACES)
    rng = random.Random(f"storybook/compose/{seed}")
    spots = arrange(rng, roles, place, relation) or arrange(rng, roles, place, relation)
    if spots is None:
        wanted = ", ".join(role.kind for role in roles)
        if relation is not None:
            name, one, other = relation
            wanted = f"{wanted} with {roles[one].kind} {name} {roles[other].kind}"
        raise ValueError(f"A page of the {place} has no room for {wanted}.")
    return Scene(_stand(roles, spots), place, sky, style, seed)


def _stand(roles: Sequence[Role], spots: Sequence[Spot]) -> tuple[Thing, ...]:
    return tuple(
        Thing(
            role.kind,
            role.colour,
            spot.x,
            spot.y,
            spot.size,
            spot.flip,
            spot.turn,
            tuple(Wear(wear.kind, wear.colour) for wear in role.wears),
            role.word,
        )
        for role, spot in zip(roles, spots, strict=True)
    )


def _check_role(kind: str, colour: str, wears: tuple, word: str | None) -> None:
    _one_of("kind", kind, vocabulary.THINGS)
    _one_of("colour", colour, vocabulary.COLOURS)
    for wear in wears:
        if wear.kind not in vocabulary.wearables(kind):
            raise ValueError(f"A {kind} cannot wear the {wear.kind!r}.")
    if word is not None and not (kind == "sign" and word in vocabulary.WORDS):
        raise ValueError(f"A {kind} cannot carry the word {word!r}.")


def _one_of(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"The {what} {name!r} is not one of {', '.join(known)}.")
