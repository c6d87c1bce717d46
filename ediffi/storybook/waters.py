"""The stage by the water: sea and lake, painted from far to near.

Water mirrors its sky, so it has three colours per sky of its own. As in `places`, the things that
will float there are not known; a place gives back what paints its foreground.
"""

from __future__ import annotations

from collections.abc import Callable

from ediffi.storybook.colours import mix
from ediffi.storybook.painter import Painter
from ediffi.storybook.scenery import blossoms, corners, spires
from ediffi.storybook.shapes import PAGE, box, oval, ovals, path, vertical

WATER = {
    "day": ("#c9e9ee", "#4fabcf", "#2a79b0"),
    "sunset": ("#fbb583", "#b0709a", "#4a4a90"),
    "night": ("#5a66aa", "#2b3d84", "#172760"),
    "storm": ("#9aacb0", "#4f7787", "#2f566b"),
    "snowing": ("#d3e2ea", "#86afc6", "#5a8aaa"),
    "rainbow": ("#d6ecec", "#56b2ca", "#2e86b0"),
}
"""Far, middle and near water under each sky."""
GLITTER = {"day": "#fdf8dd", "sunset": "#ffd98a", "night": "#cfd6ff"}


def sea(p: Painter) -> Callable[[], None]:
    """A far coast, waves with the sun's glitter, foam, a beach in front."""
    coast = "M150 132C172 116 190 118 206 126C226 112 250 118 276 120L276 136L150 136Z"
    cape = "M190 132C210 124 236 126 276 128L276 138L190 138Z"
    p.add("far", path(coast, p.far("#7597a6", 0.5)) + path(cape, p.far("#6a9a7e", 0.36)))
    p.defs.append(vertical("water", *zip((0, 0.38, 1), WATER[p.sky], strict=True)))
    p.add("ground", box(-2, 131, 260, 130, "url(#water)"))
    if p.sky in GLITTER:
        p.add("glitter", _glitter(p, p.sun_x * PAGE, GLITTER[p.sky]), solid=False)
    waves = ""
    for y in (142, 151, 162, 175, 190, 207):
        s = 5 + (y - 132) * 0.2
        for _ in range(5):
            waves += (
                f"M{p.rng.uniform(-6, 250):.0f} {y + p.rng.uniform(-3, 3):.0f}"
                f"q{s:.1f} {-s * 0.42:.1f} {2 * s:.1f} 0q{-s:.1f} {-s * 0.16:.1f} {-2 * s:.1f} 0Z"
            )
    p.add("waves", path(waves, mix(WATER[p.sky][0], "#ffffff", 0.35), 0.62), solid=False)
    y = 230
    foam = f"M-10 {y + 3}C40 {y - 13} 90 {y + 7} 150 {y - 7}C200 {y - 17} 230 {y - 5} 270 {y - 13}"
    sand = f"M-10 {y + 7}C40 {y - 8} 92 {y + 11} 152 {y - 2}C200 {y - 12} 232 {y} 270 {y - 7}"
    p.add("ground", path(foam + "L270 262L-10 262Z", p.land("#eaf7f5")))
    wet = path("M-10 252C60 242 150 256 270 244L270 262L-10 262Z", p.land("#e2bf85"))
    p.add("ground", path(sand + "L270 262L-10 262Z", p.land("#f2d9a2")) + wet)

    def front() -> None:
        pebbles = [(p.rng.uniform(6, 250), p.rng.uniform(240, 253), 1.8, 1.2) for _ in range(12)]
        out = ovals(pebbles, p.land("#c99f6a"))
        pale, dark = p.land("#7f9a4c"), p.land("#64853f")
        for x, y, size, colour in ((6, 262, 26, pale), (24, 264, 19, dark), (250, 263, 22, pale)):
            out += p.tuft(x, y, size, colour)
        p.add("front", out)

    return front


def _glitter(p: Painter, x: float, colour: str) -> str:
    rng, glints = p.rng, []
    for y in range(134, 212, 4):
        at = x + rng.gauss(0, 5 + (y - 132) * 0.16)
        width = rng.uniform(4, 13) * (y - 104) / 62
        glints.append((at, y, width, 0.9 + (y - 132) / 70))
    return ovals(glints, colour, 0.72)


def lake(p: Painter) -> Callable[[], None]:
    """Snow-capped mountains and their reflection, lilies, reeds, a near shore."""
    rng = p.rng
    for x, y, w, haze in ((46, 62, 84, 0.5), (214, 70, 78, 0.46), (132, 84, 74, 0.38)):
        p.add("far", _mountain(p, x, y, w * rng.uniform(0.9, 1.1), haze))
    hills = path(p.ridge(138, 9, 6)[0], p.far("#6aa57c", 0.32))
    p.add("far", hills + spires(p, 148, 9, p.far("#3f7f66", 0.3), 22, (140, 262)))
    p.defs.append(vertical("lake", *zip((0, 0.5, 1), WATER[p.sky], strict=True)))
    p.add("ground", box(-2, 150, 260, 110, "url(#lake)"))
    peaks = "M20 150L60 176L92 158L132 182L176 156L206 174L250 150Z"
    mirror = path(peaks, p.far("#67709a", 0.3), 0.3)
    glints = [(rng.uniform(10, 240), y, rng.uniform(8, 26), 0.9) for y in range(158, 206, 5)]
    mirror += ovals(glints, "#f4fbfb", 0.5)
    p.add("mirror", mirror, solid=False)
    spit = path("M-10 152C30 148 60 158 44 168C30 176 10 172 -10 176Z", p.land("#7fb659"))
    p.add("ground", spit + p.tuft(34, 168, 8, p.land("#4a8a48")))
    spans = ((150, 230), (130, 220), (20, 110))
    for x, y, r in zip([rng.uniform(*s) for s in spans], (192, 203, 208), (8, 10, 9), strict=True):
        p.add("lily", _lily(p, x, y, r), solid=False)
    near, away = p.land("#64a84a"), p.land("#8cc45e")
    p.ground(224, 7, 4, near, away, "near", tilt=rng.uniform(-16, 16))
    p.add("bloom", blossoms(p, 234, 12, ("#fff6de", "#ffd75e")), solid=False)
    tufts, side = corners(p, p.land("#2f7040"), p.land("#4a8a44"), 30), rng.choice((8, 232))

    def front() -> None:
        stems = [
            (side + 4.5 * i + rng.uniform(-1, 1), rng.uniform(-5, 5), rng.uniform(178, 206))
            for i in range(5)
        ]
        p.add("front", "".join(_reed(p, *stem) for stem in stems))
        tufts()

    return front


def _mountain(p: Painter, x: float, y: float, w: float, haze: float) -> str:
    light, shade, cap = p.far("#8a93b4", haze), p.far("#67709a", haze), p.far("#ffffff", haze * 0.5)
    shoulder = f"{x + w * 0.38:.1f} {y + 40}L{x + w:.1f} 152"
    face = f"M{x - w:.1f} 152L{x - w * 0.42:.1f} {y + 34}L{x} {y}L{shoulder}Z"
    side = f"M{x} {y}L{shoulder}H{x + w * 0.1:.1f}L{x + w * 0.16:.1f} {y + 54}L{x + 2} {y + 30}Z"
    top = (
        f"M{x} {y}L{x - w * 0.2:.1f} {y + 17}L{x - w * 0.1:.1f} {y + 15}L{x - 3} {y + 24}"
        f"L{x + w * 0.07:.1f} {y + 16}L{x + w * 0.2:.1f} {y + 22}Z"
    )
    return path(face, light) + path(side, shade) + path(top, cap)


def _lily(p: Painter, x: float, y: float, r: float) -> str:
    leaf = (
        f"M{x:.1f} {y}L{x + r:.1f} {y - r * 0.16:.1f}"
        f"A{r} {r * 0.32:.1f} 0 1 1 {x + r * 0.55:.1f} {y - r * 0.27:.1f}Z"
    )
    return (
        oval(x, y + 1.4, r, r * 0.34, p.land("#2f7f72"), 0.6)
        + path(leaf, p.land("#79bd62"))
        + oval(x - r * 0.2, y - r * 0.24, r * 0.26, r * 0.2, p.land("#ffd9e4"))
    )


def _reed(p: Painter, x: float, lean: float, top: float) -> str:
    rise = f"Q{x:.1f} 230 {x + lean:.1f} {top:.1f}"
    stem = f"M{x - 0.8:.1f} 262{rise}Q{x + 2:.1f} 230 {x + 1.6:.1f} 262Z"
    head = oval(x + lean, top + 3, 1.9, 6.5, p.land("#7a4c2c"))
    return path(stem, p.land("#4a8a44")) + head
