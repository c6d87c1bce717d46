"""How good a set of pictures is: distances to true pictures, CLIP score, alignment, each with n.

Distances are taken between feature vectors, and the network that gives these is handed in: the
inspector and the storybook's own CLIP work offline, Inception or CLIP L/14 come as a callable. It
knows arrays, not models: who painted the pictures is not its business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from PIL import Image

from ediffi import images
from ediffi.storybook.distances import (
    Distance,
    around,
    frechet_distance,
    kernel_distance,
    resampled,
)
from ediffi.storybook.evaluation import Reader
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scoring import Fact, applies, is_shown

INCEPTION = (299, 2048)
"""Side in pixels and width of FID's network: Inception v3, pooled (Heusel et al. 2017)."""
CLIP_L14 = (336, 768)
"""Those of CMMD's network: CLIP ViT-L/14 at 336 px (Jayasumana et al. 2024)."""

BANDWIDTH = 10.0
CMMD_SCALE = 1000.0
ROWS = 512
BATCH = 64


class PictureEncoder(Protocol):
    """What has CLIP's picture tower: encoders, or the towers alone."""

    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors (b, d) of pictures (b, 3, h, w) in [-1, 1]."""
        ...


Vectors = Callable[[np.ndarray], np.ndarray]
"""Pictures uint8 (n, h, w, 3) -> one vector each (n, d)."""


@dataclass(frozen=True)
class Measured:
    """A number with its 95 % interval and how it was measured; `n` is pictures, `side` in pixels.

    `side` is what pictures were resized to, bicubically, or None where the network takes any size.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    network: str
    side: int | None = None


@dataclass(frozen=True)
class Features:
    """A feature network: its name, the size it is shown (None: any), and the width of its vectors.

    Calling it gives float64 (n, width); ValueError where it gives anything else.
    """

    name: str
    encode: Vectors
    width: int | None = None
    side: int | None = None

    def __call__(self, pictures: np.ndarray) -> np.ndarray:
        """Vectors float64 (n, width) of pictures uint8 (n, h, w, 3)."""
        found = []
        for start in range(0, len(pictures), BATCH):
            shown = pictures[start : start + BATCH]
            found.append(self.encode(shown if self.side is None else resized(shown, self.side)))
        vectors = np.concatenate(found).astype(np.float64)
        if vectors.ndim != 2 or self.width not in (None, vectors.shape[1]):
            raise ValueError(
                f"{self.name} gives vectors of shape {vectors.shape[1:]}, not ({self.width},)."
            )
        return vectors


def of_inspector(reader: Reader) -> Features:
    """The inspector's pooled vector, of unit variance over true renders."""
    return Features("inspector", reader.features)


def of_clip(encoders: PictureEncoder, name: str = "the model's own CLIP") -> Features:
    """CLIP's picture vector; the one that conditions a model cannot judge it (say so)."""

    def encode(pictures: np.ndarray) -> np.ndarray:
        x = torch.stack([images.to_tensor(picture) for picture in pictures])
        return encoders.encode_image(x).float().cpu().numpy()

    return Features(name, encode)


def resized(pictures: np.ndarray, side: int) -> np.ndarray:
    """Pictures uint8 (n, h, w, 3) at `side` px, bicubically and antialiased, as FID wants it."""
    if pictures.shape[1:3] == (side, side):
        return pictures
    way = Image.Resampling.BICUBIC
    return np.stack([np.asarray(Image.fromarray(p).resize((side, side), way)) for p in pictures])


def cmmd_distance(a: np.ndarray, b: np.ndarray, seed: int = 0) -> Distance:
    """CLIP maximum mean discrepancy of two sets of vectors (n, d) (Jayasumana et al. 2024).

    1000 times the squared MMD of unit vectors under exp(-|x - y|^2 / 200); the biased estimate,
    which is 0 for equal sets and never negative. Memory is bounded by blocks of rows. Raises
    ValueError for sets of fewer than two vectors, of different widths, or with a zero vector.
    """
    if min(len(a), len(b)) < 2 or a.shape[1] != b.shape[1]:
        raise ValueError(f"CMMD needs two sets of vectors of one width, not {a.shape}, {b.shape}.")
    one, other = _unit(a), _unit(b)
    draws = resampled((len(a), len(b)), seed)
    u = np.stack([np.ones(len(a)), *(draw for draw, _ in draws)])
    v = np.stack([np.ones(len(b)), *(draw for _, draw in draws)])
    within = _similar(one, one, u, u) + _similar(other, other, v, v)
    found = CMMD_SCALE * np.maximum(within - 2 * _similar(one, other, u, v), 0)
    return around(float(found[0]), found[1:])


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray, int], Distance]] = {
    "frechet": frechet_distance,
    "kernel": kernel_distance,
    "cmmd": cmmd_distance,
}


def compare(
    features: Features,
    pictures: np.ndarray,
    truth: np.ndarray,
    names: Sequence[str] = ("frechet", "kernel"),
    seed: int = 0,
) -> tuple[Measured, ...]:
    """The named distances between two sets of pictures uint8 (n, h, w, 3); KeyError for others."""
    one, other = features(pictures), features(truth)
    found = [(name, METRICS[name](one, other, seed)) for name in names]
    return tuple(
        Measured(name, d.value, d.low, d.high, len(pictures), features.name, features.side)
        for name, d in found
    )


def cosines(pictures: np.ndarray, texts: np.ndarray) -> np.ndarray:
    """100 times the cosine of matching rows of two sets of vectors (n, d), (n,), never below 0."""
    if pictures.shape != texts.shape:
        raise ValueError(f"{pictures.shape} picture vectors do not match {texts.shape} of texts.")
    return 100 * np.maximum((_unit(pictures) * _unit(texts)).sum(1), 0)


def clip_score(pictures: np.ndarray, texts: np.ndarray, network: str) -> Measured:
    """100 times the mean cosine of matching rows of two sets of CLIP vectors (n, d).

    Below 0 counts as 0, as in Hessel et al. 2021, without their factor of 2.5. Raises ValueError
    for sets that do not match.
    """
    scores = cosines(pictures, texts)
    mean = mean_of(scores)
    return Measured("clip score", mean.value, mean.low, mean.high, len(scores), network)


def alignment(stated: Sequence[Sequence[Fact]], readings: Sequence[Reading]) -> np.ndarray:
    """Per picture the share of what its caption states that the inspector sees, (n,) in [0, 1].

    Captions that state nothing count as NaN.
    """
    shares = []
    for facts, reading in zip(stated, readings, strict=True):
        # What presupposes things would leave out the pictures that lack them.
        asked = [fact for fact in facts if applies(fact, Reading(False))]
        shown = [is_shown(fact, reading) for fact in asked]
        shares.append(sum(shown) / len(shown) if shown else np.nan)
    return np.array(shares, dtype=np.float64)


def mean_of(values: np.ndarray) -> Distance:
    """The mean of at least two independent numbers (n,), with 1.96 standard errors either way.

    NaN is left out; ValueError where fewer than two numbers remain.
    """
    kept = values[~np.isnan(values)]
    if len(kept) < 2:
        raise ValueError(f"A mean with an interval needs two numbers, but has {len(kept)}.")
    mean = float(kept.mean())
    half = 1.96 * float(kept.std(ddof=1)) / len(kept) ** 0.5
    return Distance(mean, mean - half, mean + half)


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (lengths > 0).all():
        raise ValueError("A vector of length 0 has no direction.")
    return vectors / lengths


def _similar(a: np.ndarray, b: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The mean kernel between sets whose vectors count `u` (r, n) and `v` (r, m) times: (r,)."""
    total = np.zeros(len(u))
    for start in range(0, len(a), ROWS):
        part = slice(start, start + ROWS)
        # Of unit vectors |x - y|^2 is 2 - 2 x.y.
        kernel = np.exp(-(2 - 2 * a[part] @ b.T) / (2 * BANDWIDTH**2))
        total += ((u[:, part] @ kernel) * v).sum(1)
    return total / u.sum(1) / v.sum(1)
