"""Painted regions: which phrase of a sentence goes where, checked, and the plain JSON that travels.

A painting on its way is `{"prompt": ..., "regions": [{"phrase", "occurrence", "weight", "runs"}]}`
with runs [value, count, ...] over 64 x 64 cells in reading order, and where they are not the usual
ones "overlap", "elsewhere", "pull" and "collage". Its limits stand here. Neither a page nor a model
is known: `board.js` writes the JSON, `demo.storybook` hands the regions on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo.checks import MAX_PROMPT, clean, finite, whole

GRID = 64
CELLS = GRID * GRID
MAX_REGIONS = 8
MAX_PHRASE = 120  # characters
MOST_NAMED = 20  # words of a sentence that a refusal names; our choice
MIN_WEIGHT, MAX_WEIGHT = -2.0, 4.0
WEIGHT = 0.25
"""That of the model's own paintings; `painter.html` begins with it too."""
MOST_PULL = 0.5
OVERLAPS = ("all", "strongest", "topmost")
MANNERS = ("overlap", "elsewhere", "pull", "collage")


@dataclass(frozen=True)
class Region:
    """The `occurrence`-th place of a phrase in the sentence, counted from 1, and its mask.

    `mask` has one byte per cell, in reading order; `weight` says how strongly the phrase is drawn
    there, and a negative one pushes it away.
    """

    phrase: str
    occurrence: int
    weight: float
    mask: bytes


@dataclass(frozen=True)
class Manner:
    """How all regions of a painting act, as `ediffi.Painting` takes it.

    `overlap` says which of them count where they overlap; `elsewhere`, 0 (the paper) to 1, how much
    a phrase is held back where it is not painted; `pull`, 0 (the paper) to 0.5, how far the early
    steps move the picture to its places, which takes longer. A `collage` sketches each phrase by
    itself first and lays it on its place, which is about three times as slow.
    """

    overlap: str = "all"
    elsewhere: float = 1.0
    pull: float = 0.0
    collage: bool = False


USUAL = Manner()


def read_manner(value: object) -> Manner:
    """How a painting's regions act, the usual way where it does not say; ValueError otherwise.

    What else stands in the painting is left for `read` to check.
    """
    told = value if isinstance(value, dict) else {}
    overlap = told.get("overlap", USUAL.overlap)
    if overlap not in OVERLAPS:
        raise ValueError(
            f"Overlapping regions follow {', '.join(OVERLAPS)}, and not {str(overlap)[:40]!r}."
        )
    held = finite(
        told.get("elsewhere", USUAL.elsewhere), "How much is held back elsewhere", 0.0, 1.0
    )
    pull = finite(told.get("pull", USUAL.pull), "The pull to the places", 0.0, MOST_PULL)
    collage = told.get("collage", USUAL.collage)
    if not isinstance(collage, bool):
        raise ValueError(f"A collage is true or false, and not {str(collage)[:40]!r}.")
    return Manner(overlap, held, pull, collage)


def read(value: object, prompt: str) -> tuple[tuple[Region, ...], tuple[str, ...]]:
    """The regions of a painting that stand in the clean `prompt`, and the phrases that do not.

    The latter only where the painting was made for another sentence; None is no painting. Raises
    ValueError in one sentence for all that is no painting, or beyond a limit.
    """
    if value is None:
        return (), ()
    fields = _fields(value, ("prompt", "regions"), "A painting", MANNERS)
    own = clean(fields["prompt"], "The sentence of the painting")
    entries = fields["regions"]
    if not isinstance(entries, list):
        raise ValueError(f"The regions of a painting are a list, not {type(entries).__name__}.")
    if len(entries) > MAX_REGIONS:
        raise ValueError(
            f"A painting has at most {MAX_REGIONS} regions, and {len(entries):,} were sent."
        )
    regions = [_region(entry, own) for entry in entries]
    lost = [region for region in regions if not _stands(region, prompt)]
    kept = tuple(region for region in regions if region not in lost)
    return kept, tuple(dict.fromkeys(map(_named, lost)))


def as_json(prompt: str, regions: Sequence[Region], manner: Manner = USUAL) -> dict[str, Any]:
    """The JSON that `read` and `read_manner` understand."""
    return {
        "prompt": prompt,
        "regions": [
            {
                "phrase": region.phrase,
                "occurrence": region.occurrence,
                "weight": region.weight,
                "runs": _runs(region.mask),
            }
            for region in regions
        ],
        "overlap": manner.overlap,
        "elsewhere": manner.elsewhere,
        "pull": manner.pull,
        "collage": manner.collage,
    }


def left_out(lost: Sequence[str]) -> str:
    """A sentence on phrases that were painted, but are not in the sentence."""
    return f"The sentence does not have {', '.join(lost)}, so the painting went without."


def _region(entry: object, prompt: str) -> Region:
    fields = _fields(entry, ("phrase", "occurrence", "weight", "runs"), "A painted region")
    phrase = clean(fields["phrase"], "A painted phrase", MAX_PHRASE)
    if not phrase:
        raise ValueError("A painted phrase must have at least one word.")
    weight = finite(fields["weight"], f"The weight of “{phrase}”", MIN_WEIGHT, MAX_WEIGHT)
    number = whole(fields["occurrence"], f"The occurrence of “{phrase}”", 1, MAX_PROMPT)
    region = Region(phrase, number, weight, _mask(fields["runs"], phrase))
    if not _stands(region, prompt):
        words = ", ".join(prompt.split()[:MOST_NAMED]) or "none"
        raise ValueError(
            f"The sentence of the painting does not have {_named(region)}: its words are {words}."
        )
    return region


def _fields(
    value: object, names: tuple[str, ...], what: str, optional: tuple[str, ...] = ()
) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is an object of JSON, not {type(value).__name__}.")
    if set(value) - set(optional) != set(names):
        more = f" and may have {', '.join(optional)}" if optional else ""
        raise ValueError(f"{what} has exactly the fields {', '.join(names)}{more}.")
    return value


def _mask(runs: object, phrase: str) -> bytes:
    if not isinstance(runs, list) or len(runs) % 2 or len(runs) > 2 * CELLS:
        raise ValueError(f"The runs of “{phrase}” are a list of at most {CELLS:,} pairs.")
    mask = bytearray()
    for value, count in zip(runs[::2], runs[1::2], strict=True):
        if type(value) is not int or not 0 <= value <= 255:
            raise ValueError(f"The runs of “{phrase}” have a value that is not from 0 to 255.")
        if type(count) is not int or not 1 <= count <= CELLS - len(mask):
            raise ValueError(f"The runs of “{phrase}” must add up to {CELLS:,} cells.")
        mask += bytes((value,)) * count
    if len(mask) != CELLS:
        raise ValueError(
            f"The runs of “{phrase}” must add up to {CELLS:,} cells, not to {len(mask):,}."
        )
    if not any(mask):
        raise ValueError(f"Nothing is painted for “{phrase}”.")
    return bytes(mask)


def _runs(mask: bytes) -> list[int]:
    runs: list[int] = []
    for value in mask:
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    return runs


def _stands(region: Region, prompt: str) -> bool:
    found = re.findall(rf"(?<!\w){re.escape(region.phrase)}(?!\w)", prompt, re.IGNORECASE)
    return len(found) >= region.occurrence


def _named(region: Region) -> str:
    return f"“{region.phrase}”" + (f" {region.occurrence} times" if region.occurrence > 1 else "")
