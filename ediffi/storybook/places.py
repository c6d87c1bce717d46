"""The stage: seven places painted from far to near on a 256-unit page."""

import math

from ediffi.storybook.colours import mix
from ediffi.storybook.shapes import PAGE, halo, oval, path, vertical

# water mirrors its sky: far, middle, near
WATER = {"day": ("#c9e9ee", "#4fabcf", "#2a79b0"), "sunset": ("#fbb583", "#b0709a", "#4a4a90"), "night": ("#5a66aa", "#2b3d84", "#172760"),
         "storm": ("#9aacb0", "#4f7787", "#2f566b"), "snowing": ("#d3e2ea", "#86afc6", "#5a8aaa"), "rainbow": ("#d6ecec", "#56b2ca", "#2e86b0")}


def leafy(p, x, y, rx, ry, fill, n=9):
    """A crown of leaves: an oval whose edge is n bumps."""
    turn, pts = p.rng.random(), []
    for i in range(n):
        angle, reach = (i + turn + p.rng.uniform(-.2, .2)) * 2 * math.pi / n, p.rng.uniform(.86, 1.06)
        pts.append((x + rx * reach * math.cos(angle), y + ry * reach * math.sin(angle)))
    d = f"M{pts[-1][0]:.1f} {pts[-1][1]:.1f}"
    for (ax, ay), (bx, by) in zip(pts[-1:] + pts, pts):
        r = .6 * math.hypot(bx - ax, by - ay)
        d += f"A{r:.1f} {r:.1f} 0 0 1 {bx:.1f} {by:.1f}"
    return path(d + "Z", fill)


def round_trees(p, y, n, colour, size):
    out, shade, light = "", mix(colour, p.land("#1c3a4a"), .2), mix(colour, p.horizon, .2)
    for _ in range(n):
        x, s = p.rng.uniform(0, PAGE), size * p.rng.uniform(.6, 1.2)
        out += path(f"M{x - s * .1:.1f} {y + s * .3:.1f}L{x - s * .08:.1f} {y - s:.1f}L{x + s * .1:.1f} {y - s:.1f}L{x + s * .14:.1f} {y + s * .3:.1f}Z", shade)
        out += leafy(p, x, y - s, s * .84, s * .9, shade, 8) + leafy(p, x - s * .12, y - s * 1.1, s * .62, s * .66, colour, 7)
        out += leafy(p, x - s * .3, y - s * 1.34, s * .28, s * .26, light, 5)
    return out


def spires(p, y, n, colour, size, span=(0, PAGE)):
    out = ""
    for i in range(n):
        x, s = span[0] + (i + p.rng.uniform(.1, .9)) / n * (span[1] - span[0]), size * p.rng.uniform(.65, 1.25)
        out += (f"M{x - s * .34:.1f} {y:.1f}L{x - s * .14:.1f} {y - s * .55:.1f}L{x - s * .2:.1f} {y - s * .55:.1f}L{x:.1f} {y - s * 1.2:.1f}"
                f"L{x + s * .2:.1f} {y - s * .55:.1f}L{x + s * .14:.1f} {y - s * .55:.1f}L{x + s * .34:.1f} {y:.1f}Z")
    return path(out, colour)


def bush(p, x, y, s):
    shade, body, top = (p.land(c) for c in ("#2f7040", "#4a9448", "#7cba5c"))
    out = leafy(p, x, y - .3 * s, 1.5 * s, .95 * s, shade, 10) + leafy(p, x - .15 * s, y - .45 * s, 1.2 * s, .72 * s, body, 9)
    return out + leafy(p, x - .4 * s, y - .75 * s, .6 * s, .3 * s, top, 6)


def fence(p, left, right, y):
    wood, shade = p.far("#f3ead6", .12), p.far("#cdb996", .12)
    posts = "".join(f"M{x} {y + 5}L{x} {y - 6}L{x + 1.7} {y - 8}L{x + 3.4} {y - 6}L{x + 3.4} {y + 5}Z" for x in range(left, right, 11))
    return path(f"M{left} {y - 4}L{right} {y - 3}L{right} {y - 1}L{left} {y - 2}ZM{left} {y + 1}L{right} {y + 2}L{right} {y + 4}L{left} {y + 3}Z", shade) + path(posts, wood)


def blossoms(p, top, n, colours):
    out = ""
    for y in sorted(top + (PAGE - top) * p.rng.random() ** .7 for _ in range(n)):
        r = .6 + 2.1 * (y - top) / (PAGE - top)
        out += oval(p.rng.uniform(0, PAGE), y, r, r * .8, p.land(p.rng.choice(colours)))
    return out


def corners(p, colour, other, size=34):
    """Dark foreground tufts that frame the page's lower corners."""
    def front():
        out = ""
        for x in (p.rng.uniform(-4, 14), p.rng.uniform(22, 44), p.rng.uniform(236, 258), p.rng.uniform(206, 226)):
            out += p.tuft(x, 262, size * p.rng.uniform(.7, 1.05), p.rng.choice([colour, other]), 7)
        p.add("front", out)
    return front


def meadow(p):
    d, _ = p.ridge(122, 11, 5)
    p.add("far", path(d, p.far("#6f9fa0", .62)))
    d, _ = p.ridge(139, 9, 6)
    p.add("far", path(d, p.far("#6fae76", .38)) + round_trees(p, 142, 7, p.far("#5b9a68", .34), 7))
    p.ground(154, 6, 4, p.land("#74b952"), p.far("#a9cf6c", .16), tilt=p.rng.uniform(-16, 16))
    p.ground(214, 5, 5, p.land("#559d45"), p.land("#6cb34e"), "near", tilt=p.rng.uniform(-14, 14))
    x, side = p.rng.uniform(100, 156), p.rng.choice((-1, 1))
    p.add("path", f'<g transform="translate({x:.0f} 0) scale({side} 1)">'
          + path("M-2 157C8 168 -30 178 -26 198C-22 216 -62 234 -96 264L12 264C24 240 30 216 16 198C2 182 18 168 3 157Z", p.land("#cdb982"))
          + path("M-2 157C8 168 -28 178 -23 198C-18 216 -54 234 -86 264L8 264C20 240 26 216 12 198C-1 182 18 168 3 157Z", p.land("#efdfae")) + "</g>")
    p.add("bush", bush(p, p.rng.uniform(-6, 14), 178, 15) + bush(p, p.rng.uniform(240, 262), 172, 13) + fence(p, 186, 262, 163) if side > 0
          else bush(p, p.rng.uniform(-6, 14), 172, 13) + bush(p, p.rng.uniform(240, 262), 178, 15) + fence(p, -6, 66, 163))
    p.add("bloom", blossoms(p, 166, 34, ["#fff6de", "#ffd75e", "#f6a8b8", "#fff6de"]), solid=False)
    return corners(p, p.land("#2f7040"), p.land("#3f8544"))


def forest(p):
    p.add("far", spires(p, 150, 15, p.far("#6aa08a", .66), 62))
    p.add("far", path(p.ridge(132, 8, 7)[0], p.far("#5c9a80", .5)) + spires(p, 156, 12, p.far("#4c8a6a", .44), 52))
    p.ground(152, 5, 5, p.land("#5d9c4d"), p.far("#9cc06a", .2))
    p.add("far", "".join(round_trees(p, 158, 4, p.far("#4f9158", .2), 15)) + p.tuft(p.rng.uniform(60, 200), 158, 9, p.land("#4a8a4a")))
    for x, w, haze in ((p.rng.uniform(14, 30), 9, .34), (p.rng.uniform(52, 70), 6, .46), (p.rng.uniform(214, 232), 9, .34), (p.rng.uniform(176, 196), 6, .46)):
        crown, top = p.far("#3f8350", haze), p.far("#67a860", haze)
        p.add("far", path(f"M{x - w * .5:.0f} -4L{x + w * .5:.0f} -4L{x + w * .55:.0f} 140Q{x + w * .6:.0f} 158 {x + w:.0f} 164L{x - w:.0f} 164Q{x - w * .6:.0f} 158 {x - w * .5:.0f} 140Z", p.far("#6b4d3c", haze))
              + path(f"M{x + w * .12:.0f} -4L{x + w * .5:.0f} -4L{x + w * .55:.0f} 140Q{x + w * .6:.0f} 158 {x + w:.0f} 164L{x + w * .3:.0f} 164Q{x + w * .1:.0f} 140 {x + w * .12:.0f} -4Z", p.far("#4a3550", haze), .6)
              + "".join(leafy(p, x + a * w, b * w * .5 - 4, r * w, r * w * .66, crown, 9) for a, b, r in ((-2.2, 3, 2.3), (2, 4, 2.2), (0, 8, 2.2), (-1, 0, 3)))
              + "".join(leafy(p, x + a * w, b * w * .5 - 8, r * w, r * w * .5, top, 7) for a, b, r in ((-2.6, 3, 1.5), (1.5, 4, 1.4), (-.5, 8, 1.5))))
    p.add("pool", oval(p.rng.uniform(110, 160), 192, 84, 11, p.land("#b5d878"), .55), solid=False)
    p.ground(220, 5, 5, p.land("#4a9148"), p.land("#66a852"), "near")
    side = p.rng.choice((0, 1))

    def front():
        bark, dark, leaf, shade = (p.land(c) for c in ("#6b4a34", "#4a3128", "#3a7a42", "#265a38"))
        out = path("M-12 262L-12 -10L16 -10C13 60 15 150 17 200C19 230 26 246 40 262Z", dark)
        out += path("M-12 262L-12 -10L9 -10C6 60 8 150 9 200C10 232 14 250 22 262Z", bark)
        out += "".join(leafy(p, x, y, rx, ry, shade, 13) for x, y, rx, ry in ((2, 6, 44, 22), (46, -4, 34, 18), (84, -9, 26, 14)))
        out += "".join(leafy(p, x, y, rx, ry, leaf, 12) for x, y, rx, ry in ((-4, 0, 40, 19), (40, -9, 30, 16), (20, 12, 15, 10), (76, -13, 22, 13)))
        p.add("front", f'<g transform="{"translate(256 0) scale(-1 1)" if side else ""}">{out}</g>')
        corners(p, p.land("#1f5136"), p.land("#2e6b3c"), 38)()
    return front


def desert(p):
    mesa, shade = p.far("#c98a6a", .42), p.far("#a86e66", .42)
    x = p.rng.uniform(130, 170)
    p.add("far", path(f"M{x - 34} 150L{x - 26} 104L{x + 18} 100L{x + 24} 112L{x + 50} 114L{x + 62} 150Z", mesa)
          + path(f"M{x + 6} 150L{x + 4} 101L{x + 18} 100L{x + 24} 112L{x + 50} 114L{x + 62} 150Z", shade)
          + path(f"M{x - 150} 150L{x - 142} 124L{x - 104} 122L{x - 92} 150Z", mesa) + path(f"M{x - 116} 150L{x - 114} 123L{x - 104} 122L{x - 92} 150Z", shade))
    for y, h, haze, key in ((150, 22, .3, 0), (178, 26, .12, 1), (216, 22, 0, 2)):
        light, dark = p.far(("#f3d296", "#f0c581", "#ecba70")[key], haze), p.far(("#dcab76", "#d8a068", "#d3985c")[key], haze)
        top = p.rng.uniform(90, 190) if key != 1 else p.rng.uniform(40, 90)
        p.add("ground", path(f"M-20 {y + 8}C{top - 70} {y + 6} {top - 36} {y - h} {top} {y - h}C{top + 46} {y - h} {top + 60} {y + 4} 276 {y}L276 262L-20 262Z", light)
              + path(f"M{top} {y - h}C{top + 46} {y - h} {top + 60} {y + 4} 276 {y}L276 {y + 26}C{top + 90} {y + 28} {top + 10} {y + 26} {top + 18} {y + 10}"
                     f"C{top + 26} {y - 4} {top - 6} {y - h + 12} {top} {y - h}Z", dark))
    p.add("ripple", "".join(f'<path d="M{x:.0f} {y:.0f}q9 -3.4 18 0t18 0" stroke="{p.land("#d9a763")}" stroke-width="1.3" fill="none" stroke-opacity=".7"/>'
                            for x, y in ((p.rng.uniform(0, 220), p.rng.uniform(222, 250)) for _ in range(7))), solid=False)
    out = ""
    for _ in range(6):
        x, y = p.rng.uniform(6, 250), p.rng.uniform(176, 250)
        s = 1.4 + 5 * (y - 170) / 80
        out += oval(x + s * .5, y + s * .3, s * 1.5, s * .4, p.land("#b27f4e"), .8) + oval(x, y - s * .2, s, s * .66, p.land("#b98a68")) + oval(x - s * .2, y - s * .4, s * .66, s * .36, p.land("#dcb48c"))
    out += "".join(p.tuft(p.rng.uniform(10, 246), y, 4 + (y - 156) * .1, p.land("#9a9048"), 5) for y in (162, 170, 184, 196, 206))
    p.add("stones", out, solid=False)
    return corners(p, p.land("#a9853f"), p.land("#8a7a3e"), 22)


def snow(p):
    p.add("far", path(p.ridge(118, 14, 5)[0], p.far("#a9bfdd", .5)))
    p.add("far", spires(p, 146, 16, p.far("#5f8793", .5), 25) + path(p.ridge(142, 7, 6)[0], p.far("#d3e1f1", .2)))
    p.add("far", spires(p, 158, 4, p.far("#3f6d72", .28), 30, (0, 80)) + spires(p, 158, 3, p.far("#3f6d72", .28), 30, (196, 256)))
    p.ground(156, 6, 4, p.land("#dfeaf7"), p.land("#f4f8fd"), tilt=p.rng.uniform(-12, 12))
    p.add("drift", path("M-10 196C50 184 120 190 160 200C120 200 60 202 -10 208Z", p.land("#c3d5ec"), .8)
          + path("M110 176C170 166 220 170 266 178L266 186C220 178 160 178 110 176Z", p.land("#c9daee"), .8), solid=False)
    p.ground(222, 6, 5, p.land("#eaf2fb"), p.land("#ffffff"), "near", tilt=p.rng.uniform(-12, 12))
    return corners(p, p.land("#9db6cf"), p.land("#b98f62"), 20)


def sea(p):
    p.add("far", path("M150 132C172 116 190 118 206 126C226 112 250 118 276 120L276 136L150 136Z", p.far("#7597a6", .5))
          + path("M190 132C210 124 236 126 276 128L276 138L190 138Z", p.far("#6a9a7e", .36)))
    p.defs.append(vertical("water", *zip((0, .38, 1), WATER[p.sky])))
    p.add("ground", f'<rect x="-2" y="131" width="260" height="130" fill="url(#water)"/>')
    x = p.sun_x * PAGE
    if p.sky in ("day", "sunset", "night"):
        gold = {"day": "#fdf8dd", "sunset": "#ffd98a", "night": "#cfd6ff"}[p.sky]
        p.add("glitter", "".join(oval(x + p.rng.gauss(0, 5 + (y - 132) * .16), y, p.rng.uniform(4, 13) * (y - 104) / 62, .9 + (y - 132) / 70, gold, .72)
                                 for y in range(134, 212, 4)), solid=False)
    waves = ""
    for y in (142, 151, 162, 175, 190, 207):
        s = 5 + (y - 132) * .2
        for _ in range(5):
            wx = p.rng.uniform(-6, 250)
            waves += f"M{wx:.0f} {y + p.rng.uniform(-3, 3):.0f}q{s:.1f} {-s * .42:.1f} {2 * s:.1f} 0q{-s:.1f} {-s * .16:.1f} {-2 * s:.1f} 0Z"
    p.add("waves", path(waves, mix(WATER[p.sky][0], "#ffffff", .35), .62), solid=False)
    y = 230
    p.add("ground", path(f"M-10 {y + 3}C40 {y - 13} 90 {y + 7} 150 {y - 7}C200 {y - 17} 230 {y - 5} 270 {y - 13}L270 262L-10 262Z", p.land("#eaf7f5")))
    p.add("ground", path(f"M-10 {y + 7}C40 {y - 8} 92 {y + 11} 152 {y - 2}C200 {y - 12} 232 {y} 270 {y - 7}L270 262L-10 262Z", p.land("#f2d9a2"))
          + path("M-10 252C60 242 150 256 270 244L270 262L-10 262Z", p.land("#e2bf85")))

    def front():
        out = "".join(oval(p.rng.uniform(6, 250), p.rng.uniform(240, 253), 1.8, 1.2, p.land("#c99f6a")) for _ in range(12))
        p.add("front", out + p.tuft(6, 262, 26, p.land("#7f9a4c")) + p.tuft(24, 264, 19, p.land("#64853f")) + p.tuft(250, 263, 22, p.land("#7f9a4c")))
    return front


def lake(p):
    for x, y, w, haze in ((46, 62, 84, .5), (214, 70, 78, .46), (132, 84, 74, .38)):
        w *= p.rng.uniform(.9, 1.1)
        light, shade, cap = p.far("#8a93b4", haze), p.far("#67709a", haze), p.far("#ffffff", haze * .5)
        p.add("far", path(f"M{x - w} 152L{x - w * .42} {y + 34}L{x} {y}L{x + w * .38} {y + 40}L{x + w} 152Z", light)
              + path(f"M{x} {y}L{x + w * .38} {y + 40}L{x + w} 152L{x + w * .1} 152L{x + w * .16} {y + 54}L{x + 2} {y + 30}Z", shade)
              + path(f"M{x} {y}L{x - w * .2} {y + 17}L{x - w * .1} {y + 15}L{x - 3} {y + 24}L{x + w * .07} {y + 16}L{x + w * .2} {y + 22}Z", cap))
    p.add("far", path(p.ridge(138, 9, 6)[0], p.far("#6aa57c", .32)) + spires(p, 148, 9, p.far("#3f7f66", .3), 22, (140, 262)))
    p.defs.append(vertical("lake", *zip((0, .5, 1), WATER[p.sky])))
    p.add("ground", f'<rect x="-2" y="150" width="260" height="110" fill="url(#lake)"/>')
    p.add("mirror", path("M20 150L60 176L92 158L132 182L176 156L206 174L250 150Z", p.far("#67709a", .3), .3)
          + "".join(oval(p.rng.uniform(10, 240), y, p.rng.uniform(8, 26), .9, "#f4fbfb", .5) for y in range(158, 206, 5)), solid=False)
    p.add("ground", path("M-10 152C30 148 60 158 44 168C30 176 10 172 -10 176Z", p.land("#7fb659")) + p.tuft(34, 168, 8, p.land("#4a8a48")))
    for x, y, r in ((p.rng.uniform(150, 230), 192, 8), (p.rng.uniform(130, 220), 203, 10), (p.rng.uniform(20, 110), 208, 9)):
        p.add("lily", oval(x, y + 1.4, r, r * .34, p.land("#2f7f72"), .6) + path(f"M{x} {y}L{x + r} {y - r * .16}A{r} {r * .32} 0 1 1 {x + r * .55} {y - r * .27}Z", p.land("#79bd62"))
              + oval(x - r * .2, y - r * .24, r * .26, r * .2, p.land("#ffd9e4")), solid=False)
    p.ground(224, 7, 4, p.land("#64a84a"), p.land("#8cc45e"), "near", tilt=p.rng.uniform(-16, 16))
    p.add("bloom", blossoms(p, 234, 12, ["#fff6de", "#ffd75e"]), solid=False)
    tufts, side = corners(p, p.land("#2f7040"), p.land("#4a8a44"), 30), p.rng.choice((8, 232))

    def front():
        stems = [(side + 4.5 * i + p.rng.uniform(-1, 1), p.rng.uniform(-5, 5), p.rng.uniform(178, 206)) for i in range(5)]
        p.add("front", "".join(path(f"M{x - .8:.1f} 262Q{x:.1f} 230 {x + lean:.1f} {top:.1f}Q{x + 2:.1f} 230 {x + 1.6:.1f} 262Z", p.land("#4a8a44"))
                               + oval(x + lean, top + 3, 1.9, 6.5, p.land("#7a4c2c")) for x, lean, top in stems))
        tufts()
    return front


def town(p):
    p.add("far", path("M-6 160L-6 108L20 108L20 96L34 78L48 96L48 112L86 112L86 100L112 100L112 84L118 84L122 56L126 84L132 84L132 112"
                      "L176 112L176 94L196 80L216 94L216 110L262 110L262 160Z", p.far("#8d93ad", .62)))
    x, walls = -14, ["#e9b98c", "#d98f7a", "#c7c39a", "#a9bfc4", "#e6cf9a", "#c99aa0"]
    p.rng.shuffle(walls)
    for i in range(6):
        w, h = p.rng.uniform(38, 52), p.rng.uniform(46, 66)
        top, wall, roof = 176 - h, p.far(walls[i], .3), p.far(("#a4554a", "#6f6482", "#8a5a48")[i % 3], .28)
        out = f'<rect x="{x:.1f}" y="{top:.1f}" width="{w:.1f}" height="{h + 4:.1f}" fill="{wall}"/>'
        out += path(f"M{x + w * .68:.1f} {top:.1f}L{x + w:.1f} {top:.1f}L{x + w:.1f} 180L{x + w * .74:.1f} 180Z", p.far("#5a4a66", .3), .18)
        peak = p.rng.choice((.5, .38, .62))
        out += path(f"M{x - 3:.1f} {top + 1:.1f}L{x + w * peak:.1f} {top - h * .38:.1f}L{x + w + 3:.1f} {top + 1:.1f}Z", roof)
        for wx in (.2, .58):
            for wy in (.14, .52):
                out += (f'<rect x="{x + w * wx:.1f}" y="{top + h * wy:.1f}" width="{w * .2:.1f}" height="{h * .2:.1f}" rx="1.5" '
                        f'fill="{p.lamp if p.rng.random() < .7 else p.far("#4d5674", .3)}"/>')
        p.add("far", out)
        x += w - 1
    p.ground(176, 1, 3, p.land("#c6b6a6"), p.far("#d9c9b4", .2))
    p.add("kerb", path("M-10 178C80 175 180 180 270 176L270 183C180 187 80 182 -10 185Z", p.land("#efe3cf")))
    stones = ""
    for row, y in enumerate((194, 203, 214, 227, 243)):
        for i in range(12 - row):
            stones += oval((i + .5 * (row % 2) + p.rng.uniform(.2, .5)) * PAGE / (11 - row), y + p.rng.uniform(-1.5, 1.5), 7 + row * 1.6, 2 + row * .55,
                           p.land(p.rng.choice(["#b3a294", "#d6c7b4", "#bcaa9a"])), .75)
    p.add("stones", stones, solid=False)

    def front():
        side = p.rng.choice((18, 240))
        p.defs.append(halo("street", "#ffe39a", .9 if p.sky == "night" else .45))
        iron = p.land("#3b3a4c")
        if p.sky != "day":
            p.add("halo", oval(side, 118, 40, 40, "url(#street)"), solid=False)
        p.add("front", path(f"M{side - 6} 262L{side - 2.4} 240L{side - 1.8} 128L{side + 1.8} 128L{side + 2.4} 240L{side + 6} 262Z", iron)
              + path(f"M{side - 8} 108L{side + 8} 108L{side + 5.4} 129L{side - 5.4} 129Z", iron) + path(f"M{side - 5.6} 110L{side + 5.6} 110L{side + 3.6} 126L{side - 3.6} 126Z", p.lamp)
              + path(f"M{side - 10} 109L{side} 98L{side + 10} 109Z", iron) + oval(side, 97, 1.8, 2.4, iron))
    return front


PLACES = {f.__name__: f for f in (meadow, forest, desert, snow, sea, lake, town)}
