"""The evaluation: pictures sampled for captions nobody trained on, read by the inspector, scored.

The model is a callable from captions and seeds to pictures; nothing else is known of it. One
picture is sampled per caption and every one counts: neither the inspector nor CLIP chooses.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import numpy as np

from ediffi import config
from ediffi.storybook.captions import Caption, write_caption
from ediffi.storybook.distances import (
    Distance,
    frechet,
    frechet_distance,
    kernel,
    kernel_distance,
)
from ediffi.storybook.drawing import render
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scene import Scene, sample_scene
from ediffi.storybook.scoring import SCORES, Score, facts, marks, outcomes, score

SPLITS = ("test", "held_out")
MOST = 10_000
BATCH = 50
SIZE = 64
CONTROLS = 250  # pictures of each kind that the inspector is tried on
APART = 1_000_000  # between the seeds of the captions' scenes and those of the reference pictures
Sampler = Callable[[Sequence[str], Sequence[int]], np.ndarray]
"""Captions and as many seeds -> uint8 pictures (n, h, w, 3), square, 64 px or a multiple."""
Progress = Callable[[str, int, int], None]
"""Told what is being done, how many are done and of how many."""


class Reader(Protocol):
    """What reads pictures uint8 (n, h, w, 3): an `inspector.Inspector`."""

    def read(self, images: np.ndarray) -> list[Reading]:
        """One reading per picture."""
        ...

    def features(self, images: np.ndarray) -> np.ndarray:
        """Feature vectors (n, d)."""
        ...


@dataclass(frozen=True)
class Task:
    """One caption to paint: its scene, what it says of it, and the seed of its noise."""

    scene: Scene
    caption: Caption
    seed: int


@dataclass(frozen=True)
class SetDistance:
    """How far the samples lie from true renders of other scenes, in inspector features.

    `floor` is what as many true renders of the same captions have.
    """

    name: str
    value: float
    low: float
    high: float
    floor: float


@dataclass(frozen=True)
class Control:
    """What the inspector says of pictures that should convince it of nothing, or of everything.

    `things` is the mean number of things it reads per picture; `thing` and `colour` are the shares
    of captions whose first thing, and its colour, it claims to see.
    """

    name: str
    n: int
    unreadable: float
    things: float
    thing: float
    colour: float


@dataclass(frozen=True)
class Evaluation:
    """All scores of one model; `unreadable` is the share of samples that count as showing nothing.

    `shown` has for every score a letter for each caption (`scoring.marks`), so that two models can
    be compared caption by caption.
    Seconds: `sampling_seconds` inside the model, `inspection_seconds` all the rest.
    """

    split: str
    length: str
    n: int
    seed: int
    unreadable: float
    scores: tuple[Score, ...]
    distances: tuple[SetDistance, ...]
    controls: tuple[Control, ...]
    sampling_seconds: float
    inspection_seconds: float
    shown: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict:
        """The evaluation as plain dicts and lists."""
        return config.as_json(self)

    def score(self, name: str) -> Score | None:
        """The score of that name, None if no caption asked for it."""
        return next((found for found in self.scores if found.name == name), None)


def evaluate(
    sample: Sampler,
    inspector: Reader,
    n: int = 1000,
    seed: int = 0,
    split: str = "test",
    length: str = "short",
    progress: Progress | None = None,
    workers: int = 2,
) -> Evaluation:
    """Scores `sample` on `n` captions of a split, decided by `seed`, in batches of 50.

    `held_out` has combinations that occur in no training scene. True renders are drawn by
    `workers` processes. Raises ValueError for an unknown split, an n outside 2 to 10,000, a seed
    outside 0 to 2**32 - 1, or pictures of the wrong shape.
    """
    _check(n, seed, split)
    tell = progress or (lambda what, done, of: None)
    started = time.monotonic()
    tasks = make_tasks(n, seed, split, length)
    sampled, sampling = _sampled(sample, tasks, tell)
    scenes = [task.scene for task in tasks]
    others = other_scenes(n, seed, split)
    drawn = draw([*scenes, *others], workers, tell)
    truth, reference = drawn[:n], drawn[n:]
    tell("reading", 0, n)
    stated = [facts(task.scene, task.caption) for task in tasks]
    readings, true_readings = inspector.read(sampled), inspector.read(truth)
    tell("reading", n, n)
    distances = _distances(
        inspector.features(sampled), inspector.features(reference), inspector.features(truth), seed
    )
    controls = _controls(inspector, stated, truth, true_readings, seed)
    return Evaluation(
        split=split,
        length=length,
        n=n,
        seed=seed,
        unreadable=sum(not reading.readable for reading in readings) / n,
        scores=score(stated, readings, true_readings),
        distances=distances,
        controls=controls,
        sampling_seconds=sampling,
        inspection_seconds=time.monotonic() - started - sampling,
        shown={name: marks(outcomes(name, stated, readings)) for name in SCORES},
    )


def make_tasks(n: int, seed: int, split: str, length: str = "short") -> list[Task]:
    """`n` captions of a split; task i is the same whatever n is."""
    tasks = []
    for i in range(n):
        number = seed * MOST + i
        scene = sample_scene(number, split=split)
        tasks.append(Task(scene, write_caption(scene, number, length=length), number))
    return tasks


def other_scenes(n: int, seed: int, split: str) -> list[Scene]:
    """`n` scenes of a split that no task of any seed has: the reference of distances."""
    return [sample_scene(APART + seed * MOST + i, split=split) for i in range(n)]


def draw(scenes: list[Scene], workers: int = 2, tell: Progress | None = None) -> np.ndarray:
    """True renders uint8 (n, 64, 64, 3) of scenes, drawn by `workers` processes."""
    pictures = []
    # Fresh processes: a fork of one that runs torch threads can deadlock.
    pool = (
        ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) if workers > 1 else None
    )
    try:
        drawn = partial(pool.map, chunksize=20) if pool else map
        for picture in drawn(partial(render, size=SIZE), scenes):
            pictures.append(picture)
            if tell and len(pictures) % BATCH == 0:
                tell("drawing", len(pictures), len(scenes))
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    return np.stack(pictures)


def _sampled(sample: Sampler, tasks: list[Task], tell: Progress) -> tuple[np.ndarray, float]:
    pictures, seconds = [], 0.0
    for start in range(0, len(tasks), BATCH):
        tell("sampling", start, len(tasks))
        part = tasks[start : start + BATCH]
        began = time.monotonic()
        images = sample([task.caption.text for task in part], [task.seed for task in part])
        seconds += time.monotonic() - began
        if len(images) != len(part):
            raise ValueError(f"The model gave {len(images)} pictures for {len(part)} captions.")
        pictures.append(images)
    tell("sampling", len(tasks), len(tasks))
    return np.concatenate(pictures), seconds


def _distances(
    sampled: np.ndarray, reference: np.ndarray, truth: np.ndarray, seed: int
) -> tuple[SetDistance, ...]:
    measures: tuple[tuple[str, Callable[..., Distance], Callable[..., float]], ...] = (
        ("frechet", frechet_distance, frechet),
        ("kernel", kernel_distance, kernel),
    )
    found = []
    for name, with_interval, plain in measures:
        far, floor = with_interval(sampled, reference, seed), plain(truth, reference)
        found.append(SetDistance(name, far.value, far.low, far.high, floor))
    return tuple(found)


def _controls(
    inspector: Reader, stated: list, truth: np.ndarray, true_readings: list, seed: int
) -> tuple[Control, ...]:
    """Shuffled captions, blurred renders, noisy renders, two in one, pure noise; and true ones."""
    random = np.random.default_rng(seed)
    truth = truth[:CONTROLS]
    stated, true_readings = stated[:CONTROLS], true_readings[:CONTROLS]
    other = np.roll(truth, 1, axis=0)
    pictures = {
        "blurred": blurred(truth, 4.0),
        "noisy": _as_bytes(0.4 * truth + 0.6 * 127.5 + random.normal(0, 90, truth.shape)),
        "two in one": _as_bytes(0.5 * truth + 0.5 * other),
        "noise": random.integers(0, 256, truth.shape, np.uint8),
    }
    readings = {name: inspector.read(images) for name, images in pictures.items()}
    named = {
        "true renders": true_readings,
        "shuffled captions": [*true_readings[1:], *true_readings[:1]],
        **readings,
    }
    return tuple(_control(name, stated, found) for name, found in named.items())


def _control(name: str, stated: list, readings: list[Reading]) -> Control:
    scores = {found.name: found.share for found in score(stated, readings)}
    n = len(readings)
    return Control(
        name=name,
        n=n,
        unreadable=sum(not reading.readable for reading in readings) / n,
        things=sum(len(reading.things) for reading in readings) / n,
        thing=scores.get("thing", 0.0),
        colour=scores.get("colour", 0.0),
    )


def blurred(images: np.ndarray, spread: float) -> np.ndarray:
    """Pictures uint8 (n, h, w, 3) under a Gaussian of `spread` pixels, the border continued."""
    steps = np.arange(-round(3 * spread), round(3 * spread) + 1)
    weights = np.exp(-0.5 * (steps / spread) ** 2).astype(np.float32)
    out = images.astype(np.float32)
    for axis in (1, 2):
        side = images.shape[axis]
        blend = np.zeros((side, side), np.float32)
        for step, weight in zip(steps, weights / weights.sum(), strict=True):
            blend[np.arange(side), (np.arange(side) + step).clip(0, side - 1)] += weight
        out = np.moveaxis(np.tensordot(blend, out, (1, axis)), 0, axis)
    return _as_bytes(out)


def _as_bytes(values: np.ndarray) -> np.ndarray:
    return values.round().clip(0, 255).astype(np.uint8)


def _check(n: int, seed: int, split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"The split is {split!r}, but must be one of {', '.join(SPLITS)}.")
    if isinstance(n, bool) or not isinstance(n, int) or not 2 <= n <= MOST:
        raise ValueError(f"n must be a whole number from 2 to {MOST}, but is {n!r}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be a whole number from 0 to 2**32 - 1, but is {seed!r}.")
