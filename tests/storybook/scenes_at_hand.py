"""A few fixed scenes that between them meet every place, every sky and every worn piece."""

from __future__ import annotations

from ediffi.storybook.scene import Scene, Thing, Wear
from ediffi.storybook.vocabulary import PLACES, SKIES

FOX = Thing("fox", "orange", 0.3, 0.9, 0.4, flip=True, wears=(Wear("scarf", "teal"),))
HOUSE = Thing("house", "red", 0.7, 0.76, 0.44)
DUCK = Thing("duck", "white", 0.3, 0.86, 0.36, wears=(Wear("hat", "blue"),))
DOG = Thing("dog", "grey", 0.34, 0.92, 0.4, wears=(Wear("umbrella", "yellow"),))
SIGN = Thing("sign", "brown", 0.68, 0.84, 0.42, word="HELLO")
BALLOON = Thing("balloon", "red", 0.66, 0.3, 0.4)

FOX_AND_HOUSE = Scene((HOUSE, FOX), "meadow", "day", "flat", 4)
CASTS = ((HOUSE, FOX), (DUCK, BALLOON), (DOG, SIGN))


def in_every_place() -> list[Scene]:
    """One flat scene per place, under skies that change with it."""
    return [
        Scene(CASTS[i % len(CASTS)], place, SKIES[i % len(SKIES)], "flat", i)
        for i, place in enumerate(PLACES)
    ]
