"""Small collections of pictures with captions, and shards of them without real encoders."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from ediffi.config import EncoderDims
from ediffi.shards.encoding import Embedder
from ediffi.shards.listing import list_pictures
from ediffi.shards.making import make_shards
from ediffi.shards.sources import EncoderSource
from ediffi.shards.work import Settings, Work
from tests.fakes import FakeEncoders

DIMS = EncoderDims(t5=12, clip=8, pooled=10, image=10)


def picture(number: int, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """A grainy picture (width, height) of its own colour."""
    drawn = np.random.default_rng(number)
    colour = drawn.integers(0, 200, 3)
    grain = drawn.integers(0, 56, (size[1], size[0], 3))
    return Image.fromarray((colour + grain).astype(np.uint8))


def collection(folder: Path, count: int = 12, size: tuple[int, int] = (20, 16)) -> Path:
    """A folder of PNG and JPEG files, each with its caption in a text file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = f"{number:03d}.{'png' if number % 2 else 'jpg'}"
        picture(number, size).save(folder / name)
        (folder / f"{number:03d}.txt").write_text(f"a picture of {number}\nnumber {number}\n")
    return folder


def coco(folder: Path, count: int = 4) -> Path:
    """COCO's captions file `captions.json` for pictures in `folder`/images."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(number).save(images / f"{number}.png")
    notes = [
        {"image_id": n, "caption": f"caption {k} of {n}"} for n in range(count) for k in (1, 2)
    ]
    listed = [{"id": n, "file_name": f"{n}.png"} for n in range(count)]
    path = folder / "captions.json"
    path.write_text(json.dumps({"images": listed, "annotations": notes}))
    return path


def source(dims: EncoderDims = DIMS) -> EncoderSource:
    """A description of encoders that lie nowhere."""
    return EncoderSource(Path("/nowhere/t5"), Path("/nowhere/clip"), "0" * 16, dims)


def work(pictures: Path, out: Path, **changes) -> Work:
    """A work with fake encoders: shards of five pictures of 8 px."""
    settings = Settings(**{"resolution": 8, "shard_size": 5, **changes})
    embedder = Embedder(FakeEncoders(DIMS), settings.min_clip_score)
    return Work(list_pictures(pictures), settings, embedder, source(), out)


def shards(folder: Path, count: int = 12) -> Path:
    """A folder of finished shards with fake embeddings."""
    make_shards(work(collection(folder / "pictures", count), folder / "shards"))
    return folder / "shards"
