"""`train storybook`: the whole recipe of the shipped model, unattended and resumable."""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command; what follows the recipe's name is the recipe's own."""
    parser = subparsers.add_parser("train", help="train the storybook, or go on where it stopped")
    parser.add_argument("recipe", choices=["storybook"])
    parser.add_argument("options", nargs=argparse.REMAINDER, help="storybook --help lists them")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Runs the recipe; ImportError in one sentence without the training extra."""
    try:
        from ediffi.training import storybook
    except ModuleNotFoundError as error:
        raise ImportError(
            f"Training needs {error.name}: pip install 'ediffi[training]' brings it."
        ) from error
    storybook.main(given.options)
    return 0
