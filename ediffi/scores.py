"""A model's scores on captions that nobody trained on, and whether one model is worse than another.

It joins the front door, which samples, to the evaluation, which reads; it knows neither's insides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ediffi.config import as_json, from_json
from ediffi.generation import MAX_BATCH
from ediffi.pipeline import EDiffI
from ediffi.storybook.evaluation import SIZE, Evaluation, Sampler
from ediffi.storybook.scoring import more_shown

STATEMENTS = "all statements"
PUBLISHED = ("model", "weights", "batch", "insist", "size", "sampling", "stages")
"""What a record says besides the evaluation."""


def painter(
    model: EDiffI,
    size: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    insist: float | None = None,
) -> Sampler:
    """One picture per caption and seed, as `EDiffI.request` makes it from these settings.

    Pictures smaller than the inspector reads are enlarged, pixel by pixel.
    """

    def paint(captions: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        requests = [
            model.request(caption, seed, size, steps, guidance, insist=insist)
            for caption, seed in zip(captions, seeds, strict=True)
        ]
        made = np.stack([np.asarray(r.image) for r in model.generate_many(requests)])
        return readable(made)

    return paint


def readable(pictures: np.ndarray) -> np.ndarray:
    """Pictures uint8 (n, h, w, 3), enlarged pixel by pixel to the size that the inspector reads."""
    factor = max(1, SIZE // pictures.shape[1])
    return pictures.repeat(factor, 1).repeat(factor, 2)


def record(
    model: EDiffI,
    found: Evaluation,
    size: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    insist: float | None = None,
) -> dict[str, Any]:
    """What is published of an evaluation: model, sums of its weights, sampling, every number.

    The settings are those that `painter` was given; `insist` is named by itself where the captions
    were insisted on.
    """
    asked = model.request("", 0, size, steps, guidance, insist=insist)
    made = {
        "model": model.model.name,
        "weights": model.model.sums(asked.stages),
        "batch": MAX_BATCH,
        "size": asked.size,
        "sampling": as_json(asked.sampling),
        "stages": [as_json(choice) for choice in asked.stages],
    }
    if insist:
        made["insist"] = insist
    return made | finite(found.to_json())


def recorded(row: Mapping[str, Any]) -> Evaluation:
    """The evaluation that `record` wrote; ValueError for one of another kind."""
    return from_json(Evaluation, {k: v for k, v in row.items() if k not in PUBLISHED})


def worse(one: Evaluation, other: Evaluation) -> tuple[str, ...]:
    """What `one` is worse in than `other`.

    That are "all statements", where it shows fewer of them caption by caption, which tells smaller
    differences than two intervals do, and the scores and distances whose 95 % intervals lie apart.
    """
    theirs = {score.name: score for score in other.scores}
    found = [s.name for s in one.scores if s.name in theirs and s.high < theirs[s.name].low]
    apart = {distance.name: distance for distance in other.distances}
    found += [d.name for d in one.distances if d.name in apart and d.low > apart[d.name].high]
    more = more_shown(one.shown, other.shown)
    return (STATEMENTS, *found) if more is not None and more.high < 0 else tuple(found)


def chosen(found: Mapping[str, Evaluation]) -> str:
    """Which of several models to offer, the plain one first: the last that is worse in nothing."""
    names = list(found)
    return [name for name in names if not worse(found[name], found[names[0]])][-1]


def finite(value: Any) -> Any:
    """JSON knows no NaN: what too few captions cannot measure becomes null."""
    if isinstance(value, dict):
        return {name: finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
