"""Above and over the stage: sun, moon, stars, rainbow, clouds; rain, snow; frame and veil of light.

It knows the sky's colours and the painter's dice, but neither the place below nor the things on it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ediffi.storybook.painter import Painter
from ediffi.storybook.shapes import PAGE, halo, line, oval, ovals, path, ring

WEATHER = frozenset({"rain", "snow", "stars", "bolt"})
"""Layers that lie before or behind things without ever hiding them."""


@dataclass(frozen=True)
class Clouds:
    """How a sky's clouds look: colour, shade, the usual number and size."""

    body: str
    shade: str
    number: int
    size: float


CLOUDS = {
    "day": Clouds("#ffffff", "#cfe2ee", 3, 15),
    "sunset": Clouds("#ffd9b8", "#c9798a", 3, 14),
    "rainbow": Clouds("#ffffff", "#c7d6e2", 3, 17),
    "night": Clouds("#4a5296", "#2c3474", 2, 13),
    "storm": Clouds("#8d97a4", "#58626f", 5, 25),
    "snowing": Clouds("#f4f7fa", "#c4d0de", 4, 20),
}
BOW = ("#e8655c", "#f4a04e", "#f8de6d", "#7fc77a", "#5fa6e0", "#9a7fd0")


def celestial(p: Painter) -> None:
    """Sun, moon, stars, rainbow and clouds; the light stands in the left third of the page."""
    p.sun_x = p.rng.uniform(0.14, 0.31)
    if p.sky in ("day", "sunset"):
        _sun(p)
    elif p.sky == "night":
        _moon(p)
    elif p.sky == "rainbow":
        x, y, r = (p.rng.uniform(*span) for span in ((120, 170), (176, 194), (138, 154)))
        rings = (ring(x, y, r - i * 7.4, 7.8, colour, 0.62) for i, colour in enumerate(BOW))
        p.add("bow", "".join(rings))
    _clouds(p)
    if p.sky == "storm":
        x = p.rng.uniform(150, 230)
        zigzag = (
            f"M{x:.1f} 44L{x - 13:.1f} 76L{x - 4:.1f} 75L{x - 12:.1f} 104"
            f"L{x + 10:.1f} 67L{x + 1:.1f} 68L{x + 9:.1f} 44Z"
        )
        p.add("bolt", path(zigzag, "#ffe89a"), solid=False)


def _sun(p: Painter) -> None:
    day, x = p.sky == "day", p.sun_x * PAGE
    y, r = (40, 16) if day else (92, 21)
    y, r = y + p.rng.uniform(-9, 9), r * p.rng.uniform(0.9, 1.12)
    p.defs.append(halo("sun", "#fff3c4" if day else "#ffe7a0", 1))
    p.add("halo", oval(x, y, r * 4.6, r * 4.6, "url(#sun)", 0.8), solid=False)
    disc = oval(x, y, r, r, "#fff1b5" if day else "#fff0b8")
    face = oval(x + r * 0.06, y + r * 0.08, r * 0.86, r * 0.86, "#ffdf70" if day else "#ffd067")
    p.add("sun", disc + face)


def _moon(p: Painter) -> None:
    rng = p.rng
    x, y, r = p.sun_x * PAGE, 46 + rng.uniform(-10, 10), 17 * rng.uniform(0.9, 1.15)
    p.defs.append(halo("moon", "#dfe4ff", 0.8))
    p.add("halo", oval(x, y, r * 4.4, r * 4.4, "url(#moon)"), solid=False)
    dots = ""
    for brightness in (0.5, 0.7, 0.9):
        spots = [(rng.uniform(0, PAGE), rng.uniform(2, 128)) for _ in range(15)]
        sizes = [rng.uniform(0.45, 1.15) for _ in spots]
        stars = [(x, y, r, r) for (x, y), r in zip(spots, sizes, strict=True)]
        dots += ovals(stars, "#f3efdc", brightness)
    for _ in range(7):
        dots += _star(rng.uniform(60, 246), rng.uniform(8, 92), rng.uniform(2.6, 4.6), "#fdf3c9")
    p.add("stars", dots, solid=False)
    face = oval(x, y, r, r, "#fbf3d6") + oval(x + 2.4, y + 2.6, r * 0.84, r * 0.84, "#eee3c1")
    for dx, dy, rx, ry, colour in (
        (-5, -3, 3.4, 3, "#dccfae"),
        (5, 5, 4.4, 3.9, "#d9cba9"),
        (6, -7, 2.1, 1.9, "#dccfae"),
    ):
        face += oval(x + dx, y + dy, rx, ry, colour)
    p.add("sun", face)


def _star(x: float, y: float, r: float, fill: str) -> str:
    reach = (r if i % 2 == 0 else r * 0.3 for i in range(8))
    tips = (
        f"{x + d * math.sin(i * math.pi / 4):.1f} {y - d * math.cos(i * math.pi / 4):.1f}"
        for i, d in enumerate(reach)
    )
    return path("M" + "L".join(tips) + "Z", fill)


def _clouds(p: Painter) -> None:
    look, rng = CLOUDS[p.sky], p.rng
    number = look.number + rng.choice((-1, 0, 0, 1))
    for i in range(number):
        s = look.size * rng.uniform(0.7, 1.2)
        x = (i + rng.uniform(0.25, 0.75)) / number * PAGE + (34 if p.sky == "day" else 0)
        low = p.sky in ("storm", "snowing")
        y = rng.uniform(14, 44) if low else rng.uniform(26, 84)
        p.add("cloud", p.cloud(x, y, s, look.body, look.shade))


def weather(p: Painter) -> None:
    """Rain or snow before everything."""
    rng = p.rng
    if p.sky == "storm":
        drops = ((rng.uniform(0, 268), rng.uniform(40, 250)) for _ in range(95))
        d = "".join(f"M{x:.0f} {y:.0f}l-3.4 11" for x, y in drops)
        p.add("rain", line(d, "#dbe6ee", 1.15, 0.5), solid=False)
    if p.sky == "snowing":
        flakes = ""
        for away, near in ((0, 0.4), (0.4, 0.7), (0.7, 1)):  # far flakes are small and faint
            spots = []
            for _ in range(round(110 * (near - away))):
                r = 0.9 + 2.3 * rng.uniform(away, near) ** 3
                spots.append((rng.uniform(0, PAGE), rng.uniform(0, PAGE), r, r))
            flakes += ovals(spots, "#ffffff", 0.72 + 0.125 * (away + near))
        p.add("snow", flakes, solid=False)


@dataclass(frozen=True)
class PageLight:
    """Light over the whole page: a dark frame round (118, 118), a veil from the upper left.

    The frame's opacity rises from 0 at FRAME_START to `frame` at FRAME_REACH units from its centre;
    the veil goes from the colour `near` at (0, 0), opacity VEIL, to `away` and nothing.
    """

    frame: float = 0.2
    near: str | None = None
    away: str | None = None


FRAME_COLOUR = "#2a1840"
FRAME_CENTRE, FRAME_START, FRAME_REACH = 118, 116, 200
VEIL, VEIL_END, VEIL_TOWARDS = 0.16, 0.6, (128, 256)
PAGE_LIGHTS = {
    "sunset": PageLight(near="#ffcf7a", away="#ff9a6a"),
    "night": PageLight(0.3, "#7f8fe0", "#20206a"),
}


def page_light(sky: str) -> PageLight:
    """The light that lies over a page under this sky."""
    return PAGE_LIGHTS.get(sky, PageLight())


def page_light_svg(sky: str) -> tuple[str, str]:
    """Definitions and art of the frame and the veil, each painted only where it shows."""
    light, c, r = page_light(sky), FRAME_CENTRE, FRAME_START
    defs = (
        f'<radialGradient id="frame" gradientUnits="userSpaceOnUse" cx="{c}" cy="{c}" '
        f'r="{FRAME_REACH}"><stop offset="{FRAME_START / FRAME_REACH}" '
        f'stop-color="{FRAME_COLOUR}" stop-opacity="0"/><stop offset="1" '
        f'stop-color="{FRAME_COLOUR}" stop-opacity="{light.frame}"/></radialGradient>'
    )
    art = (
        f'<path d="M0 0H{PAGE}V{PAGE}H0ZM{c} {c - r}A{r} {r} 0 1 0 {c} {c + r}'
        f'A{r} {r} 0 1 0 {c} {c - r}Z" fill-rule="evenodd" fill="url(#frame)"/>'
    )
    if light.near:
        x, y = VEIL_TOWARDS
        defs += (
            f'<linearGradient id="veil" gradientUnits="userSpaceOnUse" x1="0" y1="0" '
            f'x2="{x}" y2="{y}"><stop offset="0" stop-color="{light.near}" '
            f'stop-opacity="{VEIL}"/><stop offset="{VEIL_END}" stop-color="{light.away}" '
            f'stop-opacity="0"/></linearGradient>'
        )
        art += path("M0 0H256V64L0 192Z", "url(#veil)")
    return defs, art
