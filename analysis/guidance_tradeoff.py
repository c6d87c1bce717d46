"""Do experts move the whole curve of quality against alignment (paper Sec. 5.1, Fig. 7)?

Baseline and ensemble paint the same captions from the same noise at five guidance scales. Quality
is the Fréchet distance to true renders of other scenes, alignment the share of a caption's
statements that its picture shows; both are the inspector's. A second CLIP, which conditions
nothing, gives the paper's own measure of alignment. It knows the front door, the inspector and that
judge, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from analysis.judge import Judge
from analysis.metrics import alignment, mean_of
from analysis.samples import Samples, quiet
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.distances import Distance, frechet, frechet_distance, frechet_saved
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
    """One guidance scale: a Fréchet distance (lower is better) and a share (higher is better).

    `clip` is the judge's score, 100 times a cosine; None without a judge.
    """

    guidance: float
    frechet: Distance
    aligned: Distance
    unreadable: float
    clip: Distance | None = None


@dataclass(frozen=True)
class Curve:
    """One network or ensemble over all scales, rising."""

    network: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Gain:
    """How much better `network` is than `rival`, mean over the scales; positive is better.

    All three are paired: both paint the same captions from the same noise at every scale.
    """

    network: str
    rival: str
    frechet: Distance
    aligned: Distance
    clip: Distance | None = None


@dataclass(frozen=True)
class Tradeoff:
    """All curves on the same `n` captions; `floor` is the distance between true renders.

    `guided` is how much the alignment of the first curve rises from the least scale to the middle
    one, paired; `missing` says in words what could not be measured. `clip_true` is the judge's
    score of the true renders with their captions, `clip_wrong` with the captions of others.
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
    clip_true: Distance | None = None
    clip_wrong: Distance | None = None


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
    judge: Judge | None = None,
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
    captions = [task.caption.text for task in tasks]
    curves: list[Curve] = []
    seen: list[list[_Sample]] = []
    rising = sorted(scales)
    for place, (name, model) in enumerate(models.items()):
        seen.append([])
        for turn, scale in enumerate(rising):
            tell("guidance scales", place * len(scales) + turn, len(models) * len(scales))
            seen[-1].append(_sampled(model, reader, samples, tasks, scale, steps, judge))
        points = zip(rising, seen[-1], strict=True)
        curves.append(Curve(name, tuple(_point(*each, reference, seed) for each in points)))
    first = seen[0]
    return Tradeoff(
        n=n,
        seed=seed,
        length=length,
        features="inspector",
        floor=round(frechet(own, reference), 4),
        curves=tuple(curves),
        gains=tuple(
            Gain(curve.network, curves[0].network, *_gained(own, first, reference, seed))
            for curve, own in zip(curves[1:], seen[1:], strict=True)
        ),
        guided=mean_of(first[len(rising) // 2].aligned - first[0].aligned),
        missing=() if judge else (NO_SECOND_CLIP,),
        clip_true=mean_of(judge.scores(truth[:n], captions)) if judge else None,
        clip_wrong=mean_of(judge.scores(truth[:n], captions[1:] + captions[:1])) if judge else None,
    )


def sentences(found: Tradeoff) -> list[str]:
    """A sentence for every point, every comparison and everything that is missing."""
    said = []
    for curve in found.curves:
        for point in curve.points:
            said.append(
                f"{curve.network} at guidance {point.guidance:g}: Fréchet distance"
                f" {_told(point.frechet)}, aligned {_told(point.aligned, 100)} %"
                f"{_judged(', CLIP score', point.clip)} (n = {found.n})."
            )
    for gain in found.gains:
        said.append(
            f"{gain.network} against {gain.rival}, mean over the scales: Fréchet distance less by"
            f" {_told(gain.frechet)}, alignment more by {_told(gain.aligned, 100)} %"
            f"{_judged(', CLIP score by', gain.clip)}."
        )
    if found.clip_true and found.clip_wrong:
        said.append(
            f"The judge gives true renders a CLIP score of {_told(found.clip_true)}, and"
            f" {_told(found.clip_wrong)} with the captions of others."
        )
    return [*said, *found.missing]


@dataclass(frozen=True)
class _Sample:
    """What was seen in the pictures of one network at one scale; a row for each picture."""

    vectors: np.ndarray
    aligned: np.ndarray
    unreadable: float
    clip: np.ndarray | None


def _sampled(
    model: EDiffI,
    reader: Reader,
    samples: Samples,
    tasks: Sequence[Task],
    scale: float,
    steps: int | None,
    judge: Judge | None,
) -> _Sample:
    asked = [model.request(t.caption.text, t.seed, steps=steps, guidance=scale) for t in tasks]
    vectors, readings, clip = [], [], []
    for block in samples.blocks(model, asked):
        shown, start = readable(block), len(readings)
        vectors.append(reader.features(shown))
        readings += reader.read(shown)
        if judge:
            own = tasks[start : len(readings)]
            clip.append(judge.scores(shown, [task.caption.text for task in own]))
    return _Sample(
        np.concatenate(vectors),
        alignment([facts(task.scene, task.caption) for task in tasks], readings),
        sum(not reading.readable for reading in readings) / len(readings),
        np.concatenate(clip) if clip else None,
    )


def _point(scale: float, sample: _Sample, reference: np.ndarray, seed: int) -> Point:
    return Point(
        guidance=scale,
        frechet=frechet_distance(sample.vectors, reference, seed),
        aligned=mean_of(sample.aligned),
        unreadable=round(sample.unreadable, 4),
        clip=None if sample.clip is None else mean_of(sample.clip),
    )


def _gained(
    own: Sequence[_Sample], rivals: Sequence[_Sample], reference: np.ndarray, seed: int
) -> tuple[Distance, Distance, Distance | None]:
    """How much nearer, better aligned and better judged: means of the scales, paired."""
    pairs = list(zip(own, rivals, strict=True))
    nearer = frechet_saved(
        [mine.vectors for mine, _ in pairs], [other.vectors for _, other in pairs], reference, seed
    )
    aligned = mean_of(np.mean([mine.aligned - other.aligned for mine, other in pairs], 0))
    judged = [
        mine.clip - other.clip
        for mine, other in pairs
        if mine.clip is not None and other.clip is not None
    ]
    return nearer, aligned, mean_of(np.mean(judged, 0)) if judged else None


def _judged(words: str, score: Distance | None) -> str:
    return f"{words} {_told(score)}" if score else ""


def _told(distance: Distance, factor: float = 1) -> str:
    value, low, high = (factor * v for v in (distance.value, distance.low, distance.high))
    return f"{value:.3g} ({low:.3g} to {high:.3g})"
