"""At which noise is what a sentence asks for lost (ours, not the paper's)?

Captions of two things are painted from their own true pictures under noise: the higher it is, the
less of the truth is left and the more the network has to make itself. What the inspector misses in
pictures that began at one level and not in those that began at half of it was lost in between. So
the range that loses most is told, and with it the expert that deserves more training. It knows a
guided denoiser, its solver and the inspector; no encoder and no training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from analysis.insisting import captions
from analysis.intervals import Share, in_pairs, marked
from ediffi import images
from ediffi.build import build_sampler
from ediffi.config import SamplingConfig
from ediffi.diffusion.noise import edm_grid, grid_from, seeded_noise
from ediffi.guiding import guided
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.storybook.drawing import render
from ediffi.storybook.evaluation import Progress, Reader, Task
from ediffi.storybook.scoring import UNASKED, facts, marks, outcomes

LEVELS = (0.3, 0.6, 1.2, 2.4, 4.8, 9.6, 19.2)
"""Noise levels to begin at, each twice the one before; chosen, from where lines are drawn to where
nothing can be seen."""
ASKED = {"thing": "one thing", "two_things": "two things", "two_colours": "both in their colours"}
"""The scores that are told, and what they are called for short."""
BATCH = 16


@dataclass(frozen=True)
class Shown:
    """How often one kind of statement is shown, of the `n` pictures that were asked for it.

    `lost` is how much less often than from the level before, in pairs with its 95 % interval:
    what goes lost between the two.
    """

    name: str
    n: int
    share: Share
    lost: Share


@dataclass(frozen=True)
class Begun:
    """The pictures that began at `sigma`: 0 is the truth itself, None is noise alone."""

    sigma: float | None
    shown: tuple[Shown, ...]

    def score(self, name: str) -> Shown | None:
        """The row of a score; None where no caption asked for it."""
        return next((row for row in self.shown if row.name == name), None)


@dataclass(frozen=True)
class Lost:
    """The study on `n` captions of two things, from the truth to noise alone.

    `seams` are the noise levels at which one expert hands over to the next, rising.
    """

    model: str
    n: int
    seed: int
    steps: int
    seams: tuple[float, ...]
    begun: tuple[Begun, ...]

    def between(self, low: float, high: float | None, name: str = "two_things") -> float | None:
        """What is lost from one level up to another, as a share of all that is lost.

        None where nothing is lost, or no caption asked. Raises ValueError for a level that was not
        begun at.
        """
        levels = [each.sigma for each in self.begun]
        for asked in (low, high):
            if asked not in levels:
                raise ValueError(f"No picture began at sigma {asked}; they did at {levels}.")
        rows = {each.sigma: each.score(name) for each in self.begun}
        ends = [rows[sigma] for sigma in (0.0, None, low, high)]
        shares = [row.share[0] for row in ends if row]
        if len(shares) < 4 or shares[0] <= shares[1]:
            return None
        return (shares[2] - shares[3]) / (shares[0] - shares[1])


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 64,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
    sampling: SamplingConfig | None = None,
    tell: Progress = lambda what, done, of: None,
) -> Lost:
    """Paints every caption from each of `levels` and from noise alone, by one noise.

    `sampling` is the model's own unless given. Raises ValueError for fewer than 1 caption, and for
    levels that do not rise from above 0 to below the sampler's highest.
    """
    how = sampling or model.model.preset.sampling
    _check(levels, how)
    tasks = captions(n, seed, ("two_things",))
    truth = renders(model, tasks)
    readings = [reader.read(readable(truth))]
    for sigma in (*levels, None):
        made = paint(model, tasks, truth, sigma, how, tell)
        readings.append(reader.read(readable(made)))
    stated = [facts(task.scene, task.caption) for task in tasks]
    told = [{name: marks(outcomes(name, stated, read)) for name in ASKED} for read in readings]
    names = [name for name, each in told[0].items() if each.strip(UNASKED)]
    begun = tuple(
        Begun(sigma, tuple(_shown(k, own[k], before[k] if before else None) for k in names))
        for sigma, own, before in zip((0.0, *levels, None), told, (None, *told), strict=False)
    )
    ensemble = model.model.ensemble
    seams = tuple(round(each, 4) for each in ensemble.boundaries) if ensemble else ()
    return Lost(model.model.name, n, seed, how.steps, seams, begun)


@torch.inference_mode()
def paint(
    model: EDiffI,
    tasks: Sequence[Task],
    truth: np.ndarray,
    sigma: float | None,
    sampling: SamplingConfig | None = None,
    tell: Progress = lambda what, done, of: None,
) -> np.ndarray:
    """The captions' pictures uint8 (n, h, w, 3), begun at `truth` under noise of `sigma`.

    `truth` is what `renders` gives, and None as `sigma` is noise alone; `sampling` is the model's
    own unless given, its levels those below `sigma`.
    """
    core, device = model.model, model.generator.device
    how = sampling or core.preset.sampling
    grid = edm_grid(how.steps, how.sigma_min, how.sigma_max, how.rho)
    grid = grid if sigma is None else grid_from(sigma, grid)
    rows = []
    for start in range(0, len(tasks), BATCH):
        tell("sampling", start, len(tasks))
        some = tasks[start : start + BATCH]
        clean = torch.stack([images.to_tensor(each) for each in truth[start : start + BATCH]])
        noise = seeded_noise([task.seed for task in some], tuple(clean.shape[1:]))
        # A sampler multiplies what it begins with by the first noise level.
        begin = noise if sigma is None else noise + clean / sigma
        cond = core.encoders.condition([task.caption.text for task in some]).to(device)
        denoiser = guided(core, how, cond, None)
        for step in build_sampler(how.solver)(denoiser, begin.to(device), grid, cond):
            x = step.x
        rows.append(images.to_uint8(x))
    tell("sampling", len(tasks), len(tasks))
    return np.concatenate(rows)


def renders(model: EDiffI, tasks: Sequence[Task]) -> np.ndarray:
    """The true pictures of the captions uint8 (n, h, w, 3), of the model's size."""
    return np.stack([render(task.scene, model.model.config.resolution) for task in tasks])


def sentences(found: Lost) -> list[str]:
    """One sentence for every stretch of noise."""
    said = []
    for before, each in zip(found.begun, found.begun[1:], strict=False):
        row = each.score("two_things")
        if row is None:
            continue
        low, (middle, *ends) = before.sigma, (100 * value for value in row.lost)
        if each.sigma is None:
            where = f"Above σ = {low:g}"
        else:
            where = f"From σ = {low:g} to {each.sigma:g}" if low else f"Below σ = {each.sigma:g}"
        said.append(
            f"{where}: {middle:.0f} points of two things are lost ({ends[0]:.0f} to {ends[1]:.0f}),"
            f" {100 * row.share[0]:.0f} % are left (n = {row.n})."
        )
    return said


def _check(levels: Sequence[float], how: SamplingConfig) -> None:
    rising = all(a < b for a, b in zip((0.0, *levels), (*levels, how.sigma_max), strict=True))
    if not levels or not rising:
        raise ValueError(
            f"The levels must rise from above 0 to below {how.sigma_max:g}, not be {tuple(levels)}."
        )


def _shown(name: str, own: str, before: str | None) -> Shown:
    n, share = marked(own)
    lost = (0.0, 0.0, 0.0) if before is None else in_pairs(before, own)
    return Shown(name, n, share, lost)
