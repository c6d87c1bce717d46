"""Styles of brush, wax and scissors: watercolour, crayon, cutout.

Each takes a sheet whose outlines already tremble and gives back float32 (h, w, 3); lengths are in
page units, times `u` pixels. How a sheet is made, sized and averaged down is not known here.
"""

from __future__ import annotations

import numpy as np

from ediffi.storybook.pixels import (
    F,
    blur,
    either,
    grey,
    kept,
    lift,
    margin,
    moved,
    noise,
    region_means,
    rim,
    shift,
    step,
    tremble,
)
from ediffi.storybook.raster import Window
from ediffi.storybook.sheet import Sheet

SKY_BANDS = 9


def watercolour_margin(window: Window, seed: int) -> np.ndarray:
    """The torn border: more than 1 where there is paint."""
    return margin(window, seed + 7, 0.05, 0.06, 6, 14, 44)


@kept(16)
def _washes(window: Window, seed: int) -> tuple[np.ndarray, ...]:
    # What depends on the hand only: wet areas, density, the torn border, paper.
    wet = step(noise(window, seed + 3, 5, 9), 0.4, 0.75)[..., None]
    bloom, grain = noise(window, seed + 5, 7, 16, 34), noise(window, 9, 128, 256, 512)
    blotches = (F(0.84) + F(0.46) * (bloom - F(0.5)) + F(0.13) * (grain - F(0.5)))[..., None]
    edge = watercolour_margin(window, seed)
    dried = step(edge, 0.88, 1.05) * (1 - step(edge, 1.1, 1.5))
    inside = (step(edge, 0.92, 1.12) * (1 + F(0.5) * dried))[..., None]
    paper = np.array([0.992, 0.98, 0.945], F) - F(0.04) * (grain - F(0.5))[..., None]
    return wet, blotches, inside, paper


def watercolour(s: Sheet) -> np.ndarray:
    """Pigment density times blotches and grain, wet-in-wet land, dark pools along edges."""
    u, c = s.u, lift(s.colour, 1.28)
    wet, blotches, inside, paper = _washes(s.window, s.seed)
    wide = blur(c, 6 * u)
    dry = blur(c, 0.3 * u) * F(0.95) + wide * F(0.05)
    land = blur(c, 1.6 * u) * (1 - F(0.55) * wet) + wide * (F(0.55) * wet)
    c = np.where(s.thing[..., None], dry, land)
    outer, inner = blur(rim(s.layer, 1.1 * u), u), blur(rim(s.element, 0.7 * u), 0.5 * u)
    pools = (outer * F(0.95) + inner * F(0.34))[..., None]
    density = (1 - c) * (blotches * (1 + F(0.8) * pools)) + F(0.07) * pools
    return paper * (1 - F(0.95) * np.clip(density * inside, 0, 1))


def crayon_margin(window: Window, seed: int) -> np.ndarray:
    """The scribbled border: more than 1 where there is wax."""
    return margin(window, seed, 0.03, 0.03, 30, 70)


def hatch_angles(seed: int, layers: np.ndarray, spread: float) -> np.ndarray:
    """A turn of the hatching for every layer, (h, w): each is drawn in its own direction."""
    turns = np.random.default_rng(seed).uniform(-spread, spread, 99).astype(F)
    return turns[layers % 99]


def crayon(s: Sheet) -> np.ndarray:
    """Wax by tone in two hatch directions over paper tooth; doubled trembling outlines."""
    u, window, seed = s.u, s.window, s.seed
    again = moved(s.untouched, tremble(window, seed + 20, 1.7 * u, (16,)))
    outer = np.maximum(rim(s.layer, u), rim(again, 0.8 * u) * F(0.6)) * either(s.thing, 1, 0.7)
    inner = rim(s.element, 0.7 * u) * either(s.thing, 0.6, 0.25)
    c = lift(s.colour, 1.3)
    y, x = (axis / F(u) for axis in window.grid())
    sway = noise(window, seed + 2, 5, 11) * 7
    angle = either(s.thing, -0.95, 0.8) + hatch_angles(seed, s.layer, 0.3)
    cos, sin = np.cos(angle), np.sin(angle)
    # A tooth of paper is finer than a pixel of a small page, which shows its mean.
    rough = F(min(1, 0.5 + 0.5 * u))
    tooth = F(0.5) + (noise(window, 5, 90, 180, 360) - F(0.5)) * rough
    ends = noise(window, seed + 4, 12, 40)
    tone = grey(c)
    hatch = np.sin((x * cos + y * sin + sway) * F(2 * np.pi / 4.1)) * F(0.5) + F(0.5)
    cross = np.sin((x * sin - y * cos + sway) * F(2 * np.pi / 4.6)) * F(0.5) + F(0.5)
    press = either(s.thing, 0.62, 0.4) + F(0.5) * (F(0.62) - tone) + F(0.26) * (ends - F(0.5))
    grip = press + F(0.62) * (hatch - F(0.5)) + F(0.75) * (tooth - F(0.5))
    over = cross * F(0.8) + tooth * F(0.5) - tone * F(1.1)
    wax = np.maximum(step(grip, 0.12, 0.78), step(over, 0.1, 0.5) * F(0.85))
    inside = step(crayon_margin(window, seed) + (hatch - F(0.5)) * F(0.5), 0.9, 1.1)
    wax = (wax * inside)[..., None]
    paper = np.array([0.98, 0.955, 0.905], F) - F(0.05) * (tooth - F(0.5))[..., None]
    out = paper * (1 - wax) + np.clip(c * F(1.02) - F(0.02), 0, 1) * wax
    lines = blur(np.maximum(outer, inner), 0.45 * u) * (F(0.45) + tooth)
    lines = (np.clip(lines, 0, 0.92) * inside)[..., None]
    return out * (1 - lines) + np.array([0.2, 0.15, 0.21], F) * lines


def _papers(s: Sheet) -> np.ndarray:
    # Every element is a sheet of its own; the sky is torn into bands behind them.
    rows, _ = s.window.grid()
    wave = (noise(s.window, s.seed, 4, 7) - F(0.5)) * F(0.1)
    band = (rows / s.window.page + wave) * SKY_BANDS
    bands = np.clip(band.astype(np.int32), 0, SKY_BANDS - 1)
    return np.where(s.element == 0, bands, s.element + SKY_BANDS)


def _paper_colours(s: Sheet, papers: np.ndarray) -> np.ndarray:
    # Of the whole page, so that a window's papers have the colours they have on the page.
    whole = s.whole or s
    everywhere = papers if whole is s else _papers(whole)
    regions = 1 + max(int(papers.max()), int(everywhere.max()))
    means, count = region_means(whole.colour, everywhere, regions)
    if whole is not s:
        means = np.where(count[:, None] < 4, region_means(s.colour, papers, regions)[0], means)
    return means[papers]


def cutout(s: Sheet) -> np.ndarray:
    """Papers of one colour with shadows from their order, lit lips, a sky in torn bands."""
    u, bare, papers = s.u, s.element == 0, _papers(s)
    c = lift(_paper_colours(s, papers), 1.1)
    c = c * (1 + F(0.1) * (noise(s.window, 31, 64, 160, 256) - F(0.5))[..., None])
    stack = np.where(bare, papers, 2 * s.layer + 20)
    shade = np.zeros(stack.shape, F)
    for k in range(1, 6):
        d = max(1, round(k * 1.15 * u))
        shade += (shift(stack, d, d) > stack) * F(0.1)
    for k in range(1, 4):
        d = max(1, round(k * 0.7 * u))
        shade += (shift(papers, d, d) > papers) * F(0.2 / 3)
    shade = np.minimum(shade, F(0.6))[..., None]
    c = c * (1 - shade) + np.array([0.13, 0.09, 0.22], F) * (shade * F(0.6))
    w = max(1, round(0.8 * u))
    lip = (stack > shift(stack, w, w)) * either(bare, 0.1, 0.32)
    lip = (lip + (papers > shift(papers, w, w)) * F(0.1))[..., None]
    under = ((stack > shift(stack, -w, -w)) * F(0.16))[..., None]
    return c + (1 - c) * lip - c * under
