"""Small pictures as the base makes them, each beside its true large one: what a stage really gets.

A stage that has only seen small pictures of true ones makes the faults of a sampled one sharper. So
true small pictures are noised to some level and sampled from there by the base, told their caption
(Meng et al. 2022, "SDEdit"): its own faults, where the true thing stands. Not in the paper, which
degrades alone; what it gave here, and why no shipped stage learnt so, is in docs/training-log.md. A
file `remade-*` lies beside every shard. It knows shards, a denoiser and a sampler; no plan, and no
stage.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ediffi import images
from ediffi.cascade.diagnostics import shrunk
from ediffi.conditioning import cache
from ediffi.config import SamplingConfig
from ediffi.diffusion.noise import edm_grid, grid_from
from ediffi.files import written_whole
from ediffi.precision import half_precision
from ediffi.training import keyed
from ediffi.training.data import ShardSource
from ediffi.training.sheets import sampled

BATCH = 32
"""Pictures that are remade together, from one noise level."""

Progress = Callable[[int], object]
"""Called with how many more pictures are done."""


@dataclass(frozen=True)
class Levels:
    """The noise levels from which pictures are sampled again: sigma from `low` to `high`.

    Even in ln sigma. Raises ValueError unless 0 < low < high.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high < math.inf:
            raise ValueError(
                f"pictures are remade from sigma {self.low:g} to {self.high:g}, but it must rise"
                " and be above 0."
            )

    def at(self, share: float) -> float:
        """The level at this share of the way, 0 to 1."""
        return self.low * (self.high / self.low) ** share


@dataclass(frozen=True)
class Remaker:
    """A base with its sampling: makes pictures of `side` pixels anew. `mark` names its weights."""

    module: nn.Module
    sampling: SamplingConfig
    side: int
    levels: Levels
    mark: str
    device: str = "cpu"

    def remake(self, shards: Sequence[Path], progress: Progress = lambda done: None) -> int:
        """Remakes the pictures of the shards that are not yet, beside them; how many.

        A finished file of the same base and levels is kept, so a run that was cut goes on. Raises
        ValueError in one sentence where a file cannot be written.
        """
        made = 0
        self.module.eval()
        for shard in shards:
            path = remade_path(shard)
            if _is_current(path, self._label()):
                continue
            pictures = self._shard(shard, progress)
            with written_whole(path) as temporary:
                save_file({"pictures": pictures}, temporary, self._label())
            made += len(pictures)
        return made

    def _label(self) -> dict[str, str]:
        settings = {"levels": asdict(self.levels), "sampling": asdict(self.sampling)}
        return {"by": self.mark, "settings": json.dumps(settings, sort_keys=True)}

    def _shard(self, shard: Path, progress: Progress) -> Tensor:
        """uint8 (n, side, side, 3)."""
        tensors = cache.mapped(shard)
        told = cache.CachedEmbeddings(cache.cache_path(shard))
        seeds = tensors["seeds"].tolist()
        rows = []
        for start in range(0, len(seeds), BATCH):
            cut = range(start, min(start + BATCH, len(seeds)))
            large = tensors["images"][cut.start : cut.stop].permute(0, 3, 1, 2) / 127.5 - 1
            small = shrunk(large, (self.side, self.side))
            rows.append(self._batch(small, told, cut, [seeds[row] for row in cut]))
            progress(len(cut))
        return torch.from_numpy(np.ascontiguousarray(np.concatenate(rows)))

    @torch.no_grad()
    def _batch(
        self, small: Tensor, told: cache.CachedEmbeddings, cut: range, seeds: list[int]
    ) -> np.ndarray:
        which = keyed.uniform(0, "caption", seeds)
        own = [told.by_picture[row] for row in cut]
        captions = [each[int(at * len(each))] for each, at in zip(own, which, strict=True)]
        rows = [(told, caption, row) for caption, row in zip(captions, cut, strict=True)]
        sigma = self.levels.at(float(keyed.uniform(0, "level", seeds[:1])[0]))
        noise = keyed.noise(0, seeds, tuple(small.shape[1:]))
        with half_precision(torch.device(self.device)):
            cond = cache.gather(rows).null("clip_image")
            made = made_anew(self.module, small, cond, noise, sigma, self.sampling)
        return images.to_uint8(made.float().cpu())


@dataclass(frozen=True)
class Remade:
    """The remade pictures of a source, by position."""

    source: ShardSource
    pictures: tuple[np.ndarray, ...]

    @classmethod
    def beside(cls, source: ShardSource) -> Remade:
        """Those beside the source's shards; FileNotFoundError where a shard has none."""
        found = [cache.mapped(remade_path(shard))["pictures"].numpy() for shard in source.shards]
        return cls(source, tuple(found))

    def at(self, positions: Sequence[int]) -> Tensor:
        """The small pictures (b, 3, h, w) in [-1, 1] of `source.batch(positions)`."""
        chosen = self.source.chosen(positions)
        rows = np.stack([self.pictures[shard][row] for shard, row, _ in chosen])
        return torch.from_numpy(np.moveaxis(rows, -1, 1).astype(np.float32) / 127.5 - 1)


def made_anew(
    module: nn.Module,
    pictures: Tensor,
    cond: Any,
    noise: Tensor,
    sigma: float,
    sampling: SamplingConfig,
) -> Tensor:
    """`pictures` (b, 3, h, w) with unit `noise` at `sigma`, sampled from there down, guided."""
    usual = edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
    return sampled(module, cond, noise + pictures / sigma, sampling, grid_from(sigma, usual))


def remade_path(shard: Path) -> Path:
    """Where the remade pictures of a shard lie."""
    return shard.with_name(shard.name.replace("shard-", "remade-", 1))


def _is_current(path: Path, label: dict[str, str]) -> bool:
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}) == label
    except (SafetensorError, OSError):
        return False
