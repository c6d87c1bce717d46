"""When does the model listen to the words? Attention along the noise levels (paper Fig. 3).

The paper compares cross- and self-attention over the noise: high noise leans on the words, low
noise does not, and there most attention goes to the null token. It does not define the strength
that it plots. Our reading: of cross-attention, the share that each kind of token gets, mean over
heads, pixels, layers and pictures; of both kinds of attention, the size of what a layer adds over
the size of what it adds it to. Captions of unseen scenes, at the model's own settings, the
branch with the words. It asks the front door and knows nothing of what the pictures show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.intervals import Share
from analysis.metrics import mean_of
from ediffi.attention_watch import attended
from ediffi.config import SamplingConfig
from ediffi.controls.attention_maps import PARTS, AttentionMaps, Layer
from ediffi.diffusion.noise import Interval
from ediffi.experts.node_sets import BASE_SETS
from ediffi.pipeline import EDiffI
from ediffi.recipe import Environment
from ediffi.storybook.evaluation import make_tasks

MOST = 1000
KINDS = ("words", "ends", "image", "null")

Rows = tuple[tuple[float, ...], ...]
"""A row for every evaluation, with a value for every layer or part."""


@dataclass(frozen=True)
class Band:
    """Means over the evaluations with sigma_low <= sigma < sigma_high.

    `words`, `ends`, `image` and `null` are shares of cross-attention that add up to one; `cross`
    and `own` are the strengths of cross- and self-attention. None where no evaluation lies there.
    """

    name: str
    sigma_low: float
    sigma_high: float
    words: float | None
    ends: float | None
    image: float | None
    null: float | None
    cross: float | None
    own: float | None


@dataclass(frozen=True)
class AttentionOverNoise:
    """The study on `n` captions, at every evaluation's noise level.

    `parts` are shares of cross-attention in the order of `PARTS`, mean over layers; `spread` is
    half of the 95 % interval of the share of all words, over pictures. `words` (levels, layers) is
    that share by layer; `cross` and `own` are the strengths by layer. `experts` says who answered,
    `bands` are the ranges of Config D's three experts, whoever serves them here. From the highest
    to the lowest of them, over pictures with 95 % intervals: `fading` is by how much the share of
    all words falls, `handover` by how much cross- over self-attention does; None where one of the
    two has no evaluation.
    """

    model: str
    n: int
    seed: int
    sampling: SamplingConfig
    environment: Environment
    sigmas: tuple[float, ...]
    experts: tuple[str, ...]
    layers: tuple[Layer, ...]
    self_layers: tuple[Layer, ...]
    parts: Rows
    spread: tuple[float, ...]
    words: Rows
    cross: Rows
    own: Rows
    bands: tuple[Band, ...]
    fading: Share | None = None
    handover: Share | None = None

    def band(self, name: str) -> Band:
        """The means of "high", "middle" or "low"; ValueError for another name."""
        for each in self.bands:
            if each.name == name:
                return each
        known = ", ".join(each.name for each in self.bands)
        raise ValueError(f"There is no band {name!r}; there are {known}.")


def measure(
    model: EDiffI, n: int = 64, seed: int = 0, steps: int | None = None
) -> AttentionOverNoise:
    """Samples `n` captions of unseen scenes and averages where attention went.

    `steps` None is the model's own number. Raises ValueError for fewer than 2 or more than 1000.
    """
    if not 2 <= n <= MOST:
        raise ValueError(f"The study needs 2 to {MOST} captions, not {n}.")
    tasks = make_tasks(n, seed, "test")
    requests = [model.request(task.caption.text, task.seed, steps=steps) for task in tasks]
    heard: list[AttentionMaps] = []
    for group in model.groups(requests):
        heard.append(attended(model, [requests[index] for index in group], ())[1])
    told = heard[0].heard
    shares = np.concatenate([maps.shares() for maps in heard], axis=1)
    cross_each = np.concatenate([maps.cross[:, 0] for maps in heard], axis=1)
    own_each = np.concatenate([maps.own[:, 0] for maps in heard], axis=1)
    cross, own = cross_each.mean(1), own_each.mean(1)
    words = shares[..., _places("words")].sum(-1)
    each = words.mean(2)
    sampling = requests[0].sampling
    return AttentionOverNoise(
        model=model.model.name,
        n=n,
        seed=seed,
        sampling=sampling,
        environment=model.environment(),
        sigmas=tuple(round(sigma, 6) for sigma in told.sigmas),
        experts=told.experts,
        layers=told.layers,
        self_layers=told.self_layers,
        parts=_rows(shares.mean((1, 2))),
        spread=_rounded(1.96 * each.std(1, ddof=1) / math.sqrt(n)),
        words=_rows(words.mean(1)),
        cross=_rows(cross),
        own=_rows(own),
        bands=_bands(told.sigmas, shares.mean((1, 2)), cross, own),
        fading=_falls(told.sigmas, each),
        handover=_falls(told.sigmas, cross_each.mean(2) / own_each.mean(2)),
    )


def sentences(found: AttentionOverNoise) -> list[str]:
    """What was found, one sentence for every band that has evaluations."""
    said = []
    for band in sorted(found.bands, key=lambda each: -each.sigma_low):
        values = (band.words, band.null, band.cross, band.own)
        if None in values:
            continue
        words, null, cross, own = (value or 0.0 for value in values)
        said.append(
            f"{_range(band)}: {100 * words:.1f} % of the cross-attention goes to words and"
            f" {100 * null:.1f} % to the null token; cross-attention changes what it is given by"
            f" {100 * cross:.0f} %, self-attention by {100 * own:.0f} % (n = {found.n})."
        )
    return said


def _range(band: Band) -> str:
    """`σ ≥ 9.6`, `0.076 ≤ σ < 9.6` or `σ < 0.076`."""
    low = band.sigma_low > 0
    high = math.isfinite(band.sigma_high) and band.sigma_high < 1000
    if low and high:
        return f"{band.sigma_low:.2g} ≤ σ < {band.sigma_high:.2g}"
    return f"σ ≥ {band.sigma_low:.2g}" if low else f"σ < {band.sigma_high:.2g}"


def _bands(
    sigmas: Sequence[float], parts: np.ndarray, cross: np.ndarray, own: np.ndarray
) -> tuple[Band, ...]:
    found = []
    for role in BASE_SETS["D"]:
        served = role.served()
        rows = [k for k, sigma in enumerate(sigmas) if sigma in served]
        words, ends, image, null = (_mean(parts[rows][:, _places(kind)].sum(1)) for kind in KINDS)
        low, high = _ends(served)
        found.append(
            Band(
                name=role.name,
                sigma_low=low,
                sigma_high=high,
                words=words,
                ends=ends,
                image=image,
                null=null,
                cross=_mean(cross[rows]),
                own=_mean(own[rows]),
            )
        )
    return tuple(found)


def _falls(sigmas: Sequence[float], values: np.ndarray) -> Share | None:
    """How much values (levels, pictures) fall from the highest band to the lowest."""
    served = {role.name: role.served() for role in BASE_SETS["D"]}
    high, low = (
        [k for k, sigma in enumerate(sigmas) if sigma in served[name]] for name in ("high", "low")
    )
    if not high or not low:
        return None
    fallen = mean_of(values[high].mean(0) - values[low].mean(0))
    return round(fallen.value, 4), round(fallen.low, 4), round(fallen.high, 4)


def _ends(served: Interval) -> tuple[float, float]:
    """The ends of an interval as JSON can keep them."""
    return round(served.low, 6), min(round(served.high, 6), 1e4)


def _places(kind: str) -> list[int]:
    """The places of a kind of token among `PARTS`; words stand in both streams."""
    return [k for k, name in enumerate(PARTS) if name.endswith(kind)]


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 4) if values.size else None


def _rows(values: np.ndarray) -> Rows:
    return tuple(_rounded(row) for row in values)


def _rounded(values: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(value), 5) for value in values)
