"""Things and what they wear: reads the drawings, colours them, stands them on the page.

A drawing is an SVG of 100 by 100 units with slots for colours ({main}, {light}, ...) and anchors in
comments (`hat x y width angle`). Drawings are read when first asked for. Where a thing stands is
the scene's business, what lies under it the places'.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib import resources

from ediffi.storybook.colours import DARKEST_INK, INK, SKIES, TONES, lit, ramp
from ediffi.storybook.painter import Layer, Painter
from ediffi.storybook.scene import Thing
from ediffi.storybook.shapes import PAGE, lettering, oval
from ediffi.storybook.vocabulary import FLOATING, SWIMMING, WET
from ediffi.storybook.waters import WATER

HANGS = {"scarf": 34, "hat": 90, "umbrella": 94}
"""Height of the point by which a worn piece hangs: knot, brim and grip, at x = 50."""
DARK_SKIES = frozenset({"night", "sunset", "storm", "snowing"})
ELEMENT = re.compile(r"<(?:path|ellipse|circle|rect)\b[^>]*/>")
FAINT = re.compile(r'(?:fill|stroke)-opacity="(0?\.\d+)"')
PAINT = re.compile(r'(fill|stroke)="(?!none)[^"]*"')
DEFS = re.compile(r"<defs>.*?</defs>", re.S)


@dataclass(frozen=True)
class Drawing:
    """The SVG body of a drawing and its anchors, each a tuple of numbers."""

    body: str
    anchors: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Bound:
    """A coloured drawing whose ids begin with KEY, its silhouette, and how much of it is solid."""

    body: str
    silhouette: str
    elements: int


KEY = "@"


@functools.lru_cache(64)
def drawing(folder: str, name: str) -> Drawing:
    """The drawing `name` of `things` or `wear`, read from the package once."""
    source = resources.files("ediffi.storybook") / "art" / folder / f"{name}.svg"
    text = source.read_text(encoding="utf-8")
    anchors = {
        m[1]: tuple(float(v) for v in m[2].split())
        for m in re.finditer(r"<!-- (\w+)((?: -?[\d.]+)+) -->", text)
    }
    return Drawing(re.sub(r"<!--.*?-->|</?svg[^>]*>", "", text).strip(), anchors)


def is_solid(element: str) -> bool:
    """Whether a painted element covers what is behind it; faint shades and shines do not."""
    faint = FAINT.search(element)
    return not (faint and float(faint[1]) < 0.6)


@functools.lru_cache(1024)
def bind(
    folder: str,
    name: str,
    colour: str,
    sky: str,
    flip: bool = False,
    word: str | None = None,
    wet: bool = True,
) -> Bound:
    """A drawing in its colour under this sky: only lamps do not take the sky's light.

    Beams of light show in the dark only, foam on water only. When the thing is turned round, its
    gradients are turned back, so that the light stays at the upper left.
    """
    body = drawing(folder, name).body
    if sky not in DARK_SKIES:
        body = re.sub(r'<path[^>]*fill="{glow}" fill-opacity="0?\.[123]\d*"/>', "", body)
    if not wet:
        body = re.sub(r'<path[^>]*fill="{foam}"[^>]*/>', "", body)
    if flip and folder == "wear":
        body = _swap_painted_light(body)
    body = re.sub(r"#[0-9a-f]{6}", lambda m: lit(m[0], sky), body)
    tones = ramp(colour, sky)
    slots = {tone: tones[tone] for tone in TONES} | {
        "foam": lit("#fbfdff", sky),
        "ink": lit(DARKEST_INK if colour == "black" else INK, sky),
        "glow": SKIES[sky].lamp,
    }
    for slot, value in slots.items():
        body = body.replace(f"{{{slot}}}", value)
    if "{word}" in body:
        area = drawing(folder, name).anchors["word"]
        body = body.replace("{word}", lettering(word, area, lit(INK, sky)) if word else "")
    if flip:
        turn_back = r'\b(x1|x2|cx)="(\.\d+)"(?=[^>]*(?:y1|y2|r)=)'
        body = re.sub(turn_back, lambda m: f'{m[1]}="{1 - float(m[2]):.2f}"', body)
    body = re.sub(r'(id="|url\(#)', rf"\g<1>{KEY}", body)
    edge = re.sub(r"<[a-z]+ [^>]*opacity=[^>]*/>", "", DEFS.sub("", body))
    silhouette = PAINT.sub(rf'\1="{KEY}"', edge)
    return Bound(body, silhouette, sum(is_solid(e) for e in ELEMENT.findall(DEFS.sub("", body))))


def _swap_painted_light(body: str) -> str:
    # Painted shines and shades cannot be turned back as gradients can, so they change places.
    swap = {"light": "dark", "dark": "light"}
    faint = r'fill="{(light|dark)}" fill-opacity'
    return re.sub(faint, lambda m: f'fill="{{{swap[m[1]]}}}" fill-opacity', body)


def wearable(kind: str) -> tuple[str, ...]:
    """The pieces for which the drawing of this kind has an anchor."""
    anchors = drawing("things", kind).anchors
    return tuple(wear for wear in HANGS if wear in anchors)


@dataclass(frozen=True)
class Stand:
    """Where a thing stands: (x, y) in page units, k page units per unit of the drawing."""

    x: float
    y: float
    k: float
    foot: int
    flip: bool
    turn: float

    @classmethod
    def of(cls, thing: Thing) -> Stand:
        """The stand of a thing; a sign never turns round, since a mirrored word is no word."""
        flip, foot = thing.flip and thing.kind != "sign", 50 if thing.kind in FLOATING else 100
        k = thing.size * PAGE / 100
        return cls(thing.x * PAGE, thing.y * PAGE, k, foot, flip, thing.turn)

    @property
    def transform(self) -> str:
        """The SVG transform from the drawing's units to the page's."""
        sign = "-" if self.flip else ""
        return (
            f"translate({self.x:.1f} {self.y:.1f}) rotate({self.turn:g}) "
            f"scale({sign}{self.k:.3f} {self.k:.3f}) translate(-50 -{self.foot})"
        )

    def at(self, x: float, y: float) -> tuple[float, float]:
        """A point of the drawing on the page, its turn left out."""
        k = -self.k if self.flip else self.k
        return self.x + (x - 50) * k, self.y + (y - self.foot) * self.k


def paint_thing(p: Painter, index: int, thing: Thing) -> None:
    """Lays a thing's shadow or reflection, its halo, its edge of light, itself and its ripples."""
    stand, wet = Stand.of(thing), p.scene.place in WET
    anchors = drawing("things", thing.kind).anchors
    _ground_it(p, thing, stand, wet)
    glows = "glow" in anchors and p.sky in DARK_SKIES
    x, y, radius = anchors["glow"] if glows else (0.0, 0.0, 0.0)
    at, radius = stand.at(x, y), radius * stand.k
    if glows:
        p.add("halo", oval(*at, radius * 2.3, radius * 2.3, "url(#lamp)"), solid=False)
    pieces = _pieces(p, index, thing, stand.flip, wet)
    if p.air.edge:
        edge = "".join(piece.silhouette for piece in pieces).replace(KEY, p.air.edge)
        lifted = f'<g transform="translate(-1 -.8)"><g transform="{stand.transform}">{edge}</g></g>'
        p.add("edge", lifted, solid=False)
    art = "".join(piece.art for piece in pieces)
    parts = tuple((piece.name, piece.elements) for piece in pieces)
    p.layers.append(
        Layer(f"thing{index}", f'<g transform="{stand.transform}">{art}</g>', True, parts)
    )
    if thing.kind == "duck" and wet:
        p.add("ripple", _ripples(p, stand))
    if glows and p.sky == "night":
        p.add("halo", oval(*at, radius, radius, "url(#lamp)", 0.8), solid=False)


@dataclass(frozen=True)
class Piece:
    """A thing's body or a worn piece, placed in the drawing's units."""

    name: str
    art: str
    silhouette: str
    elements: int


def _pieces(p: Painter, index: int, thing: Thing, flip: bool, wet: bool) -> list[Piece]:
    # From back to front: the umbrella goes behind its bearer, the hat over the scarf.
    body = bind("things", thing.kind, thing.colour, p.sky, flip, thing.word, wet)
    pieces = [Piece("body", body.body.replace(KEY, f"t{index}"), body.silhouette, body.elements)]
    colours = {wear.kind: wear.colour for wear in thing.wears}
    for kind, hang in HANGS.items():
        if kind not in colours:
            continue
        bound = bind("wear", kind, colours[kind], p.sky, flip, None, wet)
        x, y, width, *turn = drawing("things", thing.kind).anchors[kind]
        place = (
            f'<g transform="translate({x} {y}) rotate({turn[0] if turn else 0:g}) '
            f'scale({width / 100:g}) translate(-50 -{hang})">'
        )
        art = place + bound.body.replace(KEY, f"t{index}{kind[0]}") + "</g>"
        piece = Piece(kind, art, place + bound.silhouette + "</g>", bound.elements)
        pieces.insert(0 if kind == "umbrella" else len(pieces), piece)
    return pieces


def _ground_it(p: Painter, thing: Thing, stand: Stand, wet: bool) -> None:
    x, y, k = stand.x, stand.y, stand.k
    if thing.kind in SWIMMING and wet:
        line = y - k * (100 - drawing("things", thing.kind).anchors["floats"][0])
        p.add("shade", oval(x + k * 4, line + k * 2, k * 58, k * 9, "url(#shade)"), solid=False)
    elif thing.kind not in FLOATING:
        soft = oval(x + k * 13, y - k * 0.5, k * 56, k * 9.5, "url(#shade)")
        tight = oval(x + k * 3, y - k * 0.6, k * 34, k * 3.6, "url(#shade)")
        p.add("shade", soft + tight, solid=False)


def _ripples(p: Painter, stand: Stand) -> str:
    # A swimming duck hides its feet.
    x, y, k, foam = stand.x, stand.y, stand.k, "#f4fbfb"
    return (
        oval(x, y - k * 3, k * 48, k * 7.4, WATER[p.sky][1])
        + oval(x - k * 4, y - k * 6.4, k * 36, k * 1.5, foam, 0.8)
        + oval(x + k * 8, y - k * 1.4, k * 30, k, foam, 0.7)
    )
