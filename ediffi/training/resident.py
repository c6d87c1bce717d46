"""A source whose pictures and embeddings lie on the accelerator: batches cost no transfer.

It answers what a `ShardSource` answers at the same positions, and takes from it which sample that
is. It knows how tensors lie on a device; it refuses to know orders, epochs and captions' lengths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioning.cache import padded_width
from ediffi.conditioning.embeddings import Conditioning
from ediffi.training.data import Batch, ShardSource

SHARE = 0.5
"""Most of an accelerator's free memory that a source may take: the rest is for training."""


class ResidentSource:
    """The samples of a `ShardSource`, copied to `device` once: uint8 pictures, half tokens.

    Only the positions travel. Token columns are padded to one of two widths, that of the longest
    short caption and that of the longest of all, so a compiled network meets few shapes.
    """

    def __init__(self, source: ShardSource, device: torch.device):
        self.source, self.device = source, device
        cached = source.embeddings
        self.first_picture = np.cumsum([0, *(len(images) for images in source.images)])
        self.first_caption = np.cumsum([0, *(len(e.long) for e in cached)])
        self.images = _joined([torch.from_numpy(images) for images in source.images], device)
        self.pooled = _joined([e.pooled for e in cached], device)
        self.image = _joined([e.image for e in cached], device)
        long = np.concatenate([np.array(e.long, np.bool_) for e in cached])
        self.t5 = _tokens([e.t5 for e in cached], [e.t5_ends for e in cached], long, device)
        self.clip = _tokens([e.clip for e in cached], [e.clip_ends for e in cached], long, device)

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions, on the device."""
        shards, rows, captions = np.array(self.source.chosen(positions)).T
        pictures = self.first_picture[shards] + rows
        captions = self.first_caption[shards] + captions
        where = torch.from_numpy(pictures).to(self.device)
        spoken = torch.from_numpy(captions).to(self.device)
        t5, t5_mask = self.t5.rows(captions)
        clip, clip_mask = self.clip.rows(captions)
        cond = Conditioning(
            t5=t5,
            t5_mask=t5_mask,
            clip=clip,
            clip_mask=clip_mask,
            clip_pooled=self.pooled[spoken].float(),
            clip_image=self.image[where].float(),
            clip_image_mask=torch.ones(len(where), dtype=torch.bool, device=self.device),
        )
        return Batch(self._scaled(where), cond, torch.as_tensor(np.asarray(positions)))

    def texts(self, positions: Sequence[int]) -> list[str]:
        """The captions behind `batch(positions)`."""
        return self.source.texts(positions)

    def _scaled(self, where: Tensor) -> Tensor:
        """The chosen pictures, float32 (b, 3, r, r) in [-1, 1]."""
        values = self.images[where].permute(0, 3, 1, 2).float()
        factor = values.shape[2] // self.source.resolution
        if factor > 1:
            values = F.avg_pool2d(values, factor)
        return values / 127.5 - 1


@dataclass(frozen=True)
class _Tokens:
    """The tokens of all captions in one row (n, d), where each caption's begin, and two widths."""

    values: Tensor
    starts: np.ndarray
    lengths: np.ndarray
    widths: tuple[int, int]

    def rows(self, captions: np.ndarray) -> tuple[Tensor, Tensor]:
        """Float32 tokens (b, width, d), zero where there is none, and their mask (b, width)."""
        lengths = self.lengths[captions]
        short, longest = self.widths
        width = short if lengths.max() <= short else longest
        device = self.values.device
        columns = torch.arange(width, device=device)
        mask = columns < torch.from_numpy(lengths).to(device)[:, None]
        places = torch.from_numpy(self.starts[captions]).to(device)[:, None] + columns
        values = self.values[places.clamp(max=len(self.values) - 1)]
        return values.float().masked_fill(~mask[..., None], 0.0), mask


def size_of(source: ShardSource) -> int:
    """The bytes that a source takes on a device."""
    tensors = [t for e in source.embeddings for t in (e.t5, e.clip, e.pooled, e.image)]
    return sum(images.nbytes for images in source.images) + sum(t.nbytes for t in tensors)


def brought(source: ShardSource, device: torch.device) -> ShardSource | ResidentSource:
    """The source on `device` where that is a GPU with room for it, else as it is."""
    if device.type != "cuda":
        return source
    free, _ = torch.cuda.mem_get_info(device)
    return ResidentSource(source, device) if size_of(source) <= SHARE * free else source


def _joined(parts: Sequence[Tensor], device: torch.device) -> Tensor:
    """The parts as one tensor on the device, one after the other: no second copy on the host."""
    first = parts[0]
    whole = torch.empty(sum(map(len, parts)), *first.shape[1:], dtype=first.dtype, device=device)
    at = 0
    for part in parts:
        whole[at : at + len(part)] = part
        at += len(part)
    return whole


def _tokens(
    parts: Sequence[Tensor], ends: Sequence[Sequence[int]], long: np.ndarray, device: torch.device
) -> _Tokens:
    lengths = np.concatenate([np.diff(end) for end in ends])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    widest = int(lengths.max())
    short = int(lengths[~long].max()) if not long.all() else widest
    widths = padded_width(short), padded_width(widest)
    return _Tokens(_joined(parts, device), starts, lengths, widths)
