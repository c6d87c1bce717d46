"""Crops of large pictures, each beside its small and flawed counterpart: what a stage learns from.

A source made of a source: where a crop lies, which flaws its small picture gets, or whether the
base has remade it, depend on seed and position alone. It knows neither shards nor networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ediffi.cascade.degradation import Degradation, degrade
from ediffi.cascade.diagnostics import shrunk
from ediffi.training import keyed
from ediffi.training.data import Batch, Source
from ediffi.training.remade import Remade

REMADE_SHARE = 0.7
"""How many small pictures are remade by the base where there are such; the others are true ones
with flaws, which are what a person enlarges (chosen)."""


class CropSource:
    """Square crops (b, 3, crop, crop) of a source's pictures, `factor` times as large as `low_res`.

    The small picture is the area average of the crop, degraded, in `cond.low_res`; so the loss of
    the base trains a stage too. Crops lie on the grid of small pixels: the small picture of a crop
    is a part of the small picture of the whole. `crop` None takes whole pictures. Of the small ones
    `REMADE_SHARE` are those of `remade`, which has them by position, and have no other flaws.
    Raises ValueError for a factor below 2, a crop that it does not divide, and pictures that are
    smaller than a crop.
    """

    def __init__(
        self,
        source: Source,
        factor: int,
        crop: int | None = None,
        degradation: Degradation | None = None,
        seed: int = 0,
        remade: Remade | None = None,
    ):
        if factor < 2:
            raise ValueError(f"factor is {factor}, but must be at least 2.")
        if crop is not None and (crop < factor or crop % factor):
            raise ValueError(f"crop is {crop}, but must be a multiple of {factor}.")
        self.source, self.factor, self.crop, self.seed = source, factor, crop, seed
        self.degradation = degradation or Degradation()
        self.remade = remade

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions, their conditioning with the small pictures in it."""
        whole = self.source.batch(positions)
        x0 = self._cropped(whole.x0, positions)
        size = x0.shape[2] // self.factor, x0.shape[3] // self.factor
        seeds = [int(key) for key in keyed.hashed(self.seed, "degrade", positions)]
        low_res = degrade(shrunk(x0, size), self.degradation, seeds)
        if self.remade is not None:
            own = torch.from_numpy(keyed.uniform(self.seed, "remade", positions) < REMADE_SHARE)
            made = self._cut(self.remade.at(positions), positions, 1)
            low_res = torch.where(own[:, None, None, None], made, low_res)
        return Batch(x0, whole.cond.with_low_res(low_res), whole.index)

    def _cropped(self, pictures: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        h, w = pictures.shape[2:]
        if h % self.factor or w % self.factor:
            raise ValueError(f"pictures are {h} x {w}, but must be multiples of {self.factor}.")
        if self.crop is not None and min(h, w) < self.crop:
            raise ValueError(f"pictures are {h} x {w}, smaller than the crop of {self.crop}.")
        return self._cut(pictures, positions, self.factor)

    def _cut(self, pictures: torch.Tensor, positions: Sequence[int], scale: int) -> torch.Tensor:
        """The crops of pictures that have `scale` pixels a side for one of the small grid."""
        if self.crop is None:
            return pictures
        h, w = pictures.shape[2:]
        size = self.crop // self.factor * scale
        tops = self._starts("crop-y", h // scale, positions) * scale
        lefts = self._starts("crop-x", w // scale, positions) * scale
        crops = [
            picture[:, top : top + size, left : left + size]
            for picture, top, left in zip(pictures, tops, lefts, strict=True)
        ]
        return torch.stack(crops)

    def _starts(self, stream: str, side: int, positions: Sequence[int]) -> np.ndarray:
        """Where each crop begins along one side of `side` small pixels, in those."""
        places = side - (self.crop or side * self.factor) // self.factor + 1
        drawn = keyed.uniform(self.seed, stream, positions)
        return (drawn * places).astype(np.int64)
