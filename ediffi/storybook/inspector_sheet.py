"""A sheet of pictures, each with its reading beside it: boxes where things were seen, and words.

For looking at; nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ediffi.storybook.colours import RAMPS
from ediffi.storybook.inspector import Reading

ZOOM = 4
TEXT = 200  # pixels beside each picture
LINE = 13


def sheet(
    images: np.ndarray,
    readings: Sequence[Reading],
    captions: Sequence[str] = (),
    columns: int = 3,
) -> Image.Image:
    """Pictures uint8 (n, h, w, 3), what was read in them, and optionally what was asked for."""
    height, width = (ZOOM * side for side in images.shape[1:3])
    rows = -(-len(images) // columns)
    page = Image.new("RGB", (columns * (width + TEXT), rows * (height + LINE * 2)), "white")
    for i, (image, reading) in enumerate(zip(images, readings, strict=True)):
        row, column = divmod(i, columns)
        corner = column * (width + TEXT), row * (height + LINE * 2)
        picture = Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST)
        _mark(picture, reading)
        page.paste(picture, corner)
        draw = ImageDraw.Draw(page)
        draw.text((corner[0] + width + 6, corner[1] + 4), _told(reading), "black")
        if captions:
            draw.text((corner[0] + 4, corner[1] + height + 2), captions[i], "black")
    return page


def _mark(picture: Image.Image, reading: Reading) -> None:
    draw = ImageDraw.Draw(picture)
    for seen in reading.things:
        x, y, half = (value * picture.width for value in (seen.x, seen.y, seen.size / 2))
        draw.rectangle((x - half, y - half, x + half, y + half), outline="white", width=3)
        main = RAMPS[seen.colour]["main"]
        draw.rectangle((x - half, y - half, x + half, y + half), outline=main, width=2)


def _told(reading: Reading) -> str:
    if not reading.readable:
        return "unreadable"
    lines = []
    for seen in reading.things:
        lines.append(f"{seen.colour} {seen.kind}  {seen.score:.2f}")
        lines += [f"   {wear.colour} {wear.kind}" for wear in seen.wears]
        lines += [f"   says {seen.word}"] if seen.word else []
    return "\n".join([*lines, "", f"{reading.place}, {reading.sky}", f"{reading.style}"])
