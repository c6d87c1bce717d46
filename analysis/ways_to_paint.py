"""Which way of painting puts most of a thing into its place, and at what cost?

The captions, squares and sides of `analysis.paint_with_words`, painted by the default setting, and
from the same noise pulled to the painting, begun as a collage, and insisting as the studio does;
each is read by the inspector and held against the default in pairs. It knows the front door and the
inspector; no network and no attention.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from analysis.intervals import Share, mean
from analysis.metrics import mean_of
from analysis.paint_with_words import FEWEST, Sided, rounded, sampled_by, shares, sides
from analysis.painted_tasks import SETTINGS, Job, Setting, jobs
from analysis.samples import Samples
from ediffi.controls.insisting import INSISTENCE
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader

DEFAULT = SETTINGS[0]
OTHERS = {
    "pulled": replace(DEFAULT, pull=0.1),
    "as a collage": replace(DEFAULT, collage=True),
    "insisting": replace(DEFAULT, insist=INSISTENCE),
}
"""How far to pull was chosen from tries on other captions (docs/training-log.md)."""


@dataclass(frozen=True)
class Squares:
    """Captions of `things` things, each painted on a square: means with 95 % intervals.

    `inside` is the share of a thing's box inside its square, 0 where the thing is absent; `present`
    how often it is there. `more` and `more_present` are what this has beyond the default, in pairs.
    """

    things: int
    inside: Share
    present: Share
    more: Share
    more_present: Share


@dataclass(frozen=True)
class Way:
    """One way of painting: on squares, and one thing on the left and on the right."""

    name: str
    pull: float
    collage: bool
    insist: float
    squares: tuple[Squares, ...]
    sided: Sided


@dataclass(frozen=True)
class WaysToPaint:
    """The study on `n` captions of every number of things; `painted` begins with the default."""

    model: str
    n: int
    seed: int
    painted: tuple[Way, ...]


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 64,
    others: Mapping[str, Setting] = OTHERS,
    seed: int = 0,
    things: Sequence[int] = (1, 2),
    steps: int | None = None,
    samples: Samples | None = None,
) -> WaysToPaint:
    """Paints every caption by the default and by every other way.

    What `samples` has is not painted again. Raises ValueError for fewer than 8 captions.
    """
    if n < FEWEST:
        raise ValueError(f"The study needs at least {FEWEST} captions, not {n}.")
    asked = [jobs(n, count, seed) for count in things]
    one = jobs(n, 1, seed)

    def painted(by: Setting) -> list[list[list[float | None]]]:
        return [
            _shares(each, sampled_by(model, each, by, steps, samples=samples), reader)
            for each in asked
        ]

    plain = painted(DEFAULT)
    ways = []
    for name, by in {"as by default": DEFAULT, **others}.items():
        found = plain if by == DEFAULT else painted(by)
        squares = tuple(_squares(*row) for row in zip(things, found, plain, strict=True))
        sided = sides(model, reader, one, by, steps, samples)
        ways.append(Way(name, by.pull, by.collage, by.insist, squares, sided))
    return WaysToPaint(model.model.name, n, seed, tuple(ways))


def sentences(found: WaysToPaint) -> list[str]:
    """For every way but the default one sentence for every number of things, and for the sides."""
    usual, *others = found.painted
    said = []
    for way in others:
        name = named(way).capitalize()
        for plain, row in zip(usual.squares, way.squares, strict=True):
            said.append(
                f"{name}, things: {row.things}: {100 * row.inside[0]:.1f} % of a thing inside its"
                f" square instead of {100 * plain.inside[0]:.1f} ({_more(row.more)}), present"
                f" {100 * row.present[0]:.0f} % instead of {100 * plain.present[0]:.0f}"
                f" ({_more(row.more_present)}; n = {found.n})."
            )
        value, low, high = (100 * each for each in way.sided.asked)
        said.append(
            f"{name}, left or right: {value:.0f} % stand where they were painted ({low:.0f} to"
            f" {high:.0f}, {way.sided.captions} captions) instead of"
            f" {100 * usual.sided.asked[0]:.0f}."
        )
    return said


def named(way: Way) -> str:
    """A way in words: how far it goes as well, where that is a matter of degree."""
    far = way.pull or way.insist
    return f"{way.name} by {far:g}" if far else way.name


def _more(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:+.1f} points, {low:+.1f} to {high:+.1f}"


def _shares(asked: Sequence[Job], pictures: np.ndarray, reader: Reader) -> list[list[float | None]]:
    readings = reader.read(readable(pictures))
    return [shares(reading, job, job) for reading, job in zip(readings, asked, strict=True)]


def _squares(
    things: int, found: list[list[float | None]], plain: list[list[float | None]]
) -> Squares:
    """The means of one way's pictures, and what they have beyond those by the default."""
    inside, usual = (
        np.array([np.mean([share or 0.0 for share in row]) for row in rows])
        for rows in (found, plain)
    )
    there, usually = (
        np.array([np.mean([share is not None for share in row]) for row in rows])
        for rows in (found, plain)
    )
    return Squares(
        things=things,
        inside=mean(inside.tolist()),
        present=mean(there.tolist()),
        more=rounded(mean_of(inside - usual)),
        more_present=rounded(mean_of(there - usually)),
    )
