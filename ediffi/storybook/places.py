"""The stage on dry land: meadow, forest, desert, snow and town, painted from far to near.

Each place paints all that is behind the things and gives back what paints the foreground. Four
planes always: a far ridge, a middle ground, the stage, dark tufts in front. The things that will
stand there are not known here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from ediffi.storybook import waters
from ediffi.storybook.painter import Painter
from ediffi.storybook.scenery import (
    blossoms,
    bush,
    corners,
    fence,
    leafy,
    round_trees,
    spires,
)
from ediffi.storybook.shapes import PAGE, box, halo, line, oval, ovals, path

Front = Callable[[], None]


def meadow(p: Painter) -> Front:
    """Hills with small trees, a winding path, bushes, a fence, flowers."""
    rng = p.rng
    d, _ = p.ridge(122, 11, 5)
    p.add("far", path(d, p.far("#6f9fa0", 0.62)))
    d, _ = p.ridge(139, 9, 6)
    trees = round_trees(p, 142, 7, p.far("#5b9a68", 0.34), 7)
    p.add("far", path(d, p.far("#6fae76", 0.38)) + trees)
    p.ground(154, 6, 4, p.land("#74b952"), p.far("#a9cf6c", 0.16), tilt=rng.uniform(-16, 16))
    near, away = p.land("#559d45"), p.land("#6cb34e")
    p.ground(214, 5, 5, near, away, "near", tilt=rng.uniform(-14, 14))
    x, side = rng.uniform(100, 156), rng.choice((-1, 1))
    edge = (
        "M-2 157C8 168 -28 178 -26 198C-22 216 -62 234 -96 264"
        "L12 264C24 240 30 216 16 198C2 182 18 168 3 157Z"
    )
    bed = (
        "M-2 157C8 168 -28 178 -23 198C-18 216 -54 234 -86 264"
        "L8 264C20 240 26 216 12 198C-1 182 18 168 3 157Z"
    )
    way = path(edge, p.land("#cdb982")) + path(bed, p.land("#efdfae"))
    p.add("path", f'<g transform="translate({x:.0f} 0) scale({side} 1)">{way}</g>')
    left, right = ((178, 15), (172, 13)) if side > 0 else ((172, 13), (178, 15))
    shrubs = bush(p, rng.uniform(-6, 14), *left) + bush(p, rng.uniform(240, 262), *right)
    p.add("bush", shrubs + fence(p, *((186, 262) if side > 0 else (-6, 66)), 163))
    petals = ("#fff6de", "#ffd75e", "#f6a8b8", "#fff6de")
    p.add("bloom", blossoms(p, 166, 34, petals), solid=False)
    return corners(p, p.land("#2f7040"), p.land("#3f8544"))


def forest(p: Painter) -> Front:
    """Rows of firs in the haze, four tall trunks, a clearing, a great tree at one side."""
    rng = p.rng
    p.add("far", spires(p, 150, 15, p.far("#6aa08a", 0.66), 62))
    ridge = path(p.ridge(132, 8, 7)[0], p.far("#5c9a80", 0.5))
    p.add("far", ridge + spires(p, 156, 12, p.far("#4c8a6a", 0.44), 52))
    p.ground(152, 5, 5, p.land("#5d9c4d"), p.far("#9cc06a", 0.2))
    trees = round_trees(p, 158, 4, p.far("#4f9158", 0.2), 15)
    p.add("far", trees + p.tuft(rng.uniform(60, 200), 158, 9, p.land("#4a8a4a")))
    spans = ((14, 30), (52, 70), (214, 232), (176, 196))
    for x, w, haze in zip(
        [rng.uniform(*span) for span in spans], (9, 6, 9, 6), (0.34, 0.46, 0.34, 0.46), strict=True
    ):
        p.add("far", _tall_tree(p, x, w, haze))
    pool = oval(rng.uniform(110, 160), 192, 84, 11, p.land("#b5d878"), 0.55)
    p.add("pool", pool, solid=False)
    p.ground(220, 5, 5, p.land("#4a9148"), p.land("#66a852"), "near")
    side = rng.choice((0, 1))

    def front() -> None:
        turn = "translate(256 0) scale(-1 1)" if side else ""
        p.add("front", f'<g transform="{turn}">{_great_tree(p)}</g>')
        corners(p, p.land("#1f5136"), p.land("#2e6b3c"), 38)()

    return front


def _tall_tree(p: Painter, x: float, w: float, haze: float) -> str:
    crown, top = p.far("#3f8350", haze), p.far("#67a860", haze)
    l, r = x - w * 0.5, x + w * 0.5  # noqa: E741
    trunk = (
        f"M{l:.0f} -4L{r:.0f} -4L{x + w * 0.55:.0f} 140Q{x + w * 0.6:.0f} 158 {x + w:.0f} 164"
        f"L{x - w:.0f} 164Q{x - w * 0.6:.0f} 158 {l:.0f} 140Z"
    )
    shade = (
        f"M{x + w * 0.12:.0f} -4L{r:.0f} -4L{x + w * 0.55:.0f} 140"
        f"Q{x + w * 0.6:.0f} 158 {x + w:.0f} 164L{x + w * 0.3:.0f} 164"
        f"Q{x + w * 0.1:.0f} 140 {x + w * 0.12:.0f} -4Z"
    )
    out = path(trunk, p.far("#6b4d3c", haze)) + path(shade, p.far("#4a3550", haze), 0.6)
    for a, b, s in ((-2.2, 3, 2.3), (2, 4, 2.2), (0, 8, 2.2), (-1, 0, 3)):
        out += leafy(p, x + a * w, b * w * 0.5 - 4, s * w, s * w * 0.66, crown, 9)
    for a, b, s in ((-2.6, 3, 1.5), (1.5, 4, 1.4), (-0.5, 8, 1.5)):
        out += leafy(p, x + a * w, b * w * 0.5 - 8, s * w, s * w * 0.5, top, 7)
    return out


def _great_tree(p: Painter) -> str:
    bark, dark, leaf, shade = (p.land(c) for c in ("#6b4a34", "#4a3128", "#3a7a42", "#265a38"))
    out = path("M-12 262L-12 -10L16 -10C13 60 15 150 17 200C19 230 26 246 40 262Z", dark)
    out += path("M-12 262L-12 -10L9 -10C6 60 8 150 9 200C10 232 14 250 22 262Z", bark)
    for x, y, rx, ry in ((2, 6, 44, 22), (46, -4, 34, 18), (84, -9, 26, 14)):
        out += leafy(p, x, y, rx, ry, shade, 13)
    for x, y, rx, ry in ((-4, 0, 40, 19), (40, -9, 30, 16), (20, 12, 15, 10), (76, -13, 22, 13)):
        out += leafy(p, x, y, rx, ry, leaf, 12)
    return out


def desert(p: Painter) -> Front:
    """Table mountains, three dunes with a lit and a shaded side, stones, dry tufts."""
    rng = p.rng
    x = rng.uniform(130, 170)
    p.add("far", _mesas(p, x))
    lights, darks = ("#f3d296", "#f0c581", "#ecba70"), ("#dcab76", "#d8a068", "#d3985c")
    for y, h, haze, key in ((150, 22, 0.3, 0), (178, 26, 0.12, 1), (216, 22, 0, 2)):
        top = rng.uniform(90, 190) if key != 1 else rng.uniform(40, 90)
        dune = (
            f"M-20 {y + 8}C{top - 70:.1f} {y + 6} {top - 36:.1f} {y - h} {top:.1f} {y - h}"
            f"C{top + 46:.1f} {y - h} {top + 60:.1f} {y + 4} 276 {y}L276 262L-20 262Z"
        )
        lee = (
            f"M{top:.1f} {y - h}C{top + 46:.1f} {y - h} {top + 60:.1f} {y + 4} 276 {y}L276 {y + 26}"
            f"C{top + 90:.1f} {y + 28} {top + 10:.1f} {y + 26} {top + 18:.1f} {y + 10}"
            f"C{top + 26:.1f} {y - 4} {top - 6:.1f} {y - h + 12} {top:.1f} {y - h}Z"
        )
        p.add("ground", path(dune, p.far(lights[key], haze)) + path(lee, p.far(darks[key], haze)))
    waves = ((rng.uniform(0, 220), rng.uniform(222, 250)) for _ in range(7))
    colour = p.land("#d9a763")
    ripples = (line(f"M{x:.0f} {y:.0f}q9 -3.4 18 0t18 0", colour, 1.3, 0.7) for x, y in waves)
    p.add("ripple", "".join(ripples), solid=False)
    out = ""
    for _ in range(6):
        x, y = rng.uniform(6, 250), rng.uniform(176, 250)
        s = 1.4 + 5 * (y - 170) / 80
        out += oval(x + s * 0.5, y + s * 0.3, s * 1.5, s * 0.4, p.land("#b27f4e"), 0.8)
        out += oval(x, y - s * 0.2, s, s * 0.66, p.land("#b98a68"))
        out += oval(x - s * 0.2, y - s * 0.4, s * 0.66, s * 0.36, p.land("#dcb48c"))
    for y in (162, 170, 184, 196, 206):
        out += p.tuft(rng.uniform(10, 246), y, 4 + (y - 156) * 0.1, p.land("#9a9048"), 5)
    p.add("stones", out, solid=False)
    return corners(p, p.land("#a9853f"), p.land("#8a7a3e"), 22)


def _mesas(p: Painter, x: float) -> str:
    light, shade = p.far("#c98a6a", 0.42), p.far("#a86e66", 0.42)
    steps = f"L{x + 18:.1f} 100L{x + 24:.1f} 112L{x + 50:.1f} 114L{x + 62:.1f} 150Z"
    return (
        path(f"M{x - 34:.1f} 150L{x - 26:.1f} 104{steps}", light)
        + path(f"M{x + 6:.1f} 150L{x + 4:.1f} 101{steps}", shade)
        + path(f"M{x - 150:.1f} 150L{x - 142:.1f} 124L{x - 104:.1f} 122L{x - 92:.1f} 150Z", light)
        + path(f"M{x - 116:.1f} 150L{x - 114:.1f} 123L{x - 104:.1f} 122L{x - 92:.1f} 150Z", shade)
    )


def snow(p: Painter) -> Front:
    """White hills between dark firs."""
    tilt = p.rng.uniform
    p.add("far", path(p.ridge(118, 14, 5)[0], p.far("#a9bfdd", 0.5)))
    wood = spires(p, 146, 16, p.far("#5f8793", 0.5), 25)
    p.add("far", wood + path(p.ridge(142, 7, 6)[0], p.far("#d3e1f1", 0.2)))
    firs = p.far("#3f6d72", 0.28)
    p.add("far", spires(p, 158, 4, firs, 30, (0, 80)) + spires(p, 158, 3, firs, 30, (196, 256)))
    p.ground(156, 6, 4, p.land("#dfeaf7"), p.land("#f4f8fd"), tilt=tilt(-12, 12))
    near = "M-10 196C50 184 120 190 160 200C120 200 60 202 -10 208Z"
    away = "M110 176C170 166 220 170 266 178L266 186C220 178 160 178 110 176Z"
    drifts = path(near, p.land("#c3d5ec"), 0.8) + path(away, p.land("#c9daee"), 0.8)
    p.add("drift", drifts, solid=False)
    p.ground(222, 6, 5, p.land("#eaf2fb"), p.land("#ffffff"), "near", tilt=tilt(-12, 12))
    return corners(p, p.land("#9db6cf"), p.land("#b98f62"), 20)


def town(p: Painter) -> Front:
    """A row of houses before a skyline, cobbles that grow with nearness, a street lamp."""
    skyline = (
        "M-6 160L-6 108L20 108L20 96L34 78L48 96L48 112L86 112L86 100L112 100L112 84L118 84"
        "L122 56L126 84L132 84L132 112L176 112L176 94L196 80L216 94L216 110L262 110L262 160Z"
    )
    p.add("far", path(skyline, p.far("#8d93ad", 0.62)))
    walls = ["#e9b98c", "#d98f7a", "#c7c39a", "#a9bfc4", "#e6cf9a", "#c99aa0"]
    p.rng.shuffle(walls)
    x = -14.0
    for i, wall in enumerate(walls):
        width = p.rng.uniform(38, 52)
        p.add("far", _town_house(p, x, width, wall, ("#a4554a", "#6f6482", "#8a5a48")[i % 3]))
        x += width - 1
    p.ground(176, 1, 3, p.land("#c6b6a6"), p.far("#d9c9b4", 0.2))
    kerb = "M-10 178C80 175 180 180 270 176L270 183C180 187 80 182 -10 185Z"
    p.add("kerb", path(kerb, p.land("#efe3cf")))
    p.add("stones", _cobbles(p), solid=False)

    def front() -> None:
        side = p.rng.choice((18, 240))
        p.defs.append(halo("street", "#ffe39a", 0.9 if p.sky == "night" else 0.45))
        if p.sky != "day":
            p.add("halo", oval(side, 118, 40, 40, "url(#street)"), solid=False)
        p.add("front", _street_lamp(p, side))

    return front


def _town_house(p: Painter, x: float, w: float, wall: str, roof: str) -> str:
    rng, h = p.rng, p.rng.uniform(46, 66)
    top, right = 176 - h, x + w
    out = box(x, top, w, h + 4, p.far(wall, 0.3))
    side = f"M{x + w * 0.68:.1f} {top:.1f}H{right:.1f}V180H{x + w * 0.74:.1f}Z"
    out += path(side, p.far("#5a4a66", 0.3), 0.18)
    ridge = x + w * rng.choice((0.5, 0.38, 0.62))
    left, eaves = x - 3, top + 1
    gable = f"M{left:.1f} {eaves:.1f}L{ridge:.1f} {top - h * 0.38:.1f}L{right + 3:.1f} {eaves:.1f}Z"
    out += path(gable, p.far(roof, 0.28))
    for column in (0.2, 0.58):
        for row in (0.14, 0.52):
            glass = p.lamp if rng.random() < 0.7 else p.far("#4d5674", 0.3)
            out += box(x + w * column, top + h * row, w * 0.2, h * 0.2, glass, 1.5)
    return out


def _cobbles(p: Painter) -> str:
    rng, stones = p.rng, defaultdict(list)
    for row, y in enumerate((194, 203, 214, 227, 243)):
        for i in range(12 - row):
            x = (i + 0.5 * (row % 2) + rng.uniform(0.2, 0.5)) * PAGE / (11 - row)
            height, size = y + rng.uniform(-1.5, 1.5), (7 + row * 1.6, 2 + row * 0.55)
            stones[rng.choice(["#b3a294", "#d6c7b4", "#bcaa9a"])].append((x, height, *size))
    return "".join(ovals(some, p.land(colour), 0.75) for colour, some in stones.items())


def _street_lamp(p: Painter, x: float) -> str:
    iron = p.land("#3b3a4c")
    post = f"M{x - 6} 262L{x - 2.4} 240L{x - 1.8} 128L{x + 1.8} 128L{x + 2.4} 240L{x + 6} 262Z"
    return (
        path(post, iron)
        + path(f"M{x - 8} 108L{x + 8} 108L{x + 5.4} 129L{x - 5.4} 129Z", iron)
        + path(f"M{x - 5.6} 110L{x + 5.6} 110L{x + 3.6} 126L{x - 3.6} 126Z", p.lamp)
        + path(f"M{x - 10} 109L{x} 98L{x + 10} 109Z", iron)
        + oval(x, 97, 1.8, 2.4, iron)
    )


PLACES: dict[str, Callable[[Painter], Front]] = {
    "meadow": meadow,
    "forest": forest,
    "desert": desert,
    "snow": snow,
    "sea": waters.sea,
    "lake": waters.lake,
    "town": town,
}
