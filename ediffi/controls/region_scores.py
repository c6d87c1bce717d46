"""How well the model kept to a painting, by its own attention: a layout score for each region.

A recorder listens to the cross-attention of one or several networks while they run, adds up, and
stores no map. It judges where a phrase was attended to, not what was drawn there; it changes
nothing, though listening makes attention take its readable path, whose last bits may differ.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.conditioning.embeddings import PaintedRegions
from ediffi.conditioning.projector import painted_columns
from ediffi.controls.paint_with_words import Painting
from ediffi.networks.taps import listening


@dataclass(frozen=True)
class RegionScore:
    """How much of a phrase's attention lay inside its region.

    `inside` is the share of the attention to the phrase's tokens, over all pixels, that fell on its
    mask, in [0, 1]: the mean over steps and layers, None where nobody ever attended to the phrase.
    `area` is the share of the page that the mask covers: what attention that ignored the place
    would score. `calls` counts the steps times layers that were heard.
    """

    phrase: str
    occurrence: int
    inside: float | None
    area: float
    calls: int

    @property
    def gain(self) -> float | None:
        """How many times more than by chance; 1 is chance, None where nothing was heard."""
        return None if self.inside is None or not self.area else self.inside / self.area


class RegionRecorder:
    """Adds up, for each region of a batch, where its phrase is attended to; see `scores`.

    `paintings` are those that were bound as `bound`, one a picture; the masks that count are the
    bound ones, with feathers and overlaps. `size` is (height, width) of the pictures in any unit:
    it tells the shape of a grid from its number of pixels. Raises ValueError where the two do not
    belong together.
    """

    def __init__(
        self,
        paintings: Sequence[Painting | None],
        bound: PaintedRegions,
        size: tuple[float, float] = (1.0, 1.0),
    ) -> None:
        """Nothing is heard yet."""
        self.paintings = tuple(paintings)
        # Below zero a phrase is held back: no part of its region.
        self.masks = bound.masks.clamp(min=0)
        self.columns = painted_columns(bound)
        b, r, _ = self.columns.shape
        most = max((len(p.regions) for p in self.paintings if p), default=0)
        if len(self.paintings) != b or most > r:
            raise ValueError(
                f"{len(self.paintings)} paintings with up to {most} regions are not those bound"
                f" as {b} pictures with {r}."
            )
        if not (0 < min(size) and math.isfinite(max(size))):
            raise ValueError(f"a picture has a positive height and width, not {size}.")
        self.aspect = size[0] / size[1]
        self._shares = torch.zeros(b, r)
        self._calls = torch.zeros(b, r)
        self._pooled: dict[tuple[int, int], Tensor] = {}

    @contextmanager
    def listening(self, *networks: nn.Module) -> Iterator[None]:
        """Hears all cross-attention of the networks for the time of the block.

        A call is counted when it has the columns of the bound conditioning; of its rows the first b
        are taken, which is where guidance stacks the conditional ones. Calls with other columns,
        as of a null branch asked by itself, are passed over. Raises ValueError for a network
        without cross-attention.
        """
        with ExitStack() as stack:
            for network in networks:
                stack.enter_context(listening(network, is_cross_attention, self._hear))
            yield

    def scores(self) -> tuple[tuple[RegionScore, ...], ...]:
        """The scores of every picture's regions, in the order in which they were added."""
        calls, shares = self._calls.tolist(), self._shares.tolist()
        areas = self.masks.float().mean(dim=(2, 3)).tolist()
        found = []
        for row, painting in enumerate(self.paintings):
            regions = painting.regions if painting else ()
            found.append(
                tuple(
                    RegionScore(
                        phrase=region.phrase,
                        occurrence=region.occurrence,
                        inside=shares[row][at] / calls[row][at] if calls[row][at] else None,
                        area=areas[row][at],
                        calls=int(calls[row][at]),
                    )
                    for at, region in enumerate(regions)
                )
            )
        return tuple(found)

    def _hear(self, name: str, probabilities: Tensor) -> None:
        b, _, n = self.columns.shape
        if len(probabilities) < b or probabilities.shape[3] != n:
            return
        self._move(probabilities.device)
        told = probabilities[:b].detach().float().mean(1)
        attended = torch.einsum("bpn,brn->brp", told, self.columns)
        masks = self._masks_on(grid_of(attended.shape[2], self.aspect))
        mass = attended.sum(2)
        heard = mass > 0
        inside = (attended * masks).sum(2) / mass.clamp(min=torch.finfo(mass.dtype).tiny)
        self._shares = self._shares + torch.where(heard, inside, 0.0)
        self._calls = self._calls + heard

    def _masks_on(self, grid: tuple[int, int]) -> Tensor:
        if grid not in self._pooled:
            self._pooled[grid] = F.adaptive_avg_pool2d(self.masks.float(), grid).flatten(2)
        return self._pooled[grid]

    def _move(self, device: torch.device) -> None:
        if self.columns.device == device:
            return
        self.masks, self.columns = self.masks.to(device), self.columns.to(device)
        self._shares, self._calls = self._shares.to(device), self._calls.to(device)
        self._pooled = {}


def is_cross_attention(name: str) -> bool:
    """Whether a tap of this name gives the shares that pixels pay to the tokens."""
    return "cross_attention" in name and name.endswith("probabilities")


def grid_of(pixels: int, aspect: float) -> tuple[int, int]:
    """Rows and columns of a grid with so many pixels; ValueError where none has this shape."""
    rows = round(math.sqrt(pixels * aspect))
    if rows < 1 or pixels % rows:
        raise ValueError(f"{pixels} pixels are no grid of {aspect:.3g} times as many rows.")
    return rows, pixels // rows
