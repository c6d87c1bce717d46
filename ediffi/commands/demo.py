"""`demo`: the studio, opened in a browser; the one command that leads to `demo/`.

It knows the studio's door and nothing behind it, and loads nothing of it before it is asked to.
"""

from __future__ import annotations

import argparse

MISSING = "The studio is not installed here: pip install 'ediffi[demo]'."


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command; the studio checks the values."""
    parser = subparsers.add_parser("demo", help="open the studio in a browser")
    parser.add_argument("--host", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", help="port to listen on (the first free one from 7860)")
    parser.add_argument("--model", help="name, folder or hub id (storybook)")
    parser.add_argument("--queue", metavar="N", help="visitors who may wait for the model (16)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Serves until Ctrl-C; ImportError in one sentence where there is no studio."""
    try:
        from demo.app import main
    except ImportError as error:
        if error.name not in ("demo", "demo.app"):
            raise
        raise ImportError(MISSING) from None
    asked = [("--host", given.host), ("--port", given.port)]
    asked += [("--model", given.model), ("--queue", given.queue)]
    return main([f"{name}={value}" for name, value in asked if value is not None])
