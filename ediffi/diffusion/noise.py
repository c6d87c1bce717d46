"""p(sigma) with exact quantiles, noise grids and seeded noise.

Knows nothing of networks, experts or prompts. Draws inside any union of intervals are made through
the quantile function in float64 from whichever tail is nearer, so both tails are exact.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_SQRT2 = math.sqrt(2.0)


@dataclass(frozen=True)
class Interval:
    """The noise levels low <= sigma < high; `high` may be infinite."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Raise ValueError unless 0 <= low < high."""
        if not 0 <= self.low < self.high:
            raise ValueError(f"an interval needs 0 <= low < high, not {self.low} and {self.high}")

    def __contains__(self, sigma: float) -> bool:
        """Whether low <= sigma < high."""
        return self.low <= sigma < self.high


EVERYTHING = Interval(0.0, math.inf)


@dataclass(frozen=True)
class LogNormal:
    """ln sigma ~ N(P_mean, P_std^2), the training distribution of EDM and of the paper's Sec. 3."""

    P_mean: float = -1.2
    P_std: float = 1.2

    def __post_init__(self) -> None:
        """Raise ValueError unless P_std is positive and both are finite."""
        if not (math.isfinite(self.P_mean) and math.isfinite(self.P_std) and self.P_std > 0):
            raise ValueError(f"p(sigma) needs a finite P_mean and P_std > 0, not {self}")

    def cdf(self, sigma: Tensor) -> Tensor:
        """The share of p(sigma) below `sigma` (any shape, float64)."""
        return 0.5 * torch.erfc(-self._z(sigma) / _SQRT2)

    def survival(self, sigma: Tensor) -> Tensor:
        """The share above `sigma`, exact where 1 - cdf would round to zero."""
        return 0.5 * torch.erfc(self._z(sigma) / _SQRT2)

    def quantile(self, u: Tensor) -> Tensor:
        """The sigma below which the share `u` in [0, 1] lies (float64)."""
        z = torch.special.ndtri(u.to(torch.float64))
        return torch.exp(self.P_mean + self.P_std * z)

    def mass(self, interval: Interval) -> float:
        """The share of p(sigma) inside an interval, taken from the nearer tail."""
        low, high = torch.tensor([interval.low, interval.high], dtype=torch.float64)
        if interval.low > math.exp(self.P_mean):
            return float(self.survival(low) - self.survival(high))
        return float(self.cdf(high) - self.cdf(low))

    def draw(
        self,
        n: int,
        intervals: Sequence[Interval] = (EVERYTHING,),
        generator: torch.Generator | None = None,
        stratified: bool = False,
    ) -> Tensor:
        """`n` noise levels from p restricted to a union of disjoint intervals, float64 (n,).

        `stratified` spreads them evenly over the mass, in random order. Raises ValueError when the
        intervals hold no mass.
        """
        u = torch.rand(n, generator=generator, dtype=torch.float64)
        if stratified:
            order = torch.randperm(n, generator=generator)
            u = (order.to(torch.float64) + u) / n
        return self.at(u, intervals)

    def at(self, u: Tensor, intervals: Sequence[Interval] = (EVERYTHING,)) -> Tensor:
        """The noise levels at shares `u` in [0, 1) (n,) of the mass of a union of intervals.

        Raises ValueError when the intervals hold no mass.
        """
        masses = torch.tensor([self.mass(i) for i in intervals], dtype=torch.float64)
        total = float(masses.sum())
        if not total > 0:
            raise ValueError(f"p(sigma) with {self} has no mass in {list(intervals)}")
        ends = torch.cumsum(masses, 0)
        scaled = u.to(torch.float64) * total
        which = torch.searchsorted(ends, scaled, right=True).clamp(max=len(intervals) - 1)
        inside = scaled - (ends - masses)[which]
        sigma = torch.empty_like(scaled)
        for i, interval in enumerate(intervals):
            chosen = which == i
            sigma[chosen] = self._inside(interval, inside[chosen])
        return sigma

    def _inside(self, interval: Interval, mass: Tensor) -> Tensor:
        low, high = torch.tensor([interval.low, interval.high], dtype=torch.float64)
        if interval.low > math.exp(self.P_mean):
            above = self.survival(low) - mass
            sigma = torch.exp(self.P_mean - self.P_std * torch.special.ndtri(above))
        else:
            sigma = self.quantile(self.cdf(low) + mass)
        # One float32 below the edge: a network is told float32, and rounding must not cross it.
        below_high = torch.nextafter(high.float(), torch.zeros(()))
        return sigma.clamp(float(low), float(below_high))

    def _z(self, sigma: Tensor) -> Tensor:
        return (torch.log(sigma.to(torch.float64)) - self.P_mean) / self.P_std


def edm_grid(
    steps: int, sigma_min: float = 0.002, sigma_max: float = 80.0, rho: float = 7.0
) -> Tensor:
    """The EDM noise grid: `steps` levels from sigma_max to sigma_min, then 0; float64 (steps + 1,).

    Raises ValueError for steps < 1 or levels that do not satisfy 0 < sigma_min < sigma_max < inf.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}, but must be at least 1")
    if not 0 < sigma_min < sigma_max < math.inf:
        raise ValueError(f"the grid needs 0 < sigma_min < sigma_max, not {sigma_min}, {sigma_max}")
    if steps == 1:
        return torch.tensor([sigma_max, 0.0], dtype=torch.float64)
    ramp = torch.arange(steps, dtype=torch.float64) / (steps - 1)
    ends = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    grid = (ends[0] + ramp * (ends[1] - ends[0])) ** rho
    grid[0], grid[-1] = sigma_max, sigma_min
    return torch.cat([grid, grid.new_zeros(1)])


def grid_from(sigma: float, grid: Tensor) -> Tensor:
    """The levels of a sampling that begins at `sigma`: below it those of `grid`, (steps + 1,).

    One within a tenth of `sigma` is left out: a step to it would change nothing.
    """
    return torch.cat([grid.new_tensor([sigma]), grid[grid < 0.9 * sigma]])


def seeded_noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """Unit Gaussian noise (len(seeds), *shape), float32 on the CPU.

    Every picture has its own generator, so a seed gives one noise whatever the batch around it.
    Raises ValueError for a seed outside 0 <= seed < 2**64.
    """
    rows = []
    for seed in seeds:
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed is {seed}, but must satisfy 0 <= seed < 2**64")
        # torch reads a seed as signed 64 bits, so the upper half is folded to negative numbers.
        signed = seed - 2**64 if seed >= 2**63 else seed
        generator = torch.Generator().manual_seed(signed)
        rows.append(torch.randn(shape, generator=generator))
    return torch.stack(rows)


def derived_seed(seed: int, purpose: str) -> int:
    """Another seed below 2**64 for another purpose, the same on every machine.

    Two draws from one seed would begin with the same numbers, whatever their shapes.
    """
    digest = hashlib.blake2b(f"{purpose}/{seed}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")
