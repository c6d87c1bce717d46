"""What went on inside a model while it made a picture: a record, and the JSON that travels.

The JSON is whole, so that every choice on the page is made in the browser, at once. Neither a page
nor a model is known here; `inside.js` reads it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_WORDS = 24
"""Words of a sentence that get maps here, from its beginning; the library takes more."""
EMPTY = "Write a sentence first: without words there is nothing to look at."
STREAMS = ("CLIP", "T5")
PARTS = ("words, CLIP", "words, T5", "start and end", "lent picture", "null token")
"""Where a place's attention can go, as a visitor is told; the null token stands for nothing."""

SCHEMA = {
    "type": "object",
    "properties": {
        "phase": {"type": "string"},
        "prompt": {"type": "string"},
        "seed": {"type": "integer"},
        "picture": {
            "type": "object",
            "properties": {"png": {"type": "string"}, "name": {"type": "string"}},
        },
        "words": {"type": "array", "items": {"type": "string"}},
        "sigmas": {"type": "array", "items": {"type": "number"}},
        "experts": {"type": "array", "items": {"type": "string"}},
        "streams": {"type": "array", "items": {"type": "string"}},
        "branches": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "shares": {"type": "array", "items": {}},
                    "maps": {"type": "array", "items": {"type": "string"}},
                },
            },
        },
        "layers": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "rows": {"type": "integer"},
                    "columns": {"type": "integer"},
                },
            },
        },
        "npz": {
            "type": "object",
            "properties": {"data": {"type": "string"}, "name": {"type": "string"}},
        },
    },
    "description": (
        "a picture and the attention of each place to each word; maps[layer] is base64 of bytes"
        " [step][stream][word][row][column], a byte b stands for the share (b / 255)^2;"
        " shares[step][layer][part]; npz.data is base64 of a file with the exact maps"
    ),
}


@dataclass(frozen=True)
class Branch:
    """What was heard of the rows that were told the same: with the words, or with nothing.

    `maps` has an array (steps, streams, words, rows, columns) for every layer, shares in [0, 1];
    it is empty for a branch without words. `shares` is (steps, layers, parts); NaN where the branch
    was not asked.
    """

    name: str
    maps: tuple[np.ndarray, ...]
    shares: np.ndarray


@dataclass(frozen=True)
class Layer:
    """An attention layer and the rows and columns of its grid."""

    name: str
    rows: int
    columns: int


@dataclass(frozen=True)
class Inside:
    """The end of a look inside: one finished picture as PNG bytes, and its attention.

    `words` in the order of the sentence, `sigmas` and `experts` for every step; `npz` is a file
    with the exact maps, named like the picture.
    """

    png: bytes
    name: str
    seed: int
    seconds: float
    words: tuple[str, ...]
    sigmas: tuple[float, ...]
    experts: tuple[str, ...]
    layers: tuple[Layer, ...]
    branches: tuple[Branch, ...]
    npz: bytes
    notes: tuple[str, ...] = ()


def shown(found: Inside, prompt: str, run: str) -> dict[str, Any]:
    """The value for the page; `run` tells the records of two runs apart."""
    return {
        "phase": "done",
        "run": run,
        "prompt": prompt,
        "seed": found.seed,
        "seconds": round(found.seconds, 3),
        "picture": {"png": _base64(found.png), "name": found.name},
        "words": list(found.words),
        "sigmas": [float(f"{sigma:.4g}") for sigma in found.sigmas],
        "experts": list(found.experts),
        "streams": list(STREAMS),
        "parts": list(PARTS),
        "layers": [
            {"name": each.name, "rows": each.rows, "columns": each.columns} for each in found.layers
        ],
        "branches": [
            {
                "name": branch.name,
                "maps": [_base64(packed(layer)) for layer in branch.maps],
                "shares": _plain(branch.shares),
            }
            for branch in found.branches
        ],
        "npz": {"data": _base64(found.npz), "name": found.name.removesuffix(".png") + ".npz"},
        "notes": list(found.notes),
    }


def packed(shares: np.ndarray) -> bytes:
    """Shares in [0, 1] as one byte each: small ones keep their digits, for b is 255 sqrt(share)."""
    known = np.nan_to_num(shares.astype(np.float32)).clip(0, 1)
    return np.rint(255 * np.sqrt(known)).astype(np.uint8).tobytes()


def left_out(words: Sequence[str]) -> str:
    """A sentence on the words that get no maps."""
    return f"The first {MOST_WORDS} words are shown; {len(words)} more are not."


def _plain(shares: np.ndarray) -> list[Any]:
    """Nested lists with four digits, None for what was not asked."""
    rounded = np.round(shares.astype(float), 4)
    plain = rounded.astype(object)
    plain[np.isnan(rounded)] = None
    return plain.tolist()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
