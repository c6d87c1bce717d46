"""How long one evaluation takes: beside diffusers' U-Net, by an ensemble, recorded and painted.

What is compared runs in turns, so that a busy machine slows both; medians are reported. Weights are
random: they cost what any cost. It knows networks, not pictures.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from ediffi.build import build_denoiser, parameter_count
from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.conditioning.projector import ConditionedDenoiser
from ediffi.config import DenoiserConfig, EncoderDims, UNetConfig
from ediffi.controls.attention_maps import Word
from ediffi.controls.attention_recorder import AttentionRecorder, Watched
from ediffi.controls.masks import GRID
from ediffi.diffusion.guidance import Window
from ediffi.diffusion.noise import edm_grid
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.experts.node_sets import BASE_SETS, Role
from ediffi.networks.frame import Context
from ediffi.stacked_guidance import PairedGuidance
from ediffi.twin import diffusers_twin

COLUMNS = 24
BLOCK, WORDS, STEPS = 32, 10, 18
"""A prompt as the front door pads it: columns of each stream, words among them; and its steps."""

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


@dataclass(frozen=True)
class ControlTime:
    """Median milliseconds of a guided step: plain, with attention recorded, painted, in turns.

    The prompt has ten words, all of which are recorded; two regions are painted.
    """

    dtype: str
    plain: float
    recorded: float
    painted: float
    turns: int

    @property
    def recording(self) -> float:
        """A step that records attention over a plain one."""
        return self.recorded / self.plain

    @property
    def painting(self) -> float:
        """A painted step over an unpainted one."""
        return self.painted / self.plain


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
    one = settled(config, device, dtype)
    ensemble = ensemble_of(BASE_SETS["D"], config, device, dtype)
    side = config.resolution
    x = torch.ones(1, 3, side, side, device=device)
    cond = Conditioning.nothing(1, config.encoders).to(device)
    grid = edm_grid(18)[:-1].to(device, torch.float32)
    seconds: tuple[list[float], list[float]] = ([], [])
    with torch.inference_mode():
        for turn in range(len(grid) + pairs):
            sigma = grid[turn % len(grid)][None]
            for spent, denoiser in zip(seconds, (one, ensemble), strict=True):
                _wait(device)
                began = time.perf_counter()
                denoiser(x, sigma, cond)
                _wait(device)
                spent.append(time.perf_counter() - began)
    alone, many = (1000 * statistics.median(times[len(grid) :]) for times in seconds)
    return EnsembleTime(str(dtype).removeprefix("torch."), alone, many, pairs)


def settled(
    config: DenoiserConfig, device: torch.device, dtype: torch.dtype
) -> ConditionedDenoiser:
    """A denoiser with random weights, ready to be timed."""
    network = build_denoiser(config)
    _settle(network, device, dtype)
    return network


def ensemble_of(
    roles: Sequence[Role], config: DenoiserConfig, device: torch.device, dtype: torch.dtype
) -> Ensemble:
    """An ensemble of such denoisers, all of them in memory, one for each role."""
    networks = {role.name: settled(config, device, dtype) for role in roles}
    return Ensemble(
        [Expert(r.name, lambda r=r: networks[r.name], r.served()) for r in roles], device
    )


def time_controls(
    config: DenoiserConfig, device: torch.device, dtype: torch.dtype, pictures: int
) -> ControlTime:
    """Three networks of one shape along the noise levels of `pictures` pictures, in turns.

    Every picture is recorded afresh, so that what a recording costs once is in it too.
    """
    networks = [build_denoiser(config) for _ in range(3)]
    for network in networks:
        _settle(network, device, dtype)
    cond, painted = (each.to(device) for each in _prompt(config.encoders))
    told = (cond, cond, painted)
    asked = [PairedGuidance(n, 3.0, Window(), c) for n, c in zip(networks, told, strict=True)]
    x = torch.ones(1, 3, config.resolution, config.resolution, device=device)
    seconds: tuple[list[float], ...] = ([], [], [])
    with torch.inference_mode():
        for _ in range(pictures + 1):
            recorder = AttentionRecorder(config.name, [_ten_words()], str)
            with recorder.listening(networks[1]):
                for sigma in edm_grid(STEPS)[:-1].to(device, torch.float32):
                    for spent, ask, each in zip(seconds, asked, told, strict=True):
                        _wait(device)
                        began = time.perf_counter()
                        ask(x, sigma[None], each)
                        _wait(device)
                        spent.append(time.perf_counter() - began)
    plain, recorded, marked = (1000 * statistics.median(spent[STEPS:]) for spent in seconds)
    turns = STEPS * pictures
    return ControlTime(str(dtype).removeprefix("torch."), plain, recorded, marked, turns)


def medians_in_turns(calls: Sequence[Call], rounds: int, device: torch.device) -> list[float]:
    """The median seconds of each call over `rounds` turns, after one turn that warms up."""
    return [statistics.median(times) for times in seconds_in_turns(calls, rounds, device)]


def seconds_in_turns(calls: Sequence[Call], rounds: int, device: torch.device) -> list[list[float]]:
    """The seconds of each call in `rounds` turns, after one turn that warms up."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for place, call in enumerate(calls):
            _wait(device)
            began = time.perf_counter()
            call()
            _wait(device)
            seconds[place].append(time.perf_counter() - began)
    return [times[1:] for times in seconds]


def _prompt(dims: EncoderDims) -> tuple[Conditioning, Conditioning]:
    """A prompt of ten words in both streams, and the same with its first two words painted."""
    mask = torch.arange(BLOCK)[None] < WORDS
    cond = replace(
        Conditioning.nothing(1, dims),
        t5=torch.ones(1, BLOCK, dims.t5) * mask[:, :, None],
        t5_mask=mask,
        clip=torch.ones(1, BLOCK, dims.clip) * mask[:, :, None],
        clip_mask=mask,
    )
    columns = torch.eye(2, BLOCK)[None]
    edge = torch.arange(GRID) < GRID // 2
    painting = PaintedRegions(
        masks=torch.stack([edge, ~edge])[None, :, None].expand(1, 2, GRID, GRID).float(),
        t5_columns=columns,
        clip_columns=columns,
        weight=torch.ones(1, 2),
        sigma_low=torch.zeros(1, 2),
        sigma_high=torch.full((1, 2), 1e4),
        by_spread=torch.zeros(1, dtype=torch.bool),
        pull=torch.zeros(1),
    )
    return cond, replace(cond, painting=painting)


def _ten_words() -> Watched:
    columns = tuple(range(WORDS))
    words = tuple(Word(str(k), 2 * k, 2 * k + 1) for k in columns)
    own = tuple((k,) for k in columns)
    return Watched(" ".join(map(str, columns)), 0, words, own, own, columns, columns)


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
