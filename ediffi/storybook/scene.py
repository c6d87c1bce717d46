"""A storybook scene as a value: what stands where, in what colour, under which sky, by which hand.

One integer decides a scene. A scene knows neither how it looks (`drawing`) nor what is said about it
(`captions`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ediffi.storybook import vocabulary


@dataclass(frozen=True)
class Wear:
    """A worn piece: `kind` is hat, scarf or umbrella; it has a colour of its own."""

    kind: str
    colour: str

    def __post_init__(self):
        _one_of("wearable", self.kind, vocabulary.WEARABLES)
        _one_of("colour", self.colour, vocabulary.COLOURS)


@dataclass(frozen=True)
class Thing:
    """One thing on the page; x, y and size are fractions of the page, x to the right and y down.

    (x, y) is the middle of the feet, or the centre of a kind that floats; `size` is the side of the
    drawing's square; things face left, or right when flipped; `turn` is in degrees, clockwise.
    """

    kind: str
    colour: str
    x: float
    y: float
    size: float
    flip: bool = False
    turn: float = 0.0
    wears: tuple[Wear, ...] = ()
    word: str | None = None

    def __post_init__(self):
        _one_of("kind", self.kind, vocabulary.THINGS)
        _one_of("colour", self.colour, vocabulary.COLOURS)
        if self.kind == "sign" and self.flip:
            raise ValueError("A sign cannot be flipped: a mirrored word is no word.")
        if self.word is not None and not (self.kind == "sign" and self.word in vocabulary.WORDS):
            raise ValueError(f"A {self.kind} cannot carry the word {self.word!r}.")


@dataclass(frozen=True)
class Scene:
    """Things at a place, under a sky, in a style; `seed` varies the background and nothing else."""

    things: tuple[Thing, ...]
    place: str
    sky: str
    style: str
    seed: int

    def __post_init__(self):
        _one_of("place", self.place, vocabulary.PLACES)
        _one_of("sky", self.sky, vocabulary.SKIES)
        _one_of("style", self.style, vocabulary.STYLES)

    def svg(self) -> str:
        """The drawing as one SVG text."""
        from ediffi.storybook import drawing

        return drawing.svg(self)

    def to_json(self) -> str:
        """The scene as one line of JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Scene:
        """Reads `to_json` back; raises ValueError for an unknown key or an unknown name."""
        return scene_from(json.loads(text))


def scene_from(data: dict) -> Scene:
    """The scene in a decoded JSON object; raises ValueError for an unknown key or an unknown name."""
    fields = _checked(Scene, data)
    things = []
    for item in fields["things"]:
        thing = _checked(Thing, item)
        wears = tuple(Wear(**_checked(Wear, wear)) for wear in thing.get("wears", ()))
        things.append(Thing(**{**thing, "wears": wears}))
    return Scene(**{**fields, "things": tuple(things)})


def _checked(cls: type, data: dict) -> dict:
    unknown = sorted(set(data) - set(cls.__dataclass_fields__))
    if unknown:
        raise ValueError(f"A {cls.__name__} has no field {unknown[0]!r}.")
    return data


def _one_of(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ValueError(f"The {what} {name!r} is not one of {', '.join(known)}.")
