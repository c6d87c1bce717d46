"""Several things, their colours, where they stand, how many, and written words (Fig. 10 to 12).

The paper shows that eDiff-I binds several things, writes words and follows long sentences. Here
every statement of short and of long captions is looked for by the inspector, beside what shuffled
captions reach and what true renders reach. It knows samplers and scores, no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.samples import quiet
from ediffi.storybook.evaluation import Evaluation, Progress, Reader, Sampler, evaluate
from ediffi.storybook.scoring import SCORES

LENGTHS = ("short", "long")
ASKED = (
    "thing",
    "colour",
    "two_things",
    "two_colours",
    "left_right",
    "above_below",
    "count",
    "clothes",
    "word",
)
"""The scores that are about composition; places, skies and styles are not."""


@dataclass(frozen=True)
class Shown:
    """How many of the `n` pictures that were asked for it show one kind of statement.

    `chance` is the share with shuffled captions, `true` that of true renders (None: too few).
    """

    length: str
    name: str
    n: int
    share: float
    low: float
    high: float
    chance: float | None
    true: float | None

    @property
    def above_chance(self) -> bool:
        """Whether the whole interval lies above chance."""
        return self.chance is not None and self.low > self.chance


@dataclass(frozen=True)
class Composition:
    """All rows for `n` captions of each length, one picture for each caption."""

    model: str
    n: int
    seed: int
    rows: tuple[Shown, ...]

    def row(self, name: str, length: str = "short") -> Shown | None:
        """The row of a score, None where no caption asked for it."""
        return next((r for r in self.rows if (r.name, r.length) == (name, length)), None)


def measure(
    name: str,
    sample: Sampler,
    reader: Reader,
    n: int,
    seed: int = 0,
    lengths: Sequence[str] = LENGTHS,
    tell: Progress = quiet,
    workers: int = 1,
) -> Composition:
    """Evaluates `sample`, the painter of the model `name`; errors as in `evaluate`."""
    rows: list[Shown] = []
    for length in lengths:
        found = evaluate(
            sample, reader, n=n, seed=seed, length=length, progress=tell, workers=workers
        )
        rows += shown(found)
    return Composition(name, n, seed, tuple(rows))


def shown(found: Evaluation) -> list[Shown]:
    """The rows of one evaluation, in the order of `ASKED`."""
    by_name = {score.name: score for score in found.scores}
    return [
        Shown(
            length=found.length,
            name=name,
            n=score.n,
            share=round(score.share, 4),
            low=round(score.low, 4),
            high=round(score.high, 4),
            chance=None if score.chance is None else round(score.chance, 4),
            true=None if score.inspector is None else round(score.inspector, 4),
        )
        for name in ASKED
        if (score := by_name.get(name))
    ]


def sentences(found: Composition, names: Mapping[str, str] = SCORES) -> list[str]:
    """One sentence for every row."""
    said = []
    for row in found.rows:
        chance = "unknown" if row.chance is None else f"{100 * row.chance:.1f} %"
        said.append(
            f"{row.length} captions, {names[row.name]}: {100 * row.share:.1f} %"
            f" ({100 * row.low:.1f} to {100 * row.high:.1f}; by chance {chance}, n = {row.n})."
        )
    return said
