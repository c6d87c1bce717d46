"""Do experts move the whole curve of quality against alignment (paper Sec. 5.1, Fig. 7)?

Baseline and ensemble paint the same captions from the same noise at five guidance scales. Quality
is the Fréchet distance to true renders of other scenes, alignment the share of a caption's
statements that its picture shows; both are the inspector's. It knows the front door and the
inspector, no network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.metrics import alignment, mean_of
from analysis.samples import Samples, quiet
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.distances import Distance, frechet, frechet_distance
from ediffi.storybook.evaluation import Progress, Reader, Task, draw, make_tasks, other_scenes
from ediffi.storybook.scene import Scene
from ediffi.storybook.scoring import facts

SCALES = (1.0, 2.0, 3.0, 5.0, 8.0)
"""Our choice: the paper's numbers are not public."""
FEWEST = 8
NO_SECOND_CLIP = (
    "No CLIP score: the only CLIP here conditions the model, so it cannot judge it; a second one,"
    " trained from another seed, would."
)

Renders = Callable[[list[Scene]], np.ndarray]


@dataclass(frozen=True)
class Point:
    """One guidance scale: a Fréchet distance (lower is better) and a share (higher is better)."""

    guidance: float
    frechet: Distance
    aligned: Distance
    unreadable: float


@dataclass(frozen=True)
class Curve:
    """One network or ensemble over all scales, rising."""

    network: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Gain:
    """How much better `network` is than `rival`, mean over the scales; positive is better.

    `aligned` is paired, picture by picture. The interval of `frechet` takes the two distances as
    independent, which the same captions and noise are not: it is rather too wide.
    """

    network: str
    rival: str
    frechet: Distance
    aligned: Distance


@dataclass(frozen=True)
class Tradeoff:
    """All curves on the same `n` captions; `floor` is the distance between true renders.

    `guided` is how much the alignment of the first curve rises from the least scale to the middle
    one, paired; `missing` says in words what could not be measured.
    """

    n: int
    seed: int
    length: str
    features: str
    floor: float
    curves: tuple[Curve, ...]
    gains: tuple[Gain, ...]
    guided: Distance
    missing: tuple[str, ...] = ()


def measure(
    models: Mapping[str, EDiffI],
    reader: Reader,
    samples: Samples,
    n: int,
    seed: int = 0,
    scales: Sequence[float] = SCALES,
    length: str = "short",
    steps: int | None = None,
    tell: Progress = quiet,
    renders: Renders = draw,
) -> Tradeoff:
    """The curves of `models` by name, the baseline first; the others are compared with it.

    Raises ValueError for fewer than 8 captions, 2 scales or 1 model.
    """
    if n < FEWEST or len(scales) < 2 or not models:
        raise ValueError(
            f"The curve needs {FEWEST} captions, 2 scales and a model, not {n}, {len(scales)} and"
            f" {len(models)}."
        )
    tasks = make_tasks(n, seed, "test", length)
    truth = renders([*(task.scene for task in tasks), *other_scenes(n, seed, "test")])
    own, reference = reader.features(truth[:n]), reader.features(truth[n:])
    curves, shares = [], {}
    for place, (name, model) in enumerate(models.items()):
        points = []
        for turn, scale in enumerate(sorted(scales)):
            tell("guidance scales", place * len(scales) + turn, len(models) * len(scales))
            point, aligned = _point(model, reader, samples, tasks, scale, steps, reference, seed)
            points.append(point)
            shares[name, scale] = aligned
        curves.append(Curve(name, tuple(points)))
    first = curves[0]
    middle = sorted(scales)[len(scales) // 2]
    return Tradeoff(
        n=n,
        seed=seed,
        length=length,
        features="inspector",
        floor=round(frechet(own, reference), 4),
        curves=tuple(curves),
        gains=tuple(_gain(curve, first, shares) for curve in curves[1:]),
        guided=mean_of(shares[first.network, middle] - shares[first.network, min(scales)]),
        missing=(NO_SECOND_CLIP,),
    )


def sentences(found: Tradeoff) -> list[str]:
    """A sentence for every point, every comparison and everything that is missing."""
    said = []
    for curve in found.curves:
        for point in curve.points:
            said.append(
                f"{curve.network} at guidance {point.guidance:g}: Fréchet distance"
                f" {_told(point.frechet)}, aligned {_told(point.aligned, 100)} % (n = {found.n})."
            )
    for gain in found.gains:
        said.append(
            f"{gain.network} against {gain.rival}, mean over the scales: Fréchet distance less by"
            f" {_told(gain.frechet)}, alignment more by {_told(gain.aligned, 100)} %."
        )
    return [*said, *found.missing]


def _point(
    model: EDiffI,
    reader: Reader,
    samples: Samples,
    tasks: Sequence[Task],
    scale: float,
    steps: int | None,
    reference: np.ndarray,
    seed: int,
) -> tuple[Point, np.ndarray]:
    asked = [model.request(t.caption.text, t.seed, steps=steps, guidance=scale) for t in tasks]
    vectors, readings = [], []
    for block in samples.blocks(model, asked):
        shown = readable(block)
        vectors.append(reader.features(shown))
        readings += reader.read(shown)
    aligned = alignment([facts(task.scene, task.caption) for task in tasks], readings)
    unreadable = sum(not reading.readable for reading in readings) / len(readings)
    away = frechet_distance(np.concatenate(vectors), reference, seed)
    return Point(scale, away, mean_of(aligned), round(unreadable, 4)), aligned


def _gain(curve: Curve, rival: Curve, shares: Mapping[tuple[str, float], np.ndarray]) -> Gain:
    pairs = list(zip(curve.points, rival.points, strict=True))
    paired = [
        shares[curve.network, own.guidance] - shares[rival.network, own.guidance]
        for own, _ in pairs
    ]
    less = float(np.mean([other.frechet.value - own.frechet.value for own, other in pairs]))
    reaches = [_reach(point.frechet) for pair in pairs for point in pair]
    # All scales share captions, so their errors are taken to move together.
    reach = math.sqrt(2) * float(np.sqrt(np.mean(np.square(reaches))))
    return Gain(
        network=curve.network,
        rival=rival.network,
        frechet=Distance(less, less - reach, less + reach),
        aligned=mean_of(np.mean(paired, 0)),
    )


def _reach(distance: Distance) -> float:
    return (distance.high - distance.low) / 2


def _told(distance: Distance, factor: float = 1) -> str:
    value, low, high = (factor * v for v in (distance.value, distance.low, distance.high))
    return f"{value:.3g} ({low:.3g} to {high:.3g})"
