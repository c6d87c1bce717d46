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
from ediffi.config import EncoderDims
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
        told = [self.told(request.prompt) for request in requests]
        cond = stack([each.cond for each in told])
        n = max(cond.t5.shape[1], shape.t5_columns if shape else 0)
        m = max(cond.clip.shape[1], shape.clip_columns if shape else 0)
        if requests[0].without:
            cond = cond.null(*requests[0].without)  # which drops columns that nobody uses
        cond = self._padded(cond, n, m)
        painting = bind([r.painting for r in requests], [each.text for each in told])
        if painting is not None:
            cond = replace(cond, painting=_widened(painting, n, m))
        return cond, BatchShape(pictures=len(requests), t5_columns=n, clip_columns=m)

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
