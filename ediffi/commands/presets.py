"""`presets`: the systems that the code describes, with their sizes; nothing is loaded."""

from __future__ import annotations

import argparse

import torch

from ediffi.build import build_denoiser, parameter_count
from ediffi.config import Preset
from ediffi.estimates import costs, resident_gib
from ediffi.presets import PRESETS


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("presets", help="list the presets and their sizes")
    parser.add_argument("preset", nargs="?", choices=list(PRESETS), help="what this one would cost")
    parser.add_argument(
        "--tflops", type=float, default=400.0, help="arithmetic that a device sustains (400)"
    )
    parser.add_argument("--batch", type=int, default=2048, help="of a training step (2048)")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Prints one line for each preset, or the costs of one; ValueError for a rate that is none."""
    if given.preset is not None:
        print("\n".join(cost_table(PRESETS[given.preset], given.tflops, given.batch)))
        return 0
    print(f"{'preset':10} {'pixels':>6} {'parameters':>12} {'solver':>10} {'steps':>5} guidance")
    for preset in PRESETS.values():
        print(line(preset))
    return 0


def line(preset: Preset) -> str:
    """Name, resolution, parameters of the base and default sampling of a preset."""
    # On the meta device, because the paper's base would take gigabytes.
    with torch.device("meta"):
        count = parameter_count(build_denoiser(preset.base))
    sampling = preset.sampling
    return (
        f"{preset.name:10} {preset.base.resolution:6} {count:12,} {sampling.solver:>10}"
        f" {sampling.steps:5} {sampling.guidance:g}"
    )


def cost_table(of: Preset, tflops: float, batch: int) -> list[str]:
    """Every network's size, memory, arithmetic and times, then three experts' memory."""
    if not (0 < tflops < 1e6 and 1 <= batch <= 10**6):
        raise ValueError(f"{tflops} TFLOP/s and a batch of {batch} are no rate and no batch.")
    found = costs(of)
    lines = [
        f"{of.name}, estimated at {tflops:g} TFLOP/s; training without activations, batch {batch}",
        f"{'network':8} {'pixels':>6} {'parameters':>14} {'GFLOP':>9} {'evaluations':>11}"
        f" {'weights':>10} {'picture':>9} {'training':>10} {'step':>8}",
    ]
    for cost in found:
        lines.append(
            f"{cost.name:8} {cost.resolution:6} {cost.parameters:14,} {cost.gflop:9,.1f}"
            f" {cost.evaluations:11} {cost.served_gib:6.2f} GiB {cost.seconds(tflops):7.2f} s"
            f" {cost.trained_gib:6.1f} GiB {cost.step_seconds(batch, tflops):6.2f} s"
        )
    everyone, alone = (resident_gib(found[0], 3, kept) for kept in (3, 1))
    lines.append(
        f"three base experts on the device: {everyone:.2f} GiB, with off-loading {alone:.2f} GiB"
    )
    return lines
