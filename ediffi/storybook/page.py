"""Compose storybook scenes: a scene is a dict, its drawing one SVG, its truth an id picture of the same geometry."""

import functools
import io
import random
import re
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from ediffi.storybook.colours import AIR, INK, SKIES, TONES, lit, mix, ramp
from ediffi.storybook.places import PLACES, WATER
from ediffi.storybook.shapes import PAGE, halo, lettering, oval, path, smooth, vertical
from ediffi.storybook.skies import celestial, weather

HERE = Path(__file__).parent / "art"
FLOATING = {"balloon", "kite", "fish", "rocket"}     # placed by their centre; the others by their feet
WEATHER = {"rain", "snow", "stars", "bolt"}             # drawn in front or behind, but nobody's mask
SWIMMING = {"boat", "whale", "duck"}                 # on water: a reflection instead of a shadow


class Painter:
    """Collects layers (name, svg, solid) from back to front; `land` and `far` give colours under this sky."""

    def __init__(self, scene):
        self.scene, self.sky = scene, scene.sky
        self.rng = random.Random(scene.seed)
        self.top, self.middle, self.horizon = SKIES[self.sky][0].split()
        self.lamp = SKIES[self.sky][3]
        self.layers, self.defs = [], []
        self.sun_x = .22

    def add(self, name, svg, solid=True):
        self.layers.append((name, svg, solid))

    def land(self, colour):
        return lit(colour, self.sky, True)

    def far(self, colour, haze):
        return mix(self.land(colour), mix(self.horizon, self.middle, .35), haze)

    def ridge(self, y, swing, n, tilt=0.0):
        pace = PAGE / n
        line = [(i * pace, y + self.rng.uniform(-1, 1) * swing + tilt * (i / n - .5)) for i in range(-1, n + 2)]
        return smooth(line) + f"L{PAGE + pace:.0f} 262L{-pace:.0f} 262Z", line

    def ground(self, y, swing, n, near, away, name="ground", tilt=0.0):
        key = f"{name}-{len(self.defs)}"
        self.defs.append(vertical(key, (0, away), (.55, near), (1, mix(near, lit(INK, self.sky, True), .13))))
        d, line = self.ridge(y, swing, n, tilt)
        self.add(name, path(d, f"url(#{key})"))
        sweep = "".join(f"M{x:.0f} {y + v:.0f}Q{x + w / 2:.0f} {y + v - 5:.0f} {x + w:.0f} {y + v + 1:.0f}Q{x + w / 2:.0f} {y + v + 4:.0f} {x:.0f} {y + v:.0f}Z"
                        for x, v, w in ((self.rng.uniform(-20, 190), self.rng.uniform(9, 54), self.rng.uniform(60, 120)) for _ in range(5)))
        self.add("sweep", path(sweep, mix(near, away, .75), .5), solid=False)
        return line

    def tuft(self, x, y, size, colour, blades=6):
        out = []
        for i in range(blades):
            lean = (i - (blades - 1) / 2) / blades * 1.7 + self.rng.uniform(-.2, .2)
            h, w = size * self.rng.uniform(.65, 1.1), size * .11
            tip = (x + lean * size * .75, y - h)
            out.append(f"M{x + lean * 5 - w:.1f} {y:.1f}Q{x + lean * size * .2:.1f} {y - h * .6:.1f} "
                       f"{tip[0]:.1f} {tip[1]:.1f}Q{x + lean * size * .2 + w * 1.6:.1f} {y - h * .5:.1f} "
                       f"{x + lean * 5 + w:.1f} {y:.1f}Z")
        return path("".join(out), colour)

    def cloud(self, x, y, s, body, shade):
        puffs = self.rng.choice((
            [(-.95, -.02, .42), (-.45, -.34, .52), (.12, -.5, .6), (.62, -.2, .5), (1.05, .02, .36)],         # heaped
            [(-1.15, .02, .3), (-.7, -.16, .42), (-.1, -.2, .46), (.42, -.42, .52), (.95, -.1, .42)],         # leaning
            [(-.9, .0, .36), (-.35, -.5, .56), (.2, -.3, .5), (.3, -.78, .4), (.85, -.02, .44)]))            # a tower
        puffs = [(px, py + self.rng.uniform(-.1, .1), r * self.rng.uniform(.85, 1.1)) for px, py, r in puffs]
        low = f"M{x - 1.4 * s:.1f} {y:.1f}Q{x:.1f} {y + .62 * s:.1f} {x + 1.45 * s:.1f} {y:.1f}Q{x:.1f} {y - .9 * s:.1f} " \
              f"{x - 1.4 * s:.1f} {y:.1f}Z"
        out = [path(low, shade)] + [oval(x + px * s, y + py * s, r * s, r * s * .86, shade) for px, py, r in puffs]
        out += [oval(x + (px - .09) * s, y + (py - .12) * s, r * s * .86, r * s * .68, body) for px, py, r in puffs]
        return "".join(out)


@functools.lru_cache(None)
def drawing(name):
    """A thing's svg body and its anchors."""
    text = (HERE / name).read_text()
    anchors = {m[1]: [float(v) for v in m[2].split()] for m in re.finditer(r"<!-- (\w+)((?: -?[\d.]+)+) -->", text)}
    body = re.sub(r"<!--.*?-->|</?svg[^>]*>", "", text).strip()
    return body, anchors


def bind(name, colour, sky, key, lamp, flip=False, word=None, wet=True):
    """Colour a drawing: its neutrals and its ramp take the sky's light, lamps do not; ids become unique."""
    body, anchors = drawing(name)
    body = re.sub(r"#[0-9a-f]{6}", lambda m: lit(m[0], sky), body)
    for tone in TONES:
        body = body.replace("{%s}" % tone, ramp(colour, sky)[tone])
    if sky in ("day", "rainbow"):                     # beams of light show in the dark only
        body = re.sub(r'<path[^>]*fill="{glow}" fill-opacity="0?\.[123]\d*"/>', "", body)
    if not wet:                                       # foam belongs to water
        body = re.sub(r'<path[^>]*fill="{foam}"[^>]*/>', "", body)
    body = body.replace("{foam}", lit("#fbfdff", sky)).replace("{ink}", lit("#0f0e15" if colour == "black" else INK, sky)).replace("{glow}", lamp)
    if "{word}" in body:
        body = body.replace("{word}", lettering(word or "HELLO", anchors["word"], lit(INK, sky)))
    if flip:                                          # the light stays upper left when the thing turns round
        body = re.sub(r'\b(x1|x2|cx)="(\.\d+)"(?=[^>]*(?:y1|y2|r)=)', lambda m: f'{m[1]}="{1 - float(m[2]):.2f}"', body)
    return re.sub(r'(id="|url\(#)', rf"\g<1>{key}", body), anchors


def paint_thing(p, i, thing):
    kind, wet = thing.kind, p.scene.place in ("sea", "lake")
    flip = thing.flip and kind != "sign"     # a mirrored word is no word
    k, name = thing.size * PAGE / 100, f"thing{i}"
    x, y = thing.x * PAGE, thing.y * PAGE
    body, anchors = bind(f"things/{kind}.svg", thing.colour, p.sky, f"t{i}", p.lamp, flip, thing.word, wet)
    wears = {"behind": "", "front": ""}
    worn = {wear.kind: wear.colour for wear in thing.wears}
    for wear, hang in (("scarf", 34), ("hat", 90), ("umbrella", 94)):
        if wear in worn and wear in anchors:
            ax, ay, scale, *turn = anchors[wear]
            art, _ = bind(f"wear/{wear}.svg", worn[wear], p.sky, f"t{i}{wear[0]}", p.lamp, flip)
            wears["behind" if wear == "umbrella" else "front"] += (
                f'<g transform="translate({ax} {ay}) rotate({turn[0] if turn else 0:g}) '
                f'scale({scale / 100:g}) translate(-50 -{hang})">{art}</g>')
    foot = 50 if kind in FLOATING else 100
    place = f"translate({x:.1f} {y:.1f}) rotate({thing.turn}) scale({-k if flip else k:.3f} {k:.3f}) translate(-50 -{foot})"
    if kind in SWIMMING and wet:
        line = y - k * (100 - anchors["floats"][0])
        p.add("shade", oval(x + k * 4, line + k * 2, k * 58, k * 9, "url(#shade)"), solid=False)
    elif kind not in FLOATING:
        p.add("shade", oval(x + k * 13, y - k * .5, k * 56, k * 9.5, "url(#shade)")
              + oval(x + k * 3, y - k * .6, k * 34, k * 3.6, "url(#shade)"), solid=False)
    if "glow" in anchors and p.sky in ("night", "sunset", "storm", "snowing"):
        gx, gy, r = anchors["glow"]
        at = (x + (gx - 50) * (-k if flip else k), y + (gy - foot) * k)
        p.add("halo", oval(*at, r * k * 2.3, r * k * 2.3, "url(#lamp)"), solid=False)
    art = f'<g transform="{place}">{wears["behind"]}{body}{wears["front"]}</g>'
    if AIR[p.sky][3]:                                 # an edge of light on the upper left, from a shifted silhouette
        edge = re.sub(r"<defs>.*?</defs>|<[a-z]+ [^>]*opacity=[^>]*/>", "", art, flags=re.S)
        edge = re.sub(r'(fill|stroke)="(?!none)[^"]*"', rf'\1="{AIR[p.sky][3]}"', edge)
        p.add("edge", f'<g transform="translate(-1 -.8)">{edge}</g>', solid=False)
    p.add(name, art)
    if kind == "duck" and wet:     # it swims: ripples over the feet
        water = WATER[p.sky][1]
        p.add("ripple", oval(x, y - k * 3, k * 48, k * 7.4, water) + oval(x - k * 4, y - k * 6.4, k * 36, k * 1.5, "#f4fbfb", .8)
              + oval(x + k * 8, y - k * 1.4, k * 30, k * 1, "#f4fbfb", .7))
    if "glow" in anchors and p.sky == "night":
        p.add("halo", oval(*at, r * k, r * k, "url(#lamp)", .8), solid=False)


def paint(scene):
    """All layers of a scene, back to front, and the shared definitions."""
    p = Painter(scene)
    strength = {"night": .75, "storm": .45, "snowing": .4}.get(p.sky, .55)
    p.defs += [halo("shade", lit("#2a2148", p.sky, True), strength), halo("lamp", "#ffd777", .55 if p.sky == "night" else .34)]
    p.defs.append(vertical("sky", (0, p.top), (.46, p.middle), (.79, p.horizon)))
    p.add("sky", f'<rect width="{PAGE}" height="200" fill="url(#sky)"/>', solid=False)
    celestial(p)
    behind = len(p.layers)
    front = PLACES[scene.place](p)
    k = p.rng.uniform(.93, 1.08)       # the scenery stretches from the page's foot: horizons differ
    p.layers[behind:] = [(name, f'<g transform="matrix(1 0 0 {k:.3f} 0 {PAGE * (1 - k):.2f})">{art}</g>', solid)
                         for name, art, solid in p.layers[behind:]]
    order = sorted(range(len(scene.things)), key=lambda i: scene.things[i].y)
    aloft = [i for i in order if scene.things[i].kind in FLOATING]
    for i in aloft + [i for i in order if i not in aloft]:
        paint_thing(p, i, scene.things[i])
    front()
    weather(p)
    return p


def svg(p):
    body = "".join(layer for _, layer, _ in p.layers)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PAGE} {PAGE}"><defs>{"".join(p.defs)}</defs>{body}</svg>'


def id_svg(p, weather=False):
    """The same geometry in flat codes: red is the layer, green and blue count the element in painting order.

    Masks leave out rain, snow, stars and lightning; a style that draws from the codes asks for them."""
    names, count, body = [], 0, []
    for name, layer, solid in p.layers:
        if not (solid or weather and name in WEATHER):
            continue
        names.append(name)

        def code(match, layer_index=len(names), keep=name in WEATHER):
            nonlocal count
            element = match[0]
            faint = re.search(r'(?:fill|stroke)-opacity="(0?\.\d+)"', element)
            if faint and float(faint[1]) < .6 and not keep:
                return ""
            count += 1
            flat = f"#{layer_index * 6:02x}{count // 256:02x}{count % 256:02x}"
            element = re.sub(r' (fill|stroke)-opacity="[^"]*"', "", element)
            return re.sub(r'(fill|stroke)="(?!none)[^"]*"', rf'\1="{flat}"', element)
        layer = re.sub(r"<defs>.*?</defs>", "", layer, flags=re.S)
        body.append(re.sub(r"<(?:path|ellipse|circle|rect)\b[^>]*/>", code, layer))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {PAGE} {PAGE}" shape-rendering="crispEdges">'
            f'<g shape-rendering="crispEdges">{"".join(body)}</g></svg>'), names


def raster(text, size):
    data = resvg_py.svg_to_bytes(svg_string=text, width=size, height=size, skip_system_fonts=True)
    return np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGB"))


def truth(p, size, weather=False):
    """(layer index, element number) per pixel, and the layers' names (index 1 is names[0])."""
    text, names = id_svg(p, weather)
    codes = raster(text, size).astype(np.int32)
    return codes[..., 0] // 6, codes[..., 1] * 256 + codes[..., 2], names
