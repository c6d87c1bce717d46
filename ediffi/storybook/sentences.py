"""Whole sentences of long captions, with {slots}: openings, statements, land, weather and style.

Text only, like `phrases`, and frozen like it: a changed line voids tokenizers and weights.
"""

from __future__ import annotations

OPENINGS = (
    "This picture shows {land} {sky}.",
    "{style} {land} {sky}.",
    "We see {land} {sky}.",
    "The scene shows {land} {sky}.",
    "Here you see {land} {sky}.",
    "{style} a storybook scene {place} {sky}.",
)
STATEMENTS = (
    "{side} {verb} {thing}.",
    "{side} there {is} {thing}.",
    "{thing} {verb} {side}.",
    "There {is} {thing} {side}.",
    "We can see {thing} {side}.",
    "{side} you can see {thing}.",
)
PLAIN_STATEMENTS = (
    "There {is} {thing}.",
    "{thing} {verb} here.",
    "We can see {thing}.",
    "The picture shows {thing}.",
)
RELATION_STATEMENTS = (
    "The {a} {is} {relation} the {b}.",
    "The {a} {verb} {relation} the {b}.",
    "{relation} the {b} {is} the {a}.",
    "You find the {a} {relation} the {b}.",
)
FACING = (
    "The {a} {looks} to the {way}.",
    "The {a} {is} facing {way}.",
    "The {a} {is} turned to the {way}.",
)
SIZED = ("The {a} {is} {size}.", "The {a} {looks} {size} on the page.")
HIGH = ("The {a} {is} high in the air.", "The {a} {is} far above the ground.")

PLACE_SENTENCES = {
    "meadow": (
        "A path winds through the grass and soft hills rise far away.",
        "Small blossoms dot the grass.",
        "The grass is soft and a fence stands far back.",
    ),
    "forest": (
        "Tall trunks rise all around and leaves hang from above.",
        "The woods are deep and cool.",
        "Ferns and grass cover the ground.",
    ),
    "desert": (
        "Dunes roll to the horizon and great rocks stand far away.",
        "The sand is dry and full of ripples.",
        "A few stones and dry grass lie on the sand.",
    ),
    "snow": (
        "Deep snow covers the ground and the hills far away.",
        "The ground is cold and smooth with snow.",
        "It is winter here.",
    ),
    "sea": (
        "Waves roll over the water to a strip of sand.",
        "The sea reaches to the horizon.",
        "Sand and grass lie in front of the water.",
    ),
    "lake": (
        "Mountains rise behind the wide water.",
        "The shore is covered with grass and reeds.",
        "The water reaches to the foot of the mountains.",
    ),
    "town": (
        "Roofs and bright windows line the street behind.",
        "The street is paved with round stones.",
        "A street lamp stands at the side.",
    ),
}
SKY_SENTENCES = {
    "day": (
        "The sun shines and a few clouds drift by.",
        "The sky is bright and wide.",
        "It is a fine sunny day.",
    ),
    "sunset": (
        "The low sun fills the sky with warm light.",
        "The day ends and the clouds glow.",
        "It is evening and the light is warm.",
    ),
    "night": (
        "The moon and many stars shine in the dark sky.",
        "It is night and the moon is out.",
        "Stars twinkle above.",
    ),
    "storm": (
        "Rain falls from dark clouds and lightning flashes.",
        "The sky is heavy with clouds and it rains.",
        "It is a wet and stormy day.",
    ),
    "snowing": (
        "Soft snow falls from a pale sky.",
        "Snowflakes drift down everywhere.",
        "It is snowing and the air is cold.",
    ),
    "rainbow": (
        "A wide rainbow bends over the land.",
        "The rain is over and a rainbow fills the sky.",
        "A rainbow shines among the clouds.",
    ),
}
MOODS = (
    "It could be a page of a picture book.",
    "It looks like a page of a storybook.",
    "The light comes from the left.",
    "It is a friendly little scene.",
    "The page is drawn with care.",
)
STYLE_SENTENCES = (
    "The picture is {style}.",
    "It is {style}.",
    "All of it is {style}.",
)
STYLED = {
    "flat": ("drawn in a flat style", "a flat drawing"),
    "watercolour": ("painted in watercolours", "a watercolour painting"),
    "crayon": ("drawn with wax crayons", "a crayon drawing"),
    "cutout": ("cut from paper", "a paper collage"),
    "mosaic": ("made of little tiles", "a mosaic"),
    "glass": ("made of stained glass", "a stained glass window"),
    "neon": ("drawn in neon lights", "a glowing neon picture"),
    "pixel": ("made of big pixels", "pixel art"),
    "linocut": ("printed from a linocut", "a linocut print"),
}
