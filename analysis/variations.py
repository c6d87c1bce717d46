"""Does one sentence give many pictures (paper Fig. 15)? Diversity over seeds beside captions.

Every caption is painted from several seeds. Distances between inspector features say how much
pictures of one caption differ, and how much pictures of different captions do; the inspector also
says whether what the caption states stays. It knows pictures and readings, no network.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.metrics import alignment, mean_of
from analysis.samples import Samples, quiet
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.distances import Distance, around, resampled
from ediffi.storybook.evaluation import Progress, Reader, make_tasks
from ediffi.storybook.scoring import facts

SEEDS = 4
APART = 2**20
"""Between the seeds of one caption's pictures: more than captions are ever asked for."""


@dataclass(frozen=True)
class Variations:
    """`n` captions painted from `seeds` seeds each.

    `over_seeds` is the mean squared distance of two pictures of one caption in inspector features,
    `over_captions` that of pictures of two captions, `ratio` the first over the second: 0 is one
    picture for each caption, 1 a picture that does not depend on it. `aligned` is the share of a
    caption's statements that its pictures show. All with the ends of their 95 % intervals.
    """

    model: str
    n: int
    seed: int
    seeds: int
    length: str
    over_seeds: Distance
    over_captions: Distance
    ratio: Distance
    aligned: Distance


def measure(
    model: EDiffI,
    reader: Reader,
    samples: Samples,
    n: int,
    seed: int = 0,
    seeds: int = SEEDS,
    length: str = "short",
    steps: int | None = None,
    tell: Progress = quiet,
) -> Variations:
    """Paints and compares; ValueError for fewer than 2 captions or 2 seeds."""
    if n < 2 or seeds < 2:
        raise ValueError(f"Variations need 2 captions and 2 seeds, not {n} and {seeds}.")
    tasks = make_tasks(n, seed, "test", length)
    vectors, shares = [], []
    for turn in range(seeds):
        tell("seeds", turn, seeds)
        asked = [
            model.request(task.caption.text, task.seed + turn * APART, steps=steps)
            for task in tasks
        ]
        found, readings = [], []
        for block in samples.blocks(model, asked):
            shown = readable(block)
            found.append(reader.features(shown))
            readings += reader.read(shown)
        vectors.append(np.concatenate(found))
        shares.append(alignment([facts(t.scene, t.caption) for t in tasks], readings))
    over_seeds, over_captions, ratio = diversity(np.stack(vectors, 1), seed)
    return Variations(
        model=model.model.name,
        n=n,
        seed=seed,
        seeds=seeds,
        length=length,
        over_seeds=over_seeds,
        over_captions=over_captions,
        ratio=ratio,
        aligned=mean_of(np.mean(shares, 0)),
    )


def diversity(vectors: np.ndarray, seed: int = 0) -> tuple[Distance, Distance, Distance]:
    """Over seeds, over captions, and their ratio, for features (captions, seeds, d).

    Mean squared distances of unordered pairs; intervals from resampled captions, whose pictures
    stay together.
    """
    n, seeds, _ = vectors.shape
    # For every caption: the mean over pairs of its seeds, in closed form.
    within = 2 * vectors.var(1, ddof=1).sum(1)
    between = np.mean([_squared(vectors[:, k]) for k in range(seeds)], 0)
    np.fill_diagonal(between, 0)

    def found(weight: np.ndarray) -> tuple[float, float]:
        # A caption that is drawn twice is no pair with itself.
        pairs = weight.sum() ** 2 - (weight**2).sum()
        return float(weight @ within / n), float(weight @ between @ weight / pairs)

    draws = [found(weight) for weight, _ in resampled((n, n), seed) if np.count_nonzero(weight) > 1]
    inside, across = found(np.ones(n))
    return (
        around(inside, [one for one, _ in draws]),
        around(across, [other for _, other in draws]),
        around(inside / across, [one / other for one, other in draws]),
    )


def sentences(found: Variations) -> list[str]:
    """What was found, in two sentences."""
    return [
        f"Pictures of one caption differ {100 * found.ratio.value:.0f} % as much as pictures of two"
        f" ({100 * found.ratio.low:.0f} to {100 * found.ratio.high:.0f}; {found.n} captions,"
        f" {found.seeds} seeds each).",
        f"They show {100 * found.aligned.value:.0f} % of what the caption states"
        f" ({100 * found.aligned.low:.0f} to {100 * found.aligned.high:.0f}).",
    ]


def _squared(vectors: np.ndarray) -> np.ndarray:
    """Squared distances between all rows, (n, n)."""
    lengths = (vectors**2).sum(1)
    return np.maximum(lengths[:, None] + lengths[None] - 2 * vectors @ vectors.T, 0)
