"""Crops of large pictures, each beside its small and flawed counterpart: what a stage learns from.

A source made of a source: where a crop lies and which flaws its small picture gets depend on seed
and position alone. It knows neither shards nor networks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ediffi.cascade.degradation import Degradation, degrade
from ediffi.cascade.diagnostics import shrunk
from ediffi.training import keyed
from ediffi.training.data import Batch, Source


class CropSource:
    """Square crops (b, 3, crop, crop) of a source's pictures, `factor` times as large as `low_res`.

    The small picture is the area average of the crop, degraded, in `cond.low_res`; so the loss of
    the base trains a stage too. Crops lie on the grid of small pixels: the small picture of a crop
    is a part of the small picture of the whole. `crop` None takes whole pictures. Raises ValueError
    for a factor below 2, a crop that it does not divide, and pictures that are smaller than a crop.
    """

    def __init__(
        self,
        source: Source,
        factor: int,
        crop: int | None = None,
        degradation: Degradation | None = None,
        seed: int = 0,
    ):
        if factor < 2:
            raise ValueError(f"factor is {factor}, but must be at least 2.")
        if crop is not None and (crop < factor or crop % factor):
            raise ValueError(f"crop is {crop}, but must be a multiple of {factor}.")
        self.source, self.factor, self.crop, self.seed = source, factor, crop, seed
        self.degradation = degradation or Degradation()

    def __len__(self) -> int:
        return len(self.source)

    def batch(self, positions: Sequence[int]) -> Batch:
        """The samples at these positions, their conditioning with the small pictures in it."""
        whole = self.source.batch(positions)
        x0 = self._cropped(whole.x0, positions)
        size = x0.shape[2] // self.factor, x0.shape[3] // self.factor
        seeds = [int(key) for key in keyed.hashed(self.seed, "degrade", positions)]
        low_res = degrade(shrunk(x0, size), self.degradation, seeds)
        return Batch(x0, whole.cond.with_low_res(low_res), whole.index)

    def _cropped(self, pictures: torch.Tensor, positions: Sequence[int]) -> torch.Tensor:
        h, w = pictures.shape[2:]
        if h % self.factor or w % self.factor:
            raise ValueError(f"pictures are {h} x {w}, but must be multiples of {self.factor}.")
        if self.crop is None:
            return pictures
        if min(h, w) < self.crop:
            raise ValueError(f"pictures are {h} x {w}, smaller than the crop of {self.crop}.")
        tops = self._starts("crop-y", h, positions)
        lefts = self._starts("crop-x", w, positions)
        size = self.crop
        crops = [
            picture[:, top : top + size, left : left + size]
            for picture, top, left in zip(pictures, tops, lefts, strict=True)
        ]
        return torch.stack(crops)

    def _starts(self, stream: str, side: int, positions: Sequence[int]) -> np.ndarray:
        """Where each crop begins along one side, in pixels: multiples of the factor."""
        places = (side - (self.crop or side)) // self.factor + 1
        drawn = keyed.uniform(self.seed, stream, positions)
        return (drawn * places).astype(np.int64) * self.factor
