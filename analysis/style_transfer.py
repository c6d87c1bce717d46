"""Does a reference picture lend its look and nothing else (paper Sec. 5.3, Fig. 16)?

Captions of unseen scenes that name no style, and as references true renders of other unseen scenes,
each in a style of its own. The inspector says which style a picture has, whether the caption's
thing is still there, and whether a thing of the reference has crept in. It knows the front door and
the inspector; no network and no encoder.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from analysis.intervals import Share, share
from analysis.samples import Samples, sampled
from ediffi.controls.style_transfer import STRENGTH
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.captions import write_caption
from ediffi.storybook.drawing import render
from ediffi.storybook.evaluation import MOST, Reader
from ediffi.storybook.inspector import Reading
from ediffi.storybook.scene import Scene, sample_scene
from ediffi.storybook.scoring import YES, marks
from ediffi.storybook.vocabulary import STYLES

STRENGTHS = (1.0, 3.0, 6.0)
WINDOWS = ((0.0, 1e4), (0.0, 2.0), (2.0, 1e4))
SIDE = 64
ELSEWHERE = 500_000
"""References are scenes this far from the captions', so that no picture shows its own."""


@dataclass(frozen=True)
class Job:
    """One caption that names no style, its seed, the scene it was written for, and a reference."""

    text: str
    seed: int
    scene: Scene
    reference: Scene

    @property
    def kinds(self) -> set[str]:
        """Things that the caption's scene has."""
        return {thing.kind for thing in self.scene.things}

    @property
    def foreign(self) -> set[str]:
        """Things of the reference that the caption's scene does not have."""
        return {thing.kind for thing in self.reference.things} - self.kinds


@dataclass(frozen=True)
class Lent:
    """What came of one strength and window; strength 0 is the picture without a reference.

    `style`: the picture has the reference's style; `things`: the first thing of the sentence is
    there; `leak`: a thing that only the reference has is there; each with Wilson's interval.
    `shown` has for each of the three a letter for every caption (`scoring.marks`).
    """

    strength: float
    sigma_low: float
    sigma_high: float
    style: Share
    things: Share
    leak: Share
    shown: dict[str, str]


@dataclass(frozen=True)
class Styles:
    """The study on `n` captions; `chance` is how often a style is met by guessing."""

    model: str
    n: int
    seed: int
    chance: float
    lent: tuple[Lent, ...]


def jobs(n: int, seed: int = 0, split: str = "test") -> list[Job]:
    """`n` captions without a style's name; styles come in turn and are not the caption's own."""
    names = list(STYLES)
    found = []
    for k in range(n):
        number = seed * MOST + k
        scene = sample_scene(number, split=split)
        caption = write_caption(scene, number, name_style=False)
        style = names[k % len(names)]
        reference = replace(sample_scene(number + ELSEWHERE, split=split), style=style)
        told = replace(scene, things=tuple(scene.things[i] for i in caption.things))
        found.append(Job(caption.text, number, told, reference))
    return found


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 90,
    strengths: Sequence[float] = STRENGTHS,
    windows: Sequence[tuple[float, float]] = WINDOWS,
    seed: int = 0,
    steps: int | None = None,
    samples: Samples | None = None,
) -> Styles:
    """Samples the same captions from the same noise without a reference and at every setting.

    What `samples` has is not painted again. Raises ValueError for fewer than one caption.
    """
    if n < 1:
        raise ValueError(f"The study needs at least 1 caption, not {n}.")
    asked = jobs(n, seed)
    pictures = [Image.fromarray(np.asarray(render(job.reference, SIDE))) for job in asked]
    settings = [(0.0, *WINDOWS[0])]
    settings += [(strength, *window) for window in windows for strength in strengths]
    lent = []
    for strength, low, high in settings:
        requests = [
            model.request(
                job.text,
                job.seed,
                steps=steps,
                style=model.style([picture], strength=strength, window=(low, high)),
            )
            for job, picture in zip(asked, pictures, strict=True)
        ]
        readings = reader.read(readable(sampled(model, requests, samples)))
        lent.append(_scored(asked, readings, strength, low, high))
    return Styles(model.model.name, n, seed, round(1 / len(STYLES), 4), tuple(lent))


def sentences(found: Styles) -> list[str]:
    """One sentence for every setting."""
    said = []
    for each in found.lent:
        how = f"Strength {each.strength:g}, sigma {each.sigma_low:g} to {each.sigma_high:g}"
        parts = [
            f"{name} {100 * share[0]:.1f} % ({100 * share[1]:.1f} to {100 * share[2]:.1f})"
            for name, share in (
                ("the reference's style", each.style),
                ("the sentence's thing", each.things),
                ("a thing of the reference", each.leak),
            )
        ]
        said.append(f"{how if each.strength else 'No reference'}: {', '.join(parts)}.")
    said += styles_lines(found)
    said.append(f"n = {found.n}; a guess meets the style in {100 * found.chance:.1f} %.")
    return said


def styles_lines(found: Styles) -> list[str]:
    """How often each style came at the usual strength, one sentence; none where it is not there."""
    usual = (STRENGTH, *WINDOWS[0])
    return [
        f"At strength {STRENGTH:g} by the reference's style: "
        + ", ".join(f"{style} {k} of {n}" for style, (k, n) in by_style(each).items())
        + "."
        for each in found.lent
        if (each.strength, each.sigma_low, each.sigma_high) == usual
    ]


def window(lent: Lent) -> str:
    """The noise levels at which a reference acts, in words; none that is sampled is above 1000."""
    low, high = lent.sigma_low, lent.sigma_high
    if high < 1000:
        return f"σ {low:g} to {high:g}" if low else f"σ below {high:g}"
    return f"σ above {low:g}" if low else "every σ"


def by_style(lent: Lent) -> dict[str, tuple[int, int]]:
    """In how many pictures each style of the references came, and of how many; they take turns."""
    turns = {style: lent.shown["style"][k :: len(STYLES)] for k, style in enumerate(STYLES)}
    return {style: (turn.count(YES), len(turn)) for style, turn in turns.items() if turn}


def _scored(
    asked: Sequence[Job], readings: Sequence[Reading], strength: float, low: float, high: float
) -> Lent:
    pairs = list(zip(asked, readings, strict=True))
    style: list[bool | None] = [reading.style == job.reference.style for job, reading in pairs]
    things = [_first(job) in _kinds(reading) if _first(job) else None for job, reading in pairs]
    leak = [bool(job.foreign & _kinds(reading)) if job.foreign else None for job, reading in pairs]
    return Lent(
        strength=strength,
        sigma_low=low,
        sigma_high=high,
        style=_share(style),
        things=_share(things),
        leak=_share(leak),
        shown={"style": marks(style), "things": marks(things), "leak": marks(leak)},
    )


def _first(job: Job) -> str | None:
    return job.scene.things[0].kind if job.scene.things else None


def _kinds(reading: Reading) -> set[str]:
    return {seen.kind for seen in reading.things}


def _share(outcomes: Sequence[bool | None]) -> Share:
    found = [each for each in outcomes if each is not None]
    if not found:
        return math.nan, 0.0, 1.0
    return share(found)
