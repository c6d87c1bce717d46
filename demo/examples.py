"""Sentences to begin with, and sentences made up on the spot, all in the storybook's own words.

An example keeps its seed, so that a click shows everyone the same picture. What the words mean is
not known here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ediffi.storybook import phrases, vocabulary


@dataclass(frozen=True)
class Example:
    """A sentence and the seed with which it was found to look good."""

    prompt: str
    seed: int

    @property
    def picture(self) -> Path:
        """Where its painted picture lies; it may be missing, as before the first training."""
        return Path(__file__).parent / "assets" / f"{file_name(self.prompt, self.seed)}"


EXAMPLES = (
    Example("an orange fox in a teal scarf in front of a red house in the meadow", 7),
    Example("a black penguin with a red scarf and a green pine in the snow", 12),
    Example("a brown owl with a purple hat at night in the forest", 3),
    Example("a purple whale and a yellow boat on the sea at sunset", 21),
    Example("a white rabbit with a blue hat next to a red mushroom under a rainbow", 5),
    Example("a brown bear in a yellow hat and an orange kite in the meadow", 9),
    Example("a red balloon above a white duck on the lake", 14),
    Example("a pink car left of a green cactus in the desert", 2),
    Example("a purple rocket above a blue castle at night", 8),
    Example("a red lighthouse and a white boat in a storm", 17),
    Example("a grey dog with a yellow umbrella in the rainy town", 4),
    Example("a sign that says HELLO and a black cat in the town", 11),
    Example("a watercolour of a teal train in the snow", 6),
    Example("a paper cutout of a pink rabbit and three yellow flowers", 10),
)


def file_name(prompt: str, seed: int) -> str:
    """A name for the PNG that a file manager likes.

    >>> file_name("A red fox, in the snow!", 7)
    'a-red-fox-in-the-snow-7.png'
    """
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:48].rstrip("-")
    return f"{words or 'picture'}-{seed}.png"


def surprise(chance: random.Random) -> str:
    """A sentence that most likely nobody has asked for yet, of things that may stand together."""
    hero = chance.choice(vocabulary.ANIMALS)
    friend = chance.choice([name for name in vocabulary.THINGS if _may_meet(hero, name)])
    wear = chance.choice(("", *vocabulary.wearables(hero)))
    colours: Sequence[str] = vocabulary.COLOURS
    spare: list[str] = chance.sample(colours, len(colours))
    said = _coloured(hero, spare)
    if wear:
        said += f" with {_coloured(wear, spare)}"
    homes = vocabulary.KINDS[hero].homes & vocabulary.KINDS[friend].homes
    place = phrases.PLACES[chance.choice(sorted(homes))][0]
    sky = phrases.SKIES[chance.choice(vocabulary.SKIES)][0]
    return f"{said} and {_coloured(friend, spare)} {place} {sky}"


def _may_meet(hero: str, name: str) -> bool:
    shared = vocabulary.KINDS[hero].homes & vocabulary.KINDS[name].homes
    apart = name in (hero, "sign") or vocabulary.is_pair_held_out(hero, name)
    return bool(shared) and not apart


def _coloured(name: str, spare: list[str]) -> str:
    """Takes a colour out of the spare ones, so that no two things of a sentence share it."""
    colour = next(colour for colour in spare if not vocabulary.is_held_out(colour, name))
    spare.remove(colour)
    return _a(f"{colour} {name}")


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
