"""From a picture file to a square of pixels: turned upright, laid on white, sized, cropped.

The paper's rule for its base and its first stage: the shorter side becomes the resolution, the
longer one is cropped around the middle, and nothing is ever enlarged (Sec. 5). It knows picture
files and pixels; it refuses to know captions, encoders and shards.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ediffi.images import MOST_PIXELS, opaque

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
"""What the name of a picture file ends with, in lower case."""
FINER = 4
"""A JPEG is decoded at no less than this many times the resolution, where it is larger."""

TOO_SMALL, TOO_LARGE, UNREADABLE = "too small", "too large", "unreadable"


@dataclass(frozen=True)
class Square:
    """A picture as training sees it.

    `pixels` (r, r, 3) uint8, the same as a PNG file's bytes, and the (width, height) of its source.
    """

    pixels: np.ndarray
    png: bytes
    source: tuple[int, int]


def read_square(path: str | Path, resolution: int) -> Square | str:
    """The picture in a file as a square of `resolution` px, or the reason why there is none.

    Reasons are `TOO_SMALL` (a side is shorter than the resolution), `TOO_LARGE` (more than 100
    million pixels) and `UNREADABLE` (no picture, cut short, not to be opened). Never raises for
    what a file holds. Colours are taken as sRGB; of an animation the first picture counts.
    """
    try:
        with warnings.catch_warnings():
            # What PIL grumbles about (sizes, broken EXIF) is judged here.
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                return _square(picture, resolution)
    except Image.DecompressionBombError:
        return TOO_LARGE
    except Exception:
        # Broken files make PIL's decoders raise nearly anything, and one of a million pictures
        # must not end the run: it is counted.
        return UNREADABLE


def read_squares(paths: Sequence[Path], resolution: int) -> list[Square | str]:
    """`read_square` of each path: a worker's task."""
    return [read_square(path, resolution) for path in paths]


def _square(picture: Image.Image, resolution: int) -> Square | str:
    source = picture.size
    if source[0] * source[1] > MOST_PIXELS:
        return TOO_LARGE
    if min(source) < resolution:
        return TOO_SMALL
    if picture.format == "JPEG":
        # libjpeg averages blocks while it decodes: much less work, and finer than is needed.
        picture.draft(None, (FINER * resolution, FINER * resolution))
    plain = opaque(ImageOps.exif_transpose(picture))
    side = min(plain.size)
    left, top = (plain.width - side) / 2, (plain.height - side) / 2
    box = (left, top, left + side, top + side)
    # Its kernel grows with the scale, so it averages over all that a pixel covers.
    sized = plain.resize((resolution, resolution), Image.Resampling.BICUBIC, box)
    file = io.BytesIO()
    sized.save(file, "PNG")
    return Square(np.asarray(sized), file.getvalue(), source)
