"""Above and over the stage: sun, moon, stars, rainbow and clouds behind it; rain, snow and veils of light before it."""

import math

from ediffi.storybook.shapes import PAGE, halo, oval, path


def star(x, y, r, fill):
    arms = [(x + (r if i % 2 == 0 else r * .3) * math.sin(i * math.pi / 4),
             y - (r if i % 2 == 0 else r * .3) * math.cos(i * math.pi / 4)) for i in range(8)]
    return path("M" + "L".join(f"{a:.1f} {b:.1f}" for a, b in arms) + "Z", fill)


def celestial(p):
    """Sun, moon, stars, rainbow and clouds; the sun keeps to the left third, since light comes from there."""
    rng, sky = p.rng, p.sky
    p.sun_x = rng.choice([.16, .2, .26, .3])
    x = p.sun_x * PAGE
    if sky in ("day", "sunset"):
        y, r = (40, 16) if sky == "day" else (92, 21)
        p.defs.append(halo("sun", "#fff3c4" if sky == "day" else "#ffe7a0", 1))
        p.add("halo", oval(x, y, r * 4.6, r * 4.6, "url(#sun)", .8), solid=False)
        p.add("sun", oval(x, y, r, r, "#fff1b5" if sky == "day" else "#fff0b8")
              + oval(x + r * .06, y + r * .08, r * .86, r * .86, "#ffdf70" if sky == "day" else "#ffd067"))
    elif sky == "night":
        y, r = 46, 17
        p.defs.append(halo("moon", "#dfe4ff", .8))
        p.add("halo", oval(x, y, r * 4.4, r * 4.4, "url(#moon)"), solid=False)
        dots = "".join(oval(rng.uniform(0, PAGE), rng.uniform(2, 128), *[rng.uniform(.45, 1.15)] * 2, "#f3efdc",
                            rng.uniform(.5, .95)) for _ in range(46))
        dots += "".join(star(rng.uniform(60, 246), rng.uniform(8, 92), rng.uniform(2.6, 4.6), "#fdf3c9") for _ in range(7))
        p.add("stars", dots, solid=False)
        p.add("sun", oval(x, y, r, r, "#fbf3d6") + oval(x + 2.4, y + 2.6, r * .84, r * .84, "#eee3c1")
              + oval(x - 5, y - 3, 3.4, 3, "#dccfae") + oval(x + 5, y + 5, 4.4, 3.9, "#d9cba9")
              + oval(x + 6, y - 7, 2.1, 1.9, "#dccfae"))
    elif sky == "rainbow":
        rings = zip(range(6), ("#e8655c", "#f4a04e", "#f8de6d", "#7fc77a", "#5fa6e0", "#9a7fd0"))
        p.add("bow", "".join(f'<circle cx="150" cy="186" r="{150 - i * 7.4:.1f}" fill="none" stroke="{c}" '
                             f'stroke-width="7.8" stroke-opacity=".62"/>' for i, c in rings))
    clouds = {"day": ("#ffffff", "#cfe2ee", 3, 15), "sunset": ("#ffd9b8", "#c9798a", 3, 14), "rainbow": ("#ffffff", "#c7d6e2", 3, 17),
              "night": ("#4a5296", "#2c3474", 2, 13), "storm": ("#8d97a4", "#58626f", 5, 25), "snowing": ("#f4f7fa", "#c4d0de", 4, 20)}
    body, shade, n, size = clouds[sky]
    for i in range(n):
        s = size * rng.uniform(.7, 1.2)
        cx = (i + rng.uniform(.25, .75)) / n * PAGE + (34 if sky == "day" else 0)
        cy = rng.uniform(14, 44) if sky in ("storm", "snowing") else rng.uniform(26, 84)
        p.add("cloud", p.cloud(cx, cy, s, body, shade))
    if sky == "storm":
        x = rng.uniform(150, 230)
        p.add("bolt", path(f"M{x} 44L{x - 13} 76L{x - 4} 75L{x - 12} 104L{x + 10} 67L{x + 1} 68L{x + 9} 44Z", "#ffe89a"), solid=False)


def weather(p):
    rng = p.rng
    if p.sky == "storm":
        d = "".join(f"M{x:.0f} {y:.0f}l-3.4 11" for x, y in ((rng.uniform(0, 268), rng.uniform(40, 250)) for _ in range(95)))
        p.add("rain", f'<path d="{d}" stroke="#dbe6ee" stroke-width="1.15" stroke-linecap="round" stroke-opacity=".5" fill="none"/>', False)
    if p.sky == "snowing":
        flakes = ((rng.uniform(0, PAGE), rng.uniform(0, PAGE), rng.uniform(0, 1)) for _ in range(110))
        p.add("snow", "".join(oval(x, y, .9 + 2.3 * z ** 3, .9 + 2.3 * z ** 3, "#ffffff", .72 + .25 * z) for x, y, z in flakes), False)
    # a soft dark frame, painted only where it shows: outside a circle of 118 units round (118, 118)
    p.defs.append(f'<radialGradient id="frame" gradientUnits="userSpaceOnUse" cx="118" cy="118" r="200"><stop offset=".58" stop-color="#2a1840" '
                  f'stop-opacity="0"/><stop offset="1" stop-color="#2a1840" stop-opacity="{.3 if p.sky == "night" else .2}"/></radialGradient>')
    p.add("frame", '<path d="M0 0H256V256H0ZM118 2A116 116 0 1 0 118 234A116 116 0 1 0 118 2Z" fill-rule="evenodd" fill="url(#frame)"/>', solid=False)
    if p.sky in ("sunset", "night"):                   # one veil of light over the upper left
        near, away = ("#ffcf7a", "#ff9a6a") if p.sky == "sunset" else ("#7f8fe0", "#20206a")
        p.defs.append(f'<linearGradient id="veil" gradientUnits="userSpaceOnUse" x1="0" y1="0" x2="128" y2="256"><stop offset="0" stop-color="{near}" '
                      f'stop-opacity=".16"/><stop offset=".6" stop-color="{away}" stop-opacity="0"/></linearGradient>')
        p.add("veil", path("M0 0H256V64L0 192Z", "url(#veil)"), solid=False)
