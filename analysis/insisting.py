"""How far should early steps go until every phrase is heard, and what does it cost?

Captions that state two things, left and right, or a number, painted from one noise with every
strength of insisting (`ediffi.controls.insisting`; ours, not the paper's), and read by the
inspector in pairs with the pictures that do not insist. It knows the front door and the inspector;
no network and no attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.intervals import Share, in_pairs, marked
from analysis.samples import Samples, sampled
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import MOST, Reader, Task, make_tasks
from ediffi.storybook.scoring import UNASKED, facts, marks, outcomes

STRENGTHS = (0.0, 0.02, 0.05, 0.1, 0.2)
STATED = ("two_things", "left_right", "count")
"""Captions are chosen that state these, as many of each."""
ASKED = {
    "thing": "one thing",
    "colour": "its colour",
    "two_things": "two things",
    "left_right": "left and right",
    "count": "the number",
}
"""The scores that are told, and what they are called for short."""


@dataclass(frozen=True)
class Shown:
    """How often pictures show one kind of statement, of the `n` that were asked for it.

    `more` is what insisting adds to `share`, in pairs; (0, 0, 0) where the pictures do not insist.
    """

    name: str
    n: int
    share: Share
    more: Share


@dataclass(frozen=True)
class Insisted:
    """All that was asked of the pictures that insist by one strength."""

    insist: float
    shown: tuple[Shown, ...]

    def score(self, name: str) -> Shown | None:
        """The row of a score; None where no caption asked for it."""
        return next((row for row in self.shown if row.name == name), None)


@dataclass(frozen=True)
class Insistence:
    """The study on `n` captions that state each of `STATED`, `captions` in all: some state several.

    A score that no caption asked for has no row.
    """

    model: str
    n: int
    captions: int
    seed: int
    insisted: tuple[Insisted, ...]


def captions(n: int, seed: int = 0, stated: Sequence[str] = STATED) -> list[Task]:
    """The first `n` captions that state each of these scores, in the order of the split "test".

    Raises ValueError for fewer than 1, and where the first 10,000 have not so many.
    """
    if n < 1:
        raise ValueError(f"The study needs at least 1 caption of every kind, not {n}.")
    wanted = min(MOST, 12 * n)
    while True:
        tasks = make_tasks(wanted, seed, "test")
        stating = [{fact.score for fact in facts(t.scene, t.caption)} for t in tasks]
        firsts = [[k for k, said in enumerate(stating) if name in said][:n] for name in stated]
        if min(map(len, firsts)) == n:
            return [tasks[k] for k in sorted(set().union(*firsts))]
        if wanted == MOST:
            raise ValueError(f"The first {MOST:,} captions do not have {n:,} of every kind.")
        wanted = min(MOST, 2 * wanted)


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 64,
    strengths: Sequence[float] = STRENGTHS,
    seed: int = 0,
    steps: int | None = None,
    samples: Samples | None = None,
) -> Insistence:
    """Paints every caption once for each strength, the first of which is 0.

    Errors as in `captions`; ValueError for strengths that do not begin with 0.
    """
    if not strengths or strengths[0] != 0:
        raise ValueError(f"The strengths must begin with 0, not be {tuple(strengths)}.")
    asked = captions(n, seed)
    stated = [facts(task.scene, task.caption) for task in asked]
    told: list[dict[str, str]] = []
    for insist in strengths:
        requests = [
            model.request(task.caption.text, task.seed, steps=steps, insist=insist)
            for task in asked
        ]
        readings = reader.read(readable(sampled(model, requests, samples)))
        told.append({name: marks(outcomes(name, stated, readings)) for name in ASKED})
    names = [name for name, each in told[0].items() if each.strip(UNASKED)]
    rows = [
        Insisted(insist, tuple(_shown(k, own[k], told[0][k] if insist else None) for k in names))
        for insist, own in zip(strengths, told, strict=True)
    ]
    return Insistence(model.model.name, n, len(asked), seed, tuple(rows))


def sentences(found: Insistence) -> list[str]:
    """One sentence for every strength but 0."""
    said = []
    for each in found.insisted[1:]:
        rows = ", ".join(
            f"{ASKED[row.name]} {100 * row.share[0]:.0f} % ({_more(row.more)}, n = {row.n})"
            for row in each.shown
        )
        said.append(f"Insisting by {each.insist:g}, and points more than without: {rows}.")
    return said


def _more(value: Share) -> str:
    middle, low, high = (100 * each for each in value)
    return f"{middle:+.0f}, {low:+.0f} to {high:+.0f}"


def _shown(name: str, own: str, plain: str | None) -> Shown:
    n, share = marked(own)
    return Shown(name, n, share, in_pairs(own, plain))
