"""Randomness that depends on a seed and a position in the run, and on nothing else.

The position of a sample is the number of pictures that came before it. Whatever is drawn for it is
a function of (seed, stream, position): a run that is resumed, or that is split over several
processes, draws what one uninterrupted process would have drawn, and no generator state is saved.
It refuses to know what the numbers are for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

GOLDEN = 0.6180339887498949
"""Fractional part of the golden ratio: its multiples fill [0, 1) most evenly."""

_WEYL = np.uint64(0x9E3779B97F4A7C15)


def hashed(seed: int, stream: str, positions: Sequence[int] | np.ndarray) -> np.ndarray:
    """64 well-mixed bits per position (the finaliser of splitmix64), uint64 like `positions`."""
    name = int.from_bytes(stream.encode().ljust(8, b"\0")[:8], "little")
    start = np.array([(seed * 0x632BE59BD9B4E019 + name) % 2**64], np.uint64)
    with np.errstate(over="ignore"):
        keys = np.asarray(positions).astype(np.uint64)
        return _mix(_mix(start) + keys * _WEYL)


def _mix(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def uniform(seed: int, stream: str, positions: Sequence[int] | np.ndarray) -> np.ndarray:
    """Independent draws from [0, 1), float64, one per position."""
    return (hashed(seed, stream, positions) >> np.uint64(11)) * 2.0**-53


def stratified(seed: int, stream: str, positions: Sequence[int] | np.ndarray) -> np.ndarray:
    """Draws from [0, 1), float64, that any run of consecutive positions spreads evenly.

    Multiples of the golden ratio with a random start: every batch is stratified, whatever its
    size and however many processes share it.
    """
    start = uniform(seed, stream, np.zeros(1, np.int64))
    return np.mod(start + np.asarray(positions) * GOLDEN, 1.0)


def noise(
    seed: int,
    positions: Sequence[int] | np.ndarray,
    shape: tuple[int, ...],
    device: torch.device | str = "cpu",
) -> Tensor:
    """Unit Gaussian noise (n, *shape), float32, on `device`; its generator is sown per position.

    A GPU's generator draws other numbers than the CPU's from the same seed.
    """
    drawn = torch.empty(len(positions), *shape, device=device)
    generator = torch.Generator(device)
    for row, key in zip(drawn, hashed(seed, "noise", positions), strict=True):
        row.normal_(generator=generator.manual_seed(int(key >> np.uint64(1))))
    return drawn


def permutation(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of `count` pictures in an epoch, int64; every picture once."""
    key = int(hashed(seed, "epoch", [epoch])[0] >> np.uint64(1))
    return torch.randperm(count, generator=torch.Generator().manual_seed(key)).numpy()
