"""Layouts on disk: a painting as one readable picture and one exact JSON file, and colour maps in.

The picture has a flat colour per region, which other programs can edit; the JSON is what `load`
reads, and holds every mask, overlap and softness as it was. Knows files and colours; what a region
may be, `regions` knows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ediffi.controls.colour_maps import Colour, Rgb, match, parsed
from ediffi.controls.limits import brief, number, text, whole
from ediffi.controls.masks import GRID, has_alpha, loaded
from ediffi.controls.paint_with_words import MOST_REGIONS, Painting
from ediffi.files import read_json, written_whole
from ediffi.images import opaque

Meaning = tuple[str, int] | None
"""A phrase and its occurrence; None is bare page."""

Colours = Mapping[str, Meaning] | Mapping[Rgb, Meaning] | Mapping[Colour, Meaning]

PALETTE = (
    *("#a000ff", "#a5d700", "#000abe", "#00c36e", "#55fafa", "#ff1e46", "#6e0f5f", "#cd78af"),
    *("#377d00", "#8ce182", "#00325f", "#7382fa", "#ffd75a", "#0096e6", "#a01e00", "#2dff05"),
)
"""The colour of each region by its index. Their greys are 12 or more of 255 apart, those of the
first eight 24 or more, and white, the bare page, is lighter than all."""

BARE = "#ffffff"
NAME = "layout"
CELL = 8
"""Pixels a side of one cell in the picture."""

MOST_BYTES = 1_000_000
TOLERANCE = 40.0
FARTHEST = 442.0
LONGEST_SIDE = 32_768

_MOST_COLOURS = 64
_HALF = 128


def save(painting: Painting, path: str | Path) -> tuple[Path, Path]:
    """Writes the picture and the JSON file; returns their paths.

    `path` is a folder, where they become layout.png and layout.json, or a path that ends in .png,
    beside which the JSON goes. Both are written before either takes its name, so a failure leaves
    the old pair; were the process killed between the two names, the JSON is the newer one, and it
    alone is read. Raises ValueError where they cannot be written.
    """
    picture_path, json_path = _pair(path)
    data = json.dumps(painting.to_json(), allow_nan=False)
    shown = picture(painting)
    with written_whole(picture_path) as png, written_whole(json_path) as exact:
        shown.save(png, format="PNG", optimize=True)
        exact.write_text(data + "\n", encoding="utf-8")
    return picture_path, json_path


def load(path: str | Path) -> Painting:
    """The painting that `save` wrote to this folder, PNG or JSON path.

    Raises FileNotFoundError, or ValueError in one sentence naming the file: larger than 1,000,000
    bytes, no JSON, no painting.
    """
    exact = Path(path) if Path(path).suffix.lower() == ".json" else _pair(path)[1]
    size = exact.stat().st_size if exact.is_file() else 0
    if size > MOST_BYTES:
        raise ValueError(f"{exact} has {size:,} bytes, but at most {MOST_BYTES:,} are read.")
    try:
        return Painting.from_json(read_json(exact))
    except ValueError as error:
        said = str(error)
        raise ValueError(said if said.startswith(str(exact)) else f"{exact}: {said}") from None


def picture(painting: Painting) -> Image.Image:
    """The painting as an RGB picture of 512 x 512 pixels, a later region over an earlier one.

    A cell has the colour of a region that paints half of it or more. A region that nowhere does is
    shown wherever it paints at all, so that none is overlooked.
    """
    page = np.empty((GRID, GRID, 3), np.uint8)
    page[:] = parsed(BARE)
    for colour, region in zip(PALETTE, painting.regions, strict=False):
        mask = np.array(region.mask, np.uint8).reshape(GRID, GRID)
        page[mask >= _HALF if mask.max() >= _HALF else mask > 0] = parsed(colour)
    side = GRID * CELL
    return Image.fromarray(page).resize((side, side), Image.Resampling.NEAREST)


def colours(painting: Painting) -> dict[Colour, Meaning]:
    """The colours of `picture`, as `from_colours` takes them: what stands for which phrase."""
    listed = {
        colour: (region.phrase, region.occurrence)
        for colour, region in zip(PALETTE, painting.regions, strict=False)
    }
    return {BARE: None, **listed}


def from_colours(
    picture: Image.Image,
    prompt: str,
    colours: Colours,
    tolerance: float = TOLERANCE,
) -> tuple[Painting, np.ndarray]:
    """A colour map as a painting, and the pixels (h, w) bool that no listed colour explains.

    `colours` maps "#rrggbb" or (r, g, b) to a phrase and its occurrence, or to None where the
    colour is bare page. A pixel goes to the nearest colour no farther than `tolerance` (0 to 442,
    Euclidean in RGB); one on the blurred edge between two listed colours, both of them within two
    pixels, to the nearer of those. Any other is reported, never guessed, and counts as unpainted.
    So do pixels that are more than half transparent. The picture is stretched to the square page.

    Raises ValueError in one sentence: a picture of more than `images.MOST_PIXELS` or with a side
    beyond 32,768, one that cannot be read, a colour that means nothing or is nowhere in it.
    """
    if not isinstance(picture, Image.Image):
        raise ValueError(f"a colour map must be a PIL picture, not {type(picture).__name__}.")
    furthest = number("the tolerance", tolerance, 0.0, FARTHEST)
    painting = Painting(text("a painting's prompt", prompt))
    listed = _listed(colours)
    pixels, painted = _pixels(picture)
    palette = np.array(list(listed), np.int32).reshape(-1, 3)
    chosen = match(pixels, painted, palette, furthest)
    for index, (colour, meant) in enumerate(listed.items()):
        if meant is None:
            continue
        mask = chosen == index
        if not mask.any():
            written = "#{:02x}{:02x}{:02x}".format(*colour)
            raise ValueError(f"the colour {written} of {brief(meant[0])} is nowhere in the map.")
        painting = painting.add(meant[0], mask, meant[1])
    return painting, painted & (chosen < 0)


def _pair(path: str | Path) -> tuple[Path, Path]:
    given = Path(path)
    if given.is_dir() or not given.suffix:
        given = given / f"{NAME}.png"
    if given.suffix.lower() != ".png":
        raise ValueError(f"a layout goes to a folder or a path that ends in .png, not to {given}.")
    return given, given.with_suffix(".json")


def _listed(colours: Colours) -> dict[Rgb, Meaning]:
    if not isinstance(colours, Mapping) or len(colours) > _MOST_COLOURS:
        raise ValueError(
            f"the colours of a map are a mapping with at most {_MOST_COLOURS} entries."
        )
    listed: dict[Rgb, Meaning] = {}
    for colour, meant in colours.items():
        rgb = parsed(colour)
        if rgb in listed:
            raise ValueError(f"the colour {colour} is listed twice.")
        if meant is None:
            listed[rgb] = None
            continue
        if not isinstance(meant, tuple | list) or len(meant) != 2:
            raise ValueError(f"the colour {colour} must stand for a phrase and its occurrence.")
        phrase = text(f"the phrase of the colour {colour}", meant[0])
        listed[rgb] = phrase, whole(f"the occurrence of {brief(phrase)}", meant[1], 1, 10**6)
    regions = sum(meant is not None for meant in listed.values())
    if regions > MOST_REGIONS:
        raise ValueError(
            f"a map of {regions} phrases is too much: a painting holds {MOST_REGIONS}."
        )
    return listed


def _pixels(picture: Image.Image) -> tuple[np.ndarray, np.ndarray]:
    """Colours (h, w, 3) uint8, and where they are at least half opaque (h, w)."""
    loaded(picture, "the colour map")
    if max(picture.size) > LONGEST_SIDE:
        raise ValueError(
            f"the colour map has a side of {max(picture.size):,} pixels, but at most"
            f" {LONGEST_SIDE:,} are read."
        )
    if has_alpha(picture):
        rgba = np.asarray(picture.convert("RGBA"))
        return rgba[..., :3], rgba[..., 3] >= _HALF
    pixels = np.asarray(opaque(picture))
    return pixels, np.ones(pixels.shape[:2], bool)
