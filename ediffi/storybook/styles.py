"""Styles: the same scene by another hand. Each takes the flat picture and its ids, all noise is scale-independent."""

import numpy as np
from PIL import Image

from ediffi.storybook.colours import RAMPS, rgb
from ediffi.storybook.page import paint, raster, svg, truth
from ediffi.storybook.pixels import blur, flatten, grey, hue, is_thing, lift, margin, noise, rim, shift, step, warp


def flat(c, layer, element, size, seed, scene, names):
    return c


def watercolour(c, layer, element, size, seed, scene, names):
    u = size / 256
    at = warp(size, seed, 1.9 * u, 14, 40)
    c, element, layer = lift(c[at], 1.28), element[at], layer[at]
    wet = step(noise(size, seed + 3, 5, 9), .4, .75)[..., None]
    wide = blur(c, 6 * u)
    c = np.where(is_thing(layer, names)[..., None], blur(c, .3 * u) * .95 + wide * .05,
                 blur(c, 1.6 * u) * (1 - .55 * wet) + wide * .55 * wet)
    pools = blur(rim(layer, 1.1 * u), 1. * u) * .95 + blur(rim(element, .7 * u), .5 * u) * .34
    bloom, grain = noise(size, seed + 5, 7, 16, 34), noise(size, 9, 128, 256, 512)
    density = (1 - c) * (.84 + .46 * (bloom - .5) + .13 * (grain - .5))[..., None] * (1 + .8 * pools[..., None])
    density += .07 * pools[..., None]
    edge = margin(size, seed + 7, .05, .06, 6, 14, 44)
    inside, dried = step(edge, .92, 1.12), step(edge, .88, 1.05) * (1 - step(edge, 1.1, 1.5))
    density = np.clip(density * inside[..., None] * (1 + .5 * dried[..., None]), 0, 1)
    paper = np.array([.992, .98, .945], np.float32) - .04 * (grain - .5)[..., None]
    return paper * (1 - .95 * density)


def crayon(c, layer, element, size, seed, scene, names):
    u = size / 256
    at, again = warp(size, seed, 1.2 * u, 20, 60), warp(size, seed + 20, 1.7 * u, 16)
    thing = is_thing(layer[at], names)
    lines = np.maximum(rim(layer[at], 1. * u), rim(layer[again], .8 * u) * .6) * np.where(thing, 1, .7)
    fine = rim(element[at], .7 * u) * np.where(thing, .6, .25)
    c, layer = lift(c[at], 1.3), layer[at]
    y, x = (np.mgrid[:size, :size] / u).astype(np.float32)
    sway = noise(size, seed + 2, 5, 11) * 7
    angle = np.where(thing, -.95, .8) + np.random.default_rng(seed).uniform(-.3, .3, 99)[layer % 99]
    tooth = noise(size, 5, 90, 180, 360)
    tone = grey(c)
    ends = noise(size, seed + 4, 12, 40)
    hatch = np.sin((x * np.cos(angle) + y * np.sin(angle) + sway) * (2 * np.pi / 4.1)) * .5 + .5
    cross = np.sin((x * np.sin(angle) - y * np.cos(angle) + sway) * (2 * np.pi / 4.6)) * .5 + .5
    press = np.where(thing, .62, .4) + .5 * (.62 - tone) + .26 * (ends - .5)
    wax = step(press + .62 * (hatch - .5) + .75 * (tooth - .5), .12, .78)
    wax = np.maximum(wax, step(cross * .8 + tooth * .5 - tone * 1.1, .1, .5) * .85)[..., None]
    paper = np.array([.98, .955, .905], np.float32) - .05 * (tooth - .5)[..., None]
    inside = step(margin(size, seed, .03, .03, 30, 70) + (hatch - .5) * .5, .9, 1.1)[..., None]
    out = paper * (1 - wax * inside) + np.clip(c * 1.02 - .02, 0, 1) * wax * inside
    line = np.clip(blur(np.maximum(lines, fine), .45 * u) * (.45 + 1.0 * tooth), 0, .92)[..., None] * inside
    return out * (1 - line) + np.array([.2, .15, .21]) * line


def cutout(c, layer, element, size, seed, scene, names):
    u = size / 256
    at = warp(size, seed, 1.1 * u, 26)
    c, element, layer = c[at], element[at], layer[at]
    y = np.mgrid[:size, :size][0] / size
    bands = np.clip(((y + (noise(size, seed, 4, 7) - .5) * .1) * 9).astype(int), 0, 8)
    depth = np.where(element == 0, bands, element + 9)
    c = lift(flatten(c, depth), 1.1)
    grain = noise(size, 31, 64, 160, 256) - .5
    c = c * (1 + .1 * grain[..., None])
    sheet = np.where(element == 0, bands * .5, layer + 10)
    drop, fine = np.zeros_like(y, dtype=np.float32), np.zeros_like(y, dtype=np.float32)
    for k in range(1, 6):
        d = max(1, round(k * 1.15 * u))
        drop += (shift(sheet, d, d) > sheet) / 5
    for k in range(1, 4):
        d = max(1, round(k * .7 * u))
        fine += (shift(depth, d, d) > depth) / 3
    shade = np.clip(.5 * drop + .2 * fine, 0, .6)[..., None]
    c = c * (1 - shade) + np.array([.13, .09, .22]) * shade * .6
    w = max(1, round(.8 * u))
    lip = ((sheet > shift(sheet, w, w)) * np.where(element == 0, .1, .32) + (depth > shift(depth, w, w)) * .1)[..., None]
    under = ((sheet > shift(sheet, -w, -w)) * .16)[..., None]
    return c + (1 - c) * lip - c * under


def cells(size, seed, n, jitter):
    """Index of the nearest of n by n jittered seeds, and the seeds' number."""
    rng = np.random.default_rng(seed)
    sx, sy = (rng.uniform(.5 - jitter, .5 + jitter, (n + 2, n + 2)).astype(np.float32) for _ in range(2))
    y, x = (np.mgrid[:size, :size] * (n / size)).astype(np.float32)
    gx, gy = x.astype(np.int32), y.astype(np.int32)
    best, index = np.full((size, size), 9e9, np.float32), np.zeros((size, size), np.int32)
    for oy in (-1, 0, 1):
        for ox in (-1, 0, 1):
            cx, cy = gx + ox, gy + oy
            d = (x - cx - sx[cy + 1, cx + 1]) ** 2 + (y - cy - sy[cy + 1, cx + 1]) ** 2
            nearer = d < best
            best[nearer], index[nearer] = d[nearer], ((cy + 1) * (n + 2) + cx + 1)[nearer]
    return index, (n + 2) ** 2


def tiles(c, layer, element, size, seed, n, jitter, variation):
    index, count = cells(size, seed, n, jitter)
    c = flatten(c, index + element * count)
    tone = np.random.default_rng(seed + 1).normal(0, variation, (count, 1)).astype(np.float32)[index]
    return c * (1 + tone), index + layer * count


def mosaic(c, layer, element, size, seed, scene, names):
    u = size / 256
    c, piece = tiles(lift(c, 1.15), layer, element, size, seed, 34, .2, .1)
    w = max(1, round(.8 * u))
    c = c + (1 - c) * .2 * (piece != shift(piece, 2 * w, 2 * w))[..., None] - c * .2 * (piece != shift(piece, -2 * w, -2 * w))[..., None]
    gap = (piece != shift(piece, w, 0)) | (piece != shift(piece, 0, w))
    grout = blur(gap, .45 * u)[..., None] * .92 * min(1, .95 * u / w)
    return c * (1 - grout) + np.array([.93, .89, .82]) * (.92 if scene.sky != "night" else .55) * grout


def glass(c, layer, element, size, seed, scene, names):
    u = size / 256
    thing = is_thing(layer, names)
    big = np.bincount(element.ravel()) > .0028 * size * size
    part = np.where(thing, element * big[element], 0)
    c, piece = tiles(lift(c, 1.4, .92), layer, np.where(thing, element, layer), size, seed, 9, .46, .1)
    c = np.clip(c * (.8 + .5 * noise(size, seed, 6, 14, 40)[..., None]), 0, 1)
    w = max(1, round(1.5 * u))
    seams = ((piece != shift(piece, w, 0)) | (piece != shift(piece, 0, w))) & ~thing
    thin = min(1, .3 + .7 * u)                        # a line cannot be thinner than a pixel: dim it instead
    lead = np.maximum(blur(seams, .5 * u) * .95, blur(rim(part, .6 * u) & thing, .4 * u) * .9) * thin
    lead = np.clip(np.maximum(lead, blur(rim(layer, 1.5 * u), .6 * u) * 1.2), 0, 1)[..., None]
    sheen = blur(rim(layer, 3 * u), 2 * u)[..., None] * .14
    shine = np.clip(blur(shift(lead[..., 0], -w, -w), .4 * u) - lead[..., 0], 0, 1)[..., None] * .12
    return (c + (sheen + shine) * (1 - c)) * (1 - lead) + np.array([.07, .07, .1]) * lead


def neon(c, layer, element, size, seed, scene, names):
    u = size / 256
    things = is_thing(layer, names)
    peak = c.max(-1, keepdims=True)
    vivid = lift(c / np.maximum(peak, .02), 1.5) * np.clip(peak * 1.1 + .25, .45, 1)
    thin = min(1, .35 + .65 * u)                      # a line cannot be thinner than a pixel: dim it instead
    line = thin * rim(layer, 1.15 * u) * np.where(things, 1., .55) + thin * rim(element, .8 * u) * np.where(things, .62, .16)
    line = np.clip(line, 0, 1).astype(np.float32)[..., None]
    light = vivid * line
    glow = blur(light, 1.3 * u) * 1.05 + blur(light, 4.2 * u) * 1.5 + blur(light, 12 * u) * 1.1
    base = np.array([.035, .03, .085]) + c * np.where(things, .2, .07)[..., None]
    bulbs = np.where((element == 0)[..., None], step(grey(c), .86, .97)[..., None] * .16, 0)
    core = blur(line[..., 0], .35 * u)[..., None]
    return base + glow + bulbs + core * (vivid * .5 + .32 * things[..., None])


BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - .47


def pixel(c, layer, element, size, seed, scene, names):
    n, k = 64, size // 64
    small = np.asarray(Image.fromarray((c * 255).astype(np.uint8)).resize((n, n), Image.BOX), np.float32) / 255
    layer = layer[k // 2::k, k // 2::k]
    things = is_thing(layer, names)
    small = lift(small, 1.2)
    out = rim(np.where(things, layer, 0), 1)[..., None]
    small = np.where(out, small * .42 * np.array([.95, .9, 1.1]), small)
    dither = np.tile(BAYER, (16, 16))[..., None] * np.where(things, .012, .085)[..., None]
    page = Image.fromarray((np.clip(small + dither, 0, 1) * 255).astype(np.uint8))
    page = page.quantize(40, Image.Quantize.MEDIANCUT, kmeans=2).convert("RGB")
    return np.asarray(page, np.float32).repeat(k, 0).repeat(k, 1) / 255


LINO = {"day": "#8fc7d2 #8fb35a", "sunset": "#f0a06c #b8704f", "night": "#4f5fae #3a4f86", "storm": "#94a5b0 #6f8792",
        "snowing": "#a9c3da #c4d8e8", "rainbow": "#9fd0de #8dba62"}


def linocut(c, layer, element, size, seed, scene, names):
    u = size / 256
    at = warp(size, seed, .9 * u, 26)
    c, element, layer = c[at], element[at], layer[at]
    thing, kinds = is_thing(layer, names), ["sky", *names]
    key, paper = np.array([.1, .11, .2], np.float32), np.array([.965, .93, .85], np.float32)
    sky, land = (rgb(h) for h in LINO[scene.sky].split())
    worn_by = [scene.things[int(k[5:])] if k.startswith("thing") else None for k in kinds]
    plate = np.array([rgb(RAMPS[t.colour]["main"]) if t else sky if k in ("sky", "cloud", "bow") else land for k, t in zip(kinds, worn_by)])
    ink = plate[np.minimum(layer, len(names))].astype(np.float32)
    dull = np.array([.03 if t and t.colour in ("white", "grey", "black") else .2 for t in worn_by])[np.minimum(layer, len(names))]
    smooth, chroma = blur(c, .5 * u), c.max(-1) - c.min(-1)
    tone = grey(smooth)
    for i, t in enumerate(worn_by):                   # what a thing wears is printed in its own spot ink
        wears = [w.colour for w in t.wears] if t else []
        if wears:
            inks = np.array([rgb(RAMPS[name]["main"]) for name in (t.colour, *wears)], np.float32)
            ink[layer == i] = inks[((hue(c[layer == i])[:, None] - hue(inks)) ** 2).sum(-1).argmin(1)]
    bow = np.array([k == "bow" for k in kinds])[np.minimum(layer, len(names))]
    ink = np.where(bow[..., None], lift(c, 1.5), ink)
    own = ((hue(c) - hue(ink)) ** 2).sum(-1) < .35
    ink = np.where((thing & ~own & (chroma > .3))[..., None], lift(smooth, 1.1), ink)   # neutrals keep their hue
    y, x = (np.mgrid[:size, :size] / u).astype(np.float32)
    burr = (noise(size, 3, 60, 140) - .5) * .35
    slope = np.where(thing, .8, .12) + np.random.default_rng(seed).uniform(-.25, .25, 99)[layer % 99]
    cut = np.sin((y + x * slope + noise(size, seed, 5, 11) * np.where(thing, 8, 26)) * (2 * np.pi / np.where(thing, 4.6, 5.6))) * .5 + .5 + burr
    span = np.maximum(tone.max(), .3)
    light = np.where(element == 0, .2 + .75 * step(y / 256, .1, .62), tone / span)
    light_kinds, fall = ("sun", "cloud", "path"), ("rain", "snow", "stars", "bolt")
    white = np.isin(layer, [i for i, k in enumerate(kinds) if k in light_kinds + fall])
    drawn_white = np.isin(layer, [i for i, k in enumerate(kinds) if k in light_kinds])
    spot = np.where(thing, (chroma > dull) & (tone < .93) & (cut > step(tone, .62, 1.0)), ~white & (bow | (cut > step(light, .42, 1.05))))
    dark = thing & ((tone < .19) | (cut < (.5 - tone) * 1.5)) | (~thing & (tone < .32) & (element > 0) & (scene.sky != "night") & (cut < .5))
    worn, slip = noise(size, 8, 128, 256) > .95, max(1, round(.7 * u))
    out = np.where((shift(spot, slip, slip) & ~worn)[..., None], ink, paper)
    out = np.where((dark & ~worn)[..., None], key, out)
    out = np.where((rim(layer, 1. * u) & ~thing & ~white)[..., None], paper, out)
    aura = blur(thing, 1.5 * u)
    out = np.where(((aura > .05) & ~thing)[..., None], paper, out)
    drawn = rim(np.where(thing, layer, 0), 1.5 * u) & thing | (rim(element, .65 * u) & thing & (tone < .86)) | (rim(layer, 1. * u) & drawn_white)
    out = np.where((drawn & (burr > -.11))[..., None], key, out)
    inside = margin(size, seed, .03, .008, 40, 90) > 1
    return blur(np.where(inside[..., None], out, paper), .28 * u) * (1 - .05 * (noise(size, 9, 128, 256) - .5))[..., None]


STYLES = {f.__name__: f for f in (flat, watercolour, crayon, cutout, mosaic, glass, neon, pixel, linocut)}


def render(scene, size):
    """A scene in its style as uint8 pixels; treatments of pages up to 512 px are worked at twice the size."""
    style = scene.style
    page = paint(scene)
    if style == "flat":
        return raster(svg(page), size)
    fine = style in ("pixel", "linocut")              # hard edges want 256 pixels at least
    work = max(size, 256) if style == "pixel" else max(size * 2, 256 * fine) if size <= 512 else size
    colour = raster(svg(page), work).astype(np.float32) / 255
    layer, element, names = truth(page, work, weather=style in ("cutout", "neon", "linocut"))
    out = STYLES[style](colour, layer, element, work, scene.seed % 7 + 1, scene, names)
    out = (np.clip(out, 0, 1) * 255).astype(np.uint8)
    if work == size:
        return out
    return np.asarray(Image.fromarray(out).resize((size, size), Image.NEAREST if style == "pixel" else Image.BOX))
