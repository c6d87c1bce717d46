"""Who serves which steps in Configs A to D, and how little of the training noise lies there.

The paper names nodes of its tree over p(sigma) (App. B). Here they become numbers: the ranges of
sigma, the mass of p(sigma) inside, and the steps of a sampling grid that fall to each expert. It
needs no weights and samples nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ediffi.build import build_sampler
from ediffi.config import SamplingConfig
from ediffi.diffusion.noise import Interval, LogNormal, edm_grid
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.experts.node_sets import BASE_SETS, SR256_SETS, Role
from ediffi.experts.routing import routes
from ediffi.experts.tree import PAPER_NOISE

STEPS = 50
NETWORKS: Mapping[str, Mapping[str, Sequence[Role]]] = {"base": BASE_SETS, "SR256": SR256_SETS}


@dataclass(frozen=True)
class Seat:
    """One expert of one configuration: `high` is None where the range is open.

    `node` as the paper prints it; `trained_mass` is the share of p(sigma) that it is trained on and
    `mass` that of the range it serves; `steps` are the steps of the grid that it answers.
    """

    config: str
    network: str
    expert: str
    node: str
    low: float
    high: float | None
    trained_mass: float
    mass: float
    steps: int

    def share(self, total: int) -> float:
        """Its share of `total` steps."""
        return self.steps / total

    def gain(self, total: int) -> float:
        """How much more of the steps than of p(sigma) lies in its range."""
        return self.share(total) / self.mass


@dataclass(frozen=True)
class Ranges:
    """Every seat of every configuration on one grid of `n` steps, high noise first."""

    n: int
    solver: str
    sigmas: tuple[float, ...]
    P_mean: float
    P_std: float
    seats: tuple[Seat, ...]

    def seats_of(self, config: str, network: str = "base") -> tuple[Seat, ...]:
        """The seats of one configuration, least noise first."""
        return tuple(s for s in self.seats if (s.config, s.network) == (config, network))

    def boundaries(self, config: str, network: str = "base") -> tuple[float, ...]:
        """The noise levels at which one expert hands over to the next, rising."""
        return tuple(seat.low for seat in self.seats_of(config, network)[1:])


def measure(
    n: int = STEPS, sampling: SamplingConfig | None = None, noise: LogNormal = PAPER_NOISE
) -> Ranges:
    """The ranges on the EDM grid of `n` steps; ValueError for fewer than one step.

    `sampling` gives the grid's ends and the solver (None: DPM-Solver++(2M) from 80 to 0.002).
    """
    chosen = sampling or SamplingConfig()
    grid = edm_grid(n, chosen.sigma_min, chosen.sigma_max, chosen.rho)
    seats = [
        seat
        for network, sets in NETWORKS.items()
        for config, roles in sets.items()
        for seat in _seats(config, network, roles, chosen.solver, grid, noise)
    ]
    return Ranges(
        n=n,
        solver=chosen.solver,
        sigmas=tuple(round(sigma, 6) for sigma in grid[:-1].tolist()),
        P_mean=noise.P_mean,
        P_std=noise.P_std,
        seats=tuple(seats),
    )


def sentences(found: Ranges, config: str = "D") -> list[str]:
    """One sentence for every base expert of a configuration."""
    return [
        f"{seat.expert}, node {seat.node}: {seat.steps} of {found.n} steps"
        f" ({100 * seat.share(found.n):.0f} %) and {100 * seat.mass:.2g} % of p(sigma)."
        for seat in found.seats_of(config)
    ]


def _seats(
    config: str,
    network: str,
    roles: Sequence[Role],
    solver: str,
    grid: Tensor,
    noise: LogNormal,
) -> list[Seat]:
    serves = {role.name: role.served(noise) for role in roles}
    ensemble = Ensemble([Expert(role.name, _nobody, serves[role.name]) for role in roles])
    asked = routes(ensemble, build_sampler(solver), grid)
    # A step belongs to whom its first evaluation asks; Heun's second one may ask the next.
    steps = Counter(experts[0] for _, experts in asked)
    seats = []
    for role in sorted(roles, key=lambda role: serves[role.name].low):
        interval = serves[role.name]
        seats.append(
            Seat(
                config=config,
                network=network,
                expert=role.name,
                node=str(role.part),
                low=round(interval.low, 6),
                high=None if interval.high == float("inf") else round(interval.high, 6),
                trained_mass=_mass(role.part.intervals(noise), noise),
                mass=_mass([interval], noise),
                steps=steps[role.name],
            )
        )
    return seats


def _mass(intervals: Sequence[Interval], noise: LogNormal) -> float:
    return round(sum(noise.mass(interval) for interval in intervals), 8)


def _nobody() -> Any:
    return lambda x, sigma, cond: torch.zeros_like(x)
