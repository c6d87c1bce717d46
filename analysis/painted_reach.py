"""How much of a painted square can a page of this world fill at all (beside Sec. 4.3, Fig. 17)?

`paint_with_words` paints squares of 4 to 20 % of the page at random places, and things have their
sizes and their ground: none is narrower than 0.24 of the page, and no fox stands in the sky.
So the drawing code itself is asked. Of many pages that its rules allow for a caption's things, the
one that fills the squares best is a bound from below on what can be reached. It knows the rules of
the page and the squares; no model, no pixels and no inspector.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.intervals import Share, mean
from analysis.painted_tasks import Box, Job, jobs
from ediffi.storybook.inspector_pictures import centre
from ediffi.storybook.layout import Role, Spot, arrange
from ediffi.storybook.scene import Thing

DRAWS = 1000
"""Pages tried for each caption; three times as many find 1 to 2 points more."""


@dataclass(frozen=True)
class Filled:
    """How much of one thing, or of two, a page has inside their squares, mean over the captions.

    `usual` is the mean over the pages that were tried, `best` that of each caption's best page.
    """

    things: int
    usual: Share
    best: Share


@dataclass(frozen=True)
class Reach:
    """The study on `n` captions of every number of things, `draws` pages for each caption."""

    n: int
    seed: int
    draws: int
    filled: tuple[Filled, ...]


def measure(
    n: int = 64, seed: int = 0, things: Sequence[int] = (1, 2), draws: int = DRAWS
) -> Reach:
    """Lays out the same captions for the same squares as `paint_with_words`.

    Raises ValueError for no caption or no page to try.
    """
    if n < 1 or draws < 1:
        raise ValueError(f"The study needs 1 caption and 1 page at least, not {n} and {draws}.")
    asked = (jobs(n, count, seed) for count in things)
    return Reach(n, seed, draws, tuple(_filled(each, seed, draws) for each in asked))


def sentences(found: Reach) -> list[str]:
    """One sentence for every number of things."""
    said = []
    for each in found.filled:
        usual, (best, low, high) = 100 * each.usual[0], (100 * value for value in each.best)
        said.append(
            f"Drawn by the rules of the page, things: {each.things}: {usual:.1f} % of a thing"
            f" inside its square on a usual page, {best:.1f} % ({low:.1f} to {high:.1f}) on the"
            f" best of {found.draws} (n = {found.n})."
        )
    return said


def inside(job: Job, spots: Sequence[Spot]) -> float:
    """How much of a job's things, standing at these spots, lies inside their squares, on average.

    A thing's box is the square that the inspector learnt to tell.
    """
    shares = []
    for kind, spot, square in zip(job.kinds, spots, job.boxes, strict=True):
        x, y = centre(Thing(kind, "red", spot.x, spot.y, spot.size))
        shares.append(Box.around(x, y, spot.size).share_in(square))
    return float(np.mean(shares))


def _filled(asked: Sequence[Job], seed: int, draws: int) -> Filled:
    tried = [_tried(job, random.Random(f"{seed} {k}"), draws) for k, job in enumerate(asked)]
    return Filled(
        things=len(asked[0].kinds),
        usual=mean([float(np.mean(pages)) for pages in tried]),
        best=mean([max(pages) for pages in tried]),
    )


def _tried(job: Job, rng: random.Random, draws: int) -> list[float]:
    """The share inside on pages that have the caption's things alone; 0 where none was found."""
    scene = job.task.scene
    named = {scene.things[i].kind: scene.things[i] for i in job.task.caption.things}
    roles = [
        Role(kind, named[kind].colour, named[kind].wears, named[kind].word) for kind in job.kinds
    ]
    pages = (arrange(rng, roles, scene.place) for _ in range(draws))
    return [inside(job, spots) for spots in pages if spots is not None] or [0.0]
