"""From requests to what a denoiser is told: each prompt encoded alone, its columns in whole blocks.

A picture must not depend on its neighbours in a batch. So a prompt is encoded by itself, and padded
to whole blocks of columns: prompts of like length have the same shape, and in half precision even
a masked column changes the last bit of a sum. It knows no sampler and no network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioning.embeddings import Conditioning, PaintedRegions, stack
from ediffi.conditioning.encoders import EncodedText, Encoders
from ediffi.conditioning.streams import Span
from ediffi.config import EncoderDims
from ediffi.controls.insisting import Phrases, bind_phrases
from ediffi.controls.paint_with_words import bind
from ediffi.recipe import BatchShape
from ediffi.request import Request

BLOCK = 32
KEPT = 64


@dataclass(frozen=True)
class Told:
    """One prompt, encoded: `text` with offsets and dropped words, `cond` (1 row), padded."""

    text: EncodedText
    cond: Conditioning

    @property
    def columns(self) -> tuple[int, int]:
        """Columns of the T5 and the CLIP stream, pads included."""
        return self.cond.t5.shape[1], self.cond.clip.shape[1]


class Conditioner:
    """Encodes prompts, and remembers the last few: a prompt is asked for several times."""

    def __init__(self, encoders: Encoders, dims: EncoderDims) -> None:
        self.encoders = encoders
        self.dims = dims
        self._told: dict[str, Told] = {}

    def told(self, prompt: str) -> Told:
        """What a denoiser is told for `prompt`, on the CPU."""
        if prompt not in self._told:
            while len(self._told) >= KEPT:
                del self._told[next(iter(self._told))]
            text = self.encoders.encode_text([prompt])
            cond = self.encoders.condition([prompt], encoded=text).to("cpu")
            n = _in_blocks(cond.t5.shape[1], self.dims.t5_length)
            m = _in_blocks(cond.clip.shape[1], self.dims.clip_length)
            self._told[prompt] = Told(text, self._padded(cond, n, m))
        return self._told[prompt]

    def batch(
        self, requests: Sequence[Request], shape: BatchShape | None = None
    ) -> tuple[Conditioning, BatchShape]:
        """The conditioning of requests that switch off the same embeddings, and its shape.

        `shape` asks for at least as many columns as it names.
        """
        told = [self.heard(request) for request in requests]
        cond = stack([each.cond for each in told])
        n = max(cond.t5.shape[1], shape.t5_columns if shape else 0)
        m = max(cond.clip.shape[1], shape.clip_columns if shape else 0)
        cond = self._styled(cond, requests)
        if requests[0].without:
            cond = cond.null(*requests[0].without)  # which drops columns that nobody uses
        cond = self._padded(cond, n, m)
        painting = bind([r.painting for r in requests], [each.text for each in told])
        if painting is not None:
            cond = replace(cond, painting=_widened(painting, n, m))
        return cond, BatchShape(pictures=len(requests), t5_columns=n, clip_columns=m)

    def phrases(
        self, requests: Sequence[Request], cond: Conditioning, alone: bool = False
    ) -> Phrases:
        """What the prompts of requests speak of, on the columns of their conditioning `cond`.

        One thing `alone` is nothing to insist on, unless that is asked for.
        """
        prompts, paintings = [r.prompt for r in requests], [r.painting for r in requests]
        texts = [self.heard(request).text for request in requests]
        return bind_phrases(prompts, paintings, texts, cond, alone)

    def columns(self, request: Request) -> tuple[int, int]:
        """Columns of both streams for a request, pads included."""
        return self.heard(request).columns

    def heard(self, request: Request) -> Told:
        """What both encoders read for a request, which need not be the same words."""
        main = self.told(request.prompt)
        t5 = main if request.t5_prompt is None else self.told(request.t5_prompt)
        clip = main if request.clip_prompt is None else self.told(request.clip_prompt)
        if t5 is main and clip is main:
            return main
        said, read = t5.text, clip.text
        text = replace(
            said,
            # A painting speaks of the prompt's characters: other words have no part in it.
            t5_offsets=said.t5_offsets if t5 is main else _nowhere(said.t5_offsets),
            clip=read.clip,
            clip_mask=read.clip_mask,
            clip_offsets=read.clip_offsets if clip is main else _nowhere(read.clip_offsets),
            clip_pooled=read.clip_pooled,
        )
        cond = replace(
            t5.cond,
            clip=clip.cond.clip,
            clip_mask=clip.cond.clip_mask,
            clip_pooled=clip.cond.clip_pooled,
            _nulls={},
        )
        return Told(text, cond)

    def _styled(self, cond: Conditioning, requests: Sequence[Request]) -> Conditioning:
        """The record with the vectors of the styles; all requests lend one, or none does."""
        styles = [request.lent_style for request in requests]
        vectors = [style.tensor() for style in styles if style is not None]
        if not vectors:
            return cond
        for vector in vectors:
            if len(vector) != self.dims.image:
                raise ValueError(
                    f"The style is a vector of {len(vector)} numbers and this model's CLIP makes"
                    f" {self.dims.image}: it was read by another CLIP."
                )
        shown = torch.ones(len(requests), dtype=torch.bool)
        return replace(cond, clip_image=torch.stack(vectors), clip_image_mask=shown, _nulls={})

    def _padded(self, cond: Conditioning, n: int, m: int) -> Conditioning:
        # A row of the wanted width is stacked below and taken off again: `stack` is what pads.
        wide = replace(
            Conditioning.nothing(1, self.dims),
            t5=torch.zeros(1, n, self.dims.t5),
            t5_mask=torch.zeros(1, n, dtype=torch.bool),
            clip=torch.zeros(1, m, self.dims.clip),
            clip_mask=torch.zeros(1, m, dtype=torch.bool),
        )
        return stack([cond, wide]).rows(range(cond.batch))


def _nowhere(offsets: tuple[tuple[Span, ...], ...]) -> tuple[tuple[Span, ...], ...]:
    return tuple(((0, 0),) * len(row) for row in offsets)


def _in_blocks(columns: int, most: int) -> int:
    return min(-(-columns // BLOCK) * BLOCK, max(most, columns))


def _widened(painting: PaintedRegions, n: int, m: int) -> PaintedRegions:
    def pad(columns: Tensor, width: int) -> Tensor:
        return F.pad(columns, (0, width - columns.shape[2]))

    return replace(
        painting,
        t5_columns=pad(painting.t5_columns, n),
        clip_columns=pad(painting.clip_columns, m),
    )
