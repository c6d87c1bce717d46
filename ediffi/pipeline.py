"""The front door: from a sentence to a picture.

It asks the encoders for a conditioning, the sampler for steps, and hands both back as records. It
does not know how anything is drawn, shown or stored, and nothing but sampling makes its pictures.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from ediffi import images
from ediffi.answers import PipelineStep, Report, Result
from ediffi.cascade.given import fitted
from ediffi.config import HIGHEST_SIGMA
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.prompt_switching import Turn, first_steps
from ediffi.controls.prompt_switching import timeline as prompt_timeline
from ediffi.controls.style_transfer import STRENGTH, Style, style_of
from ediffi.generation import MAX_BATCH, Generator
from ediffi.loading import Model, open_model
from ediffi.precision import fastest_dtype, usable_device
from ediffi.recipe import Environment, Recipe
from ediffi.request import Request, sampling_with, stage_choices, switched_off
from ediffi.storybook.vocabulary import unknown_words


class EDiffI:
    """A model that pictures sentences; `from_pretrained` makes one."""

    def __init__(self, model: Model, device: torch.device, dtype: torch.dtype) -> None:
        self.model = model
        self.generator = Generator(model, device, dtype)

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = "storybook",
        device: str = "cpu",
        dtype: torch.dtype | None = None,
        resident: int | None = None,
        stages: Mapping[str, Sequence[str]] | None = None,
    ) -> EDiffI:
        """The model of "storybook", "storybook/baseline", a folder, or a hub repository id.

        Networks joined by "+" work together: "storybook/high+baseline" is the expert where it
        serves, the baseline elsewhere. `resident` is how many experts stay on the device at once;
        `stages` names other networks for the super-resolution stages, none if it is empty.
        `dtype` is what the network computes in: bfloat16 or float32, None for what is faster here.
        Raises FileNotFoundError or ValueError in one sentence when there is no such model, or when
        it is damaged, and for another dtype.
        """
        if dtype not in (None, torch.bfloat16, torch.float32):
            raise ValueError(f"The dtype is {dtype!r}; there are torch.bfloat16 and torch.float32.")
        place = usable_device(device)
        chosen = dtype or fastest_dtype(place)
        return cls(open_model(source, place, chosen, resident, stages), place, chosen)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The picture sizes in pixels that this model offers."""
        return self.model.sizes

    def request(
        self,
        prompt: str,
        seed: int = 0,
        size: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        painting: Painting | None = None,
        solver: str | None = None,
        window: Sequence[float] | None = None,
        without: Sequence[str] = (),
        stage_steps: Mapping[str, int] | None = None,
        stage_guidance: Mapping[str, float] | None = None,
        expert_guidance: Mapping[str, float | Sequence[float]] | None = None,
        seam_history: bool | None = None,
        style: Style | Image.Image | None = None,
        timeline: Sequence[Turn | tuple[float, str]] = (),
        t5_prompt: str | None = None,
        clip_prompt: str | None = None,
        insist: float | None = None,
        stage_soften: Mapping[str, float] | None = None,
    ) -> Request:
        """A checked request with this model's defaults where a value is None.

        `window` is the (low, high) range of sigma in which guidance acts; `without` switches off
        "t5", "clip_text" or "clip_image"; `stage_steps` and `stage_guidance` set steps and guidance
        of super-resolution stages by name, and `stage_soften`, 0 to 4, the sigma in its pixels of a
        blur over the small picture that a stage is shown. `expert_guidance` gives experts of the
        base a scale of their own, or (scale, low, high); without `seam_history` a multistep solver
        begins anew where the next expert takes over. `style` is a picture, or what `style` makes of
        several; `timeline` is turns (share of the steps, words from there on); `t5_prompt` and
        `clip_prompt` are other words for one encoder. `insist`, 0 to 0.5, is how far the early
        steps move the picture until every phrase is heard; a prompt of one thing, neither painted
        nor put on a side, is left alone. Raises ValueError in one sentence.
        """
        sampling = sampling_with(
            self.model.preset.sampling,
            solver,
            steps,
            guidance,
            window,
            expert_guidance,
            seam_history,
            insist,
        )
        chosen = self.sizes[0] if size is None else size
        self._check_size(chosen)
        told = stage_steps or {}, stage_guidance or {}, stage_soften or {}
        request = Request(
            prompt,
            seed,
            chosen,
            sampling,
            switched_off(without),
            painting,
            stage_choices(self.model.stages, (self.sizes[0], chosen), *told),
            t5_prompt,
            clip_prompt,
            self.style([style]) if isinstance(style, Image.Image) else style,
            prompt_timeline(timeline),
        )
        return request

    def style(
        self,
        pictures: Sequence[Image.Image],
        weights: Sequence[float] | None = None,
        strength: float = STRENGTH,
        window: tuple[float, float] = (0.0, HIGHEST_SIGMA),
    ) -> Style:
        """The style of one or several reference pictures; errors as in `style_of`."""
        encode = self.model.encoders.encode_image
        return style_of(pictures, encode, weights, strength, window)

    def report(self, asked: str | Request) -> Report:
        """What to tell the user before sampling: unknown words, words that do not fit, emptiness.

        Raises ValueError for a prompt that no request takes.
        """
        return self._report(self.request(asked) if isinstance(asked, str) else asked)

    def generate(
        self,
        prompt: str,
        seed: int = 0,
        size: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        painting: Painting | None = None,
        solver: str | None = None,
        window: Sequence[float] | None = None,
        without: Sequence[str] = (),
        stage_steps: Mapping[str, int] | None = None,
        stage_guidance: Mapping[str, float] | None = None,
        expert_guidance: Mapping[str, float | Sequence[float]] | None = None,
        seam_history: bool | None = None,
        style: Style | Image.Image | None = None,
        timeline: Sequence[Turn | tuple[float, str]] = (),
        t5_prompt: str | None = None,
        clip_prompt: str | None = None,
        insist: float | None = None,
        stage_soften: Mapping[str, float] | None = None,
    ) -> Result:
        """One finished picture; arguments and errors as in `request`."""
        request = self.request(
            prompt,
            seed,
            size,
            steps,
            guidance,
            painting,
            solver,
            window,
            without,
            stage_steps,
            stage_guidance,
            expert_guidance,
            seam_history,
            style,
            timeline,
            t5_prompt,
            clip_prompt,
            insist,
            stage_soften,
        )
        return self.generate_many([request])[0]

    def upscale_steps(
        self,
        picture: Image.Image,
        prompt: str = "",
        size: int | None = None,
        seed: int = 0,
        stage_steps: Mapping[str, int] | None = None,
        stage_guidance: Mapping[str, float] | None = None,
        stage_soften: Mapping[str, float] | None = None,
    ) -> Iterator[PipelineStep]:
        """The steps in which a given picture is enlarged until its shorter side has `size` px.

        It begins at the largest stage that the picture reaches; `size` None is the largest there
        is. A given picture is shown to its stage as it is unless `stage_soften` says otherwise: it
        need not be mended as a sampled one does. Raises ValueError in one sentence for a picture or
        a size that does not fit.
        """
        if not self.model.stages:
            raise ValueError(f"{self.model.name} has no super-resolution stage.")
        chosen = self.sizes[-1] if size is None else size
        self._check_size(chosen)
        lows = [stage.low for stage in self.model.stages if stage.low < chosen]
        if not lows:
            raise ValueError(f"The size is {chosen} pixels, which no stage makes.")
        start = fitted(picture, lows)
        low = min(start.shape[2:])
        given = {stage.name: 0.0 for stage in self.model.stages if stage.low == low}
        told = stage_steps or {}, stage_guidance or {}, {**given, **(stage_soften or {})}
        stages = stage_choices(self.model.stages, (low, chosen), *told)
        sampling = self.model.preset.sampling
        request = Request(prompt, seed, chosen, sampling, stages=stages)
        return self.generator.steps([request], [self._report(request)], start=start)

    def generate_many(self, requests: Sequence[Request]) -> list[Result]:
        """Finished pictures in the order of the requests, sampled in batches where they agree."""
        finished: dict[int, Result] = {}
        for group in self.groups(requests):
            results: tuple[Result, ...] = ()
            for step in self.steps([requests[index] for index in group]):
                results = step.results
            finished.update(zip(group, results, strict=True))
        return [finished[index] for index in range(len(requests))]

    def groups(self, requests: Sequence[Request]) -> list[list[int]]:
        """Indices of requests that share a batch without changing each other's pictures.

        Prompts of a batch have like lengths and painted ones keep to themselves; MAX_BATCH at most.
        """
        alike: dict[object, list[list[int]]] = {}
        for index, r in enumerate(requests):
            columns = self.generator.conditioner.columns(r)
            shared = (r.shared, bool(r.painting), columns)
            batches = alike.setdefault(shared, [[]])
            if len(batches[-1]) == MAX_BATCH:
                batches.append([])
            batches[-1].append(index)
        return [batch for batches in alike.values() for batch in batches]

    def steps(self, requests: Request | Sequence[Request]) -> Iterator[PipelineStep]:
        """The steps in which one request, or a batch of requests that agree, becomes pictures.

        Whoever stops asking cancels. The last step carries the results.
        """
        batch = [requests] if isinstance(requests, Request) else list(requests)
        return self.generator.steps(batch, [self._report(request) for request in batch])

    def replay(self, recipe: Recipe, picture: Image.Image | None = None) -> Result:
        """The picture of a recipe, sampled in a batch of the same shape as then.

        `picture` is the one that was enlarged, where one was. Raises ValueError where the recipe
        asks for what this model does not offer, or for another picture.
        """
        request = Request.of(recipe)
        self._check_size(request.size)
        ends = {stage.name: stage.high for stage in self.model.stages}
        last = request.stages[-1].stage if request.stages else None
        made = ends.get(last, request.size) if last else self.sizes[0]
        if made != request.size:
            raise ValueError(
                f"The recipe asks for {request.size} pixels, but its last stage makes {made}."
            )
        start = None if recipe.source is None else self._source(recipe, picture)
        return self.generator.replay(request, recipe.batch, self._report(request), start)

    def environment(self) -> Environment:
        """Where and in what precision this model samples."""
        return Environment.here(self.generator.device, self.generator.dtype)

    def _source(self, recipe: Recipe, picture: Image.Image | None) -> Tensor:
        """The picture that a recipe enlarged, checked to be the one."""
        if picture is None:
            raise ValueError("The recipe enlarged a picture: that picture is needed to replay it.")
        first = {choice.stage for choice in recipe.stages}
        lows = [stage.low for stage in self.model.stages if stage.name in first]
        start = fitted(picture, lows or [self.sizes[0]])
        if images.digest(start[0]) != recipe.source:
            raise ValueError("The recipe enlarged another picture than the one that is given.")
        return start

    def _check_size(self, size: int) -> None:
        if size not in self.sizes:
            offered = ", ".join(map(str, self.sizes))
            raise ValueError(
                f"The size is {size} pixels and this model makes {offered}: it has no stage for"
                " another size."
            )

    def _report(self, request: Request) -> Report:
        dropped = [self.generator.conditioner.told(text).text.dropped[0] for text in request.texts]
        unknown = [word for text in request.texts for _, _, word in unknown_words(text)]
        steps = request.sampling.steps
        begins = zip(request.timeline, first_steps(request.timeline, steps), strict=True)
        return Report(
            unknown=tuple(dict.fromkeys(unknown)),
            dropped_t5=tuple(word for each in dropped for word in each.t5),
            dropped_clip=tuple(word for each in dropped for word in each.clip),
            empty=not request.prompt,
            unheard=tuple(turn for turn, first in begins if first == steps),
            painted=request.painting_notes(self.model.config.coarsest_words),
        )
