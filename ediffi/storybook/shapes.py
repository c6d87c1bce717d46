"""Small SVG shapes as text: soft lines, ovals, gradients and the sign painter's letters.

The page is PAGE units wide and high. Shapes know neither scenes nor skies; colours are given.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

PAGE = 256
Point = tuple[float, float]


def smooth(points: Sequence[Point]) -> str:
    """Path data of a soft line through the middles of these points."""
    middles = [((ax + bx) / 2, (ay + by) / 2) for (ax, ay), (bx, by) in pairwise(points)]
    curves = "".join(
        f"Q{x:.1f} {y:.1f} {mx:.1f} {my:.1f}"
        for (x, y), (mx, my) in zip(points[1:-1], middles[1:], strict=True)
    )
    (x, y), (mx, my) = points[0], middles[0]
    return f"M{x:.1f} {y:.1f}L{mx:.1f} {my:.1f}{curves}"


def path(d: str, fill: str, opacity: float = 1) -> str:
    """A filled path."""
    return f'<path d="{d}" fill="{fill}"{_fade("fill", opacity)}/>'


def line(d: str, colour: str, width: float, opacity: float = 1) -> str:
    """A stroked path with round ends."""
    return (
        f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="{width:g}" '
        f'stroke-linecap="round" stroke-linejoin="round"{_fade("stroke", opacity)}/>'
    )


def oval(x: float, y: float, rx: float, ry: float, fill: str, opacity: float = 1) -> str:
    """A filled ellipse round (x, y)."""
    at = f'cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}"'
    return f'<ellipse {at} fill="{fill}"{_fade("fill", opacity)}/>'


def ovals(many: Iterable[tuple[float, float, float, float]], fill: str, opacity: float = 1) -> str:
    """Many ellipses (x, y, rx, ry) as one path: a fifth of the cost of as many elements."""
    d = "".join(
        f"M{x - rx:.1f} {y:.1f}a{rx:.2f} {ry:.2f} 0 1 0 {2 * rx:.2f} 0"
        f"a{rx:.2f} {ry:.2f} 0 1 0 {-2 * rx:.2f} 0Z"
        for x, y, rx, ry in many
    )
    return path(d, fill, opacity)


def ring(x: float, y: float, radius: float, width: float, colour: str, opacity: float) -> str:
    """A stroked circle."""
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:.1f}" fill="none" stroke="{colour}" '
        f'stroke-width="{width:g}"{_fade("stroke", opacity)}/>'
    )


def box(x: float, y: float, w: float, h: float, fill: str, radius: float = 0) -> str:
    """A filled rectangle."""
    rounded = f' rx="{radius:g}"' if radius else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}"{rounded} fill="{fill}"/>'
    )


def _fade(what: str, opacity: float) -> str:
    # Opacity of a fill costs nothing; opacity of an element would need a layer of its own.
    return f' {what}-opacity="{opacity:.2f}"' if opacity < 1 else ""


def vertical(name: str, *stops: tuple[float, str]) -> str:
    """A gradient from top to bottom, to be referred to as `url(#name)`."""
    inner = "".join(f'<stop offset="{at:g}" stop-color="{colour}"/>' for at, colour in stops)
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{inner}</linearGradient>'


def halo(name: str, colour: str, strength: float) -> str:
    """A round gradient that fades out, to be referred to as `url(#name)`."""
    inner = "".join(
        f'<stop offset="{at}" stop-color="{colour}" stop-opacity="{strength * share:.2f}"/>'
        for at, share in ((0, 1), (0.3, 0.5), (0.6, 0.17), (1, 0))
    )
    return f'<radialGradient id="{name}">{inner}</radialGradient>'


# Each letter stands on a grid of 5 by 7: strokes separated by |, points written as column and row.
GLYPHS = dict(
    zip(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *("06 20 46|14 34", "06 00 30 41 32 03|32 44 35 06", "41 30 10 01 05 16 36 45"),
            *("00 06 26 44 42 20 00", "40 00 06 46|03 33", "40 00 06|03 33"),
            *("41 30 10 01 05 16 36 45 43 23", "00 06|40 46|03 43", "20 26|10 30|16 36"),
            *("40 45 36 16 05", "00 06|40 03 46", "00 06 46", "06 00 23 40 46", "06 00 46 40"),
            *("10 01 05 16 36 45 41 30 10", "06 00 30 41 42 33 03"),
            *("10 01 05 16 36 45 41 30 10|34 46", "06 00 30 41 42 33 03|23 46"),
            *("41 30 10 01 02 44 45 36 16 05", "00 40|20 26", "00 05 16 36 45 40", "00 26 40"),
            *("00 16 23 36 40", "00 46|40 06", "00 23 40|23 26", "00 40 06 46"),
        ),
        strict=True,
    )
)


def lettering(word: str, area: Iterable[float], colour: str) -> str:
    """A word in capitals, centred in the area (x, y, width, height)."""
    x, y, w, h = area
    pitch = min(w / len(word), 16.5)
    left, scale = x + (w - pitch * len(word)) / 2 + pitch * 0.19, pitch * 0.62 / 4
    strokes = []
    for i, letter in enumerate(word.upper()):
        for stroke in GLYPHS[letter].split("|"):
            points = (
                f"{left + i * pitch + int(column) * scale:.1f} {y + int(row) * h / 6:.1f}"
                for column, row in stroke.split()
            )
            strokes.append("M" + "L".join(points))
    return line("".join(strokes), colour, 4.4)
