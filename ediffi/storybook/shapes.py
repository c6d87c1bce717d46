"""Small svg shapes, soft lines, gradients and the sign painter's letters; the page is 256 units wide."""

PAGE = 256


def smooth(points):
    """A soft line through the middles of these points."""
    middles = [((ax + bx) / 2, (ay + by) / 2) for (ax, ay), (bx, by) in zip(points, points[1:])]
    curves = "".join(f"Q{x:.1f} {y:.1f} {mx:.1f} {my:.1f}" for (x, y), (mx, my) in zip(points[1:], middles[1:]))
    return f"M{points[0][0]:.1f} {points[0][1]:.1f}L{middles[0][0]:.1f} {middles[0][1]:.1f}{curves}"


def path(d, fill, opacity=1):
    return f'<path d="{d}" fill="{fill}"{f" fill-opacity={chr(34)}{opacity:.2f}{chr(34)}" if opacity < 1 else ""}/>'


def oval(x, y, rx, ry, fill, opacity=1):
    fade = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    return f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{fill}"{fade}/>'


def vertical(name, *stops):
    inner = "".join(f'<stop offset="{at}" stop-color="{colour}"/>' for at, colour in stops)
    return f'<linearGradient id="{name}" x1="0" y1="0" x2="0" y2="1">{inner}</linearGradient>'


def halo(name, colour, strength):
    stops = "".join(f'<stop offset="{at}" stop-color="{colour}" stop-opacity="{strength * o:.2f}"/>'
                    for at, o in ((0, 1), (.3, .5), (.6, .17), (1, 0)))
    return f'<radialGradient id="{name}">{stops}</radialGradient>'


GLYPHS = dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (
    "06 20 46|14 34", "06 00 30 41 32 03|32 44 35 06", "41 30 10 01 05 16 36 45", "00 06 26 44 42 20 00",
    "40 00 06 46|03 33", "40 00 06|03 33", "41 30 10 01 05 16 36 45 43 23", "00 06|40 46|03 43", "20 26|10 30|16 36",
    "40 45 36 16 05", "00 06|40 03 46", "00 06 46", "06 00 23 40 46", "06 00 46 40", "10 01 05 16 36 45 41 30 10",
    "06 00 30 41 42 33 03", "10 01 05 16 36 45 41 30 10|34 46", "06 00 30 41 42 33 03|23 46",
    "41 30 10 01 02 44 45 36 16 05", "00 40|20 26", "00 05 16 36 45 40", "00 26 40", "00 16 23 36 40", "00 46|40 06",
    "00 23 40|23 26", "00 40 06 46")))


def lettering(word, box, colour):
    x, y, w, h = box
    step = min(w / len(word), 16.5)
    left, k = x + (w - step * len(word)) / 2, step * .62 / 4
    d = "".join("M" + "L".join(f"{left + i * step + step * .19 + int(a) * k:.1f} {y + int(b) * h / 6:.1f}"
                               for a, b in stroke.split())
                for i, letter in enumerate(word.upper()) for stroke in GLYPHS[letter].split("|"))
    return f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="4.4" stroke-linecap="round" stroke-linejoin="round"/>'
