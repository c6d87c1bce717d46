"""Insisting on a sentence: at high noise no phrase of it may stay unheard.

A prompt that names two things often becomes a picture of one: nowhere in the noise is the other
looked for, and soon it is too late. So the picture is pulled (`pulling.py`) until every phrase has
a place that listens to it (after Chefer et al. 2023, "Attend-and-Excite"; not in the paper). Theirs
raises the worst word alone and in several rounds; here all phrases count alike, one round a step,
what is counted asks for as many places, and what the prompt puts on a side is asked for there. One
thing alone has no rival, so a prompt of one, neither painted nor put on a side, insists on nothing.
It knows phrases as columns of attention, neither guidance nor solvers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.encoders import EncodedText
from ediffi.conditioning.prompt import Prompt, Span
from ediffi.controls.masks import GRID
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.pulling import Pull, paid_to
from ediffi.controls.region_scores import grid_of

INSISTENCE, MOST_INSISTENCE = 0.05, 0.5
"""The first is the best of those that were tried (docs/training-log.md); it is nobody's default
here, for the paper insists on nothing."""
MOST_PHRASES = 16
FADES = (0.3, 0.7)
"""Where a side of the page begins to fade and where it ends, in shares of the page."""


@dataclass(frozen=True)
class Phrases:
    """What the prompts of a batch speak of, r phrases at most.

    `columns` (b, r, n) is 1 where a column of the context belongs to a phrase, a row of zeros where
    there is none; `places` (b, r, h, w) in [0, 1] says where on the page it may be heard;
    `asked` (b, r), whole numbers, in how many places it must be: as many as the phrase counts.
    """

    columns: Tensor
    places: Tensor
    asked: Tensor

    def to(self, device: torch.device) -> Phrases:
        """The phrases on a device."""
        return Phrases(*(part.to(device) for part in (self.columns, self.places, self.asked)))


def insistence(phrases: Phrases, far: float) -> Pull:
    """The pull of a batch to hearing its phrases, by `far` a step as `pulling.Pull` has it."""
    every = phrases.columns.new_full((len(phrases.columns),), far)
    return Pull(partial(energy, phrases), every)


def energy(phrases: Phrases, heard: Sequence[Tensor], sigma: Tensor, size: Sequence[int]) -> Tensor:
    """How much of the phrases is unheard, (b,) in [0, 1]; 0 where a picture has none.

    Mean over layers, and over every place that a phrase asks for, of 1 - m, m being the attention
    that is paid there to its columns, after a mean over 3 x 3 cells: one loud cell is no thing. The
    rest is as in `pulling.Energy`.
    """
    most = int(phrases.asked.max())
    wanted = torch.arange(most, device=phrases.asked.device) < phrases.asked[..., None]
    wanted = wanted & phrases.columns.any(2, keepdim=True)
    total = torch.zeros(len(sigma), device=sigma.device)
    for probabilities in heard:
        grid = grid_of(probabilities.shape[2], size[0] / size[1])
        told = paid_to(phrases.columns, probabilities).unflatten(2, grid)
        told = told * F.adaptive_avg_pool2d(phrases.places, grid)
        smooth = F.avg_pool2d(told, 3, stride=1, padding=1, count_include_pad=False)
        missing = (1 - loudest(smooth, most)).clamp(min=0) * wanted
        total = total + missing.sum((1, 2)) / wanted.sum((1, 2)).clamp(min=1)
    return total / max(1, len(heard))


def loudest(told: Tensor, most: int) -> Tensor:
    """The largest values (b, r, most) of `told` (b, r, h, w), which is not negative.

    Each stands apart from those before it, by more than about an eighth of the page (chosen); 0
    where the page is full.
    """
    window = [max(3, side // 4 | 1) for side in told.shape[2:]]
    free, found = torch.ones_like(told), []
    for _ in range(most):
        best = (told * free).flatten(2).max(2)
        found.append(best.values)
        spot = F.one_hot(best.indices, free[0, 0].numel()).to(free).view_as(free)
        free = free * (1 - F.max_pool2d(spot, window, stride=1, padding=[w // 2 for w in window]))
    return torch.stack(found, 2)


def bind_phrases(
    prompts: Sequence[str],
    paintings: Sequence[Painting | None],
    texts: Sequence[EncodedText],
    cond: Conditioning,
    alone: bool = False,
) -> Phrases:
    """The phrases of prompts on the columns of their conditioning, as the projector joins them.

    What is painted may be heard where it is painted, what the prompt puts on a side there, and
    everything else everywhere. The first 16 phrases that an encoder reads count; none does where
    nothing is painted and the prompt arranges nothing (`Prompt.arranges`), unless one thing `alone`
    is to be heard as well.
    """
    n, m = cond.t5.shape[1], cond.clip.shape[1]
    rows = [
        _rows(said, told, m) if alone or painting or said.arranges else []
        for said, painting, told in zip(map(Prompt, prompts), paintings, texts, strict=True)
    ]
    most = max(1, *map(len, rows))
    columns = torch.zeros(len(rows), most, m + n + 2)
    places = torch.ones(len(rows), most, GRID, GRID)
    asked = torch.ones(len(rows), most, dtype=torch.long)
    for picture, (row, text, painting) in enumerate(zip(rows, prompts, paintings, strict=True)):
        prompt = Prompt(text)
        sides = prompt.sides
        for k, (span, own) in enumerate(row):
            columns[picture, k, own] = 1
            asked[picture, k] = prompt.counted(span)
            found = _regions(painting, span)
            if found and cond.painting is not None:
                places[picture, k] = cond.painting.masks[picture, found].amax(0).clamp(min=0)
                continue
            for side in (name for said, name in sides if said == span):
                places[picture, k] = torch.minimum(places[picture, k], side_of_page(side))
    return Phrases(columns, places, asked)


def side_of_page(side: str) -> Tensor:
    """A mask (GRID, GRID) of a side: 1 there, 0 on the other, fading over the middle (chosen)."""
    along = (torch.arange(GRID) + 0.5) / GRID
    low, high = FADES
    fading = ((high - along) / (high - low)).clamp(0, 1)
    if side in ("right", "bottom"):
        fading = fading.flip(0)
    return (fading[:, None] if side in ("top", "bottom") else fading[None, :]).expand(GRID, GRID)


def _rows(prompt: Prompt, told: EncodedText, m: int) -> list[tuple[Span, list[int]]]:
    """Every phrase that an encoder reads, and its columns: CLIP's `m` first, then T5's."""
    found = []
    for span in prompt.phrases:
        clip = prompt.columns(span, told.clip_offsets[0])
        t5 = prompt.columns(span, told.t5_offsets[0])
        if clip or t5:
            found.append((span, [*clip, *(m + column for column in t5)]))
    return found[:MOST_PHRASES]


def _regions(painting: Painting | None, span: Span) -> list[int]:
    """The indices of the regions that draw some of a phrase's words."""
    return [
        index
        for index, region in enumerate(painting.regions if painting else ())
        if region.weight > 0 and region.span.start < span.end and span.start < region.span.end
    ]
