"""A comparison on its way to the page: one value after every step, and one with all its pictures.

What is put side by side is known in `demo.comparing`, how the value is shown in `compare.js`; a
program that asks the endpoint gets the same values.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from demo import comparing, easel
from demo.comparing import Tile, Variant
from demo.engine import Engine, Request

LEFT_OUT = "The painted places are left out where the words change."
MEASURE = "Differences are root mean squares over all pixels; 100 % is black against white."


def values(
    kind: str, request: Request, put: tuple[Variant, ...], model: Engine
) -> Iterator[dict[str, Any]]:
    """The values of one comparison of `put`, made for `request`; whoever leaves stops the model."""
    began, tiles = time.perf_counter(), []
    labels = [variant.label for variant in put]
    said: list[tuple[str, ...]] = []
    common = {
        "run": secrets.token_hex(4),
        "labels": labels,
        "order": comparing.order(kind, len(put)),
    }
    last: dict[str, Any] = {}
    with closing(comparing.paint(kind, put, model)) as events:
        for event in events:
            seconds = round(time.perf_counter() - began, 3)
            if isinstance(event, Tile):
                tile = easel.kept(event.picture, event.request) | {"note": event.note}
                tiles.append(tile)
                said.append(event.said)
                yield common | last | {"seconds": seconds, "png": tile["png"], "tile": tile}
            else:
                last = {
                    "phase": "painting",
                    "index": len(tiles),
                    "step": event.step,
                    "of": event.of,
                    "tile": None,
                }
                png = easel.preview(event.previews[0])
                yield common | last | {"seconds": seconds, "png": png}
    lost = [LEFT_OUT] if kind == "words" and request.painting else []
    yield common | {
        "phase": "done",
        "tiles": tiles,
        "seconds": round(time.perf_counter() - began, 3),
        "notes": [*lost, *comparing.remarks(labels, said), MEASURE],
    }
