"""The painter: the part of the page on which phrases get their places, and the JSON it exchanges.

What happens on it is the business of `painter.js` and the scripts before it; which values are let
in is said by `demo.regions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from demo import easel, regions
from demo.regions import OVERLAPS, USUAL, Manner, Region
from ediffi.conditioning.prompt import DETERMINERS, JOINTS, MOST_DESCRIBING

EXAMPLE = {
    "prompt": "a red fox",
    "regions": [
        {
            "phrase": "a red fox",
            "occurrence": 1,
            "weight": regions.WEIGHT,
            "runs": [0, 2048, 255, 2048],
        }
    ],
}
SCHEMA = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "regions": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "phrase": {"type": "string"},
                    "occurrence": {"type": "integer"},
                    "weight": {"type": "number"},
                    "runs": {"type": "array", "items": {"type": "integer"}},
                },
            },
        },
        "overlap": {"type": "string", "enum": list(OVERLAPS)},
        "elsewhere": {"type": "number"},
        "pull": {"type": "number"},
        "collage": {"type": "boolean"},
    },
    "description": "where phrases go; runs are value, count, ... over 64 x 64 cells, row by row",
}


def painter() -> gr.HTML:
    """The component. Its value is a painting as JSON, and None until something is painted."""
    made = easel.part(
        "painter",
        value=None,
        elem_id="painter",
        before=("masks", "inks", "phrases", "board"),
        constants={
            "DETERMINERS": sorted(DETERMINERS),
            "JOINTS": sorted(JOINTS),
            "MOST_DESCRIBING": MOST_DESCRIBING,
        },
    )
    made.label = "Painting"
    # What a client of the API reads; gradio would tell it that the value is a string.
    made.api_info = lambda: SCHEMA
    made.example_payload = lambda: EXAMPLE
    made.example_value = lambda: EXAMPLE
    return made


def shown(prompt: str, painted: Sequence[Region] = (), manner: Manner = USUAL) -> dict[str, Any]:
    """The value that shows these regions of a sentence on the painter, and how they act."""
    return regions.as_json(prompt, painted, manner)
