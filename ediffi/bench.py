"""How long a picture takes, and how our U-Net stands beside diffusers' of the same shape.

Everything is warm, loading is timed apart, and what is compared runs in turns, so that a busy
machine slows both; what is reported are medians. It knows goals only as numbers to print.
"""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ediffi.build import build_denoiser, parameter_count
from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.projector import ConditionedDenoiser
from ediffi.config import DenoiserConfig, UNetConfig
from ediffi.diffusion.noise import edm_grid
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.experts.node_sets import BASE_SETS
from ediffi.networks.frame import Context
from ediffi.pipeline import EDiffI
from ediffi.precision import fastest_dtype
from ediffi.recipe import Environment
from ediffi.twin import diffusers_twin

PROMPT = "a red fox under a yellow moon"
PICTURE_GOAL = 1.5
RATIO_GOAL = 0.75
ENSEMBLE_GOAL = "1.00 ± 0.03"
COLUMNS = 24
PAIRS = 23
"""Evaluations of one network and of an ensemble for each round: 207 at the default of 9."""

Call = Callable[[], object]


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
class ForwardTime:
    """Median milliseconds of one evaluation; `theirs` is None where diffusers is not installed."""

    dtype: str
    batch: int
    ours: float
    theirs: float | None
    our_parameters: int
    their_parameters: int | None
    n: int

    @property
    def ratio(self) -> float | None:
        """Ours over theirs."""
        return None if self.theirs is None else self.ours / self.theirs


@dataclass(frozen=True)
class EnsembleTime:
    """Median milliseconds of one evaluation by one network and by Config D's three, in turns."""

    dtype: str
    one: float
    ensemble: float
    pairs: int

    @property
    def ratio(self) -> float:
        """The ensemble's over the single network's."""
        return self.ensemble / self.one


@dataclass(frozen=True)
class Bench:
    """All measurements of one run; `peak_memory` in MiB is that of the whole process."""

    environment: Environment
    model: str
    load_seconds: float
    pictures: tuple[PictureTime, ...]
    forwards: tuple[ForwardTime, ...]
    ensemble: EnsembleTime
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
    pictures = time_pictures(models, rounds)
    dtype, base = fastest_dtype(place), model.model.config
    forwards = tuple(time_forward(base, place, dtype, batch, 3 * rounds) for batch in (1, 2))
    return Bench(
        environment=model.environment(),
        model=model.model.name,
        load_seconds=load_seconds,
        pictures=pictures,
        forwards=forwards,
        ensemble=time_ensemble(base, place, dtype, PAIRS * rounds),
        peak_memory=_peak_memory(place),
    )


def time_pictures(models: Sequence[EDiffI], rounds: int) -> tuple[PictureTime, ...]:
    """The time of one picture for each model, measured in turns."""
    whole: list[list[float]] = [[] for _ in models]
    first: list[list[float]] = [[] for _ in models]
    for turn in range(rounds + 1):
        for place, model in enumerate(models):
            began = time.perf_counter()
            for step in model.steps(model.request(PROMPT, seed=turn)):
                if step.index == 1:
                    first[place].append(time.perf_counter() - began)
            whole[place].append(time.perf_counter() - began)
    found = []
    for model, seconds, previews in zip(models, whole, first, strict=True):
        request = model.request(PROMPT)
        found.append(
            PictureTime(
                dtype=model.environment().dtype,
                size=request.size,
                steps=request.sampling.steps,
                guidance=request.sampling.guidance,
                seconds=statistics.median(seconds[1:]),  # the first turn warms up
                first_preview=statistics.median(previews[1:]),
                n=rounds,
            )
        )
    return tuple(found)


def time_forward(
    config: DenoiserConfig,
    device: torch.device,
    dtype: torch.dtype,
    batch: int,
    rounds: int,
) -> ForwardTime:
    """One evaluation of our denoiser's U-Net and of diffusers' twin, in turns.

    Both get a context of 24 columns, and have weights and inputs in `dtype` and channels-last. Ours
    has its keys and values prepared, as in sampling, where they are projected once.
    """
    ours = build_denoiser(config)
    twin = diffusers_twin(config.network, config.resolution)
    with torch.inference_mode():
        _settle(ours, device, dtype)
        calls = [_our_call(ours, config, batch)]
        if twin is not None:
            _settle(twin, device, dtype)
            calls.append(_their_call(twin, config.network, config.resolution, batch))
        medians = medians_in_turns(calls, rounds, device)
    return ForwardTime(
        dtype=str(dtype).removeprefix("torch."),
        batch=batch,
        ours=1000 * medians[0],
        theirs=None if twin is None else 1000 * medians[1],
        our_parameters=parameter_count(ours.unet),
        their_parameters=None if twin is None else parameter_count(twin),
        n=rounds,
    )


def time_ensemble(
    config: DenoiserConfig, device: torch.device, dtype: torch.dtype, pairs: int
) -> EnsembleTime:
    """One network and an ensemble of three like it, asked in turns along the noise levels.

    All experts are loaded before the clock starts. Weights are random: they cost what any cost.
    """
    names = [role.name for role in BASE_SETS["D"]]
    networks = {name: build_denoiser(config) for name in ("one", *names)}
    for network in networks.values():
        _settle(network, device, dtype)
    ensemble = Ensemble(
        [Expert(r.name, lambda r=r: networks[r.name], r.served()) for r in BASE_SETS["D"]], device
    )
    side = config.resolution
    x = torch.ones(1, 3, side, side, device=device)
    cond = Conditioning.nothing(1, config.encoders).to(device)
    grid = edm_grid(18)[:-1].to(device, torch.float32)
    seconds: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        for turn in range(len(grid) + pairs):
            sigma = grid[turn % len(grid)][None]
            for spent, denoiser in zip(seconds, (networks["one"], ensemble), strict=True):
                _wait(device)
                began = time.perf_counter()
                denoiser(x, sigma, cond)
                _wait(device)
                spent.append(time.perf_counter() - began)
    one, many = (1000 * statistics.median(times[len(grid) :]) for times in seconds)
    return EnsembleTime(str(dtype).removeprefix("torch."), one, many, pairs)


def medians_in_turns(calls: Sequence[Call], rounds: int, device: torch.device) -> list[float]:
    """The median seconds of each call over `rounds` turns, after one turn that warms up."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for place, call in enumerate(calls):
            _wait(device)
            began = time.perf_counter()
            call()
            _wait(device)
            seconds[place].append(time.perf_counter() - began)
    return [statistics.median(times[1:]) for times in seconds]


def _settle(module: nn.Module, device: torch.device, dtype: torch.dtype) -> None:
    # The plain method: diffusers' own logs a warning about a list that is empty.
    nn.Module.to(module.eval(), device, dtype)
    nn.Module.to(module, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _our_call(ours: ConditionedDenoiser, config: DenoiserConfig, batch: int) -> Call:
    like = ours.unet.stem.weight
    network = config.network
    context = ours.unet.prepare(
        Context(
            like.new_ones(batch, COLUMNS, network.context_width),
            like.new_ones(batch, COLUMNS, dtype=torch.bool),
            like.new_ones(batch, network.embedding_width),
        )
    )
    x = like.new_ones(batch, 3, config.resolution, config.resolution)
    noise = like.new_zeros(batch, dtype=torch.float32)
    return lambda: ours.unet(x, noise, context)


def _their_call(twin: nn.Module, config: UNetConfig, resolution: int, batch: int) -> Call:
    like = next(twin.parameters())
    side, pixels = resolution // config.stem_patch, config.image_channels * config.stem_patch**2
    x = like.new_ones(batch, pixels, side, side).contiguous(memory_format=torch.channels_last)
    noise = like.new_zeros(batch, dtype=torch.float32)
    tokens = like.new_ones(batch, COLUMNS, config.context_width)
    return lambda: twin(x, noise, encoder_hidden_states=tokens, return_dict=False)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
