"""How far two sets of feature vectors lie apart: Fréchet and kernel distance, with intervals.

It knows vectors only: not where they come from, nor which set is the sampled one. Vectors are
float64 (n, d), one per row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 100


@dataclass(frozen=True)
class Distance:
    """A distance with its 95 % interval: the value plus and minus 1.96 bootstrap deviations.

    The deviation is used, not the percentiles, because a resample repeats vectors, which moves the
    Fréchet distance up.
    """

    value: float
    low: float
    high: float


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """The squared Fréchet distance of the Gaussians fitted to two sets (Heusel et al. 2017, FID).

    Never negative; biased upwards for few vectors, so only compare equal n. Raises ValueError for
    sets of fewer than two vectors or of different widths.
    """
    _check(a, b)
    return _frechet(a, b, np.ones(len(a)), np.ones(len(b)))


def kernel(a: np.ndarray, b: np.ndarray) -> float:
    """The unbiased squared kernel distance of two sets (Binkowski et al. 2018, KID).

    The kernel is (x.y / d + 1)^3. Near zero, and as often below it, for sets of one distribution.
    Raises ValueError as `frechet` does.
    """
    _check(a, b)
    return _kernel(_kernels(a, b), np.ones(len(a)), np.ones(len(b)))


def frechet_distance(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Distance:
    """`frechet` with its interval."""
    return with_interval(frechet(a, b), lambda u, v: _frechet(a, b, u, v), (len(a), len(b)), seed)


def frechet_saved(
    own: Sequence[np.ndarray], rivals: Sequence[np.ndarray], reference: np.ndarray, seed: int = 0
) -> Distance:
    """How much nearer `own` sets lie to `reference` than `rivals`, mean over the sets, paired.

    Row k of every set belongs to the same caption and noise, so a resample draws the same rows of
    all of them, and of one reference. Raises ValueError for sets that differ in number or size.
    """
    sets = list(zip(own, rivals, strict=True))
    if not sets or len({len(each) for pair in sets for each in pair}) > 1:
        raise ValueError("Paired distances need sets of equally many vectors.")
    _check(own[0], reference)

    def saved(u: np.ndarray, v: np.ndarray) -> float:
        far = _moments(reference, v)
        less = [
            gaussian_frechet(*_moments(rival, u), *far) - gaussian_frechet(*_moments(mine, u), *far)
            for mine, rival in sets
        ]
        return float(np.mean(less))

    counts = len(own[0]), len(reference)
    return with_interval(saved(np.ones(counts[0]), np.ones(counts[1])), saved, counts, seed)


def kernel_distance(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Distance:
    """`kernel` with its interval."""
    _check(a, b)
    kernels = _kernels(a, b)
    return with_interval(kernel(a, b), lambda u, v: _kernel(kernels, u, v), (len(a), len(b)), seed)


def gaussian_frechet(
    mean_a: np.ndarray, covariance_a: np.ndarray, mean_b: np.ndarray, covariance_b: np.ndarray
) -> float:
    """|m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2)) (Dowson and Landau 1982, eq. 16)."""
    values, vectors = np.linalg.eigh(covariance_a)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    # C_a C_b has the eigenvalues of the symmetric root C_b root, which eigvalsh takes safely.
    crossed = np.sqrt(np.linalg.eigvalsh(root @ covariance_b @ root).clip(0)).sum()
    spread = np.trace(covariance_a) + np.trace(covariance_b) - 2 * crossed
    return max(0.0, float(np.sum((mean_a - mean_b) ** 2) + spread))


def _frechet(a: np.ndarray, b: np.ndarray, u: np.ndarray, v: np.ndarray) -> float:
    return gaussian_frechet(*_moments(a, u), *_moments(b, v))


def _moments(x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of vectors that count `weight` times each."""
    total = weight.sum()
    mean = weight @ x / total
    centred = x - mean
    return mean, (centred * weight[:, None]).T @ centred / (total - 1)


def _kernels(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    def cubic(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x @ y.T / x.shape[1] + 1) ** 3

    return cubic(a, a), cubic(b, b), cubic(a, b)


def _kernel(
    kernels: tuple[np.ndarray, np.ndarray, np.ndarray], u: np.ndarray, v: np.ndarray
) -> float:
    """The unbiased estimate for vectors that count `u` and `v` times, no vector met by itself."""
    within_a, within_b, between = kernels

    def pairs(k: np.ndarray, w: np.ndarray) -> float:
        return (w @ k @ w - w**2 @ k.diagonal()) / (w.sum() ** 2 - (w**2).sum())

    across = 2 * (u @ between @ v) / u.sum() / v.sum()
    return float(pairs(within_a, u) + pairs(within_b, v) - across)


def resampled(counts: tuple[int, int], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """How often each vector of two sets is drawn, for `RESAMPLES` bootstrap resamples."""
    random = np.random.default_rng(seed)
    one, other = counts
    return [(_drawn(random, one), _drawn(random, other)) for _ in range(RESAMPLES)]


def _drawn(random: np.random.Generator, n: int) -> np.ndarray:
    return random.multinomial(n, np.full(n, 1 / n)).astype(float)


def with_interval(
    value: float,
    statistic: Callable[[np.ndarray, np.ndarray], float],
    counts: tuple[int, int],
    seed: int,
) -> Distance:
    """`value` with the spread of `statistic` over resamples of sets of `counts` vectors."""
    return around(value, [statistic(u, v) for u, v in resampled(counts, seed)])


def around(value: float, draws: Sequence[float] | np.ndarray) -> Distance:
    """`value` with the interval that its bootstrap draws give."""
    reach = 1.96 * float(np.std(draws, ddof=1))
    return Distance(value, value - reach, value + reach)


def _check(a: np.ndarray, b: np.ndarray) -> None:
    if min(len(a), len(b)) < 2:
        raise ValueError(f"A distance needs two vectors of each set, but has {len(a)}, {len(b)}.")
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"The sets have vectors of {a.shape[1]} and {b.shape[1]} entries.")
