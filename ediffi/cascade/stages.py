"""Super-resolution stages and how a picture passes through them, step by step (paper Sec. 4).

A chain is a sequence of stages, so beginning later or ending earlier is slicing it, and previews
and cancelling are loops over its steps. Knows denoisers and pictures, never prompts, encoders or
files.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ediffi import images
from ediffi.cascade.degradation import softened
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import SamplingConfig
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import derived_seed, edm_grid, seeded_noise
from ediffi.diffusion.samplers import Sampler, Step, seeded
from ediffi.networks.layers import enlarged

CROP = 256
"""Side in pixels of the crops that larger pictures are learnt from, as the paper's last stage."""
LONGEST = 2
"""How many times its shorter side the longer side of a picture may be."""


@dataclass(frozen=True)
class Stage:
    """A denoiser that makes pictures of `high` px of pictures of `low` px, and how it is sampled.

    The sizes are those of the shorter side. `sampler` is the solver that `sampling` names.
    """

    name: str
    low: int
    high: int
    denoiser: Denoiser
    sampler: Sampler
    sampling: SamplingConfig

    def __post_init__(self) -> None:
        """Raise ValueError unless `high` is a whole multiple of `low`, at least twice as large."""
        if self.low < 1 or self.high < 2 * self.low or self.high % self.low:
            raise ValueError(
                f"{self.name} makes {self.high} px of {self.low} px, but must enlarge by a whole"
                " factor of at least 2"
            )

    def size(self, picture: Tensor) -> tuple[int, int]:
        """Height and width that `picture` (b, 3, h, w) comes out with.

        Raises ValueError when its shorter side is not `low` px, or its longer side is more than
        LONGEST times that.
        """
        if picture.ndim != 4 or picture.shape[1] != 3:
            shape = tuple(picture.shape)
            raise ValueError(f"{self.name} takes pictures (b, 3, h, w), not {shape}")
        h, w = picture.shape[2:]
        if min(h, w) != self.low or max(h, w) > LONGEST * self.low:
            raise ValueError(
                f"{self.name} cannot enlarge a picture of {h} x {w}: its shorter side must be"
                f" {self.low} px and its longer side at most {LONGEST * self.low}"
            )
        factor = self.high // self.low
        return h * factor, w * factor


@dataclass(frozen=True)
class StageStep:
    """A sampler's step and the name of the stage that took it."""

    stage: str
    step: Step


@torch.inference_mode()
def upscaled(
    stage: Stage, picture: Tensor, cond: Conditioning, seeds: Sequence[int]
) -> Iterator[Step]:
    """The steps of one stage; the last one's `x` (b, 3, H, W) is the enlarged picture.

    `picture` (b, 3, h, w) in [-1, 1] is taken as a file would keep it. `cond` holds b prompts,
    `seeds` as many seeds; a stage draws other noise from a seed than another stage. Unguided where
    `sampling.guidance` is 1. It begins at `sampling.sigma_max` with the picture, plainly enlarged,
    under noise: the noisy truth, but for what that much noise hides (ours; the paper is not known
    to). `sampling.soften` blurs the picture first, so that a stage which learnt to mend blur draws
    anew the crooked edges that a sampled picture has (conditioning augmentation: Ho et al. 2021,
    Sec. 3). Raises ValueError for sizes and numbers that do not fit.
    """
    size = stage.size(picture)
    if not len(picture) == cond.batch == len(seeds):
        raise ValueError(
            f"{len(picture)} pictures need as many prompts and seeds, not {cond.batch} and"
            f" {len(seeds)}"
        )
    own = tuple(derived_seed(seed, stage.name) for seed in seeds)
    s = stage.sampling
    grid = edm_grid(s.steps, s.sigma_min, s.sigma_max, s.rho)
    kept = as_kept(softened(as_kept(picture), s.soften))
    noise = seeded_noise(own, (3, *size)).to(picture.device)
    noisy = noise + enlarged(kept, size).clamp(-1, 1) / s.sigma_max
    told = cond.with_low_res(kept)
    yield from seeded(stage.sampler, own)(_guided(stage), noisy, grid, told)


def chained(
    stages: Sequence[Stage],
    picture: Tensor,
    cond: Conditioning,
    seeds: Sequence[int],
    skip: Collection[str] = (),
) -> Iterator[StageStep]:
    """The steps of one stage after the other, each beginning with what the last one made.

    Between two stages a picture is what a file would keep of it: going on from a saved picture with
    `stages[1:]` makes the same pixels. A stage named in `skip` takes one step without asking its
    denoiser: plain bicubic enlargement. Raises ValueError as `upscaled` does, for a name in `skip`
    that no stage has, and when the picture stops being finite.
    """
    unknown = sorted(set(skip) - {stage.name for stage in stages})
    if unknown:
        known = ", ".join(stage.name for stage in stages)
        raise ValueError(f"no stage is called {unknown[0]!r}: there are {known}")
    for stage in stages:
        plain, x = stage.name in skip, picture
        steps = _plain(stage, picture) if plain else upscaled(stage, picture, cond, seeds)
        for step in steps:
            yield StageStep(stage.name, step)
            x = step.x
        picture = as_kept(x)


def as_kept(picture: Tensor) -> Tensor:
    """`picture` (b, 3, h, w) clamped to [-1, 1] and rounded to 8 bits, as a file keeps it.

    Raises ValueError when a value is not finite.
    """
    kept = [images.to_tensor(each) for each in images.to_uint8(picture)]
    return torch.stack(kept).to(picture.device)


def _plain(stage: Stage, picture: Tensor) -> Iterator[Step]:
    larger = enlarged(as_kept(picture), stage.size(picture)).clamp(-1, 1)
    yield Step(0, 0.0, larger, larger, ())


def _guided(stage: Stage) -> Denoiser:
    low, high = stage.sampling.guidance_low, stage.sampling.guidance_high
    if stage.sampling.guidance == 1 or low == high:
        return stage.denoiser
    return Guided(stage.denoiser, stage.sampling.guidance, Window(low, high))
