"""Contact sheets: pictures with what is said about them, to be looked at.

Makes the pages in `docs/img`; run as `python -m ediffi.storybook.sheets --out docs/img`. It puts
together pictures that `drawing` renders and captions that `captions` writes; it decides neither.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ediffi.files import written_whole
from ediffi.storybook.captions import write_caption
from ediffi.storybook.drawing import render
from ediffi.storybook.page import Box
from ediffi.storybook.scene import Scene, Thing, Wear, sample_scene
from ediffi.storybook.vocabulary import STYLES

PAPER, TEXT, GAP = "#faf6ee", "#3a3040", 10
PAGE_SEEDS = (50, 33, 54, 58, 23, 5, 48, 13, 37, 51, 41, 47)
"""Scenes of the README's page: every style is among them."""

FOX_AND_HOUSE = Scene(
    (
        Thing("house", "red", 0.67, 0.76, 0.47),
        Thing("fox", "orange", 0.3, 0.91, 0.37, flip=True, wears=(Wear("scarf", "teal"),)),
    ),
    "meadow",
    "day",
    "flat",
    4,
)
"""The scene in which the styles are compared."""


@dataclass(frozen=True)
class Cell:
    """One picture of a sheet, uint8 (h, w, 3), and its caption."""

    picture: np.ndarray
    caption: str = ""


def sampled(seed: int, size: int, split: str = "train") -> Cell:
    """The scene of this seed with a short caption."""
    scene = sample_scene(seed, split)
    return Cell(render(scene, size), write_caption(scene, seed, length="short").text)


def styled(size: int, crop: Box | None = None) -> list[Cell]:
    """One scene in all nine styles."""
    return [Cell(render(replace(FOX_AND_HOUSE, style=s), size, crop), s) for s in STYLES]


def sheet(cells: Sequence[Cell], columns: int, side: int, lines: int = 2) -> Image.Image:
    """The cells in rows, pictures `side` pixels wide, with room for so many lines of caption."""
    font = ImageFont.load_default(13)
    foot = 17 * lines + (4 if lines else 0)
    rows = -(-len(cells) // columns)
    width, height = columns * (side + GAP) + GAP, rows * (side + foot + GAP) + GAP
    out = Image.new("RGB", (width, height), PAPER)
    draw = ImageDraw.Draw(out)
    for i, cell in enumerate(cells):
        x, y = GAP + i % columns * (side + GAP), GAP + i // columns * (side + foot + GAP)
        picture = Image.fromarray(cell.picture)
        out.paste(picture.resize((side, side), Image.Resampling.NEAREST), (x, y))
        text = "\n".join(_wrapped(cell.caption, side, lambda t: draw.textlength(t, font))[:lines])
        draw.text((x + 1, y + side + 4), text, TEXT, font, spacing=4)
    return out


def _wrapped(text: str, width: int, length: Callable[[str], float]) -> list[str]:
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if length(longer) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def save(picture: Image.Image, path: Path, most_bytes: int) -> int:
    """Writes a PNG of at most so many bytes, with ever fewer colours; how many it has, in bytes.

    Raises ValueError when not even 64 colours fit, or when the path cannot be written.
    """
    smooth, plain = Image.Dither.FLOYDSTEINBERG, Image.Dither.NONE
    for colours, dither in ((0, plain), (256, smooth), (256, plain), (128, plain), (64, plain)):
        shrunk = picture
        if colours:
            palette = picture.quantize(colours, Image.Quantize.MEDIANCUT, kmeans=1)
            shrunk = picture.quantize(palette=palette, dither=dither)
        with written_whole(path) as temporary:
            shrunk.save(temporary, "png", optimize=True)
        written = path.stat().st_size
        if written <= most_bytes:
            return written
    raise ValueError(f"{path} takes {written} bytes, but may take {most_bytes}.")


def readme_page() -> Image.Image:
    """Twelve sampled scenes with their captions, over one scene in nine styles."""
    scenes = sheet([sampled(seed, 224) for seed in PAGE_SEEDS], 4, 224, lines=3)
    styles = sheet(styled(224 * 4 // 9), 9, 92, lines=1)
    out = Image.new("RGB", (scenes.width, scenes.height + styles.height), PAPER)
    out.paste(scenes, (0, 0))
    out.paste(styles, ((scenes.width - styles.width) // 2, scenes.height))
    return out


def sheet_at_64() -> Image.Image:
    """Sixty sampled scenes at 64 pixels, enlarged threefold."""
    return sheet([sampled(seed, 64) for seed in range(60)], 10, 128, lines=3)


def sheet_at_256() -> Image.Image:
    """Sixteen sampled scenes at 256 pixels."""
    return sheet([sampled(seed, 256) for seed in range(60, 76)], 4, 256, lines=2)


def sheet_at_1024() -> Image.Image:
    """What 1024 pixels hold: the same part of one page in nine styles, pixel by pixel."""
    return sheet(styled(1024, (0.17, 0.55, 0.47, 0.85)), 3, 307, lines=1)


SHEETS: dict[str, tuple[Callable[[], Image.Image], int]] = {
    "storybook.png": (readme_page, 400_000),
    "storybook-64.png": (sheet_at_64, 500_000),
    "storybook-256.png": (sheet_at_256, 600_000),
    "storybook-1024.png": (sheet_at_1024, 500_000),
}


def milliseconds(sizes: Sequence[int], scenes: int = 6, repeats: int = 3) -> dict[str, list[float]]:
    """Processor milliseconds per picture by style and size, noise already kept.

    The median over scenes of the best of some repeats, which a busy machine disturbs least.
    """
    table: dict[str, list[float]] = {}
    for style in STYLES:
        # Two hands only: a data set draws thousands of scenes with each hand's noise.
        todo = [replace(sample_scene(seed), style=style, seed=seed % 2) for seed in range(scenes)]
        table[style] = []
        for size in sizes:
            for scene in todo[:2]:
                _timed(scene, size)
            best = [min(_timed(scene, size) for _ in range(repeats)) for scene in todo]
            table[style].append(float(np.median(best)))
    return table


def _timed(scene: Scene, size: int) -> float:
    start = time.process_time()
    render(scene, size)
    return 1000 * (time.process_time() - start)


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the sheets, or prints milliseconds per style."""
    parser = argparse.ArgumentParser(prog="python -m ediffi.storybook.sheets", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/img"), help="folder of the sheets")
    parser.add_argument("--only", choices=sorted(SHEETS), help="make this one only")
    parser.add_argument(
        "--times", type=int, nargs="+", metavar="SIZE", help="print timings instead"
    )
    asked = parser.parse_args(arguments)
    if asked.times:
        print("style       " + "".join(f"{size:>9}" for size in asked.times))
        for style, row in milliseconds(asked.times).items():
            print(f"{style:12}" + "".join(f"{value:9.1f}" for value in row))
        return 0
    for name in [asked.only] if asked.only else SHEETS:
        make, most_bytes = SHEETS[name]
        written = save(make(), asked.out / name, most_bytes)
        print(f"{asked.out / name}  {written // 1000} kB", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
