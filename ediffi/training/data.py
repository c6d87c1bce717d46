"""Batches of pictures and embeddings by position in the run, from memory-mapped shards.

A position is the number of pictures that came before: it decides the picture, the caption and, in
the loop, noise and dropout. So a source has no state, and resuming means remembering one number. It
knows the layout of shards; it refuses to know networks, noise levels and who draws.
"""

from __future__ import annotations

import json
import math
import queue
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from ediffi.conditioning import cache
from ediffi.training import keyed

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """`x0` (b, 3, h, w) float32 in [-1, 1], its conditioning, and the positions (b,) int64."""

    x0: Tensor
    cond: Any
    index: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return replace(self, x0=self.x0.to(device), cond=self.cond.to(device))


class Source(Protocol):
    """Random access to training samples by position; positions go on without end."""

    def __len__(self) -> int:
        """Pictures in an epoch."""
        ...

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions of the run."""
        ...


class CaptionedSource(Source, Protocol):
    """A source that can say what its pictures are called."""

    def texts(self, positions: Sequence[int]) -> list[str]:
        """The captions behind `batch(positions)`."""
        ...


class ShardSource:
    """Drawn scenes with cached embeddings, in an order that (seed, epoch) decides.

    Each epoch meets every picture once. A block of `block` consecutive positions uses long captions
    (with probability `long_share`) or short ones, so that short captions are not padded to long
    ones; which caption of that length is taken is drawn per position. `resolution` below the
    shards' own gives area-averaged pictures.

    `folder` may be several. `other_styles` is the share of the scenes in other styles than flat
    that an epoch meets: textures learn slowly and are needed less often than the world itself.
    Scenes with more than `most_things` are left out. Raises FileNotFoundError or ValueError for
    missing shards or caches, a resolution that does not divide the pictures', and when nothing is
    left.
    """

    def __init__(
        self,
        folder: str | Path | Sequence[Path],
        resolution: int | None = None,
        seed: int = 0,
        long_share: float = 0.2,
        block: int = 32,
        other_styles: float = 1.0,
        most_things: int | None = None,
    ):
        shards = _shards([Path(folder)] if isinstance(folder, str | Path) else folder)
        self.shards = shards
        self.images = [cache.mapped(shard)["images"].numpy() for shard in shards]
        self.embeddings = [cache.CachedEmbeddings(cache.cache_path(shard)) for shard in shards]
        self.ends = np.cumsum([len(images) for images in self.images])
        self.seed, self.long_share, self.block = seed, long_share, block
        size = self.images[0].shape[1]
        self.resolution = resolution or size
        if size % self.resolution:
            raise ValueError(f"resolution is {self.resolution}, but must divide {size}.")
        if not 0 < other_styles <= 1:
            raise ValueError(f"other_styles is {other_styles}, but must lie in 0 < share <= 1.")
        flat, fitting = self._sorted_out(other_styles < 1, most_things)
        self.always = np.flatnonzero(flat & fitting)
        self.sometimes = np.flatnonzero(~flat & fitting)
        self.taken = math.ceil(other_styles * len(self.sometimes))
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.always) + self.taken

    def _sorted_out(self, by_style: bool, most_things: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Which pictures are met in every epoch, and which are met at all, bool (n,) each."""
        everything = np.ones(int(self.ends[-1]), np.bool_)
        if not by_style and most_things is None:
            return everything, everything
        styles, counts = _facts(self.shards)
        fitting = everything if most_things is None else counts <= most_things
        if not fitting.any():
            raise ValueError(f"no scene has at most {most_things} things.")
        return styles == "flat" if by_style else everything, fitting

    def pictures(self, positions: Sequence[int] | np.ndarray) -> np.ndarray:
        """Which picture of the set is met at each position, int64."""
        epochs, places = np.divmod(np.asarray(positions), len(self))
        met = np.empty(len(places), np.int64)
        for epoch in np.unique(epochs):
            if self._order[0] != epoch:
                self._order = (int(epoch), self._epoch(int(epoch)))
            met[epochs == epoch] = self._order[1][places[epochs == epoch]]
        return met

    def _epoch(self, epoch: int) -> np.ndarray:
        """The pictures of an epoch in its order: all flat ones, and others by turns."""
        order = keyed.permutation(self.seed, epoch, len(self))
        if not self.taken:
            return self.always[order]
        # Epochs walk through one shuffled list, so that every scene has its turn.
        turns = keyed.permutation(self.seed, -1, len(self.sometimes))
        start = epoch * self.taken
        places = np.arange(start, start + self.taken) % len(turns)
        return np.concatenate([self.always, self.sometimes[turns[places]]])[order]

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions; pure, cheap, and the same on every machine."""
        chosen = self.chosen(positions)
        pictures = np.stack([self.images[shard][row] for shard, row, _ in chosen])
        rows = [(self.embeddings[shard], caption, row) for shard, row, caption in chosen]
        x0 = torch.from_numpy(self._scaled(pictures))
        return Batch(x0, cache.gather(rows), torch.as_tensor(np.asarray(positions)))

    def texts(self, positions: Sequence[int]) -> list[str]:
        """The captions behind `batch(positions)`; reads sidecars, meant for sheets and probes."""
        found: dict[int, list[str]] = {}
        chosen = self.chosen(positions)
        for shard in sorted({shard for shard, _, _ in chosen}):
            found[shard] = cache.captions_of(self.shards[shard])[0]
        return [found[shard][caption] for shard, _, caption in chosen]

    def chosen(self, positions: Sequence[int]) -> list[tuple[int, int, int]]:
        """Which sample is met at each position: (shard, picture in it, caption in it)."""
        places = np.asarray(positions)
        want_long = keyed.uniform(self.seed, "long", places // self.block) < self.long_share
        which = keyed.uniform(self.seed, "caption", places)
        chosen = []
        for i, picture in enumerate(self.pictures(places)):
            shard = int(np.searchsorted(self.ends, picture, side="right"))
            row = int(picture - (self.ends[shard - 1] if shard else 0))
            embeddings = self.embeddings[shard]
            captions = embeddings.by_picture[row]
            fitting = [c for c in captions if embeddings.long[c] == want_long[i]] or captions
            chosen.append((shard, row, fitting[int(which[i] * len(fitting))]))
        return chosen

    def _scaled(self, pictures: np.ndarray) -> np.ndarray:
        """uint8 (b, h, w, 3) → float32 (b, 3, r, r) in [-1, 1]."""
        # numpy and not torch: a second pool of torch threads would take cores from the training.
        values = pictures.astype(np.float32)
        factor = values.shape[1] // self.resolution
        if factor > 1:
            b, h, w, c = values.shape
            cells = values.reshape(b, h // factor, factor, w // factor, factor, c)
            values = cells.mean((2, 4), dtype=np.float32)
        return np.ascontiguousarray(np.moveaxis(values / 127.5 - 1, -1, 1), np.float32)


def _shards(folders: Sequence[Path]) -> list[Path]:
    """The shards of all folders, one folder after the other."""
    found: list[Path] = []
    for folder in folders:
        shards = sorted(folder.glob("shard-*.safetensors"))
        if not shards:
            raise FileNotFoundError(f"{folder} holds no shard-*.safetensors.")
        found += shards
    return found


def _facts(shards: Sequence[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Style and number of things of each picture of these shards, (n,) each."""
    styles: list[str] = []
    counts: list[int] = []
    for shard in shards:
        with open(shard.with_suffix(".jsonl"), encoding="utf-8") as file:
            scenes = [json.loads(line)["scene"] for line in file]
        styles += [scene["style"] for scene in scenes]
        counts += [len(scene["things"]) for scene in scenes]
    return np.array(styles), np.array(counts)


def prefetched(
    make: Callable[[int], Item], start: int, ahead: int = 4
) -> Generator[Item, None, None]:
    """`make(start)`, `make(start + 1)`, … without end, made ahead of time by one thread.

    Close the generator (or let it be collected) to stop the thread. An error in `make` is raised
    here, where the item would have come.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None]] = queue.Queue(ahead)
    stop = threading.Event()

    def work() -> None:
        number = start
        while not stop.is_set():
            try:
                made: tuple[Item | None, BaseException | None] = (make(number), None)
            except BaseException as error:
                made = (None, error)
            number += 1
            while not stop.is_set():
                try:
                    ready.put(made, timeout=0.2)
                    break
                except queue.Full:
                    continue
            if made[1] is not None:
                return

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            yield item  # type: ignore[misc]
    finally:
        stop.set()
        thread.join()
