"""Truth against reading: which of a caption's statements a picture shows, and how sure that is.

Only what a caption says is asked for; a thing, colour or style it leaves out is never missed. Knows
readings, not pixels, and not whether a picture was drawn or sampled.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from ediffi.storybook.captions import Caption
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.scene import Scene, Wear

SCORES = {
    "thing": "the kind that is mentioned first is there",
    "colour": "and one of it has the colour that is said",
    "two_things": "the first two kinds are both there",
    "two_colours": "and each has the colour that is said",
    "left_right": "left and right of one another as said",
    "left_right_if_both": "the same, where both are there",
    "above_below": "above and below one another as said",
    "count": "as many of a kind as said, where that is more than one",
    "clothes": "hat, scarf, umbrella in their colours on the kind that wears them",
    "word": "the sign carries the word",
    "place": "the place that is named",
    "sky": "the sky that is named",
    "style": "the style that is named",
}
"""What is scored, in the order of reports; every caption states each at most once."""

PRESUMING = ("left_right_if_both",)
"""Scores that are asked of some pictures only, and say again what another says."""

ROUNDS = 10  # shufflings behind each chance level
YES, NO, UNASKED = "1", "0", "-"
MIRRORED = {"left of": "x", "right of": "x", "above": "y", "below": "y"}


@dataclass(frozen=True)
class Wanted:
    """A thing that a caption asks for; None and () ask for nothing in particular."""

    kind: str
    colour: str | None = None
    wears: tuple[Wear, ...] = ()
    word: str | None = None

    def is_met_by(self, seen: Seen) -> bool:
        """Whether this thing is what was asked for."""
        return (
            seen.kind == self.kind
            and self.colour in (None, seen.colour)
            and set(self.wears) <= set(seen.wears)
            and self.word in (None, seen.word)
        )


@dataclass(frozen=True)
class Fact:
    """One statement of a caption, named as in `SCORES`, and what it takes to be shown."""

    score: str
    things: tuple[Wanted, ...] = ()
    relation: str | None = None
    count: int | None = None
    page: str | None = None


@dataclass(frozen=True)
class Score:
    """`right` of `n` pictures showed it: `share` in [0, 1] with its 95 % Wilson interval.

    `chance` is the share among the same pictures with the captions shuffled (None where it was met
    too seldom to tell), `inspector` that of true renders of the same captions.
    """

    name: str
    n: int
    right: int
    share: float
    low: float
    high: float
    chance: float | None
    inspector: float | None


@dataclass(frozen=True)
class Difference:
    """Of two shares of the same `n` pictures, in [-1, 1], with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int


def facts(scene: Scene, caption: Caption) -> tuple[Fact, ...]:
    """What the caption states of the scene, as far as it is scored."""
    things = [scene.things[i] for i in caption.things]
    said = [
        Wanted(thing.kind, thing.colour if i in caption.colours else None)
        for i, thing in zip(caption.things, things, strict=True)
    ]
    found = []
    first = list({wanted.kind: wanted for wanted in reversed(said)}.values())[::-1][:2]
    for number, names in ((1, ("thing", "colour")), (2, ("two_things", "two_colours"))):
        if len(first) >= number:
            found.append(Fact(names[0], tuple(Wanted(w.kind) for w in first[:number])))
            if all(wanted.colour for wanted in first[:number]):
                found.append(Fact(names[1], tuple(first[:number])))
    found += _relation_facts(scene, caption)
    kinds = [thing.kind for thing in things]
    several = next((kind for kind in kinds if kinds.count(kind) > 1), None)
    if several:
        found.append(Fact("count", (Wanted(several),), count=kinds.count(several)))
    dressed = [scene.things[i] for i in caption.wears]
    if dressed:
        found.append(Fact("clothes", (Wanted(dressed[0].kind, wears=dressed[0].wears),)))
    words = [thing.word for thing in things if thing.word is not None]
    if words:
        found.append(Fact("word", (Wanted("sign", word=words[0]),)))
    for name, named in (
        ("place", caption.names_place),
        ("sky", caption.names_sky),
        ("style", caption.names_style),
    ):
        if named:
            found.append(Fact(name, page=getattr(scene, name)))
    return tuple(found)


def _relation_facts(scene: Scene, caption: Caption) -> list[Fact]:
    if caption.relation is None or caption.relation[0] not in MIRRORED:
        return []
    relation, i, j = caption.relation
    one, other = scene.things[i], scene.things[j]
    # Colours only tell two of a kind apart here: whether they are right is a score of its own.
    alike = one.kind == other.kind
    pair = tuple(Wanted(t.kind, t.colour if alike else None) for t in (one, other))
    if MIRRORED[relation] == "y":
        return [Fact("above_below", pair, relation)]
    return [Fact("left_right", pair, relation), Fact("left_right_if_both", pair, relation)]


def applies(fact: Fact, reading: Reading) -> bool:
    """Whether the picture can be asked at all: always, but for scores that presuppose things."""
    if fact.score not in PRESUMING:
        return True
    return all(any(wanted.is_met_by(seen) for seen in reading.things) for wanted in fact.things)


def is_shown(fact: Fact, reading: Reading) -> bool:
    """Whether the picture shows what is stated; an unreadable one shows nothing."""
    if fact.page is not None:
        return getattr(reading, fact.score) == fact.page
    if fact.count is not None:
        return sum(fact.things[0].is_met_by(seen) for seen in reading.things) == fact.count
    if fact.relation is not None:
        return _is_related(fact, reading)
    return any(
        all(wanted.is_met_by(seen) for wanted, seen in zip(fact.things, chosen, strict=True))
        for chosen in itertools.permutations(reading.things, len(fact.things))
    )


def _is_related(fact: Fact, reading: Reading) -> bool:
    """Compares the middles of all that is met by each side: three cats stand left together."""
    axis = MIRRORED[fact.relation or ""]
    middles = []
    for wanted in fact.things:
        spots = [getattr(seen, axis) for seen in reading.things if wanted.is_met_by(seen)]
        if not spots:
            return False
        middles.append(sum(spots) / len(spots))
    return (middles[0] < middles[1]) == (fact.relation in ("left of", "above"))


def score(
    stated: Sequence[Sequence[Fact]],
    readings: Sequence[Reading],
    true_readings: Sequence[Reading] | None = None,
) -> tuple[Score, ...]:
    """All scores of pictures whose captions state `stated`; those that nobody states are left out.

    `true_readings` are readings of true renders of the same captions.
    """
    assert len(stated) == len(readings)
    found = []
    for name in SCORES:
        right, n = _tally(name, stated, readings)
        if not n:
            continue
        low, high = wilson(right, n)
        own = _tally(name, stated, true_readings) if true_readings else (0, 0)
        chance = _chance(name, stated, readings)
        found.append(
            Score(name, n, right, right / n, low, high, chance, own[0] / own[1] if own[1] else None)
        )
    return tuple(found)


def outcomes(
    name: str, stated: Sequence[Sequence[Fact]], readings: Sequence[Reading]
) -> list[bool | None]:
    """Per picture whether it shows the statement of this name; None where it is not asked."""
    found: list[bool | None] = []
    for group, reading in zip(stated, readings, strict=True):
        fact = next((fact for fact in group if fact.score == name), None)
        asked = fact if fact is not None and applies(fact, reading) else None
        found.append(None if asked is None else is_shown(asked, reading))
    return found


def _tally(
    name: str, stated: Sequence[Sequence[Fact]], readings: Sequence[Reading]
) -> tuple[int, int]:
    """How many show it and how many were asked."""
    asked = [shown for shown in outcomes(name, stated, readings) if shown is not None]
    return sum(asked), len(asked)


def _chance(
    name: str, stated: Sequence[Sequence[Fact]], readings: Sequence[Reading]
) -> float | None:
    """The share when every picture is held against the captions of others, n being enough."""
    n = len(readings)
    rounds = sorted({1 + r * (n - 1) // ROUNDS for r in range(ROUNDS)}) if n > 1 else []
    shuffled = [_tally(name, stated, [*readings[r:], *readings[:r]]) for r in rounds]
    asked = sum(count for _, count in shuffled)
    return sum(right for right, _ in shuffled) / asked if asked >= 20 else None


def wilson(right: float, n: int, z: float = 1.959964) -> tuple[float, float]:
    """The 95 % interval of a share of which `right` of `n` were seen (Wilson 1927).

    `right` may be broken where each of the `n` is a mean of its own.

    >>> [round(end, 3) for end in wilson(5, 10)]
    [0.237, 0.763]
    """
    if not 0 <= right <= n or n < 1:
        raise ValueError(f"{right} of {n} is no share: it takes 0 <= right <= n and n >= 1.")
    share, spread = right / n, z * z / n
    middle = (share + spread / 2) / (1 + spread)
    reach = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def marks(outcomes: Sequence[bool | None]) -> str:
    """A letter for each picture: 1 where it is so, 0 where not, - where it was not asked.

    >>> marks([True, None, False])
    '1-0'
    """
    return "".join(UNASKED if each is None else YES if each else NO for each in outcomes)


def more_often(one: str, other: str) -> Difference | None:
    """How much more often `one` is so than `other`: two ways to paint the same captions.

    Both are `marks`; only pictures that were asked of both count, and None is told where there are
    none. The interval is the adjusted one for paired shares of Bonett and Price 2012, which stays
    honest where few pictures differ or none. Raises ValueError for marks of different lengths.
    """
    if len(one) != len(other):
        raise ValueError(f"Marks of {len(one)} and of {len(other)} pictures are not of the same.")
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if UNASKED not in (a, b)]
    if not pairs:
        return None
    n, gained, lost = len(pairs), pairs.count((YES, NO)), pairs.count((NO, YES))
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    middle, half = up - down, 1.96 * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    low, high = max(-1.0, middle - half), min(1.0, middle + half)
    return Difference((gained - lost) / n, low, high, n)


def more_shown(one: Mapping[str, str], other: Mapping[str, str]) -> Difference | None:
    """How much more of what captions state is shown: two ways to paint the same captions.

    Both are `marks` by score. Each caption counts once, with the share of its statements that is
    shown; the value is the mean difference of these shares, its interval that of a mean. None where
    fewer than two captions state anything. Raises ValueError for marks of different captions.
    """
    mine, theirs = _shares(one), _shares(other)
    if len(mine) != len(theirs):
        raise ValueError(f"Marks of {len(mine)} and of {len(theirs)} pictures are not of the same.")
    apart = [a - b for a, b in zip(mine, theirs, strict=True) if a is not None and b is not None]
    if len(apart) < 2:
        return None
    middle, half = fmean(apart), 1.96 * stdev(apart) / math.sqrt(len(apart))
    return Difference(middle, max(-1.0, middle - half), min(1.0, middle + half), len(apart))


def _shares(shown: Mapping[str, str]) -> list[float | None]:
    """Of each picture the share of its caption's statements that it shows; None without any."""
    told = [letters for name, letters in shown.items() if name not in PRESUMING]
    rows = ([each for each in row if each != UNASKED] for row in zip(*told, strict=True))
    return [row.count(YES) / len(row) if row else None for row in rows]
