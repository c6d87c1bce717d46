"""What grows and stands in every place: trees, spires, bushes, fences, blossoms, corner tufts.

Props only; which place has them, and where, is decided in `places` and `waters`.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence

from ediffi.storybook.colours import mix
from ediffi.storybook.painter import Painter
from ediffi.storybook.shapes import PAGE, ovals, path


def leafy(p: Painter, x: float, y: float, rx: float, ry: float, fill: str, n: int = 9) -> str:
    """A crown of leaves: an oval whose edge is n bumps."""
    turn, points = p.rng.random(), []
    for i in range(n):
        angle = (i + turn + p.rng.uniform(-0.2, 0.2)) * 2 * math.pi / n
        reach = p.rng.uniform(0.86, 1.06)
        points.append((x + rx * reach * math.cos(angle), y + ry * reach * math.sin(angle)))
    ax, ay = points[-1]
    d = f"M{ax:.1f} {ay:.1f}"
    for bx, by in points:
        r = 0.6 * math.hypot(bx - ax, by - ay)
        d += f"A{r:.1f} {r:.1f} 0 0 1 {bx:.1f} {by:.1f}"
        ax, ay = bx, by
    return path(d + "Z", fill)


def round_trees(p: Painter, y: float, n: int, colour: str, size: float) -> str:
    """n small leafy trees with their feet about height y."""
    shade, light = mix(colour, p.land("#1c3a4a"), 0.2), mix(colour, p.air.horizon, 0.2)
    out = ""
    for _ in range(n):
        x, s = p.rng.uniform(0, PAGE), size * p.rng.uniform(0.6, 1.2)
        trunk = (
            f"M{x - s * 0.1:.1f} {y + s * 0.3:.1f}L{x - s * 0.08:.1f} {y - s:.1f}"
            f"L{x + s * 0.1:.1f} {y - s:.1f}L{x + s * 0.14:.1f} {y + s * 0.3:.1f}Z"
        )
        out += path(trunk, shade) + leafy(p, x, y - s, s * 0.84, s * 0.9, shade, 8)
        out += leafy(p, x - s * 0.12, y - s * 1.1, s * 0.62, s * 0.66, colour, 7)
        out += leafy(p, x - s * 0.3, y - s * 1.34, s * 0.28, s * 0.26, light, 5)
    return out


def spires(
    p: Painter, y: float, n: int, colour: str, size: float, span: tuple[float, float] = (0, PAGE)
) -> str:
    """n pointed firs side by side, with their feet at height y."""
    out = ""
    for i in range(n):
        x = span[0] + (i + p.rng.uniform(0.1, 0.9)) / n * (span[1] - span[0])
        s = size * p.rng.uniform(0.65, 1.25)
        knee = y - s * 0.55
        out += (
            f"M{x - s * 0.34:.1f} {y:.1f}L{x - s * 0.14:.1f} {knee:.1f}"
            f"L{x - s * 0.2:.1f} {knee:.1f}L{x:.1f} {y - s * 1.2:.1f}"
            f"L{x + s * 0.2:.1f} {knee:.1f}L{x + s * 0.14:.1f} {knee:.1f}"
            f"L{x + s * 0.34:.1f} {y:.1f}Z"
        )
    return path(out, colour)


def bush(p: Painter, x: float, y: float, s: float) -> str:
    """A round bush."""
    shade, body, top = (p.land(c) for c in ("#2f7040", "#4a9448", "#7cba5c"))
    return (
        leafy(p, x, y - 0.3 * s, 1.5 * s, 0.95 * s, shade, 10)
        + leafy(p, x - 0.15 * s, y - 0.45 * s, 1.2 * s, 0.72 * s, body, 9)
        + leafy(p, x - 0.4 * s, y - 0.75 * s, 0.6 * s, 0.3 * s, top, 6)
    )


def fence(p: Painter, left: int, right: int, y: float) -> str:
    """A pale wooden fence."""
    wood, shade = p.far("#f3ead6", 0.12), p.far("#cdb996", 0.12)
    posts = "".join(
        f"M{x} {y + 5}L{x} {y - 6}L{x + 1.7} {y - 8}L{x + 3.4} {y - 6}L{x + 3.4} {y + 5}Z"
        for x in range(left, right, 11)
    )
    rails = (
        f"M{left} {y - 4}L{right} {y - 3}L{right} {y - 1}L{left} {y - 2}Z"
        f"M{left} {y + 1}L{right} {y + 2}L{right} {y + 4}L{left} {y + 3}Z"
    )
    return path(rails, shade) + path(posts, wood)


def blossoms(p: Painter, top: float, n: int, colours: Sequence[str]) -> str:
    """n flowers in the grass, larger towards the page's foot."""
    flowers = defaultdict(list)
    for y in sorted(top + (PAGE - top) * p.rng.random() ** 0.7 for _ in range(n)):
        r = 0.6 + 2.1 * (y - top) / (PAGE - top)
        x = p.rng.uniform(0, PAGE)
        flowers[p.rng.choice(colours)].append((x, y, r, r * 0.8))
    return "".join(ovals(some, p.land(colour)) for colour, some in flowers.items())


def corners(p: Painter, colour: str, other: str, size: float = 34) -> Callable[[], None]:
    """Paints, when called, the dark tufts that frame the page's lower corners."""

    def front() -> None:
        rng = p.rng
        spans = ((-4, 14), (22, 44), (236, 258), (206, 226))
        out = ""
        for x in [rng.uniform(*span) for span in spans]:
            height = size * rng.uniform(0.7, 1.05) * (0.4 if p.at_feet(x) else 1)
            out += p.tuft(x, 262, height, rng.choice([colour, other]), 7)
        p.add("front", out)

    return front
