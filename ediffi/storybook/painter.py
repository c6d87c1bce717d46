"""The painter: collects the layers of a page from back to front and mixes its colours.

It knows the sky's light, the page's dice and where feet stand, but no place, no style and how no
thing looks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from ediffi.storybook.colours import INK, SKIES, lit, mix
from ediffi.storybook.scene import Scene
from ediffi.storybook.shapes import PAGE, Point, oval, path, smooth, vertical
from ediffi.storybook.vocabulary import FLOATING

CLOUDS = (
    # heaped, leaning, a tower: puffs as (x, y, radius) in units of the cloud's size
    (
        *((-0.95, -0.02, 0.42), (-0.45, -0.34, 0.52), (0.12, -0.5, 0.6)),
        *((0.62, -0.2, 0.5), (1.05, 0.02, 0.36)),
    ),
    (
        *((-1.15, 0.02, 0.3), (-0.7, -0.16, 0.42), (-0.1, -0.2, 0.46)),
        *((0.42, -0.42, 0.52), (0.95, -0.1, 0.42)),
    ),
    (
        *((-0.9, 0.0, 0.36), (-0.35, -0.5, 0.56), (0.2, -0.3, 0.5)),
        *((0.3, -0.78, 0.4), (0.85, -0.02, 0.44)),
    ),
)


@dataclass(frozen=True)
class Layer:
    """One layer of the page; a solid one hides what is behind it and appears in the id picture.

    `parts` counts the painted elements of a thing's layer by what they belong to, in painting
    order: ("body", 21), ("hat", 7).
    """

    name: str
    art: str
    solid: bool = True
    parts: tuple[tuple[str, int], ...] = ()


class Painter:
    """Layers and definitions of one page, painted from back to front."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.sky = scene, scene.sky
        self.air = SKIES[scene.sky]
        self.lamp = self.air.lamp
        self.rng = random.Random(scene.seed)
        self.layers: list[Layer] = []
        self.defs: list[str] = []
        self.sun_x = 0.22

    def add(self, name: str, art: str, solid: bool = True) -> None:
        """Lays one more layer over the others."""
        self.layers.append(Layer(name, art, solid))

    def land(self, colour: str) -> str:
        """A colour of the land under this sky."""
        return lit(colour, self.sky, True)

    def far(self, colour: str, haze: float) -> str:
        """A colour of the land seen through this share of air."""
        return mix(self.land(colour), mix(self.air.horizon, self.air.middle, 0.35), haze)

    def at_feet(self, x: float) -> bool:
        """Whether something stands so near and low at x that grass there would hide its feet."""
        return any(
            thing.kind not in FLOATING
            and thing.y > 0.88
            and abs(thing.x * PAGE - x) < thing.size * PAGE * 0.5 + 12
            for thing in self.scene.things
        )

    def ridge(self, y: float, swing: float, n: int, tilt: float = 0.0) -> tuple[str, list[Point]]:
        """Path data of land below a rolling line about height y, and the points of that line."""
        pace = PAGE / n
        points = [
            (i * pace, y + self.rng.uniform(-1, 1) * swing + tilt * (i / n - 0.5))
            for i in range(-1, n + 2)
        ]
        return smooth(points) + f"L{PAGE + pace:.0f} 262L{-pace:.0f} 262Z", points

    def ground(
        self,
        y: float,
        swing: float,
        n: int,
        near: str,
        away: str,
        name: str = "ground",
        tilt: float = 0.0,
    ) -> None:
        """A plane of land below height y, from the colour `away` down to `near`, with sweeps."""
        key = f"{name}-{len(self.defs)}"
        foot = mix(near, self.land(INK), 0.13)
        self.defs.append(vertical(key, (0, away), (0.55, near), (1, foot)))
        self.add(name, path(self.ridge(y, swing, n, tilt)[0], f"url(#{key})"))
        sweep = ""
        for _ in range(5):
            x, v, w = (self.rng.uniform(*span) for span in ((-20, 190), (9, 54), (60, 120)))
            sweep += (
                f"M{x:.0f} {y + v:.0f}Q{x + w / 2:.0f} {y + v - 5:.0f} {x + w:.0f} {y + v + 1:.0f}"
                f"Q{x + w / 2:.0f} {y + v + 4:.0f} {x:.0f} {y + v:.0f}Z"
            )
        self.add("sweep", path(sweep, mix(near, away, 0.75), 0.5), solid=False)

    def tuft(self, x: float, y: float, size: float, colour: str, blades: int = 6) -> str:
        """A tuft of grass that stands on (x, y)."""
        out, w = "", size * 0.11
        for i in range(blades):
            lean = (i - (blades - 1) / 2) / blades * 1.7 + self.rng.uniform(-0.2, 0.2)
            h = size * self.rng.uniform(0.65, 1.1)
            root, bend = x + lean * 5, x + lean * size * 0.2
            out += (
                f"M{root - w:.1f} {y:.1f}Q{bend:.1f} {y - h * 0.6:.1f} "
                f"{x + lean * size * 0.75:.1f} {y - h:.1f}"
                f"Q{bend + w * 1.6:.1f} {y - h * 0.5:.1f} {root + w:.1f} {y:.1f}Z"
            )
        return path(out, colour)

    def cloud(self, x: float, y: float, s: float, body: str, shade: str) -> str:
        """A cloud of five puffs, lit from the upper left."""
        puffs = [
            (px, py + self.rng.uniform(-0.1, 0.1), r * self.rng.uniform(0.85, 1.1))
            for px, py, r in self.rng.choice(CLOUDS)
        ]
        low = (
            f"M{x - 1.4 * s:.1f} {y:.1f}Q{x:.1f} {y + 0.62 * s:.1f} {x + 1.45 * s:.1f} {y:.1f}"
            f"Q{x:.1f} {y - 0.9 * s:.1f} {x - 1.4 * s:.1f} {y:.1f}Z"
        )
        under = (oval(x + a * s, y + b * s, r * s, r * s * 0.86, shade) for a, b, r in puffs)
        over = (
            oval(x + (a - 0.09) * s, y + (b - 0.12) * s, r * s * 0.86, r * s * 0.68, body)
            for a, b, r in puffs
        )
        return path(low, shade) + "".join(under) + "".join(over)
