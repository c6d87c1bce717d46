"""From when on do other words change nothing any more (paper Sec. 1, Fig. 4)?

Two captions of unseen scenes and one noise: the picture of the first, that of the second, and those
that are asked for by the first up to a share of the steps and by the second from there on. How far
each lies from both pure pictures is measured in pixels (how it looks) and by the inspector (what
was drawn). It knows the front door and the inspector; no network and no encoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.intervals import Share, mean
from analysis.samples import Samples, sampled
from analysis.side_by_side import SHARES, departure
from ediffi.controls.prompt_switching import Turn, first_levels, first_steps
from ediffi.diffusion.noise import edm_grid
from ediffi.pipeline import EDiffI
from ediffi.request import Request
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader, Task, make_tasks
from ediffi.storybook.inspector import Reading

STEPS = (9, 18, 36)
SOLVERS = ("dpmpp_2m", "heun")
USUAL = ("dpmpp_2m", 18)
"""The sampler that pictures are made with unless another is asked for: it is given most pairs."""
EDGES = (0.05, *SHARES, 0.95)
"""The shares of the study: those of the strips, and one at either end."""
TOLERANCE = 0.05
"""A distance to a pure picture that counts as none, as a share of what the pure ones differ by; our
choice."""


@dataclass(frozen=True)
class Pair:
    """Two captions that share one noise; neither's scene is the other's."""

    first: Task
    last: Task

    @property
    def seed(self) -> int:
        """The seed of the noise."""
        return self.first.seed


@dataclass(frozen=True)
class Switched:
    """What came of one solver, number of steps and share; means over pictures with intervals.

    The second caption is heard from step `begins` on (counted from 0), which starts at `sigma`.
    `pixels_first` and `pixels_last` are distances to the pure pictures, divided by the distance
    between the two; `drawn_first` and `drawn_last` are the same of what the inspector reads: 0 is
    all the same, 1 is as different as the two pure pictures are. `pairs` is how many there were.
    """

    solver: str
    steps: int
    share: float
    begins: int
    sigma: float
    pixels_first: Share
    pixels_last: Share
    drawn_first: Share
    drawn_last: Share
    pairs: int


@dataclass(frozen=True)
class Switches:
    """The study on at most `n` pairs of captions."""

    model: str
    n: int
    seed: int
    tolerance: float
    switched: tuple[Switched, ...]

    def runs(self) -> list[tuple[str, int]]:
        """The solvers and numbers of steps that were measured, each once."""
        return list(dict.fromkeys((s.solver, s.steps) for s in self.switched))

    def along(self, solver: str, steps: int) -> list[Switched]:
        """What was measured with this solver and number of steps, from early to late switches."""
        found = [s for s in self.switched if (s.solver, s.steps) == (solver, steps)]
        return sorted(found, key=lambda s: s.share)

    def settled(self, solver: str, steps: int, by: str = "pixels") -> Switched | None:
        """The earliest switch from which on nothing changes any more, `by` "pixels" or "drawn".

        By the means: few pairs can leave more open, so their interval is told beside it. None where
        even the latest one changes something. Raises ValueError for another `by`.
        """
        if by not in ("pixels", "drawn"):
            raise ValueError(f'by is "pixels" or "drawn", not {by!r}')
        calm: Switched | None = None
        for each in reversed(self.along(solver, steps)):
            if (each.pixels_first if by == "pixels" else each.drawn_first)[0] > self.tolerance:
                break
            calm = each
        return calm


def pairs(n: int, seed: int = 0, split: str = "test") -> list[Pair]:
    """`n` pairs of neighbouring captions whose scenes share no kind of thing and no place."""
    found: list[Pair] = []
    wanted = 2 * n
    while len(found) < n:
        wanted *= 2
        tasks = make_tasks(wanted, seed, split)
        both = zip(tasks[::2], tasks[1::2], strict=True)
        found = [Pair(one, other) for one, other in both if _apart(one, other)]
    return found[:n]


def unlike(one: Reading, other: Reading) -> float:
    """How differently two pictures read, from 0 to 1: what only one of them shows, of all shown.

    Counted are things with their colours, place, sky and style; places on the page are not. Two
    pictures in which nothing is read are alike.
    """
    shown, seen = _shown(one), _shown(other)
    return 1 - len(shown & seen) / len(shown | seen) if shown | seen else 0.0


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 24,
    shares: Sequence[float] = EDGES,
    steps: Sequence[int] = STEPS,
    solvers: Sequence[str] = SOLVERS,
    seed: int = 0,
    samples: Samples | None = None,
    few: int | None = None,
) -> Switches:
    """Samples every pair's two pure pictures and all switched ones from the same noise.

    With `few`, only the `USUAL` solver and number of steps paint all `n` pairs, the others the
    first `few`. What `samples` has is not painted again. Raises ValueError for fewer than one pair,
    and for shares as `Turn` does.
    """
    if min(n, n if few is None else few) < 1:
        raise ValueError(f"The study needs at least 1 pair of captions, not {n} and {few}.")
    asked = pairs(n, seed)
    made = _Maker(model, reader, samples)
    found: list[Switched] = []
    for solver in solvers:
        for count in steps:
            some = asked if (solver, count) == USUAL else asked[:few]
            found += _run(made, some, shares, count, solver)
    return Switches(model.model.name, n, seed, TOLERANCE, tuple(found))


def sentences(found: Switches) -> list[str]:
    """One sentence for every solver and number of steps."""
    said = []
    for solver, steps in found.runs():
        parts = []
        for by, told in (("pixels", "a pixel"), ("drawn", "what is drawn")):
            calm = found.settled(solver, steps, by)
            when = _from(calm, by) if calm else "never"
            parts.append(f"a switch stops changing {told} {when}")
        n = found.along(solver, steps)[0].pairs
        said.append(f"{solver}, {steps} steps, n = {n} pairs: {'; '.join(parts)}.")
    said.append(f"Up to {found.tolerance:.0%} counts as no change.")
    return said


def _from(calm: Switched, by: str) -> str:
    mean, low, high = calm.pixels_first if by == "pixels" else calm.drawn_first
    return (
        f"from {calm.share:.0%} on (σ = {calm.sigma:.2g}, by then {mean:.1%},"
        f" {max(0.0, low):.1%} to {high:.1%})"
    )


def _run(
    made: _Maker,
    asked: Sequence[Pair],
    shares: Sequence[float],
    steps: int,
    solver: str,
) -> list[Switched]:
    def requests(turns: Sequence[float], last: bool = False) -> list[Request]:
        return [
            made.model.request(
                (pair.last if last else pair.first).caption.text,
                pair.seed,
                steps=steps,
                solver=solver,
                timeline=[Turn(share, pair.last.caption.text) for share in turns],
            )
            for pair in asked
        ]

    first, last = made(requests(())), made(requests((), True))
    sampling = requests(())[0].sampling
    grid = edm_grid(steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
    found = []
    for share in shares:
        turn = (Turn(share, ""),)
        found.append(
            _scored(
                made(requests((share,))),
                first,
                last,
                (solver, steps, share, first_steps(turn, steps)[0], first_levels(turn, grid)[0]),
            )
        )
    return found


@dataclass(frozen=True)
class _Made:
    pictures: np.ndarray
    readings: list[Reading]


@dataclass(frozen=True)
class _Maker:
    model: EDiffI
    reader: Reader
    samples: Samples | None

    def __call__(self, requests: Sequence[Request]) -> _Made:
        made = sampled(self.model, requests, self.samples)
        return _Made(made, self.reader.read(readable(made)))


def _scored(
    made: _Made, first: _Made, last: _Made, setting: tuple[str, int, float, int, float]
) -> Switched:
    solver, steps, share, begins, sigma = setting
    pixels = [
        departure(*three)
        for three in zip(made.pictures, first.pictures, last.pictures, strict=True)
    ]
    # Some pure pictures read alike although their captions differ: nothing can lie between them.
    drawn = [
        (unlike(own, one) / whole, unlike(own, other) / whole)
        for own, one, other in zip(made.readings, first.readings, last.readings, strict=True)
        if (whole := unlike(one, other))
    ] or [(0.0, 0.0)]
    return Switched(
        solver=solver,
        steps=steps,
        share=share,
        begins=begins,
        sigma=round(sigma, 6),
        pixels_first=mean([one for one, _ in pixels]),
        pixels_last=mean([other for _, other in pixels]),
        drawn_first=mean([one for one, _ in drawn]),
        drawn_last=mean([other for _, other in drawn]),
        pairs=len(pixels),
    )


def _apart(one: Task, other: Task) -> bool:
    kinds = [{thing.kind for thing in task.scene.things} for task in (one, other)]
    return not kinds[0] & kinds[1] and one.scene.place != other.scene.place


def _shown(reading: Reading) -> set[tuple[str, str | None]]:
    things = {(seen.kind, seen.colour) for seen in reading.things}
    page: set[tuple[str, str | None]] = {
        ("place", reading.place),
        ("sky", reading.sky),
        ("style", reading.style),
    }
    return things | {pair for pair in page if pair[1] is not None}
