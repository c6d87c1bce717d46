"""Figures of attention: its study's, drawn from the record alone, and words over a picture.

Beside `plots` the only file with matplotlib; it draws what it is given and measures nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps, pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from analysis.attention_over_noise import AttentionOverNoise
from analysis.plots import COARSE, FINE, INK, STYLE
from ediffi.controls.attention_maps import PARTS, AttentionMaps

TOLD = {
    "clip_words": ("words, CLIP", "#b5372f"),
    "t5_words": ("words, T5", FINE),
    "ends": ("start and end", "#e8c27a"),
    "clip_image": ("CLIP image", "#7a9a3a"),
    "null": ("null token", "#d8d2c4"),
}
"""How each of `PARTS` is called and coloured."""
HEAT = "inferno"


def attention_over_noise(found: AttentionOverNoise) -> Figure:
    """Left: where cross-attention goes; middle: its share of words by layer; right: strengths.

    High noise stands on the left, as a sampler passes it.
    """
    with pyplot.rc_context(STYLE):
        figure, (shares, layers, strengths) = pyplot.subplots(
            1, 3, figsize=(10.2, 3.1), layout="constrained", width_ratios=(1, 1, 1)
        )
        _shares(shares, found)
        _layers(layers, found)
        for rows, colour, told in ((found.cross, COARSE, "cross"), (found.own, FINE, "self")):
            mean = np.array(rows).mean(1)
            strengths.plot(found.sigmas, mean, "o-", color=colour, markersize=3, label=told)
        strengths.set_title("strength of attention", fontsize=9)
        strengths.set_ylabel("‖added‖ / ‖given‖")
        strengths.set_ylim(bottom=0)
        strengths.legend(frameon=False)
        for axes in (shares, strengths):
            axes.set_xscale("log")
            axes.set_xlim(max(found.sigmas), min(found.sigmas))
            axes.set_xlabel("noise level σ")
        figure.suptitle(f"{found.model}, {found.n} unseen captions", fontsize=9)
        pyplot.close(figure)
    return figure


def attention_maps(
    maps: AttentionMaps,
    words: Sequence[str],
    previews: Sequence[np.ndarray],
    sigmas: Sequence[float],
    picture: int = 0,
) -> Figure:
    """Each word over the finished picture, at some noise levels; above, what was seen there.

    `previews` are pictures (h, w, 3) uint8, one for each of `sigmas`; the last is the finished one.
    All maps of a word share one scale, whose upper end stands at the word: the largest share of a
    place's attention that it gets.
    """
    with pyplot.rc_context(STYLE):
        figure, rows = pyplot.subplots(
            len(words) + 1,
            len(sigmas),
            figsize=(len(sigmas) + 0.9, len(words) + 1.3),
            layout="constrained",
            squeeze=False,
        )
        for axes, sigma, preview in zip(rows[0], sigmas, previews, strict=True):
            axes.imshow(preview, interpolation="nearest")
            axes.set_title(f"σ = {sigma:.2g}", fontsize=8)
        rows[0][0].set_ylabel("seen", fontsize=8)
        for line, word in zip(rows[1:], words, strict=True):
            heats = [maps.heat(word, picture, sigma=sigma) for sigma in sigmas]
            most = max(float(heat.max()) for heat in heats)
            line[0].set_ylabel(f"{word}\nto {100 * most:.0f} %", fontsize=8)
            for axes, heat in zip(line, heats, strict=True):
                axes.imshow(over(previews[-1], heat / most), interpolation="nearest")
        for axes in rows.flat:
            axes.set_xticks([])
            axes.set_yticks([])
            axes.spines[:].set_visible(False)
        pyplot.close(figure)
    return figure


def over(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """A picture (h, w, 3) uint8 in grey under a heat map (rows, columns) in [0, 1], uint8.

    The picture shows through where the heat is low.
    """
    h, w = 4 * picture.shape[0], 4 * picture.shape[1]
    grey = np.asarray(Image.fromarray(picture).convert("L").resize((w, h), Image.Resampling.BOX))
    smooth = Image.fromarray(heat.astype(np.float32)).resize((w, h), Image.Resampling.BICUBIC)
    warm = np.asarray(smooth).clip(0, 1)
    colour = colormaps[HEAT](0.3 + 0.7 * warm)[..., :3] * 255
    share = (0.9 * warm**0.7)[..., None]
    under = (30 + 0.5 * grey)[..., None]
    return (share * colour + (1 - share) * under).round().astype(np.uint8)


def _shares(axes: Axes, found: AttentionOverNoise) -> None:
    """Shares of cross-attention on top of each other; they fill the height."""
    parts = np.array(found.parts)
    order = [k for k, _ in enumerate(PARTS) if parts[:, k].max() > 0]
    areas = axes.stackplot(
        found.sigmas, [parts[:, k] for k in order], colors=[TOLD[PARTS[k]][1] for k in order]
    )
    for k, area in zip(order, areas, strict=True):
        area.set(label=TOLD[PARTS[k]][0], edgecolor=INK, linewidth=0.4)
    words = parts[:, 0] + parts[:, 1]
    half = np.array(found.spread)
    for edge in (words - half, words + half):
        axes.plot(found.sigmas, edge, color=INK, linewidth=0.6, linestyle=":")
    axes.set_ylim(0, 1)
    axes.set_ylabel("share of cross-attention")
    axes.set_title("where cross-attention goes", fontsize=9)
    axes.legend(frameon=False, fontsize=7, loc="upper right")


def _layers(axes: Axes, found: AttentionOverNoise) -> None:
    """The share of words in each layer, in the order in which a picture passes them."""
    values = np.array(found.words).T
    shown = axes.imshow(values, aspect="auto", cmap=HEAT, vmin=0, interpolation="nearest")
    names = [f"{layer.name}, {layer.rows}²" for layer in found.layers]
    axes.set_yticks(range(len(names)), names, fontsize=7)
    ticks = range(0, len(found.sigmas), max(1, len(found.sigmas) // 6))
    axes.set_xticks(list(ticks), [f"{found.sigmas[k]:.2g}" for k in ticks], fontsize=7)
    for k in range(1, len(found.experts)):
        if found.experts[k] != found.experts[k - 1]:
            axes.axvline(k - 0.5, color="white", linewidth=0.8, linestyle=":")
    axes.set_xlabel("noise level σ")
    axes.set_title("share of words, by layer", fontsize=9)
    pyplot.colorbar(shown, ax=axes, shrink=0.9)
