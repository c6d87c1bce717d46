"""How long a picture takes, and how our U-Net stands beside diffusers' of the same shape.

Everything is warm, loading is timed apart, and what is compared runs in turns, so that a busy
machine slows both; what is reported are medians. It knows goals only as numbers to print.
"""

from __future__ import annotations

import math
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from ediffi.build import build_denoiser, parameter_count
from ediffi.conditioning.projector import ConditionedDenoiser
from ediffi.config import DenoiserConfig, UNetConfig
from ediffi.networks.unet import Context
from ediffi.pipeline import EDiffI, fastest_dtype
from ediffi.recipe import Environment

PROMPT = "a red fox under a yellow moon"
PICTURE_GOAL = 1.5
RATIO_GOAL = 0.75
COLUMNS = 24


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
class Bench:
    """All measurements of one run; `peak_memory` in MiB is that of the whole process."""

    environment: Environment
    model: str
    load_seconds: float
    pictures: tuple[PictureTime, ...]
    forwards: tuple[ForwardTime, ...]
    peak_memory: float


def run_bench(source: str | Path = "storybook", device: str = "cpu", rounds: int = 9) -> Bench:
    """Measures the model of `source` on `device`; errors as in `EDiffI.from_pretrained`."""
    if not 1 <= rounds <= 1000:
        raise ValueError(f"The number of rounds is {rounds} and must lie between 1 and 1000.")
    began = time.perf_counter()
    model = EDiffI.from_pretrained(source, device)
    load_seconds = time.perf_counter() - began
    place = torch.device(device)
    # The second row is what a machine without bfloat16 units gives.
    dtypes = list(dict.fromkeys([fastest_dtype(place), torch.float32]))
    pictures = time_pictures([EDiffI(model.model, place, dtype) for dtype in dtypes], rounds)
    forwards = tuple(
        time_forward(model.model.config, place, torch.bfloat16, batch, 3 * rounds)
        for batch in (1, 2)
    )
    return Bench(
        environment=model.environment(),
        model=model.model.name,
        load_seconds=load_seconds,
        pictures=pictures,
        forwards=forwards,
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

    Both get the same pixels and a context of 24 columns, in `dtype` autocast and channels-last.
    Ours has its keys and values prepared, as in sampling, where they are projected once.
    """
    ours = build_denoiser(config).to(device).eval()
    twin = diffusers_twin(config.network, config.resolution)
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        calls = [_our_call(ours, config, batch, device)]
        if twin is not None:
            twin = twin.to(device).eval().to(memory_format=torch.channels_last)  # pyright: ignore
            calls.append(_their_call(twin, config.network, config.resolution, batch, device))
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


def medians_in_turns(
    calls: Sequence[Callable[[], object]], rounds: int, device: torch.device
) -> list[float]:
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


def diffusers_twin(config: UNetConfig, resolution: int) -> nn.Module | None:
    """diffusers' U-Net with our convolutions and attention; None where it is not installed.

    What ours does not have is taken out of theirs, which makes it faster: feed-forward layers, the
    projections around a transformer, and self-attention where we have none.
    """
    try:
        from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
    except ImportError:
        return None
    widths = tuple(config.channels * m for m in config.multipliers)
    pixels = config.image_channels * config.stem_patch**2
    down = tuple("CrossAttnDownBlock2D" if on else "DownBlock2D" for on in config.cross_attention)
    up = tuple("CrossAttnUpBlock2D" if on else "UpBlock2D" for on in config.cross_attention[::-1])
    twin = UNet2DConditionModel(
        sample_size=resolution // config.stem_patch,
        in_channels=pixels,
        out_channels=pixels,
        down_block_types=down,
        up_block_types=up,
        block_out_channels=widths,
        layers_per_block=config.blocks,
        cross_attention_dim=config.context_width,
        # diffusers calls the number of heads so.
        attention_head_dim=tuple(width // config.head_channels for width in widths),
        norm_num_groups=math.gcd(32, *widths),
        resnet_time_scale_shift="scale_shift",
        time_embedding_dim=config.embedding_width,
    )
    levels = list(zip(twin.down_blocks, config.self_attention, strict=True))
    levels += list(zip(twin.up_blocks, config.self_attention[::-1], strict=True))
    for block, attends in [*levels, (twin.mid_block, config.self_attention[-1])]:
        _strip(block, attends)
    return twin


class _Nothing(nn.Module):
    """Adds nothing to a residual stream, in place of an attention or a feed-forward layer."""

    def forward(
        self,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Zero, broadcast to the stream."""
        return hidden_states.new_zeros(())


def _strip(block: nn.Module, attends: bool) -> None:
    for module in block.modules():
        if hasattr(module, "proj_in") and hasattr(module, "transformer_blocks"):
            module.proj_in, module.proj_out = nn.Identity(), nn.Identity()
        if hasattr(module, "attn1") and hasattr(module, "ff"):
            module.ff, module.norm3 = _Nothing(), nn.Identity()
            if not attends:
                module.attn1, module.norm1 = _Nothing(), nn.Identity()


def _our_call(
    ours: ConditionedDenoiser, config: DenoiserConfig, batch: int, device: torch.device
) -> Callable[[], object]:
    width = config.network
    context = ours.unet.prepare(
        Context(
            torch.randn(batch, COLUMNS, width.context_width, device=device),
            torch.ones(batch, COLUMNS, dtype=torch.bool, device=device),
            torch.randn(batch, width.embedding_width, device=device),
        )
    )
    x = torch.randn(batch, 3, config.resolution, config.resolution, device=device)
    noise = torch.zeros(batch, device=device)
    return lambda: ours.unet(x, noise, context)


def _their_call(
    twin: nn.Module, config: UNetConfig, resolution: int, batch: int, device: torch.device
) -> Callable[[], object]:
    side = resolution // config.stem_patch
    pixels = config.image_channels * config.stem_patch**2
    x = torch.randn(batch, pixels, side, side, device=device)
    x = x.contiguous(memory_format=torch.channels_last)
    noise = torch.zeros(batch, device=device)
    tokens = torch.randn(batch, COLUMNS, config.context_width, device=device)
    return lambda: twin(x, noise, encoder_hidden_states=tokens, return_dict=False)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_memory(device: torch.device) -> float:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
