"""How long one evaluation takes: beside diffusers' U-Net of the same shape, and by an ensemble.

What is compared runs in turns, so that a busy machine slows both; medians are reported. Weights are
random: they cost what any cost. It knows networks, not pictures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

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
from ediffi.twin import diffusers_twin

COLUMNS = 24

Call = Callable[[], object]


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
