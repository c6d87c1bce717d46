"""`train`: the shipped model's whole recipe, or a network on one's own pictures; both resumable.

    python -m ediffi train storybook --plan storybook-cpu
    python -m ediffi train --data runs/my-shards --preset storybook --out runs/mine

Under `torchrun` or `accelerate launch` the second runs in several processes. It parses and hands
over; what a run is made of, `ediffi.training` knows.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ediffi.experts.tree import EVERY_LEVEL, Part
from ediffi.presets import PRESETS


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command; what follows the recipe's name is the recipe's own."""
    parser = subparsers.add_parser(
        "train", help="train the storybook or your own pictures, or go on where it stopped"
    )
    parser.add_argument("--data", type=Path, help="a folder of shards that `shard` made")
    parser.add_argument("--preset", default="storybook", help=", ".join(PRESETS))
    parser.add_argument("--out", type=Path, default=Path("runs/own"), help="the run's folder")
    parser.add_argument("--pictures", type=int, help="how many are seen; the preset's if left out")
    parser.add_argument("--batch", type=int, help="pictures per step, over all processes")
    parser.add_argument("--start", type=Path, help="network folder that the run begins with")
    parser.add_argument(
        "--node", help='noise levels of one expert, such as "(9, 511)" or --node="-(9, 511)"'
    )
    parser.add_argument(
        "--shard-weights",
        action="store_true",
        help="several processes keep the weights in parts (FSDP), not a copy each",
    )
    parser.add_argument("recipe", nargs="?", choices=["storybook"])
    parser.add_argument("options", nargs=argparse.REMAINDER, help="storybook --help lists them")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Trains; ImportError in one sentence without the training extra."""
    if (given.recipe is None) == (given.data is None):
        raise ValueError("say what to train: `train storybook`, or `train --data SHARDS`.")
    part = EVERY_LEVEL if given.node is None else Part.parse(given.node)
    try:
        from ediffi.training import own_run, sharding, storybook
        from ediffi.training.clock import STOPPED
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Training needs {error.name}: pip install 'ediffi[training]' brings it."
        ) from error
    if given.recipe:
        return storybook.main(given.options)
    asked = own_run.OwnRun(
        data=given.data,
        preset=given.preset,
        out=given.out,
        pictures=given.pictures,
        batch=given.batch,
        start=given.start,
        part=part,
        sharded=given.shard_weights,
    )
    status = STOPPED if own_run.train_own(asked) is None else 0
    sharding.part_ways(status)
    return status
