"""`upscale`: a given picture is enlarged by the model's super-resolution stages.

One that carries a recipe was sampled, and is softened as if it had not been kept in between.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from ediffi.cascade.given import read_picture_file
from ediffi.commands.generate import add_stage_options, named_values
from ediffi.files import check_writable
from ediffi.pipeline import EDiffI
from ediffi.recipe import read_png, write_png


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("upscale", help="enlarge a picture")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--prompt", default="", help="what it shows; helps the detail")
    parser.add_argument("--size", type=int, help="shorter side in pixels; the largest if left out")
    parser.add_argument("--seed", type=int, default=0)
    add_stage_options(parser)
    parser.add_argument("--model", default="storybook", help="name, folder or hub id")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", type=Path, required=True, help="a .png")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Reads, enlarges, writes; ValueError or OSError in one sentence."""
    if given.out.suffix.lower() != ".png":
        raise ValueError(f"{given.out} is no .png; only PNG files carry a recipe.")
    picture = read_picture_file(given.picture)
    check_writable(given.out)
    model = EDiffI.from_pretrained(given.model, given.device)
    soften = _own_softening(model) if _was_sampled(given.picture) else {}
    steps = model.upscale_steps(
        picture,
        given.prompt,
        given.size,
        given.seed,
        named_values(given.stage_steps, int),
        named_values(given.stage_guidance, float),
        {**soften, **named_values(given.stage_soften, float)},
    )
    with tqdm(unit="step", disable=None) as bar:
        for step in steps:
            bar.total = step.total
            bar.update()
            for result in step.results:
                write_png(result.image, result.recipe, given.out)
                bar.write(str(given.out), file=sys.stdout)
    return 0


def _was_sampled(picture: Path) -> bool:
    """Whether the file says that a model made the picture: it carries a recipe."""
    try:
        read_png(picture)
    except ValueError:
        return False
    return True


def _own_softening(model: EDiffI) -> dict[str, float]:
    """How far each stage softens what a model has made."""
    return {stage.name: stage.sampling.soften for stage in model.model.stages}
