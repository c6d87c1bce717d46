"""What comes back for a request: what to know before, every step, and the finished picture.

Records only. It knows no network and no encoder, and checks nothing: a `Request` did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from torch import Tensor

from ediffi import images
from ediffi.controls.prompt_switching import Turn
from ediffi.recipe import Recipe, write_png


@dataclass(frozen=True)
class Report:
    """What the user should know about a prompt before it is sampled."""

    unknown: tuple[str, ...] = ()
    dropped_t5: tuple[str, ...] = ()
    dropped_clip: tuple[str, ...] = ()
    empty: bool = False
    unheard: tuple[Turn, ...] = ()
    painted: tuple[str, ...] = ()

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
        for turn in self.unheard:
            said.append(f"No step is left for the words from {turn.share:.0%} of the steps on.")
        said += [sentence[:1].upper() + sentence[1:] for sentence in self.painted]
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

    def save(self, path: str | Path) -> None:
        """Writes the picture as a PNG that carries its recipe; ValueError where it cannot."""
        write_png(self.image, self.recipe, path)


@dataclass(frozen=True)
class PipelineStep:
    """One sampler step of a batch of pictures.

    `index` counts from 1 to `total` over all stages and `stage` names the one at work: "sketch" for
    those of a collage, which come before all others and whose index is 0; `denoised`
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
