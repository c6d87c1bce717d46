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

from demo.engine import Defaults, Request
from demo.regions import GRID, WEIGHT, Region
from demo.steering import Steering, open_lender
from ediffi.storybook import phrases, vocabulary

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Example:
    """A sentence and the seed with which it was found to look good, and what else it shows off.

    `painting` says where phrases go, `turn` brings other words from a share of the steps on, and
    `lender` names the picture of the card that lends its look.
    """

    prompt: str
    seed: int
    painting: tuple[Region, ...] = ()
    turn: tuple[float, str] | None = None
    lender: str | None = None

    @property
    def picture(self) -> Path:
        """Where its painted picture lies; it may be missing, as before the first training."""
        return ASSETS / file_name(self.prompt, self.seed)

    @property
    def steering(self) -> Steering:
        """What steers it; a lender that is not painted yet lends nothing."""
        lender = ASSETS / self.lender if self.lender else None
        look = open_lender(lender) if lender is not None and lender.is_file() else None
        return Steering(look=look, turn=self.turn)

    @property
    def shows(self) -> str:
        """What the card shows off besides its sentence, in words; empty for a sentence alone."""
        said = ["painted places"] if self.painting else []
        said += ["a borrowed look"] if self.lender else []
        said += [f"then “{self.turn[1]}”"] if self.turn else []
        return ", ".join(said)

    def request(self, defaults: Defaults) -> Request:
        """One picture of it with a model's default settings."""
        return Request(
            self.prompt,
            self.seed,
            defaults.steps,
            defaults.guidance,
            painting=self.painting,
            steering=self.steering,
        )


def file_name(prompt: str, seed: int) -> str:
    """A name for the PNG that a file manager likes.

    >>> file_name("A red fox, in the snow!", 7)
    'a-red-fox-in-the-snow-7.png'
    """
    words = re.sub(r"[^a-z0-9]+", "-", prompt.lower()).strip("-")[:48].rstrip("-")
    return f"{words or 'picture'}-{seed}.png"


def oval(left: float, top: float, right: float, bottom: float) -> bytes:
    """A mask of one oval; its ends are shares of the page, from 0 to 1, to the right and down."""
    across, down = (left + right) / 2, (top + bottom) / 2
    wide, high = (right - left) / 2, (bottom - top) / 2
    cells = [(k + 0.5) / GRID for k in range(GRID)]
    return bytes(
        255 * (((x - across) / wide) ** 2 + ((y - down) / high) ** 2 <= 1)
        for y in cells
        for x in cells
    )


def _place(phrase: str, mask: bytes, occurrence: int = 1, weight: float = WEIGHT) -> Region:
    return Region(phrase, occurrence, weight, mask)


PLAIN = (
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
    Example("a white sign that says KING in the meadow", 0),
)
STEERED = (
    Example(
        "a black cat in the town under the moon",
        15,
        (
            _place("the moon", oval(0.06, 0.04, 0.34, 0.32)),
            _place("a black cat", oval(0.5, 0.45, 0.95, 0.95)),
        ),
    ),
    Example(
        "a white rabbit and a brown rabbit in the meadow",
        18,
        (
            _place("a white rabbit", oval(0.04, 0.5, 0.44, 0.96)),
            _place("a brown rabbit", oval(0.6, 0.35, 0.96, 0.75)),
        ),
    ),
    Example(
        "a red balloon and a green pine on a sunny day in the snow",
        23,
        (
            _place("a red balloon", oval(0.55, 0.04, 0.92, 0.46)),
            _place("a green pine", oval(0.06, 0.3, 0.46, 0.95)),
        ),
    ),
    Example(
        "a yellow boat on the sea",
        19,
        lender=file_name("a watercolour of a teal train in the snow", 6),
    ),
    Example(
        "a red house in the snow at night", 13, turn=(0.25, "a green cactus in the desert by day")
    ),
)
EXAMPLES = (*PLAIN[:6], *STEERED, *PLAIN[6:])


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
