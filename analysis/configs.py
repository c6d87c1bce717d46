"""Table 1's counterpart: do more experts make better pictures at the same cost per step?

The paper compares A (one base, one SR256), B (two SR256 experts), C (a high-noise base expert and
one for the rest) and D (three base experts) by FID on COCO. "A+" is ours: D's base before A's one
SR256, so that the base's experts are seen alone; so is "four", its four-expert experiment (Sec.
5.1) in that place. Here every configuration paints the same captions
from the same noise, and the inspector reads what is there; what is saved beside A is paired. It
asks the front door and knows no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from analysis.intervals import Share
from analysis.samples import Samples, quiet
from ediffi.experts.node_sets import BASE_SETS
from ediffi.storybook.distances import frechet_saved
from ediffi.storybook.evaluation import (
    Progress,
    Reader,
    draw,
    evaluate,
    make_tasks,
    other_scenes,
)
from ediffi.storybook.scoring import SCORES

if TYPE_CHECKING:
    from ediffi.model_folder import ModelFolder
    from ediffi.pipeline import EDiffI

FEWEST = 8
SOURCES: Mapping[str, tuple[str, bool]] = {
    "A": ("baseline", False),
    "A+": ("experts", False),
    "B": ("baseline", True),
    "C": ("rest+high", True),
    "D": ("experts", True),
    "four": ("+".join(role.name for role in BASE_SETS["four"]), False),
}
"""For each configuration its base in a model folder, and whether the first stage has experts."""


@dataclass(frozen=True)
class Scored:
    """One configuration: its networks, its scores by name, its distances to true renders.

    `shown` has for each score a letter for every caption (`scoring.marks`); `saved` is the
    Fréchet distance that it saves beside the first configuration, paired.
    """

    name: str
    networks: tuple[str, ...]
    scores: dict[str, Share]
    distances: dict[str, Share]
    unreadable: float
    shown: dict[str, str]
    saved: Share | None = None


@dataclass(frozen=True)
class Configs:
    """All configurations on the same `n` captions and seeds, at `size` px.

    `missing` names the networks for want of which a configuration was left out.
    """

    n: int
    seed: int
    size: int
    split: str
    scored: tuple[Scored, ...]
    missing: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def apart(self, one: str, other: str) -> tuple[str, ...]:
        """The scores in which the intervals of two configurations do not overlap."""
        left, right = (next(s.scores for s in self.scored if s.name == n) for n in (one, other))
        shared = left.keys() & right.keys()
        return tuple(
            sorted(n for n in shared if left[n][2] < right[n][1] or left[n][1] > right[n][2])
        )


def measure(
    models: Mapping[str, EDiffI],
    reader: Reader,
    samples: Samples,
    n: int,
    seed: int = 0,
    size: int = 256,
    split: str = "test",
    tell: Progress = quiet,
) -> Configs:
    """Paints the same captions from the same noise by every model, and compares with the first.

    What `samples` has is not painted again. Raises ValueError for no model, or for fewer than 8
    captions, whose distances have no interval.
    """
    if n < FEWEST or not models:
        raise ValueError(
            f"The table needs {FEWEST} captions and a model, not {n} and {len(models)}."
        )
    tasks = make_tasks(n, seed, split)
    reference = reader.features(draw(other_scenes(n, seed, split), workers=1))
    vectors: list[np.ndarray] = []
    scored: list[Scored] = []
    for name, model in models.items():
        paint = samples.painter(model, size)
        found = evaluate(paint, reader, n, seed, split, progress=tell, workers=1)
        painted = paint([task.caption.text for task in tasks], [task.seed for task in tasks])
        vectors.append(reader.features(painted))
        saved = [frechet_saved(vectors[-1:], vectors[:1], reference, seed)] if scored else []
        sums = model.model.sums(model.request("", size=size).stages)
        scored.append(
            Scored(
                name=name,
                networks=tuple(network for network in sums if "/" not in network),
                scores={s.name: (s.share, s.low, s.high) for s in found.scores},
                distances={d.name: (d.value, d.low, d.high) for d in found.distances},
                unreadable=found.unreadable,
                shown=found.shown,
                saved=next(((d.value, d.low, d.high) for d in saved), None),
            )
        )
    return Configs(n, seed, size, split, tuple(scored))


def table(configs: Configs) -> str:
    """Scores in percent and distances with intervals, a column each, then what is missing."""
    lines = [
        "| the picture shows | " + " | ".join(s.name for s in configs.scored) + " |",
        "|---|" + "---:|" * len(configs.scored),
    ]
    for name in configs.scored[0].scores:
        row = [scored.scores[name] for scored in configs.scored]
        cells = [f"{100 * s:.1f} ({100 * a:.1f} to {100 * b:.1f})" for s, a, b in row]
        lines.append(f"| {SCORES[name]} | " + " | ".join(cells) + " |")
    for name in configs.scored[0].distances:
        row = [scored.distances[name] for scored in configs.scored]
        cells = [_told(share) for share in row]
        lines.append(f"| {name} distance, lower is better | " + " | ".join(cells) + " |")
    if any(scored.saved for scored in configs.scored):
        saved = [_told(scored.saved) if scored.saved else "–" for scored in configs.scored]
        lines.append("| frechet distance saved beside A, paired | " + " | ".join(saved) + " |")
    for name, networks in configs.missing.items():
        lacking = " and no network ".join(repr(network) for network in networks)
        lines += ["", f"Config {name} was left out: there is no network {lacking}."]
    return "\n".join(lines)


def open_all(
    folder: Path, names: Sequence[str] = tuple(SOURCES), stage: str = "sr256"
) -> dict[str, EDiffI]:
    """The configurations of a model folder; ValueError or FileNotFoundError for what it lacks."""
    from ediffi.pipeline import EDiffI

    opened = {}
    for name in names:
        base, split = SOURCES[name]
        networks = (f"{stage}-low", f"{stage}-high") if split else (stage,)
        opened[name] = EDiffI.from_pretrained(folder / base, stages={stage: networks})
    return opened


def missing(contents: ModelFolder, stage: str = "sr256") -> dict[str, tuple[str, ...]]:
    """The networks that a model folder lacks for a configuration; those it can do are not named."""
    known = {*contents.networks, *contents.ensembles}
    lacks = {}
    for name, (base, split) in SOURCES.items():
        wanted = [*base.split("+"), *((f"{stage}-low", f"{stage}-high") if split else (stage,))]
        gone = tuple(network for network in wanted if network not in known)
        lacks |= {name: gone} if gone else {}
    return lacks


def _told(share: Share) -> str:
    return "{:.3g} ({:.3g} to {:.3g})".format(*share)
