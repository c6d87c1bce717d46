"""How long a picture of every size takes, warm and as a whole command, and in how much memory.

Loading is timed apart but for the whole command, what is compared runs in turns, so that a busy
machine slows both, and medians are reported. It knows goals only as numbers to print.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from ediffi.controls.insisting import INSISTENCE
from ediffi.controls.masks import GRID
from ediffi.controls.paint_with_words import Painting
from ediffi.forward_times import (
    ControlTime,
    EnsembleTime,
    ForwardTime,
    medians_in_turns,
    time_controls,
    time_ensemble,
    time_forward,
)
from ediffi.pipeline import EDiffI
from ediffi.precision import fastest_dtype
from ediffi.recipe import Environment

PROMPT = "a red fox under a yellow moon"
PICTURE_GOALS: Mapping[int, float] = {64: 1.5, 256: 4.0, 1024: 15.0}
"""Seconds by size in pixels."""
MEMORY_GOAL = 2048
"""MiB of the whole command that makes the largest picture."""
MOST_LARGE_ROUNDS = 3
RATIO_GOAL = 0.75
ENSEMBLE_GOAL = "1.00 ± 0.03"
RECORDING_GOAL, PAINTING_GOAL = 1.25, 1.10
PULL = 0.1
"""How far a picture is pulled to a painting where that is timed."""
PAIRS = 23
"""Evaluations of one network and of an ensemble for each round: 207 at the default of 9."""


@dataclass(frozen=True)
class PictureTime:
    """Median seconds of one guided picture at the default settings, in one precision."""

    dtype: str
    size: int
    steps: int
    guidance: float
    seconds: float
    first_preview: float
    n: int


@dataclass(frozen=True)
class PulledTime:
    """Median seconds of the smallest picture in turns: plain, insisting, and painted by two ways.

    `painted` is pulled to one region, which asks the network once more in the early steps and
    follows a gradient through it; `collaged` sketches that region first.
    """

    dtype: str
    plain: float
    insisting: float
    painted: float
    collaged: float
    n: int


@dataclass(frozen=True)
class CommandTime:
    """Seconds and peak memory in MiB of `python -m ediffi generate` for one picture, all in all."""

    size: int
    seconds: float
    peak_memory: float


@dataclass(frozen=True)
class Bench:
    """All measurements of one run; `peak_memory` in MiB is that of the whole benchmark."""

    environment: Environment
    model: str
    load_seconds: float
    pictures: tuple[PictureTime, ...]
    forwards: tuple[ForwardTime, ...]
    ensemble: EnsembleTime
    controls: ControlTime
    pulled: PulledTime
    command: CommandTime
    peak_memory: float


def run_bench(source: str | Path = "storybook", device: str = "cpu", rounds: int = 9) -> Bench:
    """Measures the model of `source` on `device`; errors as in `EDiffI.from_pretrained`."""
    if not 1 <= rounds <= 1000:
        raise ValueError(f"The number of rounds is {rounds} and must lie between 1 and 1000.")
    began = time.perf_counter()
    model = EDiffI.from_pretrained(source, device)
    load_seconds = time.perf_counter() - began
    place, models = torch.device(device), [model]
    if model.environment().dtype != "float32":
        # The second row is what a machine without bfloat16 units gives.
        models.append(EDiffI.from_pretrained(source, device, torch.float32))
    pictures = time_pictures(models, model.sizes[0], rounds)
    for size in model.sizes[1:]:
        pictures += time_pictures(models, size, min(rounds, MOST_LARGE_ROUNDS))
    dtype, base = fastest_dtype(place), model.model.config
    forwards = tuple(time_forward(base, place, dtype, batch, 3 * rounds) for batch in (1, 2))
    return Bench(
        environment=model.environment(),
        model=model.model.name,
        load_seconds=load_seconds,
        pictures=pictures,
        forwards=forwards,
        ensemble=time_ensemble(base, place, dtype, PAIRS * rounds),
        controls=time_controls(base, place, dtype, rounds),
        pulled=time_pulled(model, rounds),
        command=time_command(source, device, model.sizes[-1]),
        peak_memory=_peak_memory(place),
    )


def time_pictures(models: Sequence[EDiffI], size: int, rounds: int) -> tuple[PictureTime, ...]:
    """The time of one picture of `size` px for each model, measured in turns."""
    whole: list[list[float]] = [[] for _ in models]
    first: list[list[float]] = [[] for _ in models]
    for turn in range(rounds + 1):
        for place, model in enumerate(models):
            began = time.perf_counter()
            for step in model.steps(model.request(PROMPT, seed=turn, size=size)):
                if step.index == 1:
                    first[place].append(time.perf_counter() - began)
            whole[place].append(time.perf_counter() - began)
    found = []
    for model, seconds, previews in zip(models, whole, first, strict=True):
        request = model.request(PROMPT, size=size)
        found.append(
            PictureTime(
                dtype=model.environment().dtype,
                size=request.size,
                steps=request.sampling.steps + sum(s.sampling.steps for s in request.stages),
                guidance=request.sampling.guidance,
                seconds=statistics.median(seconds[1:]),  # the first turn warms up
                first_preview=statistics.median(previews[1:]),
                n=rounds,
            )
        )
    return tuple(found)


def time_pulled(model: EDiffI, rounds: int) -> PulledTime:
    """The times of pictures that are pulled or laid beside a plain one's, measured in turns."""
    left = np.array([[column < GRID // 2 for column in range(GRID)]] * GRID)
    ways = Painting(PROMPT, pull=PULL), Painting(PROMPT, collage=True)
    asked = (
        model.request(PROMPT, size=model.sizes[0]),
        model.request(PROMPT, size=model.sizes[0], insist=INSISTENCE),
        *(
            model.request(PROMPT, size=model.sizes[0], painting=way.add("a red fox", left))
            for way in ways
        ),
    )
    calls = [partial(model.generate_many, [request]) for request in asked]
    plain, insisting, painted, collaged = medians_in_turns(calls, rounds, model.generator.device)
    return PulledTime(model.environment().dtype, plain, insisting, painted, collaged, rounds)


def time_command(source: str | Path, device: str, size: int) -> CommandTime:
    """The command that makes one picture of `size` px, from its start to its end.

    Its memory is that of the process on the CPU, whatever the device.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["generate", PROMPT, "--size", size, "--model", source, "--device", device]
        line = [sys.executable, "-m", "ediffi", *words, "--out", Path(folder) / "a.png"]
        began = time.perf_counter()
        subprocess.run([str(word) for word in line], check=True, capture_output=True)
        seconds = time.perf_counter() - began
    return CommandTime(size, seconds, _resident(resource.RUSAGE_CHILDREN))


def _peak_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return _resident(resource.RUSAGE_SELF)


def _resident(who: int) -> float:
    """The most memory in MiB that this process, or the largest of its children, has held."""
    peak = resource.getrusage(who).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
