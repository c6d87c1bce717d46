"""Styles of the press and the screen: pixel, linocut.

Each takes a sheet and gives back float32 (h, w, 3); lengths are in page units, times `u` pixels.
How a sheet is made, sized and averaged down is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ediffi.storybook.brushes import hatch_angles
from ediffi.storybook.colours import RAMPS, rgb
from ediffi.storybook.pixels import (
    F,
    blur,
    chroma,
    either,
    flatten,
    grey,
    hue,
    lift,
    margin,
    noise,
    rim,
    shift,
    step,
)
from ediffi.storybook.raster import Window
from ediffi.storybook.sheet import Sheet

GRID = 64
"""The pixel style's grid, whatever the picture's size."""
COLOURS = 40
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], F) / 16 - F(0.47)


def pixel(s: Sheet) -> np.ndarray:
    """A grid of 64 by 64 in few colours, ordered dither in the land, dark outlines; (64, 64, 3).

    Colours are cut to COLOURS over the page and then averaged within every thing and worn piece, so
    that a small red hat is never printed in its wearer's colour.
    """
    assert s.window.page % GRID == 0
    page = Image.fromarray((s.colour * 255).astype(np.uint8))
    small = np.asarray(page.resize((GRID, GRID), Image.Resampling.BOX), F) * F(1 / 255)
    k = s.window.page // GRID
    middle = slice(k // 2, None, k)
    layer, things, owner = (ids[middle, middle] for ids in (s.layer, s.thing, s.owner))
    small = lift(small, 1.2)
    outline = rim(np.where(things, layer, 0), 1)[..., None]
    small = np.where(outline, small * F(0.42) * np.array([0.95, 0.9, 1.1], F), small)
    dither = np.tile(BAYER, (GRID // 4, GRID // 4)) * either(things, 0.012, 0.085)
    page = Image.fromarray((np.clip(small + dither[..., None], 0, 1) * 255).astype(np.uint8))
    index = np.asarray(page.quantize(COLOURS)).astype(np.int32)
    return flatten(np.asarray(page, F) * F(1 / 255), index + COLOURS * owner)


SKY_AND_LAND = {
    "day": ("#8fc7d2", "#8fb35a"),
    "sunset": ("#f0a06c", "#b8704f"),
    "night": ("#4f5fae", "#3a4f86"),
    "storm": ("#94a5b0", "#6f8792"),
    "snowing": ("#a9c3da", "#c4d8e8"),
    "rainbow": ("#9fd0de", "#8dba62"),
}
"""The linocut's two flat inks under each sky."""
KEY, PAPER = np.array([0.1, 0.11, 0.2], F), np.array([0.965, 0.93, 0.85], F)
LEFT_WHITE = frozenset({"sun", "cloud", "path"})
FALLING = frozenset({"rain", "snow", "stars", "bolt"})


def linocut_margin(window: Window, seed: int) -> np.ndarray:
    """The block's border: more than 1 where there is print."""
    return margin(window, seed, 0.03, 0.008, 40, 90)


@dataclass(frozen=True)
class Block:
    """What the carver looks at: tone and chroma, where things are, what is white, how cuts run."""

    tone: np.ndarray
    chroma: np.ndarray
    thing: np.ndarray
    white: np.ndarray
    bow: np.ndarray
    cut: np.ndarray
    burr: np.ndarray


def _inks(s: Sheet) -> tuple[np.ndarray, np.ndarray]:
    # Spot inks (h, w, 3): each thing's own, sky and land; and the least chroma a spot print needs.
    sky, land = (rgb(colour) for colour in SKY_AND_LAND[s.scene.sky])
    plates, dull = [], []
    for name in s.names:
        thing = s.scene.things[int(name[5:])] if name.startswith("thing") else None
        ground = sky if name in ("sky", "cloud", "bow") else land
        plates.append(rgb(RAMPS[thing.colour]["main"]) if thing else ground)
        neutral = thing is not None and thing.colour in ("white", "grey", "black")
        dull.append(0.03 if neutral else 0.2)
    ink, least = np.array(plates, F)[s.layer], np.array(dull, F)[s.layer]
    for (index, part), (first, last) in s.parts.items():
        worn = {wear.kind: wear.colour for wear in s.scene.things[index].wears}
        if part in worn:
            where = (s.element >= first) & (s.element < last)
            ink[where] = rgb(RAMPS[worn[part]]["main"])
            least[where] = 0.03 if worn[part] in ("white", "grey", "black") else 0.2
    return ink, least


def _block(s: Sheet, smooth: np.ndarray) -> Block:
    y, x = (axis / F(s.u) for axis in s.window.grid())
    burr = (noise(s.window, 3, 60, 140) - F(0.5)) * F(0.35)
    slope = either(s.thing, 0.8, 0.12) + hatch_angles(s.seed, s.layer, 0.25)
    run = y + x * slope + noise(s.window, s.seed, 5, 11) * either(s.thing, 8, 26)
    pitch = either(s.thing, 2 * np.pi / 4.6, 2 * np.pi / 5.6)
    return Block(
        tone=grey(smooth),
        chroma=chroma(s.colour),
        thing=s.thing,
        white=s.where(lambda name: name in LEFT_WHITE),
        bow=s.where(lambda name: name == "bow"),
        cut=np.sin(run * pitch) * F(0.5) + F(0.5) + burr,
        burr=burr,
    )


def _spot_and_key(
    s: Sheet, b: Block, own: np.ndarray, least: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Where the spot ink and the key ink print, bool (h, w) each; cuts widen with the light. Dark
    # tones of the ink's own hue are printed even where they are dull: else they would stay white.
    brightest = max(0.3, float(grey((s.whole or s).colour).max()))
    rows, _ = s.window.grid()
    fade = F(0.2) + F(0.75) * step(rows / s.window.page, 0.1, 0.62)
    light = np.where(s.element == 0, fade, b.tone / F(brightest))
    held = b.white | s.where(lambda name: name in FALLING)
    coloured = (b.chroma > least) | (own & (b.tone < F(0.4)))
    on_thing = coloured & (b.tone < F(0.93)) & (b.cut > step(b.tone, 0.62, 1.0))
    spot = np.where(b.thing, on_thing, ~held & (b.bow | (b.cut > step(light, 0.42, 1.05))))
    key = b.thing & ((b.tone < F(0.175)) | (b.cut < (F(0.45) - b.tone) * F(1.3)))
    if s.scene.sky != "night":
        key |= ~b.thing & (b.tone < F(0.32)) & (s.element > 0) & (b.cut < F(0.5))
    return spot, key


def linocut(s: Sheet) -> np.ndarray:
    """Paper, key ink, a sky and a land ink, each thing's own; carved lines follow the tone."""
    u, c = s.u, s.colour
    smooth = blur(c, 0.5 * u)
    b, (ink, least) = _block(s, smooth), _inks(s)
    ink[b.bow] = lift(c[b.bow], 1.5)
    own = np.zeros(b.thing.shape, bool)
    own[b.thing] = ((hue(c[b.thing]) - hue(ink[b.thing])) ** 2).sum(-1) < F(0.35)
    borrowed = b.thing & ~own & (b.chroma > F(0.3))
    ink[borrowed] = lift(smooth[borrowed], 1.1)
    spot, key = _spot_and_key(s, b, own, least)
    worn, slip = noise(s.window, 8, 128, 256) > F(0.95), max(1, round(0.7 * u))
    fallen = s.where(lambda name: name in FALLING)
    edge = rim(s.layer, u)
    carved = ~b.thing & ((edge & ~b.white & ~fallen) | (blur(b.thing, 1.5 * u) > F(0.05)))
    out = np.where((shift(spot, slip, slip) & ~worn)[..., None], ink, PAPER)
    out = np.where((key & ~worn)[..., None], KEY, out)
    out = np.where(carved[..., None], PAPER, out)
    drawn = rim(np.where(b.thing, s.layer, 0), 1.5 * u) & b.thing
    drawn |= rim(s.element, 0.65 * u) & b.thing & (b.tone < F(0.86))
    drawn |= edge & b.white
    out = np.where((drawn & (b.burr > F(-0.11)))[..., None], KEY, out)
    inside = linocut_margin(s.window, s.seed) > 1
    grain = 1 - F(0.05) * (noise(s.window, 9, 128, 256) - F(0.5))[..., None]
    out = np.where(inside[..., None], out, PAPER)
    return (blur(out, 0.28 * u) if u > 1 else out) * grain
