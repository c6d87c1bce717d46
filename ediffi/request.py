"""What a caller asks for, checked once and for all, and what comes back.

Every limit of the front door stands here; whoever holds a `Request` may sample from it. It knows no
network, no encoder and no file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from PIL import Image
from torch import Tensor

from ediffi import images
from ediffi.build import build_sampler
from ediffi.conditioning.embeddings import EMBEDDINGS
from ediffi.conditioning.prompt import clean_prompt
from ediffi.config import ExpertGuidance, SamplingConfig, StageChoice
from ediffi.controls.paint_with_words import Painting
from ediffi.recipe import Recipe

MAX_STEPS = 200
MAX_GUIDANCE = 30.0
HIGHEST_SIGMA = 1e4
SEEDS = 2**64


@dataclass(frozen=True)
class Request:
    """One picture that is asked for; creating it checks every value (ValueError, one sentence).

    `without` names embeddings that are switched off; `painting` steers phrases into regions.
    `stages` says how each super-resolution stage on the way to `size` is sampled.
    """

    prompt: str
    seed: int
    size: int
    sampling: SamplingConfig
    without: tuple[str, ...] = ()
    painting: Painting | None = None
    stages: tuple[StageChoice, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str):
            raise ValueError(f"The prompt must be text, not {type(self.prompt).__name__}.")
        object.__setattr__(self, "prompt", clean_prompt(self.prompt))
        _check_integer("seed", self.seed, 0, SEEDS - 1)
        _check_integer("size", self.size, 1, 4096)
        # No sigma lies above the highest, and a finite window is one that JSON can carry.
        object.__setattr__(self, "sampling", _finite_window(self.sampling))
        stages = tuple(replace(s, sampling=_finite_window(s.sampling)) for s in self.stages)
        object.__setattr__(self, "stages", stages)
        _check_sampling(self.sampling)
        _check_painting(self.painting, self.prompt)
        for choice in self.stages:
            _check_sampling(choice.sampling)
        for name in self.without:
            if name not in EMBEDDINGS:
                raise ValueError(
                    f"There is no embedding {name!r} to switch off; there are"
                    f" {', '.join(EMBEDDINGS)}."
                )

    @classmethod
    def of(cls, recipe: Recipe) -> Request:
        """The request that a recipe answers; ValueError where a value is out of range."""
        painting = None if recipe.painting is None else Painting.from_json(recipe.painting)
        return cls(
            recipe.prompt,
            recipe.seed,
            recipe.size,
            recipe.sampling,
            recipe.without,
            painting,
            recipe.stages,
        )


@dataclass(frozen=True)
class Report:
    """What the user should know about a prompt before it is sampled."""

    unknown: tuple[str, ...] = ()
    dropped_t5: tuple[str, ...] = ()
    dropped_clip: tuple[str, ...] = ()
    empty: bool = False

    def sentences(self) -> tuple[str, ...]:
        """The report in words, nothing where there is nothing to say."""
        said = []
        if self.empty:
            said.append("Empty prompt: this is the unconditional picture.")
        if self.unknown:
            said.append(f"Words this storybook does not know: {', '.join(self.unknown)}.")
        for stream, words in (("T5", self.dropped_t5), ("CLIP", self.dropped_clip)):
            if words:
                said.append(f"Too long for {stream}, which did not read: {' '.join(words)}")
        return tuple(said)


@dataclass(frozen=True)
class Result:
    """A finished picture: `images` by size in pixels, the recipe, and what was to be said."""

    images: dict[int, Image.Image]
    recipe: Recipe
    report: Report

    @property
    def image(self) -> Image.Image:
        """The picture at the size that was asked for."""
        return self.images[self.recipe.size]


@dataclass(frozen=True)
class PipelineStep:
    """One sampler step of a batch of pictures.

    `index` counts from 1 to `total` over all stages and `stage` names the one at work; `denoised`
    (b, 3, h, w) is the current guess of the clean pictures; `experts` names who answered; `seconds`
    is what the step took. `results` is empty but in the last step.
    """

    index: int
    total: int
    sigma: float
    denoised: Tensor
    experts: tuple[str, ...]
    seconds: float
    results: tuple[Result, ...] = ()
    stage: str = "base"

    @property
    def previews(self) -> Tensor:
        """(b, 3, h, w) in [-1, 1]."""
        return self.denoised.clamp(-1, 1)

    @property
    def preview(self) -> Tensor:
        """(3, h, w) in [-1, 1], the first picture of the batch."""
        return self.previews[0]

    @property
    def result(self) -> Result:
        """The first finished picture; ValueError before the last step."""
        if not self.results:
            raise ValueError(f"Step {self.index} of {self.total} has no finished picture yet.")
        return self.results[0]

    def pictures(self) -> tuple[Image.Image, ...]:
        """The previews as PIL pictures."""
        return tuple(images.to_pil(preview) for preview in self.previews)


def sampling_with(
    defaults: SamplingConfig,
    solver: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    window: Sequence[float] | None = None,
    expert_guidance: Mapping[str, float | Sequence[float]] | None = None,
    seam_history: bool | None = None,
) -> SamplingConfig:
    """The model's sampling with what the caller chose; None keeps the default.

    `window` is the (low, high) range of sigma in which guidance acts. `expert_guidance` gives an
    expert a scale of its own, or (scale, low, high).
    """
    chosen: dict[str, Any] = {}
    if solver is not None:
        chosen["solver"] = solver
    if steps is not None:
        chosen["steps"] = steps
    if guidance is not None:
        chosen["guidance"] = guidance
    if window is not None:
        if len(window) != 2:
            raise ValueError(f"The guidance window needs 2 values, not {len(window)}.")
        chosen["guidance_low"], chosen["guidance_high"] = window
    if seam_history is not None:
        chosen["seam_history"] = seam_history
    sampling = replace(defaults, **chosen)
    if expert_guidance:
        usual = _finite_window(sampling)
        own = tuple(_own_guidance(usual, *item) for item in expert_guidance.items())
        sampling = replace(sampling, per_expert=own)
    return sampling


def _own_guidance(
    sampling: SamplingConfig, expert: str, told: float | Sequence[float]
) -> ExpertGuidance:
    if isinstance(told, int | float):
        return ExpertGuidance(expert, told, sampling.guidance_low, sampling.guidance_high)
    if len(told) != 3:
        raise ValueError(f"The guidance of {expert} needs a scale, or scale, low and high.")
    return ExpertGuidance(expert, *told)


def _finite_window(sampling: SamplingConfig) -> SamplingConfig:
    return replace(sampling, guidance_high=min(sampling.guidance_high, HIGHEST_SIGMA))


def _check_sampling(sampling: SamplingConfig) -> None:
    build_sampler(sampling.solver)  # raises for a name that means nothing
    _check_integer("number of steps", sampling.steps, 1, MAX_STEPS)
    _check_number("guidance", sampling.guidance, 0.0, MAX_GUIDANCE)
    _check_number("sigma_min", sampling.sigma_min, 1e-5, 10.0)
    _check_number("sigma_max", sampling.sigma_max, sampling.sigma_min, HIGHEST_SIGMA)
    if sampling.sigma_min == sampling.sigma_max:
        raise ValueError(
            f"sigma_min and sigma_max are both {sampling.sigma_max}; they must differ."
        )
    _check_number("rho", sampling.rho, 1.0, 100.0)
    _check_number("guidance_low", sampling.guidance_low, 0.0, HIGHEST_SIGMA)
    low = sampling.guidance_low
    _check_number("guidance_high", sampling.guidance_high, low, HIGHEST_SIGMA)
    for each in sampling.per_expert:
        _check_number(f"guidance of {each.expert}", each.guidance, 0.0, MAX_GUIDANCE)
        _check_number(f"lower end for {each.expert}", each.low, 0.0, HIGHEST_SIGMA)
        _check_number(f"upper end for {each.expert}", each.high, each.low, HIGHEST_SIGMA)
    names = [each.expert for each in sampling.per_expert]
    if len(set(names)) < len(names):
        raise ValueError(f"Guidance is given twice for an expert among {', '.join(names)}.")


def _check_painting(painting: object, prompt: str) -> None:
    if painting is None:
        return
    if not isinstance(painting, Painting):
        raise ValueError(f"The painting must be a Painting, not {type(painting).__name__}.")
    if painting.prompt != prompt:
        raise ValueError(
            f"The painting belongs to the prompt {painting.prompt[:60]!r}, not to {prompt[:60]!r}."
        )


def _check_integer(name: str, value: object, low: int, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"The {name} must be a whole number, not {value!r}.")
    if not low <= value <= high:
        shown = value if abs(value) < 10**30 else "huge"  # Python refuses to print 5,000 digits
        raise ValueError(f"The {name} is {shown} and must lie between {low} and {high}.")


def _check_number(name: str, value: object, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"The {name} must be a number, not {value!r}.")
    if not low <= value <= high:  # also false for NaN
        raise ValueError(f"The {name} is {value} and must lie between {low:g} and {high:g}.")
