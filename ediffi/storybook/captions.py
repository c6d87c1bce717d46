"""What can be said of a scene: short captions of about ten words, long ones of about sixty.

A caption never says what is not so and never names what is not there; it says what it said, so that
a measurement can ask for just that. Knows no pixels.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ediffi import config
from ediffi.storybook import phrases, sentences
from ediffi.storybook import wording as say
from ediffi.storybook.scene import Scene
from ediffi.storybook.wording import Group

LENGTHS = ("short", "long")
SIDEWAYS = ("left of", "right of")
"""The relations that a caption says first when it is asked to."""
LONGEST = 74
"""Words and marks of the longest caption: a context of 77 holds them and both ends."""


@dataclass(frozen=True)
class Caption:
    """A text and what it says.

    `things` are indices into the scene's things in the order of their mention, `colours` those
    whose colour is said, `wears` those whose clothes are said; `relation` is (name, i, j): thing i
    is `name` thing j. The flags tell whether style, place and sky are named.
    """

    text: str
    names_style: bool
    things: tuple[int, ...] = ()
    colours: tuple[int, ...] = ()
    relation: tuple[str, int, int] | None = None
    wears: tuple[int, ...] = ()
    names_place: bool = False
    names_sky: bool = False

    def to_json(self) -> dict:
        """The caption as plain dicts and lists."""
        return config.as_json(self)

    @classmethod
    def from_json(cls, data: dict) -> Caption:
        """Reads `to_json` back; raises ValueError for an unknown key."""
        unknown = sorted(set(data) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"A caption has no field {unknown[0]!r}.")
        lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
        return cls(**{**data, **lists})


def write_caption(
    scene: Scene,
    seed: int,
    length: str = "short",
    name_style: bool | None = None,
    sides_first: bool = False,
) -> Caption:
    """One wording of the scene, decided by scene and seed.

    `name_style` None names the style half of the time. With `sides_first` a short caption that is
    more than a list of names says which thing is left or right of which, where that is so. Raises
    ValueError for an unknown length.
    """
    if length not in LENGTHS:
        raise ValueError(f"The length {length!r} is not one of {', '.join(LENGTHS)}.")
    rng = random.Random(f"caption/{scene.seed}/{seed}/{length}")
    styled = rng.random() < 0.5 if name_style is None else name_style
    groups = say.groups_of(scene)
    rng.shuffle(groups)
    if length == "long":
        return _long(rng, scene, groups, styled)
    if len(groups) > 2 and rng.random() < 0.04:
        groups = groups[:2]
    if rng.random() < 0.05:
        return _bare(rng, scene, groups, styled)
    return _short(rng, scene, groups, styled, sides_first)


@dataclass(frozen=True)
class _Said:
    """What a caption says of the things, while it is being written."""

    groups: Sequence[Group]
    coloured: Sequence[Group]
    relation: tuple[str, int, int] | None = None

    def caption(self, text: str, styled: bool, place: bool, sky: bool) -> Caption:
        return Caption(
            text,
            styled,
            tuple(k for group in self.groups for k in group.members),
            tuple(k for group in self.coloured for k in group.members),
            self.relation,
            tuple(k for group in self.groups if group.wears for k in group.members),
            place,
            sky,
        )


def _coloured(rng: random.Random, groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if rng.random() < 0.92]


def _bare(rng: random.Random, scene: Scene, groups: list[Group], styled: bool) -> Caption:
    """A list of names without grammar: `red fox, blue house, night`."""
    said = _Said(groups, _coloured(rng, groups))
    parts = [say.described(rng, group, group in said.coloured, bare=True) for group in groups]
    place, sky = rng.random() < 0.5, rng.random() < 0.5
    if place:
        parts.append(phrases.PLACE_NOUNS[scene.place][1])
    if sky:
        parts.append(rng.choice(phrases.SKY_NOUNS[scene.sky]))
    if styled:
        parts.insert(rng.choice((0, len(parts))), phrases.STYLE_NOUNS[scene.style])
    return said.caption(", ".join(parts), styled, place, sky)


def _short(
    rng: random.Random, scene: Scene, groups: list[Group], styled: bool, sides_first: bool
) -> Caption:
    said, body, has_verb = _body(rng, scene, groups, sides_first)
    rank = min(len(groups), 3) - 1
    place = rng.random() < (0.56, 0.36, 0.12)[rank]
    sky = rng.random() < (0.34, 0.22, 0.08)[rank]
    if len(groups) == 1 and not (place or sky):
        place = True
    if place and sky:
        tail = say.where_and_when(rng, scene, groups)
    elif place:
        tail = say.where(rng, scene, groups)
    else:
        tail = say.common(rng, phrases.SKIES[scene.sky]) if sky else ""
    if place and not has_verb and len(groups) == 1 and rng.random() < 0.3:
        finite, participle = say.verb(rng, scene, groups[0])
        has_verb = not styled and rng.random() < 0.6
        body = f"{body} {finite if has_verb else participle}"
    if tail and rng.random() < 0.14 and not styled:
        text = f"{tail}, {body}"
    else:
        text = f"{body} {tail}".strip()
        if not has_verb and not styled and rng.random() < 0.1:
            text = f"there {say.is_are(groups[0])} {text}"
        elif not has_verb and not styled and rng.random() < 0.1:
            text = f"{rng.choice(phrases.UNNAMED)} {text}"
    if styled:
        text = _in_style(rng, scene, text, has_verb)
    return said.caption(_finished(rng, text), styled, place, sky)


def _body(
    rng: random.Random, scene: Scene, groups: list[Group], sides_first: bool
) -> tuple[_Said, str, bool]:
    """The things and how they stand to one another; whether there is a verb already."""
    coloured = _coloured(rng, groups)
    named = []
    for group in groups:
        size = say.size_word(rng, scene, group) if rng.random() < 0.15 else None
        named.append(say.described(rng, group, group in coloured, size))
    if rng.random() < 0.06 and (side := say.side(scene, groups[0])):
        named[0] = f"{named[0]} {phrases.SIDES[side][0]}"
    known = say.relations(scene, groups[0], groups[1]) if len(groups) > 1 else []
    sides = [name for name in known if name in SIDEWAYS] if sides_first else []
    if not known or (not sides and rng.random() > 0.72):
        return _Said(groups, coloured), _joined(rng, named), False
    name = rng.choice(sides or known)
    relation = (name, groups[0].members[0], groups[1].members[0])
    words, has_verb = rng.choice(phrases.RELATIONS[name]), False
    if rng.random() < 0.25:
        finite, participle = say.verb(rng, scene, groups[0])
        has_verb = len(groups) == 2 and rng.random() < 0.5
        words = f"{finite if has_verb else participle} {words}"
    text = f"{named[0]} {words} {named[1]}"
    if len(named) > 2:
        text = f"{text}, and {' and '.join(named[2:])}"
    return _Said(groups, coloured, relation), text, has_verb


def _joined(rng: random.Random, named: list[str]) -> str:
    if len(named) < 2:
        return named[0]
    if len(named) == 2:
        return f"{named[0]} {rng.choice(phrases.AND_JOINS)} {named[1]}"
    return f"{', '.join(named[:-1])} and {named[-1]}"


def _in_style(rng: random.Random, scene: Scene, text: str, has_verb: bool) -> str:
    lot = rng.random()
    if lot < 0.48 and not has_verb:
        return f"{say.common(rng, phrases.STYLES_BEFORE[scene.style])} {text}"
    if lot < 0.92 or has_verb:
        return f"{text}, {say.common(rng, phrases.STYLES_AFTER[scene.style])}"
    return f"{phrases.STYLE_NOUNS[scene.style]}: {text}"


def _finished(rng: random.Random, text: str) -> str:
    lot = rng.random()
    if lot < 0.62:
        return f"{say.sentence(text)}."
    return say.sentence(text) if lot < 0.78 else text


def _long(rng: random.Random, scene: Scene, groups: list[Group], styled: bool) -> Caption:
    coloured = [group for group in groups if rng.random() < 0.97]
    opened = styled and rng.random() < 0.6
    first = [_opening(rng, scene, opened)]
    first += [_statement(rng, scene, group, group in coloured) for group in groups]
    last = [
        rng.choice(sentences.STYLE_SENTENCES).format(
            style=rng.choice(sentences.STYLED[scene.style])
        )
    ]
    last = last if styled and not opened else []
    relation, told = _relation_sentence(rng, scene, groups)
    first += [told] if told else []
    rest = _details(rng, scene, groups)
    size = sum(_length(text) for text in first + last)
    words, goal = sum(_words(text) for text in first + last), rng.uniform(53, 62)
    kept = []
    for text in rest:
        if words >= goal:
            break
        if size + _length(text) <= LONGEST:
            kept.append(text)
            size, words = size + _length(text), words + _words(text)
    said = _Said(groups, coloured, relation)
    return said.caption(" ".join(first + kept + last), styled, True, True)


def _length(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def _words(text: str) -> int:
    return text.count(" ") + 1


def _opening(rng: random.Random, scene: Scene, styled: bool) -> str:
    frames = [frame for frame in sentences.OPENINGS if ("{style}" in frame) == styled]
    return say.sentence(
        rng.choice(frames).format(
            style=say.common(rng, phrases.STYLES_BEFORE[scene.style]),
            land=rng.choice(phrases.LANDS[scene.place]),
            place=say.common(rng, phrases.PLACES[scene.place]),
            sky=say.common(rng, phrases.SKIES[scene.sky]),
        )
    )


def _statement(rng: random.Random, scene: Scene, group: Group, coloured: bool) -> str:
    size = say.size_word(rng, scene, group) if rng.random() < 0.7 else None
    side = say.side(scene, group)
    words = rng.choice(phrases.SIDES[side]) if side else ""
    if say.is_high(scene, group) and rng.random() < 0.4:
        words = f"{rng.choice(phrases.ALOFT)} {words}".strip()
    frames = sentences.STATEMENTS if words else sentences.PLAIN_STATEMENTS
    text = rng.choice(frames).format(
        side=words,
        verb=say.verb(rng, scene, group)[0],
        **{"is": say.is_are(group)},
        thing=say.described(rng, group, coloured, size),
    )
    return say.sentence(text)


def _relation_sentence(
    rng: random.Random, scene: Scene, groups: list[Group]
) -> tuple[tuple[str, int, int] | None, str]:
    pairs = [(one, other) for one in groups for other in groups if one is not other]
    rng.shuffle(pairs)
    for one, other in pairs:
        known = say.relations(scene, one, other)
        if known:
            name = rng.choice(known)
            text = rng.choice(sentences.RELATION_STATEMENTS).format(
                a=say.reference(groups, one),
                b=say.reference(groups, other),
                relation=rng.choice(phrases.RELATIONS[name]),
                verb=say.verb(rng, scene, one)[0],
                **{"is": say.is_are(one)},
            )
            return (name, one.members[0], other.members[0]), say.sentence(text)
    return None, ""


def _details(rng: random.Random, scene: Scene, groups: list[Group]) -> list[str]:
    """True sentences about facing, height, land, sky and mood, in mixed order."""
    details = [
        *sentences.PLACE_SENTENCES[scene.place],
        *sentences.SKY_SENTENCES[scene.sky],
        *rng.sample(sentences.MOODS, 2),
    ]
    for group in groups:
        name, number = say.reference(groups, group), say.is_are(group)
        looks = "look" if number == "are" else "looks"
        if way := say.facing(scene, group):
            frame = rng.choice(sentences.FACING)
            details.append(frame.format(a=name, looks=looks, way=way, **{"is": number}))
        if say.is_high(scene, group):
            details.append(rng.choice(sentences.HIGH).format(a=name, **{"is": number}))
        if size := say.size_word(rng, scene, group):
            frame = rng.choice(sentences.SIZED)
            details.append(frame.format(a=name, looks=looks, size=size, **{"is": number}))
    rng.shuffle(details)
    return details
