"""What a caller asks for, checked once and for all.

Every limit of the front door stands here; whoever holds a `Request` may sample from it. It knows no
network, no encoder and no file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ediffi.build import build_sampler
from ediffi.cascade.stages import Stage
from ediffi.conditioning.embeddings import EMBEDDINGS
from ediffi.conditioning.prompt import clean_prompt
from ediffi.config import HIGHEST_SIGMA, ExpertGuidance, SamplingConfig, StageChoice
from ediffi.controls.insisting import MOST_INSISTENCE
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.prompt_switching import Turn, check_timeline
from ediffi.controls.style_transfer import Style
from ediffi.limits import check_integer, check_number
from ediffi.recipe import Recipe

MAX_STEPS = 200
MAX_GUIDANCE = 30.0
MOST_SOFTENING = 4.0
SEEDS = 2**64


@dataclass(frozen=True)
class Request:
    """One picture that is asked for; creating it checks every value (ValueError, one sentence).

    `without` names embeddings that are switched off; `painting` steers phrases into regions.
    `stages` says how each super-resolution stage on the way to `size` is sampled. `t5_prompt` and
    `clip_prompt` are what that encoder reads instead of the prompt ("" is its exact null); `style`
    lends its look; `timeline` brings other words from some step on.
    """

    prompt: str
    seed: int
    size: int
    sampling: SamplingConfig
    without: tuple[str, ...] = ()
    painting: Painting | None = None
    stages: tuple[StageChoice, ...] = ()
    t5_prompt: str | None = None
    clip_prompt: str | None = None
    style: Style | None = None
    timeline: tuple[Turn, ...] = ()

    def __post_init__(self) -> None:
        for name in ("prompt", "t5_prompt", "clip_prompt"):
            object.__setattr__(self, name, _checked_text(name, getattr(self, name)))
        check_timeline(self.timeline)
        if not isinstance(self.style, Style | None):
            raise ValueError(f"The style must be a Style, not {type(self.style).__name__}.")
        check_integer("seed", self.seed, 0, SEEDS - 1)
        check_integer("size", self.size, 1, 4096)
        # No sigma lies above the highest, and a finite window is one that JSON can carry.
        object.__setattr__(self, "sampling", _finite_window(self.sampling))
        stages = tuple(replace(s, sampling=_finite_window(s.sampling)) for s in self.stages)
        object.__setattr__(self, "stages", stages)
        _check_sampling(self.sampling)
        if self.sampling.soften:
            raise ValueError("The base is shown no picture that could be softened; a stage is.")
        _check_painting(self.painting, self.prompt)
        if self.painting and None not in (self.t5_prompt, self.clip_prompt):
            raise ValueError("Both encoders read other words, so nobody reads the painted ones.")
        for choice in self.stages:
            _check_sampling(choice.sampling)
            if choice.sampling.insist:
                raise ValueError(f"Stage {choice.stage} enlarges a picture and insists on nothing.")
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
            recipe.t5_prompt,
            recipe.clip_prompt,
            recipe.style,
            recipe.timeline,
        )

    @property
    def lent_style(self) -> Style | None:
        """The style if it has any effect: a strength of 0 is the exact null."""
        off = self.style is None or not self.style.strength or "clip_image" in self.without
        return None if off else self.style

    @property
    def collaged(self) -> bool:
        """Whether the picture begins as a collage of what is painted."""
        return self.painting is not None and self.painting.collaged

    @property
    def texts(self) -> tuple[str, ...]:
        """Everything that an encoder reads for this picture, each text once."""
        others = (self.t5_prompt, self.clip_prompt, *(turn.prompt for turn in self.timeline))
        return tuple(dict.fromkeys([self.prompt, *(text for text in others if text is not None)]))

    @property
    def shared(self) -> tuple[object, ...]:
        """What the pictures of one batch must have in common."""
        lent = self.lent_style
        dial = None if lent is None else (lent.strength, lent.sigma_low, lent.sigma_high)
        asked = self.size, self.sampling, self.without, self.stages, self.timeline
        return *asked, dial, self.collaged

    def painting_notes(self, coarsest: int) -> tuple[str, ...]:
        """What the painter should know, and which painted phrases no turn of the timeline says.

        `coarsest` is the side of the coarsest grid that attends to words, in cells.
        """
        if not self.painting:
            return ()
        said = list(self.painting.warnings(coarsest))
        for turn in self.timeline:
            gone = self.painting.with_prompt(turn.prompt)[1]
            if gone:
                names = ", ".join(repr(name) for name in gone)
                said.append(f"from {turn.share:.0%} of the steps on the words lack {names}.")
        return tuple(said)

    def turned(self, turn: Turn) -> Request:
        """What is asked for from `turn` on: its words, and what of the painting they still say."""
        painting = self.painting and self.painting.with_prompt(turn.prompt)[0]
        return replace(self, prompt=turn.prompt, painting=painting or None, timeline=())


def check_batch(requests: Sequence[Request], most: int) -> None:
    """Raise ValueError where requests cannot share a batch, of `most` pictures at most."""
    if not 1 <= len(requests) <= most:
        raise ValueError(f"A batch has 1 to {most} pictures, not {len(requests)}.")
    if len({request.shared for request in requests}) > 1:
        raise ValueError(
            "The pictures of a batch must share size, sampling, embeddings, timeline, the style's"
            " dial, and whether they begin as collages."
        )


def switched_off(without: object) -> tuple[Any, ...]:
    """Names of embeddings as a row, of one name or several; ValueError for what is neither."""
    if isinstance(without, str):
        return (without,)
    if not isinstance(without, Iterable):
        raise ValueError(f"without must name embeddings, not {without!r}.")
    return tuple(without)


def sampling_with(
    defaults: SamplingConfig,
    solver: str | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    window: Sequence[float] | None = None,
    expert_guidance: Mapping[str, float | Sequence[float]] | None = None,
    seam_history: bool | None = None,
    insist: float | None = None,
    soften: float | None = None,
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
        if not _is_row(window, 2):
            raise ValueError(f"The guidance window needs 2 values, low and high, not {window!r}.")
        chosen["guidance_low"], chosen["guidance_high"] = window
    if seam_history is not None:
        chosen["seam_history"] = seam_history
    if insist is not None:
        chosen["insist"] = insist
    if soften is not None:
        chosen["soften"] = soften
    sampling = replace(defaults, **chosen)
    if expert_guidance:
        usual = _finite_window(sampling)
        own = tuple(_own_guidance(usual, *item) for item in expert_guidance.items())
        sampling = replace(sampling, per_expert=own)
    return sampling


def stage_choices(
    stages: Sequence[Stage],
    between: tuple[int, int],
    steps: Mapping[str, int],
    guidance: Mapping[str, float],
    soften: Mapping[str, float],
) -> tuple[StageChoice, ...]:
    """How those of a model's `stages` are sampled that lie `between` two sizes in pixels.

    Each mapping gives what a stage has in place of its own; ValueError for a stage that is not
    among `stages`.
    """
    known = {stage.name for stage in stages}
    for name in [*steps, *guidance, *soften]:
        if name not in known:
            offered = ", ".join(sorted(known)) or "none"
            raise ValueError(f"There is no stage {name!r}; the model has {offered}.")
    low, high = between
    return tuple(
        StageChoice(
            stage.name,
            sampling_with(
                stage.sampling,
                steps=steps.get(stage.name),
                guidance=guidance.get(stage.name),
                soften=soften.get(stage.name),
            ),
        )
        for stage in stages
        if low <= stage.low and stage.high <= high
    )


def _own_guidance(
    sampling: SamplingConfig, expert: str, told: float | Sequence[float]
) -> ExpertGuidance:
    if isinstance(told, int | float):
        return ExpertGuidance(expert, told, sampling.guidance_low, sampling.guidance_high)
    if not _is_row(told, 3):
        raise ValueError(f"The guidance of {expert} needs a scale, or scale, low and high.")
    return ExpertGuidance(expert, *told)


def _is_row(value: object, length: int) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and len(value) == length


def _finite_window(sampling: SamplingConfig) -> SamplingConfig:
    return replace(sampling, guidance_high=min(sampling.guidance_high, HIGHEST_SIGMA))


def _check_sampling(sampling: SamplingConfig) -> None:
    build_sampler(sampling.solver)  # raises for a name that means nothing
    check_integer("number of steps", sampling.steps, 1, MAX_STEPS)
    check_number("guidance", sampling.guidance, 0.0, MAX_GUIDANCE)
    check_number("sigma_min", sampling.sigma_min, 1e-5, 10.0)
    check_number("sigma_max", sampling.sigma_max, sampling.sigma_min, HIGHEST_SIGMA)
    if sampling.sigma_min == sampling.sigma_max:
        raise ValueError(
            f"sigma_min and sigma_max are both {sampling.sigma_max}; they must differ."
        )
    check_number("rho", sampling.rho, 1.0, 100.0)
    check_number("insistence", sampling.insist, 0.0, MOST_INSISTENCE)
    check_number("softening", sampling.soften, 0.0, MOST_SOFTENING)
    check_number("guidance_low", sampling.guidance_low, 0.0, HIGHEST_SIGMA)
    low = sampling.guidance_low
    check_number("guidance_high", sampling.guidance_high, low, HIGHEST_SIGMA)
    for each in sampling.per_expert:
        check_number(f"guidance of {each.expert}", each.guidance, 0.0, MAX_GUIDANCE)
        check_number(f"lower end for {each.expert}", each.low, 0.0, HIGHEST_SIGMA)
        check_number(f"upper end for {each.expert}", each.high, each.low, HIGHEST_SIGMA)
    names = [each.expert for each in sampling.per_expert]
    if len(set(names)) < len(names):
        raise ValueError(f"Guidance is given twice for an expert among {', '.join(names)}.")


def _checked_text(name: str, text: object) -> str | None:
    if text is None and name != "prompt":
        return None
    if not isinstance(text, str):
        raise ValueError(f"The {name} must be text, not {type(text).__name__}.")
    return clean_prompt(text)


def _check_painting(painting: object, prompt: str) -> None:
    if painting is None:
        return
    if not isinstance(painting, Painting):
        raise ValueError(f"The painting must be a Painting, not {type(painting).__name__}.")
    if painting.prompt != prompt:
        raise ValueError(
            f"The painting belongs to the prompt {painting.prompt[:60]!r}, not to {prompt[:60]!r}."
        )
