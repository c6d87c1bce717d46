"""A picture from outside made fit for a stage: read, laid on white, sized, cropped.

Knows picture files and sizes; refuses to know stages' networks.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from ediffi import images
from ediffi.cascade.stages import LONGEST

SMALLEST = 16
"""Shorter side below which there is nothing to enlarge, in pixels."""
MULTIPLE = 8
"""Sides are cropped to multiples of this, so that every stage can fold the enlarged picture."""


def read_picture_file(path: str | Path) -> Image.Image:
    """The picture in a file of any common format, turned as its camera says.

    Raises FileNotFoundError, or ValueError in one sentence for what is no picture, is cut short, or
    has more than 100 million pixels.
    """
    try:
        with warnings.catch_warnings():
            # The limit below is ours; PIL's own warning would only repeat it.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                if picture.width * picture.height > images.MOST_PIXELS:
                    raise Image.DecompressionBombError
                picture.load()
                return ImageOps.exif_transpose(picture)
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except Image.DecompressionBombError:
        raise ValueError(
            f"{path} has too many pixels; at most {images.MOST_PIXELS // 10**6} million are read."
        ) from None
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not a picture.") from None
    except (OSError, SyntaxError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}.") from None


def fitted(picture: Image.Image, lows: Sequence[int]) -> Tensor:
    """`picture` as (1, 3, h, w) in [-1, 1] for one of the stages that begin at sides of `lows` px.

    The shorter side becomes the largest of `lows` that it reaches, or the smallest of them; the
    longer one is cropped, by less than 8 px, around the middle. Raises ValueError for pictures
    that are too small or too long.
    """
    shorter, longer = sorted(picture.size)
    if shorter < SMALLEST:
        raise ValueError(
            f"the picture has {picture.width} x {picture.height} pixels; its shorter side must have"
            f" at least {SMALLEST}."
        )
    if longer > LONGEST * shorter:
        raise ValueError(
            f"the picture has {picture.width} x {picture.height} pixels; its longer side may be at"
            f" most {LONGEST} times the shorter one."
        )
    low = max((side for side in lows if side <= shorter), default=min(lows))
    multiple = min(MULTIPLE, low)
    scale = low / shorter
    width, height = (max(low, round(side * scale)) for side in picture.size)
    plain = images.opaque(picture)
    # Area means on the way down and cubic on the way up, neither of which rings.
    way = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    sized = plain.resize((width, height), way)
    crop = (width // multiple * multiple, height // multiple * multiple)
    return images.to_tensor(ImageOps.fit(sized, crop))[None]
