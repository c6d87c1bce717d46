"""What steers a picture besides its sentence and its painting, checked, as one record.

Pictures that lend their look, which encoders are listened to, and other words on the way. Neither a
page nor a model is known here.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from demo.checks import clean, finite

if TYPE_CHECKING:
    from ediffi.controls.style_transfer import Style

MAX_LENDERS = 4
MAX_LENDER_PIXELS = 8_000_000
FORMATS = ("PNG", "JPEG", "WEBP")
STRENGTH, MAX_STRENGTH = 3.0, 15.0
SHARE = 40.0  # per cent of the steps
INSIST, MAX_INSIST = 0.05, 0.5
"""The page insists on what is named, which the library leaves to its caller: a visitor wants to see
all of the sentence. The value is `controls.insisting`'s."""
FORGOTTEN = "The look that was lent is forgotten by now: give its picture again, or untick it."
ENCODERS = {"t5": "Words, read by T5", "clip_text": "Words, read by CLIP"}
"""The encoders that can be switched off, and how a visitor is told of them."""


@dataclass(frozen=True)
class Steering:
    """`style` are files of pictures that lend their look with `strength`, 0 for not at all.

    `look` is what lends it where no file does: a picture, or what a recipe kept of one. `without`
    names encoders that are not listened to; `turn` is (share of the steps, the words from there
    on); `insist` is how far the early steps go until every phrase is heard, 0 for not at all.
    """

    style: tuple[Path, ...] = ()
    strength: float = STRENGTH
    without: tuple[str, ...] = ()
    turn: tuple[float, str] | None = None
    look: Image.Image | Style | None = None
    insist: float = INSIST

    @property
    def lends(self) -> bool:
        """Whether something lends its look and is not left alone."""
        return bool(self.strength and (self.style or self.look is not None))


def read(
    style: object = None,
    strength: object = None,
    listened: object = None,
    words: object = None,
    share: object = None,
    kept: object = None,
    look: Image.Image | Style | None = None,
    insist: object = None,
) -> Steering:
    """The record for these values, None for what is left alone; ValueError in one sentence.

    `listened` lists the encoders that are on; `share` is in per cent. `look` comes from this server
    and counts where it is `kept` and no file lends another.
    """
    files = _files(style)
    if kept is True and look is None and not files:
        raise ValueError(FORGOTTEN)
    turn = None if words is None else clean(words, "The later sentence")
    late = finite(SHARE if share is None else share, "The share of the steps", 1, 99)
    return Steering(
        style=files,
        look=look if kept is True and not files else None,
        strength=finite(
            STRENGTH if strength is None else strength, "The strength of the look", 0, MAX_STRENGTH
        ),
        without=_switched_off(listened),
        turn=(late / 100, turn) if turn else None,
        insist=finite(INSIST if insist is None else insist, "How far to insist", 0.0, MAX_INSIST),
    )


def open_lender(path: Path) -> Image.Image:
    """The picture in a visitor's file, RGB or another mode, turned as its camera says.

    Raises ValueError where it is no PNG, JPEG or WebP, is cut short, or is too large; its size is
    checked before any pixel is touched.
    """
    large = f"A picture has at most {MAX_LENDER_PIXELS // 10**6} million pixels here."
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_LENDER_PIXELS:
                    raise ValueError(large)
                picture.load()
                return ImageOps.exif_transpose(picture)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(large) from None
    except (OSError, SyntaxError):
        raise ValueError("This file is no PNG, JPEG or WebP picture, or it is damaged.") from None


def _files(style: object) -> tuple[Path, ...]:
    if style is None:
        return ()
    named = [style] if isinstance(style, str) else style
    if not isinstance(named, Sequence) or not all(isinstance(name, str) for name in named):
        raise ValueError("The pictures that lend their look are files.")
    if len(named) > MAX_LENDERS:
        raise ValueError(f"At most {MAX_LENDERS} pictures lend their look, not {len(named)}.")
    return tuple(Path(name) for name in named)


def _switched_off(listened: object) -> tuple[str, ...]:
    if listened is None:
        return ()
    if not isinstance(listened, Sequence) or isinstance(listened, str):
        raise ValueError("What the picture listens to is a list.")
    for name in listened:
        if not isinstance(name, str) or name not in ENCODERS:
            raise ValueError(f"There is nothing to listen to that is called {str(name)[:40]!r}.")
    return tuple(name for name in ENCODERS if name not in listened)
