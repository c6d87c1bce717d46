"""What the storybook knows: its things, colours, places, skies, styles and words.

It also lists what is held out of training. Names and facts only: how a thing looks belongs to the
drawings, how it is put into sentences to `phrases`, where exactly it stands to `layout`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ediffi.storybook import phrases


@dataclass(frozen=True)
class Kind:
    """One kind of thing: its nouns as (singular, plural), the commonest first, and its homes.

    `low` and `high` bound its usual size as a fraction of the page's height.
    """

    name: str
    category: str
    nouns: tuple[tuple[str, str], ...]
    homes: frozenset[str]
    low: float
    high: float


PLACES = ("meadow", "forest", "desert", "snow", "sea", "lake", "town")
SKIES = ("day", "sunset", "night", "storm", "snowing", "rainbow")
STYLES = (
    "flat",
    "watercolour",
    "crayon",
    "cutout",
    "mosaic",
    "glass",
    "neon",
    "pixel",
    "linocut",
)
COLOURS = (
    "red",
    "orange",
    "yellow",
    "green",
    "teal",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "grey",
    "black",
)
WEARABLES = ("hat", "scarf", "umbrella")
CATEGORIES = ("animal", "plant", "building", "vehicle", "sky", "sign")


def _kind(name: str, category: str, nouns: str, homes: str, low: float, high: float) -> Kind:
    """Reads nouns from `one/many, one/many` and homes from a list of places or `all`."""
    pairs = [noun.strip().split("/") for noun in nouns.split(",")]
    places = frozenset(PLACES) if homes == "all" else frozenset(homes.split())
    assert places <= frozenset(PLACES) and category in CATEGORIES
    return Kind(name, category, tuple((one, many) for one, many in pairs), places, low, high)


_WILD = "meadow forest desert snow lake town"
_MUSHROOM = "mushroom/mushrooms, toadstool/toadstools"
_PINE = "pine/pines, pine tree/pine trees"
_TRAIN = "train/trains, steam train/steam trains"
_KINDS = (
    _kind("balloon", "sky", "balloon/balloons, hot-air balloon/hot-air balloons", "all", 0.34, 0.5),
    _kind("bear", "animal", "bear/bears", "meadow forest snow lake", 0.34, 0.5),
    _kind("boat", "vehicle", "boat/boats, sailing boat/sailing boats", "sea lake", 0.34, 0.52),
    _kind("cactus", "plant", "cactus/cacti", "desert sea", 0.32, 0.52),
    _kind("car", "vehicle", "car/cars", "meadow desert town", 0.36, 0.52),
    _kind("castle", "building", "castle/castles", "meadow forest desert snow sea lake", 0.4, 0.56),
    _kind("cat", "animal", "cat/cats", "meadow forest town lake", 0.3, 0.48),
    _kind("dog", "animal", "dog/dogs, puppy/puppies", "meadow forest town snow sea", 0.32, 0.48),
    _kind("duck", "animal", "duck/ducks", "meadow sea lake town", 0.28, 0.46),
    _kind("fish", "animal", "fish/fish", "sea lake", 0.28, 0.46),
    _kind("flower", "plant", "flower/flowers", "meadow forest desert lake town", 0.26, 0.44),
    _kind("fox", "animal", "fox/foxes", "meadow forest desert snow lake", 0.32, 0.48),
    _kind("house", "building", "house/houses, cottage/cottages", _WILD, 0.4, 0.54),
    _kind("kite", "sky", "kite/kites", "all", 0.27, 0.44),
    _kind("lighthouse", "building", "lighthouse/lighthouses", "sea lake snow", 0.44, 0.62),
    _kind("mushroom", "plant", _MUSHROOM, "meadow forest", 0.26, 0.46),
    _kind("oak", "plant", "oak/oaks, oak tree/oak trees", "meadow forest lake town", 0.38, 0.58),
    _kind("owl", "animal", "owl/owls", "forest meadow snow desert", 0.3, 0.48),
    _kind("palm", "plant", "palm/palms, palm tree/palm trees", "desert sea", 0.38, 0.58),
    _kind("penguin", "animal", "penguin/penguins", "snow sea", 0.32, 0.5),
    _kind("pine", "plant", _PINE, "meadow forest snow lake", 0.4, 0.62),
    _kind("rabbit", "animal", "rabbit/rabbits, bunny/bunnies", "meadow forest snow", 0.3, 0.46),
    _kind("rocket", "sky", "rocket/rockets", "all", 0.3, 0.48),
    _kind("sign", "sign", "sign/signs", _WILD + " sea", 0.4, 0.54),
    _kind("tent", "building", "tent/tents", "meadow forest desert snow lake sea", 0.36, 0.52),
    _kind("train", "vehicle", _TRAIN, "meadow desert town snow", 0.38, 0.54),
    _kind("whale", "animal", "whale/whales", "sea lake", 0.34, 0.52),
    _kind("windmill", "building", "windmill/windmills", "meadow desert lake sea", 0.4, 0.58),
)
KINDS = {kind.name: kind for kind in _KINDS}
THINGS = tuple(KINDS)
ANIMALS = tuple(kind.name for kind in _KINDS if kind.category == "animal")

FLOATING = frozenset({"balloon", "kite", "fish", "rocket"})
"""Kinds placed by their centre; all others by their feet."""
SWIMMING = frozenset({"boat", "whale", "duck"})
"""Kinds that stand on water where there is some."""
WET = frozenset({"sea", "lake"})
"""Places with water."""

HATS_ONLY = frozenset({"fish", "whale"})
"""Animals without a neck or a hand: they can wear a hat, but no scarf and no umbrella."""
MIN_SIZE = 0.24
"""The smallest thing, as a fraction of the page: 15 pixels of 64."""
MIN_WEARER = 0.34
"""The smallest wearer whose hat or scarf still shows its colour at 64 pixels."""
MIN_SIGN = 0.4
"""The smallest sign whose letters can be read at 64 pixels."""

WORDS = tuple(
    """
    APPLE BEACH BEE BOOK BREAD CAFE CAKE CAT CLOUD DANCE DOG DREAM EXIT FARM FISH FOX GO HAPPY HELLO
    HOME HONEY JAM JAZZ JOY KING LAKE LOVE MAGIC MILK MOON NO OPEN OWL PARK PIE PIZZA PLAY QUEEN
    QUIET RAIN SEA SNOW STAR STOP SUN TAXI TEA TRAIN VIVA WOW YES ZOO
    """.split()
)
"""What a sign may say."""

HELD_OUT_COLOURS = (
    ("red", "owl"),
    ("red", "pine"),
    ("orange", "whale"),
    ("orange", "tent"),
    ("yellow", "rabbit"),
    ("yellow", "train"),
    ("green", "bear"),
    ("green", "house"),
    ("teal", "car"),
    ("teal", "windmill"),
    ("blue", "mushroom"),
    ("blue", "duck"),
    ("purple", "lighthouse"),
    ("purple", "dog"),
    ("pink", "penguin"),
    ("pink", "cactus"),
    ("brown", "rocket"),
    ("white", "castle"),
    ("grey", "flower"),
    ("black", "balloon"),
)
"""(colour, kind) that occur only in the split `held_out`."""

HELD_OUT_PAIRS = (
    ("fox", "lighthouse"),
    ("car", "owl"),
    ("cactus", "penguin"),
    ("cat", "whale"),
    ("bear", "train"),
    ("rabbit", "rocket"),
    ("castle", "dog"),
    ("duck", "windmill"),
    ("balloon", "house"),
    ("boat", "mushroom"),
    ("kite", "tent"),
    ("palm", "sign"),
    ("fish", "pine"),
    ("flower", "oak"),
)
"""Two kinds, in alphabetical order, that stand together only in the split `held_out`."""


def wearables(kind: str) -> tuple[str, ...]:
    """What this kind can wear: everything a hat, animals with a neck and a hand the rest too."""
    return WEARABLES if kind in ANIMALS and kind not in HATS_ONLY else WEARABLES[:1]


def is_held_out(colour: str, kind: str) -> bool:
    """Whether a thing of this kind never has this colour outside the split `held_out`."""
    return (colour, kind) in HELD_OUT_COLOURS


def is_pair_held_out(kind: str, other: str) -> bool:
    """Whether these two kinds never stand together outside the split `held_out`."""
    return (min(kind, other), max(kind, other)) in HELD_OUT_PAIRS


_WORD = re.compile(r"\w+(?:['’]\w+)*|[^\s\w.,;:!?\"'()“”‘’…–—-]+")


def _known_words() -> frozenset[str]:
    texts = [noun for kind in _KINDS for pair in kind.nouns for noun in pair]
    texts += [*COLOURS, *WEARABLES, *WORDS, *phrases.all_texts()]
    return frozenset(word.lower() for text in texts for word in _WORD.findall(text))


KNOWN_WORDS = _known_words()
"""Every word, in lower case, that a caption can contain."""


def unknown_words(text: str) -> tuple[tuple[int, int, str], ...]:
    """Spans (start, end, word) of `text` that no caption can contain, in reading order.

    Case does not matter; a closing 's is forgiven; signs of punctuation are not words.

    >>> unknown_words("A red fox rides a unicorn")
    ((10, 15, 'rides'), (18, 25, 'unicorn'))
    """
    found = []
    for match in _WORD.finditer(text):
        word = match[0].lower().replace("’", "'")
        if word not in KNOWN_WORDS and word.removesuffix("'s") not in KNOWN_WORDS:
            found.append((match.start(), match.end(), match[0]))
    return tuple(found)
