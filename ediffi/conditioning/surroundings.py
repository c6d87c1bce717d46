"""Words for where, when and how a picture is: "the snow", "a rainy day", "watercolour".

English, by lists alone: a hint whether a phrase names a thing or what is around things. It knows
words; which phrases a text has, `prompt.py` knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

_GROUND = (
    "ground land grass meadow field forest woods wood jungle desert dunes sand beach coast shore"
    " seaside sea ocean lake river water waves hills mountains valley garden park town city village"
    " street air sky horizon background distance"
)
_WEATHER = (
    "day daylight night dawn morning noon afternoon dusk twilight evening sunset sunrise"
    " sunshine sunlight moonlight starlight storm thunderstorm thunder rain snow"
    " snowfall fog mist wind weather spring summer autumn winter"
)
_MANNER = (
    "picture pictures drawing painting illustration sketch photo photograph image print render"
    " watercolour watercolours watercolor watercolors oil ink crayon crayons collage"
    " cutout paper mosaic tiles neon lights art pixels linocut woodcut style colours colors"
)
_SPOTS = "page scene left right middle centre center side top bottom front corner"
WORDS = frozenset(" ".join((_GROUND, _WEATHER, _MANNER, _SPOTS)).split())
"""Nouns of surroundings."""
BODIES = frozenset("sun moon stars rainbow clouds".split())
"""What a sky has of itself, but a yellow moon is a thing that is asked for."""
MADE = frozenset("drawn painted printed made cut stained".split())
HAPPENING = frozenset("goes comes falls rises sets shines down up".split())
PLAIN = 2
"""Words of a noun that nothing describes: `the moon`."""
SAYING = frozenset("says saying reads reading".split())
"""What follows these is written in the picture, whatever it means."""


def surrounds(words: Sequence[str]) -> bool:
    """Whether the words of a phrase end in a noun of surroundings, or begin with `drawn`.

    Verbs at the end do not count: `the sun goes down` surrounds, `a sun hat` does not. Nor does `a
    yellow moon`, which is described.
    """
    low = list(takewhile(lambda word: word not in SAYING, (word.lower() for word in words)))
    if low and low[0] in MADE:
        return True
    while low and low[-1] not in WORDS and (low[-1] in HAPPENING or low[-1].endswith("ing")):
        low.pop()
    return bool(low) and (low[-1] in WORDS or low[-1] in BODIES and len(low) <= PLAIN)
