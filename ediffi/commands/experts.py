"""`experts`: who serves which noise levels in a model, as its files say; no weights are loaded."""

from __future__ import annotations

import argparse

import torch

from ediffi.build import build_sampler
from ediffi.diffusion.noise import edm_grid
from ediffi.experts.ensemble import Ensemble, shown
from ediffi.experts.routing import routes
from ediffi.joining import Member, join, member
from ediffi.limits import check_integer
from ediffi.loading import locate
from ediffi.model_folder import read_model
from ediffi.presets import preset
from ediffi.request import MAX_STEPS


def add(subparsers: argparse._SubParsersAction) -> None:
    """Adds the command."""
    parser = subparsers.add_parser("experts", help="list a model's networks and what each serves")
    parser.add_argument(
        "model", nargs="?", default="storybook", help="a model, or networks joined by + (storybook)"
    )
    parser.add_argument(
        "--steps", type=int, metavar="N", help="also list which expert runs at each of N steps"
    )
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Prints one line for each network, then the ensemble's boundaries, then the steps."""
    if given.steps is not None:
        check_integer("number of steps", given.steps, 1, MAX_STEPS)
    folder, chosen = locate(given.model)
    contents = read_model(folder)
    named = contents.members(chosen) if chosen else tuple(contents.networks)
    everyone = [member(contents, name) for name in named]
    print("\n".join(table(everyone)))
    at_work = chosen or contents.default
    seated = [member(contents, name) for name in contents.members(at_work)]
    ensemble = join(seated, torch.device("cpu"), torch.float32)
    boundaries = ", ".join(f"{sigma:.3g}" for sigma in ensemble.boundaries) or "none"
    print(f"\n{at_work} is used; boundaries: {boundaries}")
    if given.steps is not None:
        print("\n".join(_steps(ensemble, contents.preset, given.steps)))
    return 0


def table(members: list[Member]) -> list[str]:
    """The lines of the table: a head, then a line for each network."""
    lines = [f"{'network':10} {'node':20} {'serves':24} {'trained on':36} {'pictures':>10} lineage"]
    for one in members:
        descent = one.descent
        trained = " and ".join(shown(interval) for interval in descent.trained_on)
        lineage = " > ".join(descent.lineage) or "-"
        lines.append(
            f"{one.name:10} {descent.part!s:20} {shown(descent.serves):24} {trained:36}"
            f" {one.pictures:10,} {lineage}"
        )
    return lines


def _steps(ensemble: Ensemble, name: str, steps: int) -> list[str]:
    sampling = preset(name).sampling
    grid = edm_grid(steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
    lines = [f"\n{'step':>4} {'sigma':>9} expert"]
    sampler = build_sampler(sampling.solver)
    for number, (sigmas, experts) in enumerate(routes(ensemble, sampler, grid), 1):
        lines.append(f"{number:4} {sigmas[0]:9.4g} {', '.join(experts)}")
    return lines
