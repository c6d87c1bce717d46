"""Noun phrases, verbs, places, skies and styles of a scene, chosen by lot from `phrases`.

Everything returned is true of the scene; what is put together, in which order, is for `captions`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ediffi.storybook import phrases
from ediffi.storybook.extents import RELATIONS, holds
from ediffi.storybook.scene import Scene, Wear
from ediffi.storybook.vocabulary import FLOATING, KINDS, SWIMMING, WET

_VERBS_OF = {
    kind: [verb for verb, kinds in phrases.VERBS.items() if kind in kinds.split()] for kind in KINDS
}
_TALL_KINDS = {"lighthouse", "pine", "oak", "palm", "castle", "windmill", "cactus"}
_SIDE_FACED = {"car", "dog", "duck", "fish", "fox", "rabbit", "train", "whale"}


@dataclass(frozen=True)
class Group:
    """Things that a sentence speaks of as one: equal in kind, colour, clothes and word."""

    members: tuple[int, ...]
    kind: str
    colour: str
    wears: tuple[Wear, ...]
    word: str | None


def groups_of(scene: Scene) -> list[Group]:
    """The scene's things, equal ones together, in the order of their first."""
    found: dict[tuple, list[int]] = {}
    for k, thing in enumerate(scene.things):
        found.setdefault((thing.kind, thing.colour, thing.wears, thing.word), []).append(k)
    return [Group(tuple(members), *key) for key, members in found.items()]


def with_article(rng: random.Random, words: str, definite: float = 0.06) -> str:
    """`words` with a, an or, with this chance, the."""
    lot = rng.random()
    if lot < definite:
        return f"the {words}"
    if lot > 0.985:
        return f"one {words}"
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def spelled(rng: random.Random, colour: str) -> str:
    """The colour's name; grey is now and then gray."""
    spellings = phrases.COLOUR_SPELLINGS.get(colour)
    return colour if spellings is None else spellings[rng.random() < 0.2]


def noun(rng: random.Random, group: Group) -> str:
    """The group's noun in its number; the plain one, or at times another."""
    nouns = KINDS[group.kind].nouns
    chosen = nouns[0] if rng.random() < 0.75 else rng.choice(nouns)
    return chosen[len(group.members) > 1]


def size_word(rng: random.Random, scene: Scene, group: Group) -> str | None:
    """Big or small where that is plain to see, else None."""
    sizes = [scene.things[k].size for k in group.members]
    if min(sizes) >= 0.48:
        return rng.choice(phrases.TALL if group.kind in _TALL_KINDS else phrases.BIG)
    if max(sizes) <= 0.3:
        return rng.choice(phrases.SMALL)
    return None


def described(
    rng: random.Random, group: Group, colour: bool, size: str | None = None, bare: bool = False
) -> str:
    """A noun phrase: number or article, size, colour, noun, clothes and written word."""
    words = noun(rng, group)
    if colour:
        words = f"{spelled(rng, group.colour)} {words}"
    if size:
        words = f"{size} {words}"
    count = len(group.members)
    if count == 2 and not bare and rng.random() < 0.1:
        words = phrases.PAIR.format(things=words)
    elif count > 1:
        words = f"{phrases.COUNTS[count]} {words}"
    elif not bare:
        words = with_article(rng, words)
    if group.wears:
        words = f"{words} {worn(rng, group.wears)}"
    if group.word:
        words = f"{words} {rng.choice(phrases.SIGNS).format(word=quoted(rng, group.word))}"
    return words


def quoted(rng: random.Random, word: str) -> str:
    """The word on a sign, now and then between quotation marks."""
    return f'"{word}"' if rng.random() < 0.25 else word


def reference(groups: Sequence[Group], group: Group) -> str:
    """The plain noun, with the colour where another of the groups has the same one."""
    plain = KINDS[group.kind].nouns[0][len(group.members) > 1]
    twice = sum(other.kind == group.kind for other in groups) > 1
    return f"{group.colour} {plain}" if twice else plain


def worn(rng: random.Random, wears: Sequence[Wear]) -> str:
    """The clothes, each with its colour: `in a blue hat`, `with a hat and under an umbrella`."""
    said = []
    for wear in wears:
        piece = with_article(rng, f"{spelled(rng, wear.colour)} {wear.kind}", definite=0.0)
        said.append(rng.choice(phrases.WORN[wear.kind]).format(piece=piece))
    return " and ".join(said)


def verb(rng: random.Random, scene: Scene, group: Group) -> tuple[str, str]:
    """What the group does, as (`sits` or `sit`, `sitting`)."""
    choices = _VERBS_OF[group.kind] or [phrases.STAND]
    if group.kind in SWIMMING and scene.place in WET:
        choices = [*phrases.AFLOAT_VERBS[group.kind == "boat" :], *_VERBS_OF[group.kind]]
    elif group.kind in SWIMMING:
        choices = [phrases.REST, phrases.STAND]
    one, many, doing = rng.choice(choices).split("/")
    return many if len(group.members) > 1 else one, doing


def is_are(group: Group) -> str:
    """The verb to be in the group's number."""
    return "are" if len(group.members) > 1 else "is"


def side(scene: Scene, group: Group) -> str | None:
    """left, middle or right where the whole group plainly is there, else None."""
    xs = [scene.things[k].x for k in group.members]
    for name, low, high in (("left", 0.0, 0.4), ("middle", 0.43, 0.57), ("right", 0.6, 1.0)):
        if low <= min(xs) and max(xs) <= high:
            return name
    return None


def facing(scene: Scene, group: Group) -> str | None:
    """left or right for kinds drawn from the side, else None."""
    flips = {scene.things[k].flip for k in group.members}
    if group.kind not in _SIDE_FACED or len(flips) > 1:
        return None
    return "right" if flips.pop() else "left"


def is_high(scene: Scene, group: Group) -> bool:
    """Whether all of the group floats in the upper half of the page."""
    return group.kind in FLOATING and all(scene.things[k].y < 0.45 for k in group.members)


def relations(scene: Scene, one: Group, other: Group) -> list[str]:
    """The relations that hold between every member of `one` and every member of `other`."""
    things = scene.things
    return [
        name
        for name in RELATIONS
        if all(holds(name, things[i], things[j]) for i in one.members for j in other.members)
    ]


def where(rng: random.Random, scene: Scene, groups: Sequence[Group]) -> str:
    """The place, after things: `in the meadow`, `on the waves` if all of them swim."""
    if scene.place in WET and all(group.kind in SWIMMING for group in groups):
        if rng.random() < 0.6:
            return rng.choice(phrases.AFLOAT[scene.place])
    if any(group.kind in FLOATING for group in groups):
        return phrases.PLACES[scene.place][rng.randrange(2)]
    return common(rng, phrases.PLACES[scene.place])


def common(rng: random.Random, wordings: Sequence[str]) -> str:
    """One of these, the first about twice as often as each other."""
    return wordings[max(0, rng.randrange(-1, len(wordings)))]


def where_and_when(rng: random.Random, scene: Scene, groups: Sequence[Group]) -> str:
    """Place and sky in one phrase: `in the rainy town`, `at night by the lake`."""
    if scene.sky in phrases.SKY_ADJECTIVES and rng.random() < 0.2:
        preposition, place = phrases.PLACE_NOUNS[scene.place]
        return f"{preposition} the {rng.choice(phrases.SKY_ADJECTIVES[scene.sky])} {place}"
    parts = [where(rng, scene, groups), common(rng, phrases.SKIES[scene.sky])]
    if rng.random() < 0.2:
        parts.reverse()
    return " ".join(parts)


def sentence(words: str) -> str:
    """With a capital at the beginning."""
    return words[0].upper() + words[1:]
