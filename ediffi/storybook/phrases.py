"""How the storybook says things: wordings of places, skies, styles and relations, with {slots}.

Text only: nothing here knows a scene, and nothing is chosen here; `wording` and `captions` do that.
The first wording of a row is the commonest. Changing a line voids the tokenizers, and with them
every weight that was trained on their captions.
"""

from __future__ import annotations

import re

from ediffi.storybook import sentences

COLOUR_SPELLINGS = {"grey": ("grey", "gray")}
COUNTS = {1: "one", 2: "two", 3: "three", 4: "four"}
PAIR = "a pair of {things}"

PLACES = {
    "meadow": (
        "in the meadow",
        "in a meadow",
        "in a flowery meadow",
        "on the grass",
        "in the grass",
    ),
    "forest": ("in the forest", "in a forest", "in the woods", "in the deep forest"),
    "desert": ("in the desert", "in a desert", "among the dunes", "in the sandy desert"),
    "snow": ("in the snow", "in deep snow", "on snowy ground", "in a land of snow"),
    "sea": ("by the sea", "at the sea", "at the seaside", "on the coast"),
    "lake": ("by the lake", "by a lake", "at the lake", "at a mountain lake"),
    "town": ("in the town", "in town", "in a town", "on the street", "in the old town"),
}
"""Where, true of everything in the scene."""
AFLOAT = {
    "sea": ("on the sea", "at sea", "on the waves"),
    "lake": ("on the lake", "on a lake", "on the water"),
}
"""Where, of things that swim."""
PLACE_NOUNS = {
    "meadow": ("in", "meadow"),
    "forest": ("in", "forest"),
    "desert": ("in", "desert"),
    "snow": ("in", "snow"),
    "sea": ("by", "sea"),
    "lake": ("by", "lake"),
    "town": ("in", "town"),
}
LANDS = {
    "meadow": ("a meadow", "a flowery meadow", "the grassy hills"),
    "forest": ("a forest", "the woods", "a deep forest"),
    "desert": ("a desert", "the sandy desert", "dunes of sand"),
    "snow": ("a land of snow", "the snowy hills", "a winter land"),
    "sea": ("the sea", "the seaside", "a sandy coast"),
    "lake": ("a lake", "a mountain lake", "the shore of a lake"),
    "town": ("a town", "an old town", "a little town"),
}
"""The place as a thing that a picture shows."""

SKIES = {
    "day": ("by day", "on a sunny day", "in the sunshine", "under the sun", "on a bright day"),
    "sunset": ("at sunset", "at dusk", "in the evening", "as the sun goes down"),
    "night": ("at night", "on a starry night", "under the moon", "in the moonlight"),
    "storm": ("in a storm", "in the rain", "on a rainy day", "during a thunderstorm"),
    "snowing": ("while it snows", "in falling snow", "on a snowy day", "as snow falls"),
    "rainbow": ("under a rainbow", "with a rainbow", "beneath a rainbow", "after the rain"),
}
SKY_ADJECTIVES = {
    "day": ("sunny", "bright"),
    "night": ("moonlit", "dark"),
    "storm": ("rainy", "stormy"),
}
"""Before the noun of a place."""
SKY_NOUNS = {
    "day": ("day", "sun"),
    "sunset": ("sunset", "evening"),
    "night": ("night", "moon"),
    "storm": ("storm", "rain"),
    "snowing": ("snowfall", "falling snow"),
    "rainbow": ("rainbow",),
}
"""In a bare list."""

STYLES_BEFORE = {
    "flat": ("a flat drawing of", "a flat picture of", "a flat illustration of"),
    "watercolour": ("a watercolour of", "a watercolour painting of", "a watercolor of"),
    "crayon": ("a crayon drawing of", "a wax crayon picture of", "a child's crayon drawing of"),
    "cutout": ("a paper cutout of", "a paper collage of", "a cut paper picture of"),
    "mosaic": ("a mosaic of", "a tile mosaic of", "a stone mosaic of"),
    "glass": ("a stained glass window of", "a stained glass picture of", "a glass window with"),
    "neon": ("a neon picture of", "neon lights of", "a glowing neon picture of"),
    "pixel": ("pixel art of", "a pixel art picture of", "a pixel picture of"),
    "linocut": ("a linocut of", "a linocut print of", "a print of"),
}
STYLES_AFTER = {
    "flat": ("in a flat style", "drawn flat", "in flat colours"),
    "watercolour": ("in watercolour", "painted in watercolours", "as a watercolour"),
    "crayon": ("drawn in crayon", "in crayon", "drawn with wax crayons"),
    "cutout": ("cut from paper", "made of cut paper", "as a paper cutout"),
    "mosaic": ("as a mosaic", "made of tiles", "in mosaic"),
    "glass": ("in stained glass", "in the style of stained glass", "as a stained glass window"),
    "neon": ("in neon lights", "in glowing neon", "in neon"),
    "pixel": ("in pixel art", "as pixel art", "made of big pixels"),
    "linocut": ("as a linocut", "printed from a linocut", "in the style of a linocut"),
}
STYLE_NOUNS = {
    "flat": "flat drawing",
    "watercolour": "watercolour",
    "crayon": "crayon drawing",
    "cutout": "paper cutout",
    "mosaic": "mosaic",
    "glass": "stained glass",
    "neon": "neon",
    "pixel": "pixel art",
    "linocut": "linocut",
}
UNNAMED = ("a picture of", "a scene with", "a page with", "a storybook picture of")
"""Before a scene whose style is left unsaid."""

RELATIONS = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "above", "over"),
    "below": ("below", "under", "beneath"),
    "in front of": ("in front of", "in front of", "just in front of"),
    "behind": ("behind", "behind", "just behind"),
    "next to": ("next to", "beside", "near", "by"),
}
WORN = {
    "hat": ("with {piece}", "in {piece}", "wearing {piece}"),
    "scarf": ("with {piece}", "in {piece}", "wearing {piece}"),
    "umbrella": ("under {piece}", "holding {piece}", "with {piece}"),
}
SIGNS = ("that says {word}", "saying {word}", "that reads {word}", "with the word {word}")

VERBS = {
    "sits/sit/sitting": "bear cat fox owl rabbit",
    "stands/stand/standing": "dog penguin cactus mushroom oak palm pine",
    "waits/wait/waiting": "car cat dog duck fox penguin train",
    "rests/rest/resting": "duck rabbit whale",
    "waves/wave/waving": "bear",
    "smiles/smile/smiling": "whale",
    "watches/watch/watching": "owl",
    "grows/grow/growing": "cactus flower mushroom oak palm pine",
    "blooms/bloom/blooming": "flower",
    "stops/stop/stopping": "car train",
    "sails/sail/sailing": "boat",
    "leaps/leap/leaping": "fish",
    "jumps/jump/jumping": "fish",
    "floats/float/floating": "balloon kite boat",
    "drifts/drift/drifting": "balloon",
    "flies/fly/flying": "kite rocket",
    "rises/rise/rising": "rocket",
}
"""What which kinds do, as one/many/doing; all others stand."""
REST = "rests/rest/resting"
STAND = "stands/stand/standing"
AFLOAT_VERBS = ("swims/swim/swimming", "floats/float/floating")

BIG = ("big", "large", "huge")
SMALL = ("small", "little", "tiny")
TALL = ("tall", "tall", "big")
SIDES = {
    "left": ("on the left", "on the left side", "at the left"),
    "middle": ("in the middle", "in the centre", "in the middle of the page"),
    "right": ("on the right", "on the right side", "at the right"),
}
ALOFT = ("in the sky", "in the air", "up in the sky")

GRAMMAR = "a an the one and there is are look looks"
AND_JOINS = ("and", "and", "together with", "with")


def all_texts() -> list[str]:
    """Every text of captions without its {slots}; they have no words but these and names."""
    found: list[str] = []
    for name, value in {**globals(), **vars(sentences)}.items():
        if name.isupper():
            _collect(list(value) if name == "VERBS" else value, found)
    return [re.sub(r"\{\w+\}", " ", text) for text in found]


def _collect(value: object, into: list[str]) -> None:
    if isinstance(value, str):
        into.append(value.replace("/", " "))
    elif isinstance(value, dict):
        for item in value.values():
            _collect(item, into)
    elif isinstance(value, tuple | list):
        for item in value:
            _collect(item, into)
