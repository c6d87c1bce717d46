"""`replay`: a picture is made again from the recipe inside its PNG, and compared with it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from ediffi.cascade.given import read_picture_file
from ediffi.files import check_writable
from ediffi.loading import SHIPPED
from ediffi.pipeline import EDiffI
from ediffi.recipe import Recipe, differences, read_picture, read_png, write_png

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("replay", help="make a picture again from its PNG")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="needed if the picture was made by a model of your own")
    parser.add_argument("--picture", type=Path, dest="source", help="the one that was enlarged")
    parser.add_argument("--device", default="cpu")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Writes the picture again and says how far it is from the first."""
    recipe = read_png(given.picture)
    original = read_picture(given.picture)
    check_writable(given.out)
    if recipe.environment.dtype not in _DTYPES:
        raise ValueError(f"The recipe's dtype {recipe.environment.dtype[:40]!r} is unknown.")
    model = EDiffI.from_pretrained(
        given.model or _model_of(recipe), given.device, _DTYPES[recipe.environment.dtype]
    )
    for difference in differences(recipe, model.environment(), model.model.sums(recipe.stages)):
        print(f"Not as it was: {difference}.", file=sys.stderr)
    source = None if given.source is None else read_picture_file(given.source)
    result = model.replay(recipe, source)
    write_png(result.image, result.recipe, given.out)
    if original.size != result.image.size:
        print(f"The picture has another size now: {original.size}, {result.image.size}.")
        return 0
    apart = np.abs(np.asarray(original, np.int16) - np.asarray(result.image, np.int16))
    if apart.max() == 0:
        print("The same picture, to the last bit of every pixel.")
    else:
        print(f"Pixels differ by {apart.mean():.2f}/255 on average, {apart.max()}/255 at most.")
    return 0


def _model_of(recipe: Recipe) -> str:
    if recipe.model == SHIPPED or recipe.model.startswith(f"{SHIPPED}/"):
        return recipe.model
    raise ValueError(f"The picture was made by {recipe.model[:80]!r}: say where with --model.")
