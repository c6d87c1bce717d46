"""Does paint-with-words put things where they were painted (paper Sec. 4.3, Fig. 17)?

Captions of unseen scenes with one thing or two; each thing's noun is painted on a square of 4 to
20 % of the page at a random place, which the scene never had. The inspector then says where the
thing is. It knows the front door and the inspector; no network and no attention.
"""

from __future__ import annotations

import argparse
import math
import random
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ediffi.controls.paint_with_words import Painting, Rule
from ediffi.files import write_json
from ediffi.pipeline import EDiffI
from ediffi.storybook import vocabulary
from ediffi.storybook.distances import kernel_distance
from ediffi.storybook.evaluation import Reader, Task, draw, make_tasks
from ediffi.storybook.inspector import Reading, Seen

SMALLEST, LARGEST = 0.04, 0.20
WEIGHTS = (0.5, 1.0, 2.0, 4.0)
RULES: tuple[Rule, ...] = ("max", "std")
GRID = 64
FEWEST = 8

Share = tuple[float, float, float]
"""A mean, and the ends of its 95 % interval."""


@dataclass(frozen=True)
class Box:
    """A square of the page: its left upper corner and its side, as fractions of the page."""

    left: float
    top: float
    side: float

    def overlap(self, other: Box) -> float:
        """The area that both cover, as a fraction of the page."""
        wide = min(self.left + self.side, other.left + other.side) - max(self.left, other.left)
        high = min(self.top + self.side, other.top + other.side) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def mask(self) -> np.ndarray:
        """The square as bool (64, 64), at least one cell of it."""
        rows = (np.arange(GRID) + 0.5) / GRID
        inside = [(edge <= rows) & (rows < edge + self.side) for edge in (self.top, self.left)]
        return inside[0][:, None] & inside[1][None, :]


PAGE = Box(0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Job:
    """One picture to paint: kinds of things, the nouns that name them, and a square for each."""

    task: Task
    kinds: tuple[str, ...]
    nouns: tuple[str, ...]
    boxes: tuple[Box, ...]

    def painting(self, weight: float, rule: Rule) -> Painting:
        """Every noun on its square."""
        made = Painting(self.task.caption.text, rule=rule)
        for noun, box in zip(self.nouns, self.boxes, strict=True):
            made = made.add(noun, box.mask(), weight=weight)
        return made


@dataclass(frozen=True)
class Placed:
    """What came of one weight and rule; weight 0 is the unpainted picture.

    `inside` is the share of a thing's box inside its square, 0 where the thing is absent; `chance`
    the same with another picture's squares; `present` how often it is there at all, and `kept` how
    much of it lies inside when it is. `distance` is the kernel distance to true renders.
    """

    things: int
    rule: str
    weight: float
    inside: Share
    chance: float
    present: Share
    kept: float | None
    distance: Share


@dataclass(frozen=True)
class Places:
    """The study on `n` captions of every number of things."""

    model: str
    n: int
    seed: int
    area: float
    placed: tuple[Placed, ...]


def jobs(n: int, things: int, seed: int = 0, split: str = "test") -> list[Job]:
    """`n` captions that name `things` things, each once and of its own kind, with their squares."""
    fitting: list[tuple[Task, list[tuple[str, str]]]] = []
    wanted = n
    while len(fitting) < n:
        wanted *= 2
        named = [(task, _named(task)) for task in make_tasks(wanted, seed, split)]
        fitting = [(task, names) for task, names in named if len(names) == things]
    rng = random.Random(f"{seed} {things}")
    return [
        Job(task, tuple(k for k, _ in names), tuple(noun for _, noun in names), _boxes(rng, things))
        for task, names in fitting[:n]
    ]


def inside(reading: Reading, kind: str, box: Box) -> float | None:
    """The largest share of a thing of this kind that lies in `box`; None where there is none."""
    shares = [_seen_box(s).overlap(box) / _on_page(s) for s in reading.things if s.kind == kind]
    return min(1.0, max(shares)) if shares else None


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 100,
    weights: Sequence[float] = WEIGHTS,
    rules: Sequence[Rule] = RULES,
    seed: int = 0,
    things: Sequence[int] = (1, 2),
    steps: int | None = None,
) -> Places:
    """Paints the same captions from the same noise at every weight and by every rule.

    Raises ValueError for fewer than 8 captions, whose distances have no interval.
    """
    if n < FEWEST:
        raise ValueError(f"The study needs at least {FEWEST} captions, not {n}.")
    placed: list[Placed] = []
    areas: list[float] = []
    for count in things:
        asked = jobs(n, count, seed)
        areas += [box.side**2 for job in asked for box in job.boxes]
        true = reader.features(draw([job.task.scene for job in asked], workers=1))
        painted = [(rule, weight) for rule in rules for weight in weights]
        for rule, weight in [(None, 0.0), *painted]:
            pictures = _sampled(model, asked, rule, weight, steps)
            placed.append(_scored(asked, pictures, reader, true, rule, weight))
    return Places(model.model.name, n, seed, round(float(np.mean(areas)), 4), tuple(placed))


def sentences(found: Places) -> list[str]:
    """One sentence for every setting."""
    said = []
    for p in found.placed:
        how = "Unpainted" if not p.weight else f"Rule {p.rule}, weight {p.weight:g}"
        mean, low, high = (100 * value for value in p.inside)
        said.append(
            f"{how}, things: {p.things}: {mean:.1f} % of a thing inside its square ({low:.1f} to"
            f" {high:.1f}; by chance {100 * p.chance:.1f}), present {100 * p.present[0]:.0f} %,"
            f" kernel distance {p.distance[0]:.3f} (n = {found.n})."
        )
    return said


def _sampled(
    model: EDiffI, asked: Sequence[Job], rule: Rule | None, weight: float, steps: int | None
) -> np.ndarray:
    requests = [
        model.request(
            job.task.caption.text,
            job.task.seed,
            steps=steps,
            painting=job.painting(weight, rule) if rule else None,
        )
        for job in asked
    ]
    return np.stack([np.asarray(result.image) for result in model.generate_many(requests)])


def _scored(
    asked: Sequence[Job],
    pictures: np.ndarray,
    reader: Reader,
    true: np.ndarray,
    rule: Rule | None,
    weight: float,
) -> Placed:
    factor = max(1, GRID // pictures.shape[1])
    shown = pictures.repeat(factor, 1).repeat(factor, 2)
    readings = reader.read(shown)
    own = [_shares(reading, job, job) for reading, job in zip(readings, asked, strict=True)]
    others = [*asked[1:], asked[0]]
    chance = [
        _shares(reading, job, other)
        for reading, job, other in zip(readings, asked, others, strict=True)
    ]
    there = [share for row in own for share in row if share is not None]
    away = kernel_distance(reader.features(shown), true)
    return Placed(
        things=len(asked[0].kinds),
        rule=rule or "none",
        weight=weight,
        inside=_mean([[share or 0.0 for share in row] for row in own]),
        chance=_mean([[share or 0.0 for share in row] for row in chance])[0],
        present=_mean([[float(share is not None) for share in row] for row in own]),
        kept=round(float(np.mean(there)), 4) if there else None,
        distance=(round(away.value, 4), round(away.low, 4), round(away.high, 4)),
    )


def _shares(reading: Reading, job: Job, places: Job) -> list[float | None]:
    return [inside(reading, *pair) for pair in zip(job.kinds, places.boxes, strict=True)]


def _mean(rows: Sequence[Sequence[float]]) -> Share:
    """The mean over pictures, whose things are not independent, with its 95 % interval."""
    values = np.array([np.mean(row) for row in rows])
    half = 1.96 * float(values.std(ddof=1)) / math.sqrt(len(values))
    mean = float(values.mean())
    return round(mean, 4), round(max(0.0, mean - half), 4), round(min(1.0, mean + half), 4)


def _named(task: Task) -> list[tuple[str, str]]:
    """The kinds that the caption names and the nouns it uses, if each is named once."""
    caption = task.caption
    kinds = [task.scene.things[i].kind for i in caption.things]
    if len(set(kinds)) < len(kinds):
        return []
    found = []
    for kind in kinds:
        nouns = [noun for pair in vocabulary.KINDS[kind].nouns for noun in pair]
        used = [n for n in nouns if len(re.findall(rf"\b{n}\b", caption.text, re.IGNORECASE)) == 1]
        if used:
            found.append((kind, max(used, key=len)))
    return found if len(found) == len(kinds) else []


def _boxes(rng: random.Random, things: int) -> tuple[Box, ...]:
    """Squares of random sizes at random places that do not overlap."""
    while True:
        made = []
        for _ in range(things):
            side = math.sqrt(rng.uniform(SMALLEST, LARGEST))
            made.append(Box(rng.uniform(0, 1 - side), rng.uniform(0, 1 - side), side))
        if all(a.overlap(b) == 0 for k, a in enumerate(made) for b in made[:k]):
            return tuple(made)


def _seen_box(seen: Seen) -> Box:
    return Box(seen.x - seen.size / 2, seen.y - seen.size / 2, seen.size)


def _on_page(seen: Seen) -> float:
    """The area of a thing's box that the page shows, as a fraction of the page."""
    return max(1e-6, _seen_box(seen).overlap(PAGE))


def main() -> int:
    """`python -m analysis.paint_with_words --n 100`: measure the model, write the record."""
    from ediffi.storybook.inspector import load_inspector

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="storybook")
    parser.add_argument("--n", type=int, default=100, help="captions for one thing, and for two")
    parser.add_argument("--weights", type=float, nargs="+", default=WEIGHTS)
    parser.add_argument("--rules", nargs="+", default=RULES, choices=RULES)
    parser.add_argument("--out", default="docs/results/paint_with_words.json")
    given = parser.parse_args()
    model = EDiffI.from_pretrained(given.model)
    found = measure(model, load_inspector(), given.n, given.weights, given.rules)
    write_json(given.out, asdict(found))
    print("\n".join(sentences(found)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
