"""Sentences to begin with, and sentences made up on the spot, all in the storybook's own words.

An example keeps its seed, so that a click shows everyone the same picture. What the words mean is
not known here.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from pathlib import Path


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
    Example("a blue castle at night and a purple rocket above it", 8),
    Example("a red lighthouse and a white boat in a storm", 17),
    Example("a grey dog with a yellow umbrella in the rainy town", 4),
    Example("a sign that says HELLO and a black cat", 11),
    Example("a watercolour of a teal train in the snow", 6),
    Example("three yellow flowers and a pink rabbit, a paper cutout", 10),
)

HEROES = ("fox", "rabbit", "owl", "bear", "cat", "dog", "duck", "penguin")
FRIENDS = (
    "house",
    "tent",
    "mushroom",
    "flower",
    "car",
    "windmill",
    "oak",
    "pine",
    "castle",
    "train",
)
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "white")
WEARS = ("", "", " with a {} hat", " with a {} scarf", " with a {} umbrella")
PLACES = ("in the meadow", "in the forest", "in the snow", "in the town", "in the desert")
SKIES = ("", "", " at night", " at sunset", " under a rainbow")


def file_name(prompt: str, seed: int) -> str:
    """A name for the PNG that a file manager likes.

    >>> file_name("A red fox, in the snow!", 7)
    'a-red-fox-in-the-snow-7.png'
    """
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:48].rstrip("-")
    return f"{words or 'picture'}-{seed}.png"


def surprise(chance: random.Random) -> str:
    """A sentence that most likely nobody has asked for yet."""
    hero, friend = chance.choice(HEROES), chance.choice(FRIENDS)
    first, second, third = chance.sample(COLOURS, 3)
    wear = chance.choice(WEARS).format(third)
    return (
        f"{_a(first)} {hero}{wear} and {_a(second)} {friend} "
        f"{chance.choice(PLACES)}{chance.choice(SKIES)}"
    )


def _a(word: str) -> str:
    return f"an {word}" if word[0] in "aeiou" else f"a {word}"
