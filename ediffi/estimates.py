"""What a system would cost, counted without building it: parameters, memory, arithmetic, time.

Networks are laid out on the meta device, so the full-size ones fit anywhere. Times are the counted
arithmetic at a rate that the caller names; nothing is measured here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from ediffi.build import build_denoiser, parameter_count
from ediffi.cascade.stages import CROP
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import DenoiserConfig, EncoderDims, Preset, SamplingConfig

SERVED_BYTES = 2
"""A weight in bfloat16."""
TRAINED_BYTES = 20
"""A weight in training: float32 weight, gradient, both moments of AdamW, and the average."""


@dataclass(frozen=True)
class Cost:
    """One network: what it weighs, and what one evaluation and one picture take."""

    name: str
    resolution: int
    parameters: int
    gflop: float
    evaluations: int

    @property
    def served_gib(self) -> float:
        """Weights in bfloat16, in GiB."""
        return self.parameters * SERVED_BYTES / 2**30

    @property
    def trained_gib(self) -> float:
        """Weights, gradients, optimiser and average in GiB, activations left out."""
        return self.parameters * TRAINED_BYTES / 2**30

    def seconds(self, tflops: float) -> float:
        """One picture's evaluations at so many TFLOP/s."""
        return self.gflop * self.evaluations / (1000 * tflops)

    def step_seconds(self, batch: int, tflops: float) -> float:
        """One training step of `batch` crops: backward costs twice the forward pass."""
        share = (min(CROP, self.resolution) / self.resolution) ** 2
        return 3 * self.gflop * share * batch / (1000 * tflops)


def costs(of: Preset) -> list[Cost]:
    """The base and every stage of a preset, sampled as the preset says."""
    found = [_cost(of.base, of.sampling, None)]
    return found + [_cost(stage.denoiser, stage.sampling, stage.low) for stage in of.stages]


def longest_context(dims: EncoderDims) -> Conditioning:
    """What a denoiser is told for one prompt as long as the encoders read, in zeros."""
    return replace(
        Conditioning.nothing(1, dims),
        t5=torch.zeros(1, dims.t5_length, dims.t5),
        t5_mask=torch.ones(1, dims.t5_length, dtype=torch.bool),
        clip=torch.zeros(1, dims.clip_length, dims.clip),
        clip_mask=torch.ones(1, dims.clip_length, dtype=torch.bool),
    )


def resident_gib(of: Cost, experts: int, on_device: int) -> float:
    """Weights of an ensemble of `experts` like `of` that lie on the device, in GiB."""
    return min(experts, on_device) * of.served_gib


def _cost(config: DenoiserConfig, sampling: SamplingConfig, low: int | None) -> Cost:
    dims = config.encoders
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        module = build_denoiser(config)
        cond = longest_context(dims)
        if low is not None:
            cond = cond.with_low_res(torch.zeros(1, 3, low, low))
        side = config.resolution
        module(torch.zeros(1, 3, side, side), torch.ones(1), cond)
    guided = 1 if sampling.guidance == 1 else 2
    per_step = 2 if sampling.solver in ("heun", "stochastic") else 1
    return Cost(
        name=config.name,
        resolution=side,
        parameters=parameter_count(module),
        gflop=counter.get_total_flops() / 1e9,
        evaluations=sampling.steps * per_step * guided,
    )
