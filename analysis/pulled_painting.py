"""Does pulling a picture to its painting put more of a thing into its place, and at what cost?

The captions, squares and sides of `analysis.paint_with_words`, painted by the default setting with
and without a pull, from the same noise, and read by the inspector in pairs. It knows the front door
and the inspector; no network and no attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np

from analysis.intervals import Share, mean
from analysis.metrics import mean_of
from analysis.paint_with_words import FEWEST, Sided, rounded, sampled_by, shares, sides
from analysis.painted_tasks import SETTINGS, Job, Setting, jobs
from analysis.samples import Samples
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader

Row = tuple[int, Share, Share, Share, Share, Share, Share]
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
    plain = SETTINGS[0]
    ways = plain, replace(plain, pull=pull)
    rows, sided = in_pairs(model, reader, ways, n, seed, things, steps, samples)
    squares = tuple(Squares(*row) for row in rows)
    return PulledPlaces(model.model.name, n, seed, pull, squares, sided)


def in_pairs(
    model: EDiffI,
    reader: Reader,
    ways: tuple[Setting, Setting],
    n: int,
    seed: int,
    things: Sequence[int],
    steps: int | None,
    samples: Samples | None,
) -> tuple[list[Row], tuple[Sided, Sided]]:
    """The same captions painted by two settings: a row for every number of things, and the sides.

    A row is the number, how much is inside by each and how much more by the second, how often it
    is present by each and how much more by the second. Raises ValueError for fewer than 8 captions.
    """
    if n < FEWEST:
        raise ValueError(f"The study needs at least {FEWEST} captions, not {n}.")
    rows = []
    for count in things:
        asked = jobs(n, count, seed)
        plain, other = (
            _shares(asked, sampled_by(model, asked, by, steps, samples=samples), reader)
            for by in ways
        )
        rows.append(
            (count, *_added(*map(_inside, (plain, other))), *_added(*map(_there, (plain, other))))
        )
    one = jobs(n, 1, seed)
    before, after = (sides(model, reader, one, by, steps, samples) for by in ways)
    return rows, (before, after)


def sentences(found: PulledPlaces) -> list[str]:
    """One sentence for every number of things, and one for the sides."""
    rows = [astuple(each) for each in found.squares]
    return told(f"Pulled by {found.pull:g}", found.n, rows, found.sided)


def told(way: str, n: int, rows: Sequence[Row], sided: tuple[Sided, Sided]) -> list[str]:
    """The sentences of what `in_pairs` found of a way of painting, which they begin with."""
    said = []
    for things, inside, other, more, present, other_present, more_present in rows:
        said.append(
            f"{way}, things: {things}: {100 * other[0]:.1f} % of a thing inside its square"
            f" instead of {100 * inside[0]:.1f} ({_more(more)}), present"
            f" {100 * other_present[0]:.0f} % instead of {100 * present[0]:.0f}"
            f" ({_more(more_present)}; n = {n})."
        )
    before, after = (100 * each.asked[0] for each in sided)
    low, high = (100 * end for end in sided[1].asked[1:])
    said.append(
        f"{way}, left or right: {after:.0f} % stand where they were painted"
        f" ({low:.0f} to {high:.0f}, {sided[1].captions} captions) instead of {before:.0f}."
    )
    return said


def _more(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:+.1f} points, {low:+.1f} to {high:+.1f}"


def _shares(asked: Sequence[Job], pictures: np.ndarray, reader: Reader) -> list[list[float | None]]:
    readings = reader.read(readable(pictures))
    return [shares(reading, job, job) for reading, job in zip(readings, asked, strict=True)]


def _added(plain: np.ndarray, other: np.ndarray) -> tuple[Share, Share, Share]:
    """Both means, and what the second has more, in pairs."""
    return mean(plain.tolist()), mean(other.tolist()), rounded(mean_of(other - plain))


def _inside(rows: Sequence[list[float | None]]) -> np.ndarray:
    return np.array([np.mean([share or 0.0 for share in row]) for row in rows])


def _there(rows: Sequence[list[float | None]]) -> np.ndarray:
    return np.array([np.mean([share is not None for share in row]) for row in rows])
