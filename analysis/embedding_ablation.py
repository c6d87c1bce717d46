"""Which encoder brings what (paper Sec. 5.2, Fig. 8 and 18)?

Captions of unseen scenes, short and long, from one noise each, with every choice of the three
embeddings: what is not heard is its exact null, as in training. The picture that CLIP image sees is
the true render of the caption's own scene, so all three are told of the same scene; it also shows
what the caption leaves out. The inspector says what of the caption's statements came out. It knows
the front door and the inspector; no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from analysis.samples import Samples, sampled
from analysis.side_by_side import EIGHT, left_out, named
from ediffi.controls.style_transfer import STRENGTH
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.evaluation import Reader, Task, draw, make_tasks
from ediffi.storybook.scoring import Score, facts, marks, outcomes, score

LENGTHS = ("short", "long")
SCORED = ("thing", "colour", "place", "style")


@dataclass(frozen=True)
class Heard:
    """What came of one length of captions and one choice of embeddings.

    `scores` are those of `SCORED` that a caption of this length asks for, each with its 95 %
    interval, its chance level and what the inspector reads in true renders. `shown` has for each a
    letter for every caption (`scoring.marks`), in one order for all choices, so that two of them
    can be compared caption by caption.
    """

    length: str
    embeddings: tuple[str, ...]
    scores: tuple[Score, ...]
    shown: dict[str, str]

    def score(self, name: str) -> Score | None:
        """The score of that name, None if no caption asked for it."""
        return next((found for found in self.scores if found.name == name), None)


@dataclass(frozen=True)
class Ablation:
    """The study on `n` captions of every length; `strength` is the scale of CLIP image."""

    model: str
    n: int
    seed: int
    strength: float
    heard: tuple[Heard, ...]

    def of(self, length: str, embeddings: Sequence[str]) -> Heard:
        """What came of one choice; ValueError for one that was not measured."""
        for each in self.heard:
            if (each.length, each.embeddings) == (length, tuple(embeddings)):
                return each
        raise ValueError(f"{named(embeddings)} was not measured on {length} captions.")


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 200,
    lengths: Sequence[str] = LENGTHS,
    seed: int = 0,
    steps: int | None = None,
    strength: float = STRENGTH,
    samples: Samples | None = None,
) -> Ablation:
    """Samples the same captions from the same noise with every choice of embeddings.

    What `samples` has is not painted again. Raises ValueError for fewer than one caption.
    """
    if n < 1:
        raise ValueError(f"The study needs at least 1 caption, not {n}.")
    heard: list[Heard] = []
    for length in lengths:
        tasks = make_tasks(n, seed, "test", length)
        stated = [facts(task.scene, task.caption) for task in tasks]
        true = draw([task.scene for task in tasks], workers=1)
        true_readings = reader.read(true)
        for embeddings in EIGHT:
            made = pictures(model, tasks, true, embeddings, steps, strength, samples)
            readings = reader.read(made)
            scores = score(stated, readings, true_readings)
            kept = tuple(found for found in scores if found.name in SCORED)
            shown = {one.name: marks(outcomes(one.name, stated, readings)) for one in kept}
            heard.append(Heard(length, embeddings, kept, shown))
    return Ablation(model.model.name, n, seed, strength, tuple(heard))


def pictures(
    model: EDiffI,
    tasks: Sequence[Task],
    shown: np.ndarray,
    embeddings: Sequence[str],
    steps: int | None = None,
    strength: float = STRENGTH,
    samples: Samples | None = None,
) -> np.ndarray:
    """One picture per task, uint8 (n, h, w, 3) of at least 64 px, with these embeddings heard.

    `shown` (n, h, w, 3) uint8 are what CLIP image sees, where it is heard.
    """
    looks = [None] * len(tasks)
    if "clip_image" in embeddings:
        looks = [model.style([Image.fromarray(each)], strength=strength) for each in shown]
    requests = [
        model.request(
            task.caption.text, task.seed, steps=steps, without=left_out(embeddings), style=look
        )
        for task, look in zip(tasks, looks, strict=True)
    ]
    return readable(sampled(model, requests, samples))


def sentences(found: Ablation) -> list[str]:
    """One sentence for every length and choice of embeddings."""
    said = []
    for each in found.heard:
        parts = ", ".join(
            f"{s.name} {100 * s.share:.1f} % ({100 * s.low:.1f} to {100 * s.high:.1f})"
            for s in each.scores
        )
        said.append(f"{each.length} captions, {named(each.embeddings)} heard: {parts}.")
    said.append(f"n = {found.n} captions of each length; CLIP image at strength {found.strength}.")
    return said


def table(found: Ablation) -> str:
    """The study as a Markdown table: a row for every choice, the scores of every length."""
    lengths = list(dict.fromkeys(each.length for each in found.heard))
    heads = [f"{length}: {name}" for length in lengths for name in SCORED]
    lines = [
        f"**What is heard** ({found.model}), {found.n} captions of each length, seed {found.seed};"
        f" share of the captions whose statement came out, with 95 % interval, CLIP image at"
        f" strength {found.strength:g}:",
        "",
        f"| heard | {' | '.join(heads)} |",
        f"|---|{'---:|' * len(heads)}",
    ]
    for embeddings in EIGHT:
        scores = [found.of(length, embeddings).score(name) for length in lengths for name in SCORED]
        cells = [
            f"{100 * s.share:.0f} % ({100 * s.low:.0f} to {100 * s.high:.0f})" if s else "–"
            for s in scores
        ]
        lines.append(f"| {named(embeddings)} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
