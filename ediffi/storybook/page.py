"""A scene painted: layers from back to front, as one SVG or as an id picture of the same geometry.

Here a scene becomes text; text becomes pixels in `raster`. No style is known: every style starts
from the same page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ediffi.storybook.colours import lit
from ediffi.storybook.painter import Layer, Painter
from ediffi.storybook.places import PLACES
from ediffi.storybook.scene import Scene
from ediffi.storybook.shapes import PAGE, halo, vertical
from ediffi.storybook.skies import WEATHER, celestial, page_light_svg, weather
from ediffi.storybook.things import DEFS, ELEMENT, PAINT, is_solid, paint_thing
from ediffi.storybook.vocabulary import FLOATING

Box = tuple[float, float, float, float]
WHOLE: Box = (0.0, 0.0, 1.0, 1.0)
SHADOWS = {"night": 0.75, "storm": 0.45, "snowing": 0.4}
LAYER_STEP = 4  # red values between two layers of the id picture
OPACITY = re.compile(r' (fill|stroke)-opacity="[^"]*"')


@dataclass(frozen=True)
class Page:
    """A painted scene: layers from back to front and the definitions they refer to."""

    scene: Scene
    layers: tuple[Layer, ...]
    defs: str


@dataclass(frozen=True)
class Code:
    """The id picture's text and its key.

    In it red is LAYER_STEP times the layer's number, green and blue count the elements in painting
    order. `names[i]` is the layer of number i (0 is the bare sky); `parts` maps (thing, part) to
    the half-open range of its element numbers.
    """

    svg: str
    names: tuple[str, ...]
    parts: dict[tuple[int, str], tuple[int, int]]


def paint(scene: Scene) -> Page:
    """All layers of a scene, from back to front."""
    p = Painter(scene)
    shadow = halo("shade", lit("#2a2148", p.sky, True), SHADOWS.get(p.sky, 0.55))
    p.defs += [shadow, halo("lamp", "#ffd777", 0.55 if p.sky == "night" else 0.34)]
    p.defs.append(vertical("sky", (0, p.air.top), (0.46, p.air.middle), (0.79, p.air.horizon)))
    p.add("sky", f'<rect width="{PAGE}" height="200" fill="url(#sky)"/>', solid=False)
    celestial(p)
    behind = len(p.layers)
    front = PLACES[scene.place](p)
    _stretch(p, behind)
    for index in sorted(range(len(scene.things)), key=lambda i: _depth(scene, i)):
        paint_thing(p, index, scene.things[index])
    front()
    weather(p)
    return Page(scene, tuple(p.layers), "".join(p.defs))


def _stretch(p: Painter, start: int) -> None:
    # The scenery stretches from the page's foot, so that horizons differ.
    k = p.rng.uniform(0.93, 1.08)
    matrix = f"matrix(1 0 0 {k:.3f} 0 {PAGE * (1 - k):.2f})"
    for i in range(start, len(p.layers)):
        layer = p.layers[i]
        p.layers[i] = Layer(layer.name, f'<g transform="{matrix}">{layer.art}</g>', layer.solid)


def _depth(scene: Scene, index: int) -> tuple[bool, float]:
    # What floats is behind what stands; among those that stand, nearer means lower.
    thing = scene.things[index]
    return thing.kind not in FLOATING, thing.y


def document(page: Page, crop: Box = WHOLE, lights: bool = True, crisp: bool = False) -> str:
    """The page as one SVG; without `lights`, frame and veil are left out.

    `crisp` leaves anti-aliasing to whoever averages the pixels down; it is a third cheaper.
    """
    defs, veils = page_light_svg(page.scene.sky) if lights else ("", "")
    art = "".join(layer.art for layer in page.layers)
    return f"{_head(crop, crisp)}<defs>{page.defs}{defs}</defs>{art}{veils}</svg>"


def _head(crop: Box, crisp: bool) -> str:
    left, top, right, bottom = (edge * PAGE for edge in crop)
    view = f"{left:g} {top:g} {right - left:g} {bottom - top:g}"
    edges = ' shape-rendering="crispEdges"' if crisp else ""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view}"{edges}>'


def code(page: Page, crop: Box = WHOLE, with_weather: bool = False) -> Code:
    """The same geometry in flat codes, without anti-aliasing.

    Masks leave out rain, snow, stars and lightning; a style that draws by the codes asks for them.
    """
    names, parts, body, count = ["sky"], {}, [], 0
    for layer in page.layers:
        keep = layer.name in WEATHER
        if not (layer.solid or (with_weather and keep)):
            continue
        first = count + 1
        art, count = _coded(DEFS.sub("", layer.art), len(names) * LAYER_STEP, count, keep)
        body.append(art)
        names.append(layer.name)
        for name, elements in layer.parts:
            parts[int(layer.name.removeprefix("thing")), name] = (first, first + elements)
            first += elements
    assert len(names) * LAYER_STEP <= 256 and count < 65536
    text = f"{_head(crop, True)}{''.join(body)}</svg>"
    return Code(text, tuple(names), parts)


def _coded(art: str, red: int, count: int, keep_faint: bool) -> tuple[str, int]:
    def flat(match: re.Match[str]) -> str:
        nonlocal count
        if not (keep_faint or is_solid(match[0])):
            return ""
        count += 1
        colour = f"#{red:02x}{count:04x}"
        return PAINT.sub(rf'\1="{colour}"', OPACITY.sub("", match[0]))

    return ELEMENT.sub(flat, art), count
