"""`python -m ediffi`: the command line.

It parses, hands over to one of `ediffi.commands`, and turns what goes wrong into one sentence and
an exit status: 0 done, 2 refused, 130 stopped with Ctrl-C. It knows no model and no file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from ediffi import __version__


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands; the chosen one's `run` arrives as `given.run`."""
    # Imported here, because it takes seconds in which Ctrl-C should end as quietly as later.
    from ediffi.commands import (
        bench,
        demo,
        draw,
        evaluate,
        experts,
        generate,
        presets,
        replay,
        shard,
        study,
        train,
        upscale,
    )

    parser = argparse.ArgumentParser(prog="ediffi", description="From a sentence to a picture.")
    parser.add_argument("--version", action="version", version=f"ediffi {__version__}")
    parser.add_argument(
        "--traceback", action="store_true", help="show where an error came from, not only what"
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="command")
    for command in (
        generate,
        upscale,
        replay,
        evaluate,
        shard,
        train,
        bench,
        draw,
        presets,
        experts,
        demo,
        study,
    ):
        command.add(subparsers)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    asked = sys.argv[1:] if arguments is None else list(arguments)
    try:
        given = build_parser().parse_args(asked)
        return given.run(given)
    except KeyboardInterrupt:
        print("ediffi: stopped.", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        if "--traceback" in asked:
            raise
        print(f"ediffi: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
