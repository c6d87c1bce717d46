"""Insisting on a sentence: at high noise no phrase of it may stay unheard.

A prompt that names two things often becomes a picture of one: nowhere in the noise is the other
looked for, and soon it is too late. So the picture is pulled (`pulling.py`) until every phrase has
a place that listens to it (after Chefer et al. 2023, "Attend-and-Excite"; not in the paper). Theirs
raises the worst word alone and in several rounds; here all phrases count alike, one round a step.
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


@dataclass(frozen=True)
class Phrases:
    """What the prompts of a batch speak of, r phrases at most.

    `columns` (b, r, n) is 1 where a column of the context belongs to a phrase, a row of zeros where
    there is none; `places` (b, r, h, w) in [0, 1] says where on the page it may be heard.
    """

    columns: Tensor
    places: Tensor

    def to(self, device: torch.device) -> Phrases:
        """The phrases on a device."""
        return Phrases(self.columns.to(device), self.places.to(device))


def insistence(phrases: Phrases, far: float) -> Pull:
    """The pull of a batch to hearing its phrases, by `far` a step as `pulling.Pull` has it."""
    every = phrases.columns.new_full((len(phrases.columns),), far)
    return Pull(partial(energy, phrases), every)


def energy(phrases: Phrases, heard: Sequence[Tensor], sigma: Tensor, size: Sequence[int]) -> Tensor:
    """How much of the phrases is unheard, (b,) in [0, 1]; 0 where a picture has none.

    Mean over layers and phrases of 1 - m, m being the most attention that any of its places pays to
    the phrase's columns, after a mean over 3 x 3 cells: one loud cell is no thing. The rest is as
    in `pulling.Energy`.
    """
    counts = phrases.columns.any(2)
    total = torch.zeros(len(sigma), device=sigma.device)
    for probabilities in heard:
        grid = grid_of(probabilities.shape[2], size[0] / size[1])
        told = paid_to(phrases.columns, probabilities).unflatten(2, grid)
        told = told * F.adaptive_avg_pool2d(phrases.places, grid)
        smooth = F.avg_pool2d(told, 3, stride=1, padding=1, count_include_pad=False)
        missing = (1 - smooth.flatten(2).amax(2)).clamp(min=0) * counts
        total = total + missing.sum(1) / counts.sum(1).clamp(min=1)
    return total / max(1, len(heard))


def bind_phrases(
    prompts: Sequence[str],
    paintings: Sequence[Painting | None],
    texts: Sequence[EncodedText],
    cond: Conditioning,
) -> Phrases:
    """The phrases of prompts on the columns of their conditioning, as the projector joins them.

    What is painted may be heard where it is painted, everything else everywhere. The first 16
    phrases that an encoder reads count.
    """
    n, m = cond.t5.shape[1], cond.clip.shape[1]
    rows = [_rows(Prompt(p), told, m) for p, told in zip(prompts, texts, strict=True)]
    most = max(1, *map(len, rows))
    columns = torch.zeros(len(rows), most, m + n + 2)
    places = torch.ones(len(rows), most, GRID, GRID)
    for picture, (row, painting) in enumerate(zip(rows, paintings, strict=True)):
        for k, (span, own) in enumerate(row):
            columns[picture, k, own] = 1
            found = _regions(painting, span)
            if found and cond.painting is not None:
                places[picture, k] = cond.painting.masks[picture, found].amax(0).clamp(min=0)
    return Phrases(columns, places)


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
