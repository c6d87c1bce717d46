"""What the studio asks of a model, in a few verbs, and the records that travel between them.

One frozen `Request` goes in; `Progress` records and one `Painted` come out. Pictures are uint8
arrays (h, w, 3) while they form and PIL images with their PNG bytes when they are finished. This
file knows nothing of gradio and nothing of how a page looks; `demo.storybook` adapts the real
model, the tests bring one that only pretends. The studio's limits stand here, in `demo.regions` and
in `demo.steering`, because a limit that only the browser knows is no limit.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from demo import regions
from demo.checks import clean, finite, whole
from demo.inside import Inside
from demo.regions import USUAL, Manner, Region
from demo.steering import Steering

MAX_PICTURES = 4
MAX_STEPS = 50
MAX_GUIDANCE = 15.0
MAX_SEED = (
    2**32 - 1
)  # a browser's numbers are exact to 2**53; this is plenty and easy to read aloud
MAX_SIZE = 1024  # pixels
MAX_PIXELS = 2_048 * 2_048  # of a picture dropped in to get its settings back
TOO_LARGE = "This picture has more than 2048 x 2048 pixels, which is the limit."


@dataclass(frozen=True)
class Request:
    """What to paint: `pictures` pictures of `prompt`, the k-th from seed + k, in `steps` steps.

    `size` in pixels; None is the model's own. `painting` says where phrases go and `manner` how
    that acts; `lost` names those that were painted for another sentence and are not in this one, so
    that the visitor is told.
    `steering` is what steers it besides. With `source`, the file of a picture, nothing is painted:
    that picture is enlarged to `size`.
    """

    prompt: str
    seed: int
    steps: int
    guidance: float
    pictures: int = 1
    size: int | None = None
    painting: tuple[Region, ...] = ()
    lost: tuple[str, ...] = ()
    steering: Steering = Steering()
    network: str | None = None
    source: Path | None = None
    manner: Manner = USUAL


@dataclass(frozen=True)
class Defaults:
    """The settings that the page opens with, and the sizes in pixels; they belong to the model."""

    steps: int
    guidance: float
    sizes: tuple[int, ...] = (64,)


@dataclass(frozen=True)
class Shelf:
    """A named group of words that the model knows, such as ("things", ("fox", "owl"))."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Unknown:
    """A word that the model never met: `prompt[start:end] == word`."""

    start: int
    end: int
    word: str


@dataclass(frozen=True)
class Progress:
    """After `step` of `of` steps: noise level, seconds so far, previews (n, h, w, 3) uint8.

    `who` names the experts that answered, where a model has several networks.
    """

    step: int
    of: int
    sigma: float
    seconds: float
    previews: np.ndarray
    who: str = ""


@dataclass(frozen=True)
class Picture:
    """A finished picture; `png` is a file that carries its recipe, `name` a name for it."""

    image: Image.Image
    png: bytes
    seed: int
    name: str


@dataclass(frozen=True)
class Painted:
    """The end of a run: pictures in the order of their seeds, and what the visitor should read."""

    pictures: tuple[Picture, ...]
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schedule:
    """The noise level of every step, falling, and who answers there.

    `begins` is the step, counted from 0, from which later words are heard; the number of steps if
    none is left for them, None where there are no later words.
    """

    sigmas: tuple[float, ...]
    who: tuple[str, ...]
    begins: int | None = None


@dataclass(frozen=True)
class Recalled:
    """The request that made a picture, and sentences on what this page cannot set as it was."""

    request: Request
    notes: tuple[str, ...] = ()


class Engine(Protocol):
    """A model as the studio sees it. Refusals are ValueErrors of one sentence, fit to be shown."""

    def defaults(self) -> Defaults:
        """The settings the page opens with."""
        ...

    def shelves(self) -> tuple[Shelf, ...]:
        """The words that the model knows, grouped for reading."""
        ...

    def unknown(self, prompt: str) -> tuple[Unknown, ...]:
        """The words of `prompt` that the model does not know, from left to right."""
        ...

    def paint(self, request: Request) -> Generator[Progress | Painted]:
        """Progress after every step, then one Painted. Closing the iterator stops the work."""
        ...

    def schedule(self, steps: int, share: float | None = None) -> Schedule:
        """The steps of a run before any larger size; later words begin at `share` of them."""
        ...

    def networks(self) -> tuple[str, ...]:
        """The networks that paint every noise level, the one in use first; at least one."""
        ...

    def look_inside(self, request: Request) -> Generator[Progress | Inside]:
        """As `paint`, for one picture of the smallest size, with where it looked at which word."""
        ...

    def recall(self, png: Path) -> Recalled:
        """What made a PNG, from the recipe in it; ValueError if it has none."""
        ...


def request(
    prompt: object,
    seed: object,
    steps: object,
    guidance: object,
    pictures: object,
    size: object = None,
    painting: object = None,
    steering: Steering | None = None,
) -> Request:
    """The checked request for these values, whoever sent them; ValueError otherwise.

    `steering` is what `demo.steering.read` made of the values that it checks.
    """
    sentence = clean(prompt)
    painted, lost = regions.read(painting, sentence)
    return Request(
        prompt=sentence,
        seed=whole(seed, "The seed", 0, MAX_SEED),
        steps=whole(steps, "The number of steps", 1, MAX_STEPS),
        guidance=finite(guidance, "The guidance", 0.0, MAX_GUIDANCE),
        pictures=whole(pictures, "The number of pictures", 1, MAX_PICTURES),
        size=None if size is None else whole(size, "The size", 1, MAX_SIZE),
        painting=painted,
        lost=lost,
        steering=steering or Steering(),
        manner=regions.read_manner(painting),
    )


def open_png(path: Path) -> Image.Image:
    """The PNG at `path`, no pixel decoded yet; ValueError if it is none or too large.

    The size is checked before any pixel is touched: 17 kB of PNG can unfold to 700 MB.
    """
    try:
        picture = Image.open(path, formats=("PNG",))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(TOO_LARGE) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise ValueError("This file is not a PNG picture.") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        picture.close()
        raise ValueError(TOO_LARGE)
    return picture
