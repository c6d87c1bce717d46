"""Does paint-with-words put things where they were painted (paper Sec. 4.3, Fig. 17)?

Captions of unseen scenes with one thing or two; each thing's words, such as "a red fox", are
painted on a square of 4 to 20 % of the page at a random place, which the scene never had. The
inspector then says where the thing is. Many such places are none where the thing may stand, so it
is also painted on the left and on the right of the page, from top to bottom. It knows the front
door and the inspector; no network and no attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.intervals import Share, mean
from analysis.metrics import mean_of
from analysis.painted_tasks import GRID, SETTINGS, Box, Job, Setting, jobs
from analysis.samples import Samples, sampled
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.distances import Distance, kernel_distance
from ediffi.storybook.evaluation import Reader, draw
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scoring import wilson

FEWEST = 8
SIDE = 28
"""How many of the 64 columns are painted on the left, or on the right."""


@dataclass(frozen=True)
class Placed:
    """What came of one setting; weight 0 is the unpainted picture.

    `inside` is the share of a thing's box inside its square, 0 where the thing is absent; `chance`
    the same with another picture's squares, and `beyond` what `inside` has more, paired; `present`
    how often it is there at all, and `kept` how much of it lies inside when it is. `distance` is
    the kernel distance to true renders.
    """

    things: int
    rule: str
    weight: float
    inside: Share
    chance: float
    present: Share
    kept: float | None
    distance: Share
    elsewhere: float
    beyond: Share


@dataclass(frozen=True)
class Sided:
    """Captions of one thing, painted on the left and on the right by one setting.

    `asked` is how often the thing stands on the side that was asked for, where it is there at all
    (`captions` of the n), with Wilson's interval over captions, whose two pictures share a noise;
    `present` how often it is there. Half is chance.
    """

    rule: str
    weight: float
    elsewhere: float
    captions: int
    asked: Share
    present: Share


@dataclass(frozen=True)
class Places:
    """The study on `n` captions of every number of things."""

    model: str
    n: int
    seed: int
    area: float
    placed: tuple[Placed, ...]
    sided: tuple[Sided, ...]


def inside(reading: Reading, kind: str, box: Box) -> float | None:
    """The largest share of a thing of this kind that lies in `box`; None where there is none."""
    boxes = (Box.around(seen.x, seen.y, seen.size) for seen in reading.things if seen.kind == kind)
    return max((each.share_in(box) for each in boxes), default=None)


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 100,
    settings: Sequence[Setting] = SETTINGS,
    seed: int = 0,
    things: Sequence[int] = (1, 2),
    steps: int | None = None,
    samples: Samples | None = None,
) -> Places:
    """Paints the same captions from the same noise without a painting and by every setting.

    What `samples` has is not painted again. Raises ValueError for fewer than 8 captions, whose
    distances have no interval.
    """
    if n < FEWEST:
        raise ValueError(f"The study needs at least {FEWEST} captions, not {n}.")
    placed: list[Placed] = []
    areas: list[float] = []
    for count in things:
        asked = jobs(n, count, seed)
        areas += [box.side**2 for job in asked for box in job.boxes]
        true = reader.features(draw([job.task.scene for job in asked], workers=1))
        for by in (None, *settings):
            pictures = sampled_by(model, asked, by, steps, samples=samples)
            placed.append(_scored(asked, pictures, reader, true, by))
    on_sides = [sides(model, reader, jobs(n, 1, seed), by, steps, samples) for by in settings]
    area = round(float(np.mean(areas)), 4)
    return Places(model.model.name, n, seed, area, tuple(placed), tuple(on_sides))


def sides(
    model: EDiffI,
    reader: Reader,
    asked: Sequence[Job],
    by: Setting,
    steps: int | None = None,
    samples: Samples | None = None,
) -> Sided:
    """Paints one thing of each job on the left and on the right, and asks where it stands."""
    left = np.broadcast_to(np.arange(GRID) < SIDE, (GRID, GRID))
    found: list[list[bool]] = [[] for _ in asked]
    for mask, is_left in ((left, True), (left[:, ::-1], False)):
        pictures = sampled_by(model, asked, by, steps, [mask], samples)
        for row, reading, job in zip(found, reader.read(readable(pictures)), asked, strict=True):
            across = next((s.x for s in reading.things if s.kind == job.kinds[0]), None)
            row += [] if across is None else [(across < 0.5) == is_left]
    there = [float(np.mean(row)) for row in found if row]
    right = sum(there)
    low, high = wilson(right, len(there)) if there else (0.0, 1.0)
    return Sided(
        rule=by.rule,
        weight=by.weight,
        elsewhere=by.elsewhere,
        captions=len(there),
        asked=(round(right / len(there), 4) if there else 0.5, round(low, 4), round(high, 4)),
        present=_mean([[0.5 * len(row)] for row in found]),
    )


def named(by: Placed | Sided) -> str:
    """The setting of a row in words."""
    if not by.weight:
        return "unpainted"
    held = ", held back elsewhere" if by.elsewhere else ""
    return f"{by.rule}, weight {by.weight:g}{held}"


def sentences(found: Places) -> list[str]:
    """One sentence for every setting."""
    said = []
    for p in found.placed:
        mean, low, high = (100 * value for value in p.inside)
        said.append(
            f"{named(p).capitalize()}, things: {p.things}: {mean:.1f} % of a thing inside its"
            f" square ({low:.1f} to {high:.1f}; by chance {100 * p.chance:.1f}),"
            f" present {100 * p.present[0]:.0f} %,"
            f" kernel distance {p.distance[0]:.3f} (n = {found.n})."
        )
    for s in found.sided:
        value, low, high = (100 * each for each in s.asked)
        said.append(
            f"{named(s).capitalize()}, left or right: {value:.0f} % stand where they were painted"
            f" ({low:.0f} to {high:.0f}, {s.captions} captions; half by chance)."
        )
    return said


def sampled_by(
    model: EDiffI,
    asked: Sequence[Job],
    by: Setting | None,
    steps: int | None,
    masks: Sequence[np.ndarray] | None = None,
    samples: Samples | None = None,
) -> np.ndarray:
    """The jobs' pictures by a setting (None: unpainted), on their squares or on given masks."""
    requests = [
        model.request(
            job.task.caption.text,
            job.task.seed,
            steps=steps,
            painting=job.painting(by, masks) if by else None,
            insist=by.insist if by else 0.0,
        )
        for job in asked
    ]
    return sampled(model, requests, samples)


def _scored(
    asked: Sequence[Job],
    pictures: np.ndarray,
    reader: Reader,
    true: np.ndarray,
    by: Setting | None,
) -> Placed:
    shown = readable(pictures)
    readings = reader.read(shown)
    own = [shares(reading, job, job) for reading, job in zip(readings, asked, strict=True)]
    others = [*asked[1:], asked[0]]
    chance = [
        shares(reading, job, other)
        for reading, job, other in zip(readings, asked, others, strict=True)
    ]
    there = [share for row in own for share in row if share is not None]
    mine, theirs = (
        [float(np.mean([share or 0.0 for share in row])) for row in rows] for rows in (own, chance)
    )
    away = kernel_distance(reader.features(shown), true)
    beyond = mean_of(np.subtract(mine, theirs))
    return Placed(
        things=len(asked[0].kinds),
        rule=by.rule if by else "none",
        weight=by.weight if by else 0.0,
        inside=_bounded(mine),
        chance=_bounded(theirs)[0],
        present=_mean([[float(share is not None) for share in row] for row in own]),
        kept=round(float(np.mean(there)), 4) if there else None,
        distance=rounded(away),
        elsewhere=by.elsewhere if by else 0.0,
        beyond=rounded(beyond),
    )


def shares(reading: Reading, job: Job, places: Job) -> list[float | None]:
    """Of each thing of a picture, the share inside its place in `places`; None where it is not."""
    return [inside(reading, *pair) for pair in zip(job.kinds, places.boxes, strict=True)]


def _mean(rows: Sequence[Sequence[float]]) -> Share:
    """The mean over pictures, whose things are not independent, with its 95 % interval."""
    return _bounded([float(np.mean(row)) for row in rows])


def rounded(distance: Distance) -> Share:
    """A number with its interval, as the records keep it."""
    return round(distance.value, 4), round(distance.low, 4), round(distance.high, 4)


def _bounded(shares: Sequence[float]) -> Share:
    middle, low, high = mean(shares)
    return middle, low, min(1.0, high)
