"""Batches out of shards of one's own pictures, by position in the run.

Like every source it has no state: seed and position decide picture and caption. It reads what
`ediffi shard` wrote and runs no encoder; it refuses to know networks and noise.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from safetensors import SafetensorError
from safetensors.numpy import load
from torch import Tensor

from ediffi.conditioning import cache
from ediffi.config import EncoderDims
from ediffi.shards.reading import Shards, open_shards
from ediffi.training import keyed
from ediffi.training.data import Batch

WIDTHS = ("t5", "clip", "pooled", "image")


class OwnPictures:
    """The pictures (b, 3, r, r) of a folder of shards, each once an epoch, in an order by seed.

    One of a picture's captions is drawn for each position. Raises FileNotFoundError or ValueError
    in one sentence: shards missing or damaged, or embeddings of other widths than `dims`.
    """

    def __init__(self, folder: str | Path, dims: EncoderDims, seed: int = 0):
        self.shards: Shards = open_shards(folder)
        self.dims, self.seed = dims, seed
        made = self.shards.encoders.dims
        for name in WIDTHS:
            given, wanted = getattr(made, name), getattr(dims, name)
            if given != wanted:
                raise ValueError(
                    f"{folder} holds {name} embeddings of {given} numbers and the network takes"
                    f" {wanted}; make the shards with the encoders that it is meant for."
                )
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.shards)

    @property
    def resolution(self) -> int:
        """The side of the pictures in pixels."""
        return self.shards.resolution

    def pictures(self, positions: Sequence[int] | np.ndarray) -> list[int]:
        """Which sample is met at each position."""
        epochs, places = np.divmod(np.asarray(positions), len(self))
        met = np.empty(len(places), np.int64)
        for epoch in np.unique(epochs):
            # Taken once: a sheet and the thread that prepares batches may ask at the same time.
            kept, order = self._order
            if kept != epoch:
                order = keyed.permutation(self.seed, int(epoch), len(self))
                self._order = (int(epoch), order)
            met[epochs == epoch] = order[places[epochs == epoch]]
        return met.tolist()

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions; ValueError naming a sample that is damaged."""
        chosen = self.pictures(positions)
        pictures = np.stack([self._pixels(sample) for sample in chosen])
        embeddings = [self._embeddings(sample) for sample in chosen]
        said = self._captions(positions, embeddings)
        rows = [(one, caption, 0) for one, caption in zip(embeddings, said, strict=True)]
        x0 = np.moveaxis(pictures.astype(np.float32) / 127.5 - 1, -1, 1)
        index = torch.as_tensor(np.asarray(positions))
        return Batch(torch.from_numpy(np.ascontiguousarray(x0)), cache.gather(rows), index)

    def texts(self, positions: Sequence[int]) -> list[str]:
        """The captions behind `batch(positions)`, for sheets."""
        chosen = self.pictures(positions)
        said = self._captions(positions, [self._embeddings(sample) for sample in chosen])
        facts = [json.loads(self.shards.read(sample, "json")) for sample in chosen]
        return [f["captions"][caption] for f, caption in zip(facts, said, strict=True)]

    def _captions(self, positions: Sequence[int], found: Sequence[SampleEmbeddings]) -> list[int]:
        which = keyed.uniform(self.seed, "caption", np.asarray(positions))
        return [int(u * len(one.pooled)) for u, one in zip(which, found, strict=True)]

    def _pixels(self, sample: int) -> np.ndarray:
        """(r, r, 3) uint8."""
        content = self.shards.read(sample, "png")
        try:
            with Image.open(io.BytesIO(content)) as picture:
                pixels = np.asarray(picture)
        except (UnidentifiedImageError, OSError, SyntaxError) as error:
            raise ValueError(f"{self.shards.name(sample)}.png is no picture: {error}.") from error
        wanted = (self.resolution, self.resolution, 3)
        if pixels.shape != wanted:
            raise ValueError(
                f"{self.shards.name(sample)}.png has the shape {pixels.shape}, not {wanted}."
            )
        return pixels

    def _embeddings(self, sample: int) -> SampleEmbeddings:
        content = self.shards.read(sample, "safetensors")
        try:
            return SampleEmbeddings(content, self.dims)
        except (SafetensorError, KeyError, ValueError, IndexError) as error:
            raise ValueError(
                f"{self.shards.name(sample)}.safetensors holds no embeddings of these encoders:"
                f" {error}."
            ) from error


class SampleEmbeddings:
    """The embeddings of one picture and its k captions: `pooled` (k, d), `image` (1, d).

    Raises KeyError, ValueError or SafetensorError when `content` is something else.
    """

    def __init__(self, content: bytes, dims: EncoderDims):
        # numpy and not torch: batches are made in a thread, beside the training's own threads.
        tensors = load(content)
        self.t5, self.clip = tensors["t5"], tensors["clip"]
        self.t5_ends, self.clip_ends = tensors["t5_offsets"], tensors["clip_offsets"]
        self.pooled: Tensor = torch.from_numpy(tensors["clip_pooled"])
        self.image: Tensor = torch.from_numpy(tensors["clip_image"])
        shapes = tuple(part.shape[-1] for part in (self.t5, self.clip, self.pooled, self.image))
        if shapes != tuple(getattr(dims, name) for name in WIDTHS):
            raise ValueError(f"the widths are {shapes}")

    def tokens(self, caption: int) -> tuple[Tensor, Tensor]:
        """T5 tokens (n, d) and CLIP tokens (m, d) of a caption, half precision."""
        t5 = self.t5[self.t5_ends[caption] : self.t5_ends[caption + 1]]
        clip = self.clip[self.clip_ends[caption] : self.clip_ends[caption + 1]]
        return torch.from_numpy(t5), torch.from_numpy(clip)
