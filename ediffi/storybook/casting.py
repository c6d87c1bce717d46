"""Who appears in a scene, drawn by lot: kinds, colours, clothes, words, place, sky and style.

Knows how often things happen in the storybook and which combinations are held out; where things
stand is `layout`'s business.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ediffi.storybook import vocabulary
from ediffi.storybook.layout import Role, is_camouflaged
from ediffi.storybook.vocabulary import COLOURS, KINDS, PLACES, SKIES, STYLES, THINGS, WORDS

DRESSED = 0.3


@dataclass(frozen=True)
class Curriculum:
    """A narrower world to learn first; the defaults are the whole world.

    `max_things` counts everything on the page, `min_things` too, where the world has kinds enough;
    `min_size` is a fraction of the page; `dressed` is how often one of the animals wears something.
    With `tells_sides` its captions say left and right wherever they can.
    """

    kinds: tuple[str, ...] = THINGS
    colours: tuple[str, ...] = COLOURS
    styles: tuple[str, ...] = STYLES
    max_things: int = 4
    min_size: float = vocabulary.MIN_SIZE
    dressed: float = DRESSED
    min_things: int = 1
    tells_sides: bool = False


WHOLE_WORLD = Curriculum()


@dataclass(frozen=True)
class Cast:
    """Everything about a scene but where things stand."""

    roles: tuple[Role, ...]
    place: str
    sky: str
    style: str


class Coloured(Protocol):
    """Anything with the kind and colour of a role or a thing."""

    @property
    def kind(self) -> str:
        """The kind's name."""
        ...

    @property
    def colour(self) -> str:
        """The colour's name."""
        ...


@dataclass(frozen=True)
class Dress:
    """A piece that a role wears."""

    kind: str
    colour: str


_SKY_WEIGHTS = dict(zip(SKIES, (0.28, 0.16, 0.2, 0.12, 0.12, 0.12), strict=True))
# the warm places see little snow
_RARE = {("desert", "snowing"): 0.2, ("desert", "storm"): 0.6, ("snow", "snowing"): 1.5}
_FLAT = 0.44
_ASTRAY = 0.1


def draw(rng: random.Random, world: Curriculum, held_out: bool) -> Cast:
    """One cast; with `held_out` it has exactly the combinations that are otherwise never drawn."""
    while True:
        roles = _forced(rng, world) if held_out else _roles(rng, world)
        place = _place(rng, roles)
        if len(roles) > 2 and any(is_camouflaged(role.colour, place) for role in roles):
            continue
        if held_out or not has_held_out(roles):
            sky = _sky(rng, place)
            return Cast(roles, place, sky, _style(rng, world))


def has_held_out(roles: Sequence[Coloured]) -> bool:
    """Whether a held-out colour or pair occurs among roles or things."""
    if any(vocabulary.is_held_out(role.colour, role.kind) for role in roles):
        return True
    kinds = sorted({role.kind for role in roles})
    return any(
        vocabulary.is_pair_held_out(one, other)
        for k, one in enumerate(kinds)
        for other in kinds[k + 1 :]
    )


def _roles(rng: random.Random, world: Curriculum) -> tuple[Role, ...]:
    lot = rng.random()
    if lot < 0.13 and world.max_things > 1:
        return _several(rng, world)
    crowd = 1 if lot < 0.48 else 2 if lot < 0.88 else 3
    kinds = _kinds(rng, world, min(max(crowd, world.min_things), world.max_things))
    return _dress(rng, world, [_role(rng, world, kind) for kind in kinds])


def _kinds(rng: random.Random, world: Curriculum, crowd: int) -> list[str]:
    if crowd == 2 and rng.random() < 0.05:
        plain = [kind for kind in world.kinds if kind != "sign"] or list(world.kinds)
        return [rng.choice(plain)] * 2
    return rng.sample(world.kinds, min(crowd, len(world.kinds)))


def _several(rng: random.Random, world: Curriculum) -> tuple[Role, ...]:
    """Two to four of one kind and colour, now and then beside one other thing."""
    count = min(rng.choices((2, 3, 4), (0.42, 0.36, 0.22))[0], world.max_things)
    many = [kind for kind in world.kinds if kind != "sign"] or list(world.kinds)
    roles = [_role(rng, world, rng.choice(many))] * count
    others = [kind for kind in world.kinds if kind not in (roles[0].kind, "sign")]
    if count < min(world.max_things, 4) and others and rng.random() < 0.35:
        roles.append(_role(rng, world, rng.choice(others)))
    return tuple(roles)


def _role(rng: random.Random, world: Curriculum, kind: str, colour: str = "") -> Role:
    word = rng.choice(WORDS) if kind == "sign" else None
    return Role(kind, colour or rng.choice(world.colours), (), word)


def _dress(rng: random.Random, world: Curriculum, roles: list[Role]) -> tuple[Role, ...]:
    """Sometimes an animal, rarely something else, gets one piece to wear or two."""
    animals = [i for i, role in enumerate(roles) if role.kind in vocabulary.ANIMALS]
    others = [i for i, role in enumerate(roles) if KINDS[role.kind].category != "sign"]
    if animals and rng.random() < world.dressed:
        chosen = [rng.choice(animals)]
        if len(animals) > 1 and rng.random() < 0.2:
            chosen = animals[:2]
    elif others and rng.random() < 0.03:
        chosen = [rng.choice(others)]
    else:
        return tuple(roles)
    for i in chosen:
        fitting = vocabulary.wearables(roles[i].kind)
        count = 2 if len(fitting) > 1 and rng.random() < 0.1 else 1
        pieces = tuple(
            Dress(kind, rng.choice(world.colours))
            for kind in sorted(rng.sample(fitting, count), key=fitting.index)
        )
        roles[i] = Role(roles[i].kind, roles[i].colour, pieces, roles[i].word)
    return tuple(roles)


def _forced(rng: random.Random, world: Curriculum) -> tuple[Role, ...]:
    """One or two things with one held-out combination."""
    colours = [
        (colour, kind)
        for colour, kind in vocabulary.HELD_OUT_COLOURS
        if colour in world.colours and kind in world.kinds
    ]
    pairs = [pair for pair in vocabulary.HELD_OUT_PAIRS if set(pair) <= set(world.kinds)]
    pairs = pairs if world.max_things > 1 else []
    if not colours and not pairs:
        raise ValueError("This curriculum has no held-out combination to draw.")
    if not pairs or (colours and rng.random() < 0.5):
        colour, kind = rng.choice(colours)
        roles = [_role(rng, world, kind, colour)]
        if world.max_things > 1 and rng.random() < 0.5:
            others = [other for other in world.kinds if other != kind]
            roles += [_role(rng, world, other) for other in rng.sample(others, 1 if others else 0)]
    else:
        roles = [_role(rng, world, kind) for kind in rng.choice(pairs)]
    rng.shuffle(roles)
    return tuple(roles)


def _place(rng: random.Random, roles: Sequence[Role]) -> str:
    if rng.random() < _ASTRAY:
        return rng.choice(PLACES)
    homes = [KINDS[role.kind].homes for role in roles]
    shared = [place for place in PLACES if all(place in home for home in homes)]
    if not shared:
        shared = [place for place in PLACES if any(place in home for home in homes)]
    return rng.choices(shared, [_PLACE_WEIGHTS[place] for place in shared])[0]


# places that are home to few kinds are drawn more often, so that all seven are about as frequent
_PLACE_WEIGHTS: dict[str, float] = dict(
    zip(PLACES, (0.8, 0.9, 1.2, 1.3, 1.0, 0.8, 1.3), strict=True)
)


def _sky(rng: random.Random, place: str) -> str:
    weights = [_SKY_WEIGHTS[sky] * _RARE.get((place, sky), 1.0) for sky in SKIES]
    return rng.choices(SKIES, weights)[0]


def _style(rng: random.Random, world: Curriculum) -> str:
    if "flat" in world.styles and (len(world.styles) == 1 or rng.random() < _FLAT):
        return "flat"
    return rng.choice([style for style in world.styles if style != "flat"])
