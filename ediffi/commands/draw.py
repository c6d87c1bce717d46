"""`draw`: a true render of a scene, straight from its drawing; no model takes part."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

from ediffi.files import check_writable, written_whole
from ediffi.storybook.captions import write_caption
from ediffi.storybook.drawing import render
from ediffi.storybook.scene import SPLITS, sample_scene


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("draw", help="draw a scene of the storybook, without a model")
    parser.add_argument("--seed", type=int, default=0, help="one number decides the scene")
    parser.add_argument("--size", type=int, default=256, help="in pixels")
    parser.add_argument("--split", default="train", help=", ".join(SPLITS))
    parser.add_argument("--length", default="short", help="of the caption: short or long")
    parser.add_argument("--out", type=Path, required=True, help="a .png")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Writes the render and prints its caption."""
    if given.out.suffix.lower() != ".png":
        raise ValueError(f"{given.out} is no .png.")
    scene = sample_scene(given.seed, split=given.split)
    caption = write_caption(scene, given.seed, length=given.length)
    check_writable(given.out)
    picture = Image.fromarray(render(scene, given.size))
    with written_whole(given.out) as temporary:
        picture.save(temporary, format="PNG")
    print(caption.text)
    return 0
