"""What made a picture: a frozen record that travels inside the PNG, and comes back out of it.

It holds everything that decides the pixels (design §5.3) and checks each value's type, since a PNG
comes from anywhere. It does not know how to sample, nor which values a model accepts: that is the
request's business.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngImageFile, PngInfo

from ediffi import __version__, config
from ediffi.config import SamplingConfig, StageChoice
from ediffi.controls.prompt_switching import Turn
from ediffi.controls.style_transfer import Style
from ediffi.files import written_whole
from ediffi.precision import processor

FORMAT = 4
READABLE = (1, 2, 3, 4)
"""Format 1 has neither styles, nor timelines, nor other words for an encoder; 2 never insists,
and 3 softens nothing."""
CHUNK = "ediffi"
MAX_CHARACTERS = 1_000_000

XMP_CHUNK = "XML:com.adobe.xmp"
MADE_BY = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
"""IPTC's digital source type for pictures that a trained model made."""
XMP = f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
   <Iptc4xmpExt:DigitalSourceType>{MADE_BY}</Iptc4xmpExt:DigitalSourceType>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""
"""What a picture says of itself to programs that know no recipes (XMP part 3, PNG)."""


@dataclass(frozen=True)
class Environment:
    """Where a picture was made: what may change a pixel although the request is the same."""

    ediffi: str
    torch: str
    device: str
    processor: str
    dtype: str
    threads: int

    @classmethod
    def here(cls, device: torch.device, dtype: torch.dtype) -> Environment:
        """The environment of this process, for a network that computes in `dtype` on `device`."""
        return cls(
            ediffi=__version__,
            torch=str(torch.__version__),
            device=device.type,
            processor=processor(device),
            dtype=str(dtype).removeprefix("torch."),
            threads=torch.get_num_threads(),
        )


@dataclass(frozen=True)
class BatchShape:
    """The batch in which a picture was sampled: `row` of `pictures`, with so many token columns."""

    pictures: int = 1
    row: int = 0
    t5_columns: int = 0
    clip_columns: int = 0


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the pixels of one picture.

    `weights` maps each network's and encoder's name to the sha256 of its file, `without` names the
    embeddings that were switched off, `painting` is the painting's JSON payload. `stages` are the
    super-resolution stages that it passed; `source` is the sha256 of the pixels that were given
    where a picture was enlarged, not sampled from a sentence alone. A style holds the vector that
    was read from its references, so their files are not needed to make the picture again.
    """

    prompt: str
    seed: int
    size: int
    sampling: SamplingConfig
    model: str
    weights: dict[str, str]
    environment: Environment
    batch: BatchShape = BatchShape()
    without: tuple[str, ...] = ()
    painting: dict[str, Any] | None = None
    stages: tuple[StageChoice, ...] = ()
    source: str | None = None
    t5_prompt: str | None = None
    clip_prompt: str | None = None
    style: Style | None = None
    timeline: tuple[Turn, ...] = ()
    format: int = FORMAT

    def __post_init__(self) -> None:
        if not isinstance(self.weights, dict) or any(
            not isinstance(value, str) for value in self.weights.values()
        ):
            raise ValueError("weights must map names to sha256 sums")
        if not isinstance(self.painting, dict | None):
            raise ValueError("painting must be an object or null")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return config.as_json(self)

    @classmethod
    def from_json(cls, data: object) -> Recipe:
        """The recipe of plain JSON values; ValueError for a newer format or any value amiss."""
        if not isinstance(data, dict) or type(data.get("format")) is not int:
            raise ValueError("The recipe is not readable: it names no format.")
        if data["format"] not in READABLE:
            raise ValueError(
                f"The recipe has format {data['format']} and this version of ediffi reads up to"
                f" {FORMAT}: a newer ediffi may read it."
            )
        try:
            return config.from_json(cls, data)
        except (ValueError, OverflowError) as error:
            raise ValueError(f"The recipe is not usable: {str(error)[:200]}.") from None


def png_bytes(image: Image.Image, recipe: Recipe) -> bytes:
    """The picture as PNG: its recipe in the text chunk `ediffi`, its source type as XMP."""
    text = PngInfo()
    text.add_itxt(XMP_CHUNK, XMP)
    # ASCII escapes, because a PNG text chunk is Latin-1.
    text.add_text(CHUNK, json.dumps(recipe.to_json(), allow_nan=False))
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", pnginfo=text)
    return buffer.getvalue()


def write_png(image: Image.Image, recipe: Recipe, path: str | Path) -> None:
    """Writes the picture and its recipe, whole or not at all; ValueError where it cannot."""
    data = png_bytes(image, recipe)
    with written_whole(path) as temporary:
        temporary.write_bytes(data)


def read_png(path: str | Path) -> Recipe:
    """The recipe inside a PNG.

    Raises FileNotFoundError, or ValueError in one sentence: no PNG, no recipe in it, a recipe that
    is damaged or of an unknown format.
    """
    text = _open(path).info.get(CHUNK)
    if not isinstance(text, str):
        raise ValueError(f"{path} carries no recipe: it was not made, or was altered since.")
    if len(text) > MAX_CHARACTERS:
        raise ValueError(
            f"The recipe in {path} has {len(text)} characters; at most {MAX_CHARACTERS} are read."
        )
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"The recipe in {path} is damaged: it is not readable JSON.") from None
    try:
        return Recipe.from_json(data)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_picture(path: str | Path) -> Image.Image:
    """The pixels of a PNG as RGB; errors as in `read_png`."""
    return _open(path).convert("RGB")


def differences(
    recipe: Recipe, environment: Environment, weights: Mapping[str, str]
) -> tuple[str, ...]:
    """What is not here as it was when the picture was made; empty means: the same pixels."""
    found = [
        f"{field.name} was {then}, is {now}"
        for field in fields(Environment)
        if (then := getattr(recipe.environment, field.name))
        != (now := getattr(environment, field.name))
    ]
    for name in sorted(recipe.weights.keys() | weights.keys()):
        then, now = recipe.weights.get(name, "absent"), weights.get(name, "absent")
        if then != now:
            found.append(f"weights of {name} were {then[:12]}, are {now[:12]}")
    return tuple(found)


def _open(path: str | Path) -> PngImageFile:
    try:
        image = Image.open(path, formats=("PNG",))
        image.load()
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no file {path}.") from None
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise ValueError(f"{path} is not a PNG picture.") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{path} cannot be read as a PNG picture: {error}.") from None
    assert isinstance(image, PngImageFile)
    return image
