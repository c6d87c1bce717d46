"""Does pulling a picture to its painting put more of a thing into its place, and at what cost?

The captions, squares and sides of `analysis.paint_with_words`, painted by the default setting with
and without a pull, from the same noise, and read by the inspector in pairs. It knows the front door
and the inspector; no network and no attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import Share, mean
from analysis.metrics import mean_of
from analysis.paint_with_words import FEWEST, Sided, rounded, sampled_by, shares, sides
from analysis.painted_tasks import SETTINGS, Job, jobs
from analysis.samples import Samples
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader

PULL = 0.1
"""Chosen from tries on other captions (docs/training-log.md)."""


@dataclass(frozen=True)
class Squares:
    """Captions of `things` things, each painted on a square: means with 95 % intervals.

    `inside` is the share of a thing's box inside its square, 0 where the thing is absent; `present`
    how often it is there. `more` and `more_present` are what pulling adds to them, in pairs.
    """

    things: int
    inside: Share
    pulled: Share
    more: Share
    present: Share
    present_pulled: Share
    more_present: Share


@dataclass(frozen=True)
class PulledPlaces:
    """The study on `n` captions of every number of things; `sided` without and with the pull."""

    model: str
    n: int
    seed: int
    pull: float
    squares: tuple[Squares, ...]
    sided: tuple[Sided, Sided]


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 64,
    pull: float = PULL,
    seed: int = 0,
    things: Sequence[int] = (1, 2),
    steps: int | None = None,
    samples: Samples | None = None,
) -> PulledPlaces:
    """Paints every caption twice. Raises ValueError for fewer than 8 captions."""
    if n < FEWEST:
        raise ValueError(f"The study needs at least {FEWEST} captions, not {n}.")
    plain = SETTINGS[0]
    ways = plain, replace(plain, pull=pull)
    squares = []
    for count in things:
        asked = jobs(n, count, seed)
        found = [
            _shares(asked, sampled_by(model, asked, by, steps, samples=samples), reader)
            for by in ways
        ]
        squares.append(_compared(count, *found))
    one = jobs(n, 1, seed)
    before, after = (sides(model, reader, one, by, steps, samples) for by in ways)
    return PulledPlaces(model.model.name, n, seed, pull, tuple(squares), (before, after))


def sentences(found: PulledPlaces) -> list[str]:
    """One sentence for every number of things, and one for the sides."""
    said = []
    for each in found.squares:
        said.append(
            f"Pulled by {found.pull:g}, things: {each.things}: {100 * each.pulled[0]:.1f} % of a"
            f" thing inside its square instead of {100 * each.inside[0]:.1f} ({_more(each.more)}),"
            f" present {100 * each.present_pulled[0]:.0f} % instead of"
            f" {100 * each.present[0]:.0f} ({_more(each.more_present)}; n = {found.n})."
        )
    before, after = (100 * each.asked[0] for each in found.sided)
    low, high = (100 * end for end in found.sided[1].asked[1:])
    said.append(
        f"Pulled by {found.pull:g}, left or right: {after:.0f} % stand where they were painted"
        f" ({low:.0f} to {high:.0f}, {found.sided[1].captions} captions) instead of {before:.0f}."
    )
    return said


def _more(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:+.1f} points, {low:+.1f} to {high:+.1f}"


def _shares(asked: Sequence[Job], pictures: np.ndarray, reader: Reader) -> list[list[float | None]]:
    readings = reader.read(readable(pictures))
    return [shares(reading, job, job) for reading, job in zip(readings, asked, strict=True)]


def _compared(
    things: int, plain: Sequence[list[float | None]], pulled: Sequence[list[float | None]]
) -> Squares:
    inside, more_inside = _inside(plain), _inside(pulled)
    there, more_there = _there(plain), _there(pulled)
    return Squares(
        things=things,
        inside=mean(inside.tolist()),
        pulled=mean(more_inside.tolist()),
        more=rounded(mean_of(more_inside - inside)),
        present=mean(there.tolist()),
        present_pulled=mean(more_there.tolist()),
        more_present=rounded(mean_of(more_there - there)),
    )


def _inside(rows: Sequence[list[float | None]]) -> np.ndarray:
    return np.array([np.mean([share or 0.0 for share in row]) for row in rows])


def _there(rows: Sequence[list[float | None]]) -> np.ndarray:
    return np.array([np.mean([share is not None for share in row]) for row in rows])
