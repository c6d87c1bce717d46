"""What more parameters cost in one evaluation: wider, deeper, or more experts (paper Fig. 13).

Networks with random weights are asked in turns, so that a busy machine slows all of them. Time is
the median; memory is counted, not measured, so it is the same everywhere. It knows configurations,
not pictures.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ediffi.build import build_denoiser, parameter_count
from ediffi.config import DenoiserConfig
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.noise import edm_grid
from ediffi.estimates import longest_context
from ediffi.experts.node_sets import BASE_SETS
from ediffi.forward_times import ensemble_of, seconds_in_turns, settled
from ediffi.precision import usable_device

WIDER, DEEPER = (2,), (2, 3)
"""Factors of all channels and of all blocks; our choice, the paper's are not public."""
EXPERTS = {2: "C", 3: "D", 4: "four"}
"""Which configuration of the paper has so many base experts."""
GRID = 18
MIB = 2**20


@dataclass(frozen=True)
class Way:
    """One way to hold more parameters: `factor` channels or blocks, or so many experts."""

    way: str
    factor: int
    config: DenoiserConfig

    @property
    def name(self) -> str:
        """As figures show it."""
        return self.way if self.way == "as it is" else f"{self.way} x {self.factor}"


@dataclass(frozen=True)
class Cost:
    """One way: all its parameters, and what one evaluation takes.

    `milliseconds` is the median over the turns; `ratio` the median of a turn's time over that of
    the network as it is, with the ends of its 95 % interval. `weights_mib` counts all experts,
    `resident_mib` one at a time; `live_mib` is the most that intermediate results take.
    """

    way: str
    factor: int
    parameters: int
    milliseconds: float
    ratio: tuple[float, float, float]
    weights_mib: float
    resident_mib: float
    live_mib: float


@dataclass(frozen=True)
class InferenceCost:
    """All ways in `n` turns, the network as it is first; one picture, guidance not counted."""

    network: str
    resolution: int
    n: int
    device: str
    dtype: str
    costs: tuple[Cost, ...]

    def cost(self, way: str, factor: int) -> Cost:
        """The cost of one way; StopIteration where it was not tried."""
        return next(c for c in self.costs if (c.way, c.factor) == (way, factor))


class LiveMemory(TorchDispatchMode):
    """While it is open, counts the bytes of tensors that are made and still held; `peak` is most.

    Views share their storage and cost nothing; the workspaces of kernels are not seen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.peak = 0
        self._held: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        given = {StorageWeakRef(t.untyped_storage()) for t in tree_leaves(args) if _is_tensor(t)}
        for tensor in filter(_is_tensor, tree_leaves(made)):
            storage = tensor.untyped_storage()
            if StorageWeakRef(storage) not in given:
                self._held[StorageWeakRef(storage)] = storage.nbytes()
        self._held = {ref: size for ref, size in self._held.items() if not ref.expired()}
        self.peak = max(self.peak, sum(self._held.values()))
        return made


def ways(
    config: DenoiserConfig,
    wider: Sequence[int] = WIDER,
    deeper: Sequence[int] = DEEPER,
    experts: Sequence[int] = tuple(EXPERTS),
) -> tuple[Way, ...]:
    """The network as it is, and every way that is asked for; ValueError for another expert count.

    Widths grow by whole factors, so that they still split into attention heads.
    """
    for count in experts:
        if count not in EXPERTS:
            raise ValueError(f"{count} experts are in no configuration; 2, 3 and 4 are.")
    unet = config.network
    wide = [(k, replace(unet, channels=k * unet.channels)) for k in wider]
    deep = [(k, replace(unet, blocks=tuple(k * count for count in unet.blocks))) for k in deeper]
    return (
        Way("as it is", 1, config),
        *(Way("wider", k, replace(config, network=network)) for k, network in wide),
        *(Way("deeper", k, replace(config, network=network)) for k, network in deep),
        *(Way("experts", k, config) for k in experts),
    )


def measure(
    config: DenoiserConfig,
    n: int,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    asked: Sequence[Way] | None = None,
) -> InferenceCost:
    """Times every way (`asked`, the first the yardstick) in `n` turns along the noise levels.

    Raises ValueError for fewer than 2 turns.
    """
    if n < 2:
        raise ValueError(f"A median with an interval needs 2 turns, not {n}.")
    place = usable_device(device)
    tried = tuple(asked or ways(config))
    with torch.inference_mode():
        calls = [_call(_denoiser(way, place, dtype), way.config, place) for way in tried]
        seconds = seconds_in_turns(calls, n, place)
    costs = [_cost(way, own, seconds[0], dtype) for way, own in zip(tried, seconds, strict=True)]
    return InferenceCost(
        network=config.name,
        resolution=config.resolution,
        n=n,
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        costs=tuple(costs),
    )


def live_mib(config: DenoiserConfig) -> float:
    """The most MiB that intermediate results of one evaluation take in float32, counted."""
    side = config.resolution
    with torch.device("meta"), torch.no_grad():
        module, cond = build_denoiser(config), longest_context(config.encoders)
        x, sigma = torch.zeros(1, 3, side, side), torch.ones(1)
        with LiveMemory() as live:
            module(x, sigma, cond)
    return live.peak / MIB


def median_of(values: Sequence[float]) -> tuple[float, float, float]:
    """The median and the ends of its 95 % interval, which assumes no distribution.

    The ends are the values at ranks n/2 - 0.98 sqrt(n) and n/2 + 0.98 sqrt(n), cut at the extremes
    (binomial, normal approximation).
    """
    ordered, n = sorted(values), len(values)
    reach = 0.98 * math.sqrt(n)
    low = ordered[max(0, math.floor(n / 2 - reach))]
    high = ordered[min(n - 1, math.ceil(n / 2 + reach) - 1)]
    middle = (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
    return middle, low, high


def sentences(found: InferenceCost) -> list[str]:
    """One sentence for every way."""
    said = []
    for cost in found.costs:
        ratio, low, high = cost.ratio
        name = cost.way if cost.factor == 1 else f"{cost.way} x {cost.factor}"
        said.append(
            f"{name}: {cost.parameters / 1e6:.1f} million parameters, {cost.milliseconds:.1f} ms,"
            f" {ratio:.2f} times the network as it is ({low:.2f} to {high:.2f}; {found.n} turns);"
            f" {cost.weights_mib:.0f} MiB of weights, {cost.live_mib:.0f} MiB at work."
        )
    return said


def _denoiser(way: Way, device: torch.device, dtype: torch.dtype) -> Denoiser:
    if way.way != "experts":
        return settled(way.config, device, dtype)
    ensemble = ensemble_of(BASE_SETS[EXPERTS[way.factor]], way.config, device, dtype)
    for expert in ensemble.experts:
        ensemble.denoiser(expert.name)  # in memory before the clock starts
    return ensemble


def _call(denoiser: Denoiser, config: DenoiserConfig, device: torch.device) -> Callable[[], Any]:
    side = config.resolution
    x = torch.ones(1, 3, side, side, device=device)
    cond = longest_context(config.encoders).to(device)
    levels = itertools.cycle(edm_grid(GRID)[:-1].to(device, torch.float32).split(1))
    return lambda: denoiser(x, next(levels), cond)


def _cost(way: Way, own: Sequence[float], one: Sequence[float], dtype: torch.dtype) -> Cost:
    with torch.device("meta"):
        alone = parameter_count(build_denoiser(way.config))
    networks = way.factor if way.way == "experts" else 1
    middle, low, high = median_of([mine / base for mine, base in zip(own, one, strict=True)])
    return Cost(
        way=way.way,
        factor=way.factor,
        parameters=networks * alone,
        milliseconds=round(1000 * median_of(own)[0], 4),
        ratio=(round(middle, 4), round(low, 4), round(high, 4)),
        weights_mib=round(networks * alone * dtype.itemsize / MIB, 3),
        resident_mib=round(alone * dtype.itemsize / MIB, 3),
        live_mib=round(live_mib(way.config), 3),
    )


def _is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)
