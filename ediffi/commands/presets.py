"""`presets`: the systems that the code describes, with their sizes; nothing is loaded."""

from __future__ import annotations

import argparse

import torch

from ediffi.build import build_denoiser, parameter_count
from ediffi.config import Preset
from ediffi.presets import PRESETS


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("presets", help="list the presets and their sizes")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Prints one line for each preset."""
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
