"""Where a caption names what: characters of the text for every thing and every worn piece.

Read back from the words, so that it serves captions that were written earlier. Knows words and
scenes, no pixels and no tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ediffi.storybook import phrases
from ediffi.storybook.scene import Scene
from ediffi.storybook.vocabulary import COLOURS, KINDS

_COLOUR_OF = {
    spelling: colour
    for colour in COLOURS
    for spelling in phrases.COLOUR_SPELLINGS.get(colour, (colour,))
}


@dataclass(frozen=True)
class Part:
    """Something on the page that has pixels of its own: a thing, or a piece that it wears."""

    thing: int
    kind: str
    colour: str
    worn: bool = False


@dataclass(frozen=True)
class Mention:
    """`text[start:end]` speaks of these parts, given by their indices in `parts(scene)`."""

    start: int
    end: int
    parts: tuple[int, ...]


def parts(scene: Scene) -> list[Part]:
    """All things in the order of the scene, then all worn pieces in the order of their wearers."""
    things = [Part(i, thing.kind, thing.colour) for i, thing in enumerate(scene.things)]
    worn = [
        Part(i, wear.kind, wear.colour, worn=True)
        for i, thing in enumerate(scene.things)
        for wear in thing.wears
    ]
    return things + worn


def mentions(text: str, scene: Scene) -> list[Mention]:
    """Every noun of the text that names a part, with the colour right before it, in order.

    Where two parts share a kind, the colour tells which is meant; a noun without one means
    all of its kind. The word on a sign belongs to the sign.

    >>> from ediffi.storybook.scene import Role, compose
    >>> scene = compose([Role("fox", "red"), Role("fox", "blue")], "meadow")
    >>> [(text[m.start:m.end], m.parts) for text in ["A blue fox and a fox."]
    ...  for m in mentions(text, scene)]
    [('blue fox', (1,)), ('fox', (0, 1))]
    """
    found = parts(scene)
    said = list(_nouns(text, found))
    for i, thing in enumerate(scene.things):
        if thing.word:
            pattern = rf"(?<!\w){re.escape(thing.word)}(?!\w)"
            said += [Mention(*m.span(), (i,)) for m in re.finditer(pattern, text)]
    return sorted(said, key=lambda mention: mention.start)


def _nouns(text: str, found: Sequence[Part]) -> Iterator[Mention]:
    for kind in dict.fromkeys(part.kind for part in found):
        alike = [i for i, part in enumerate(found) if part.kind == kind]
        for match in _pattern(kind).finditer(text):
            colour = _COLOUR_OF.get((match["colour"] or "").lower())
            meant = [i for i in alike if found[i].colour == colour]
            start = match.start() if meant else match.start("noun")
            yield Mention(start, match.end(), tuple(meant or alike))


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    nouns = KINDS[kind].nouns if kind in KINDS else ((kind, f"{kind}s"),)
    # The longest first, so that "pine tree" is not cut to "pine".
    words = sorted({word for pair in nouns for word in pair}, key=len, reverse=True)
    noun = "|".join(map(re.escape, words))
    colour = "|".join(_COLOUR_OF)
    return re.compile(rf"(?<!\w)(?:(?P<colour>{colour}) )?(?P<noun>{noun})(?!\w)", re.IGNORECASE)
