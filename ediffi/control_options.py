"""The controls of `generate` as options: style, timeline, other words for an encoder, a painting.

It reads what was typed and the files that were named; what the values mean, others know.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass, replace
from pathlib import Path

from ediffi.cascade.given import read_picture_file
from ediffi.controls import layouts
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.prompt_switching import Turn
from ediffi.controls.style_transfer import STRENGTH, Style
from ediffi.pipeline import EDiffI


@dataclass(frozen=True)
class Controls:
    """What was chosen besides prompt, seed and sampling; the same for every picture of a call."""

    style: Style | None
    timeline: tuple[Turn, ...]
    t5_prompt: str | None
    clip_prompt: str | None
    painting: Painting | None


def add_control_options(parser: argparse.ArgumentParser) -> None:
    """The options that `controls` reads."""
    parser.add_argument(
        "--style", type=Path, nargs="+", default=[], metavar="FILE", help="pictures lend their look"
    )
    parser.add_argument("--style-weights", type=float, nargs="+", metavar="W", help="one for each")
    parser.add_argument("--style-strength", type=float, default=STRENGTH, metavar="S")
    parser.add_argument(
        "--style-window", type=float, nargs=2, default=(0.0, math.inf), metavar=("LOW", "HIGH")
    )
    parser.add_argument(
        "--then",
        nargs=2,
        action="append",
        default=[],
        metavar=("SHARE", "WORDS"),
        help="other words from this share of the steps on; may be repeated",
    )
    parser.add_argument("--t5-prompt", metavar="WORDS", help="what T5 reads instead of the prompt")
    parser.add_argument("--clip-prompt", metavar="WORDS", help="what CLIP reads instead of it")
    parser.add_argument("--painting", type=Path, metavar="LAYOUT", help="a saved painting")
    parser.add_argument(
        "--collage",
        action="store_true",
        help="sketch what is painted first, and lay it on its place: surer, three times as slow",
    )


def controls(model: EDiffI, given: argparse.Namespace) -> Controls:
    """The options as values; ValueError or OSError in one sentence."""
    style = None
    if given.style:
        pictures = [read_picture_file(path) for path in given.style]
        window = tuple(given.style_window)
        style = model.style(pictures, given.style_weights, given.style_strength, window)
    elif given.style_weights:
        raise ValueError("--style-weights speaks of pictures, and --style names none.")
    return Controls(
        style=style,
        timeline=tuple(Turn(_share(share), words) for share, words in given.then),
        t5_prompt=given.t5_prompt,
        clip_prompt=given.clip_prompt,
        painting=_painting(given.painting, given.collage),
    )


def _painting(layout: Path | None, collage: bool) -> Painting | None:
    if layout is None and collage:
        raise ValueError("--collage speaks of a painting, and --painting names none.")
    if layout is None:
        return None
    painting = layouts.load(layout)
    return replace(painting, collage=True) if collage else painting


def _share(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise ValueError(f"--then begins with a share of the steps, not {word!r}.") from None
