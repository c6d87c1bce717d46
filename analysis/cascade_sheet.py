"""Sheets of the cascade: every size side by side, beside the true scene of the same caption.

`painted` shows what the whole model makes of a sentence; `enlarged` gives the stages a true small
picture, so that they are seen without the base's faults; `sampled` shows more of the base alone. It
measures nothing and chooses nothing: the captions are the first of the unseen scenes.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from analysis.true_renders import true_renders
from ediffi import EDiffI, images
from ediffi.cascade.diagnostics import shrunk
from ediffi.files import written_whole

TILE = 256
"""Side of a tile in pixels; smaller pictures are shown pixel by pixel, larger ones averaged."""
GAP = 6
COLUMNS = 8
"""Small pictures in a row of `sampled`, whose tiles are half as wide."""


def painted(model: EDiffI, n: int, seed: int = 0) -> Image.Image:
    """One row per caption: the picture at every size of the model, then the true scene."""
    largest = model.sizes[-1]
    truth, captions = true_renders(largest, n)
    rows = []
    for row, caption in enumerate(captions):
        made = model.generate(caption, seed + row, size=largest).images
        rows.append([*(made[size] for size in model.sizes), images.to_pil(truth[row])])
    return sheet(rows)


def enlarged(model: EDiffI, n: int, seed: int = 0, part: float = 0.35) -> Image.Image:
    """One row per true scene: its middle in the base's size, bicubic, by the stages, and true.

    `part` is the share of the side that is shown, so that detail is seen at full size.
    """
    largest, low = model.sizes[-1], model.sizes[0]
    truth, captions = true_renders(largest, n)
    rows = []
    for row, caption in enumerate(captions):
        small = images.to_pil(shrunk(truth[row : row + 1], (low, low))[0])
        *_, last = model.upscale_steps(small, caption, seed=seed + row)
        plain = small.resize((largest, largest), Image.Resampling.BICUBIC)
        shown = [small, plain, last.result.image, images.to_pil(truth[row])]
        rows.append([_middle(picture, part) for picture in shown])
    return sheet(rows)


def sampled(model: EDiffI, n: int, seed: int = 0) -> Image.Image:
    """True scenes in the base's size, eight in a row, under each what it samples: 4 `n` of them."""
    low = model.sizes[0]
    truth, captions = true_renders(low, 4 * n)
    asked = [model.request(text, seed + k, size=low) for k, text in enumerate(captions)]
    made = [result.image for result in model.generate_many(asked)]
    rows = []
    for start in range(0, len(made), COLUMNS):
        there = slice(start, start + COLUMNS)
        rows += [[images.to_pil(scene) for scene in truth[there]], made[there]]
    return sheet(rows, TILE // 2)


def sheet(rows: Sequence[Sequence[Image.Image]], tile: int = TILE) -> Image.Image:
    """Rows of square pictures of any size as equal tiles on white."""
    step = tile + GAP
    width, height = max(len(row) for row in rows) * step - GAP, len(rows) * step - GAP
    page = Image.new("RGB", (width, height), "white")
    for y, row in enumerate(rows):
        for x, picture in enumerate(row):
            way = Image.Resampling.NEAREST if picture.width < tile else Image.Resampling.BOX
            page.paste(picture.resize((tile, tile), way), (x * step, y * step))
    return page


def _middle(picture: Image.Image, part: float) -> Image.Image:
    edge = round(picture.width * (1 - part) / 2)
    return picture.crop((edge, edge, picture.width - edge, picture.height - edge))


def main() -> int:
    """`python -m analysis.cascade_sheet --n 4`: all three as JPEG files."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="storybook")
    parser.add_argument("--n", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("docs/img"), help="a folder")
    given = parser.parse_args()
    model = EDiffI.from_pretrained(given.model)
    if not model.model.stages:
        raise SystemExit(f"{model.model.name} has no super-resolution stage to show.")
    for name, draw in (("cascade", painted), ("enlarged", enlarged), ("samples", sampled)):
        path = given.out / f"{name}.jpg"
        with written_whole(path) as part:
            page = draw(model, given.n, given.seed)
            page.save(part, "jpeg", quality=images.JPEG_QUALITY)
        print(path)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
