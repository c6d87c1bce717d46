"""Captions with places for their things: what the study of painted places asks to be painted.

Places are drawn at random and know nothing of the scene; settings are those that are compared. It
knows captions and masks; no model and no inspector.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ediffi.conditioning.prompt import Prompt
from ediffi.controls.paint_with_words import Painting, Rule
from ediffi.storybook import vocabulary
from ediffi.storybook.evaluation import Task, make_tasks

SMALLEST, LARGEST = 0.04, 0.20
GRID = 64


@dataclass(frozen=True)
class Setting:
    """How a painting is followed, and how far the picture insists: the dials of both."""

    rule: Rule
    weight: float
    elsewhere: float
    pull: float = 0.0
    collage: bool = False
    insist: float = 0.0


SETTINGS = (
    Setting("max", 0.25, 1.0),
    Setting("max", 0.5, 1.0),
    Setting("max", 1.0, 1.0),
    Setting("std", 1.0, 1.0),
    Setting("std", 2.0, 1.0),
    Setting("std", 4.0, 1.0),
    Setting("max", 1.0, 0.0),
    Setting("std", 2.0, 0.0),
)
"""What is compared; without anything held back it is the paper's formula, with either scale."""


@dataclass(frozen=True)
class Box:
    """A square of the page: its left upper corner and its side, as fractions of the page."""

    left: float
    top: float
    side: float

    @classmethod
    def around(cls, x: float, y: float, side: float) -> Box:
        """The square with its middle at (x, y)."""
        return cls(x - side / 2, y - side / 2, side)

    def overlap(self, other: Box) -> float:
        """The area that both cover, as a fraction of the page."""
        wide = min(self.left + self.side, other.left + other.side) - max(self.left, other.left)
        high = min(self.top + self.side, other.top + other.side) - max(self.top, other.top)
        return max(0.0, wide) * max(0.0, high)

    def share_in(self, other: Box) -> float:
        """How much of what the page shows of this square lies in `other`, 0 to 1."""
        return min(1.0, self.overlap(other) / max(1e-6, self.overlap(PAGE)))

    def mask(self) -> np.ndarray:
        """The square as bool (64, 64), at least one cell of it."""
        rows = (np.arange(GRID) + 0.5) / GRID
        inside = [(edge <= rows) & (rows < edge + self.side) for edge in (self.top, self.left)]
        return inside[0][:, None] & inside[1][None, :]


PAGE = Box(0.0, 0.0, 1.0)


@dataclass(frozen=True)
class Job:
    """One picture to paint: kinds of things, the words that name them, and a square for each."""

    task: Task
    kinds: tuple[str, ...]
    phrases: tuple[str, ...]
    boxes: tuple[Box, ...]

    def painting(self, by: Setting, masks: Sequence[np.ndarray] | None = None) -> Painting:
        """Every phrase on its mask, bool (64, 64); on its square where none are given."""
        text = self.task.caption.text
        made = Painting(
            text, rule=by.rule, elsewhere=by.elsewhere, pull=by.pull, collage=by.collage
        )
        places = [box.mask() for box in self.boxes] if masks is None else masks
        for phrase, mask in zip(self.phrases, places, strict=True):
            made = made.add(phrase, mask, weight=by.weight)
        return made


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
        Job(task, tuple(k for k, _ in names), tuple(said for _, said in names), _boxes(rng, things))
        for task, names in fitting[:n]
    ]


def _named(task: Task) -> list[tuple[str, str]]:
    """The kinds that the caption names and the words it uses, if each is named once."""
    prompt = Prompt(task.caption.text)
    kinds = [task.scene.things[i].kind for i in task.caption.things]
    if len(set(kinds)) < len(kinds):
        return []
    found = []
    for kind in kinds:
        nouns = [noun for pair in vocabulary.KINDS[kind].nouns for noun in pair]
        once = [n for n in nouns if len(re.findall(rf"\b{n}\b", prompt.text, re.IGNORECASE)) == 1]
        if once:
            # The noun alone is not enough: its thing is heard in the words before it as well.
            span = prompt.described(prompt.phrase(max(once, key=len)))
            found.append((kind, prompt.text[span.start : span.end]))
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
