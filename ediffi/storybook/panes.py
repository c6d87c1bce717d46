"""Styles of stone, glass and light: mosaic, glass, neon.

Each takes a sheet and gives back float32 (h, w, 3); lengths are in page units, times `u` pixels.
How a sheet is made, sized and averaged down is not known here.
"""

from __future__ import annotations

import numpy as np

from ediffi.storybook.pixels import (
    F,
    blur,
    cells,
    either,
    flatten,
    grey,
    kept,
    lift,
    noise,
    rim,
    seams,
    shift,
    step,
)
from ediffi.storybook.raster import Window
from ediffi.storybook.sheet import Sheet

TILES, TILE_JITTER = 34, 0.2
PANES, PANE_JITTER = 9, 0.46


@kept(32)
def _tone(window: Window, seed: int, n: int, jitter: float) -> np.ndarray:
    # Every stone and pane is a little lighter or darker than its neighbours.
    index = cells(window, seed, n, jitter)
    tones = np.random.default_rng(seed + 1).normal(0, 0.1, ((n + 2) ** 2, 1)).astype(F)
    return 1 + tones[index]


def _laid(s: Sheet, c: np.ndarray, parts: np.ndarray, n: int, jitter: float):
    # Colours by piece and part, and the pieces: n by n cells, cut along silhouettes.
    index, count = cells(s.window, s.seed, n, jitter), (n + 2) ** 2
    c = flatten(c, index + parts * count) * _tone(s.window, s.seed, n, jitter)
    return c, index + s.layer * count


def mosaic(s: Sheet) -> np.ndarray:
    """Jittered tiles cut at silhouettes, with a bevel, in pale grout."""
    u = s.u
    c, piece = _laid(s, lift(s.colour, 1.25), s.element, TILES, TILE_JITTER)
    w = max(1, round(0.8 * u))
    lit = (piece != shift(piece, 2 * w, 2 * w)) * F(0.2)
    shaded = (piece != shift(piece, -2 * w, -2 * w)) * F(0.2)
    c = c + (1 - c) * lit[..., None] - c * shaded[..., None]
    # A line cannot be thinner than a pixel: it is dimmed instead.
    grout = blur(seams(piece, w), 0.45 * u)[..., None] * F(0.92 * min(1, 0.95 * u / w))
    # Where a tile is two pixels wide, grout would wash the things' colours out: it thins on them.
    grout = grout * either(s.thing, min(1, 0.35 + 0.65 * u), 1)[..., None]
    light = 0.55 if s.scene.sky == "night" else 0.92
    return c * (1 - grout) + np.array([0.93, 0.89, 0.82], F) * F(light) * grout


def _large_parts(s: Sheet) -> np.ndarray:
    # Only a thing's large parts are leaded; small ones are painted on the glass.
    whole = s.whole or s
    count = np.bincount(whole.element.ravel(), minlength=1 + int(s.element.max()))
    large = count > 0.0028 * whole.element.size
    return np.where(s.thing & large[s.element], s.element, 0)


def glass(s: Sheet) -> np.ndarray:
    """Large leaded panes behind, things leaded along their own parts, streaked bright colour."""
    u, part = s.u, _large_parts(s)
    parts = np.where(s.thing, s.element, s.layer)
    c, piece = _laid(s, lift(s.colour, 1.4, 0.92), parts, PANES, PANE_JITTER)
    streaks = F(0.8) + F(0.5) * noise(s.window, s.seed, 6, 14, 40)[..., None]
    c = np.clip(c * streaks, 0, 1)
    w, thin = max(1, round(1.5 * u)), F(min(1, 0.3 + 0.7 * u))
    between = blur(seams(piece, w) & ~s.thing, 0.5 * u) * F(0.95)
    within = blur(rim(part, 0.6 * u) & s.thing, 0.4 * u) * F(0.9)
    around = blur(rim(s.layer, 1.5 * u), 0.6 * u) * F(1.2)
    lead = np.clip(np.maximum(np.maximum(between, within) * thin, around), 0, 1)
    sheen = blur(rim(s.layer, 3 * u), 2 * u) * F(0.14)
    shine = np.clip(blur(shift(lead, -w, -w), 0.4 * u) - lead, 0, 1) * F(0.12)
    lead = lead[..., None]
    return (c + (sheen + shine)[..., None] * (1 - c)) * (1 - lead) + np.array(
        [0.07, 0.07, 0.1], F
    ) * lead


def neon(s: Sheet) -> np.ndarray:
    """A dark page, edges in the thing's brightened colour, three glows."""
    u, c, things = s.u, s.colour, s.thing
    peak = c.max(-1, keepdims=True)
    bright = np.clip(peak * F(1.1) + F(0.25), 0.45, 1)
    vivid = lift(c / np.maximum(peak, F(0.02)), 1.5) * bright
    thin = F(min(1, 0.35 + 0.65 * u))  # dimmed, because it cannot be thinner than a pixel
    outer = rim(s.layer, 1.15 * u) * either(things, 1, 0.55)
    inner = rim(s.element, 0.8 * u) * either(things, 0.62, 0.16)
    line = np.clip((outer + inner) * thin, 0, 1)
    light = vivid * line[..., None]
    glow = blur(light, 1.3 * u) * F(1.05)
    glow += blur(light, 4.2 * u) * F(1.5)
    glow += blur(light, 12 * u) * F(1.1)
    base = np.array([0.035, 0.03, 0.085], F) + c * either(things, 0.2, 0.07)[..., None]
    bulbs = (step(grey(c), 0.86, 0.97) * F(0.16) * (s.element == 0))[..., None]
    core = blur(line, 0.35 * u)[..., None]
    return base + glow + bulbs + core * (vivid * F(0.5) + F(0.32) * things[..., None])
