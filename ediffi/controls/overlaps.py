"""How regions share a page: the three overlap rules, and what a painter should be told of them.

The rules are resolved once, on masks; a network sees only what is left. Knows regions and cells,
neither tokens nor noise: a region that is outside its window of sigma covers others all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.controls.limits import whole
from ediffi.controls.regions import Region

Overlap = Literal["all", "strongest", "topmost"]
OVERLAPS: tuple[Overlap, ...] = ("all", "strongest", "topmost")

SMALLEST_SHARE = 0.25
"""A region that nowhere covers a quarter of a cell lends that cell less than a quarter of its bonus
there. A quarter is a square half as wide as the cell: below it the coarsest layers, which lay out
the picture, see next to nothing of it."""

FINEST_GRID = 1024


def resolved(regions: Sequence[Region], overlap: Overlap) -> Tensor:
    """The masks that the network is to see, float32 (r, 64, 64) in [0, 1], feathers applied.

    "all" is the paper's: each phrase keeps its own mask, and a pixel may belong to several.
    "strongest": at each cell only the region with the largest |weight| times mask keeps its value,
    of equals the one added last. It counts without sign, or no phrase could ever be pushed away
    from a place. "topmost": the region added last wins; those below are scaled by 1 - its mask, so
    that the masks of a cell never add up to more than 1.
    """
    pages = torch.stack([region.softened() for region in regions])
    if overlap == "all":
        return pages
    if overlap == "strongest":
        weights = torch.tensor([abs(region.weight) for region in regions])
        # The first of equal values is taken; turned round, that is the one added last.
        best = (pages * weights[:, None, None]).flip(0).argmax(0)
        places = torch.arange(len(regions) - 1, -1, -1)
        return pages * (places[:, None, None] == best)
    bare = torch.ones_like(pages[0])
    for place in range(len(regions) - 1, -1, -1):
        below = bare * (1 - pages[place])
        pages[place] *= bare
        bare = below
    return pages


def signed(regions: Sequence[Region], overlap: Overlap, elsewhere: float) -> Tensor:
    """What scales each region's bonus at every cell, float32 (r, 64, 64) in [-1, 1].

    That is its resolved mask, less `elsewhere` (0 to 1) times what lies outside of all regions of
    the same phrase, which share it: so a phrase is held back where it is not painted. The paper
    only adds (`elsewhere` 0). A region that pushes its phrase away, and one that others cover
    altogether, hold nothing back.
    """
    left = resolved(regions, overlap)
    if elsewhere == 0:
        return left
    holding = [k for k, r in enumerate(regions) if r.weight > 0 and bool(left[k].any())]
    found = left.clone()
    for k in holding:
        alike = [other for other in holding if regions[other].span == regions[k].span]
        outside = 1 - left[alike].amax(0)
        found[k] -= elsewhere * outside / len(alike)
    return found


def warnings(regions: Sequence[Region], overlap: Overlap, coarsest_grid: int) -> tuple[str, ...]:
    """What to tell the painter, one sentence each; nothing where all is well.

    A region that others cover, one too small for the coarsest attention grid of `coarsest_grid`
    cells a side, and a phrase that is painted more than once. Raises ValueError for a grid without
    cells.
    """
    side = whole("the side of the coarsest grid", coarsest_grid, 1, FINEST_GRID)
    if not regions:
        return ()
    said = []
    left = resolved(regions, overlap)
    seen = F.adaptive_avg_pool2d(left[:, None], side).flatten(1).amax(1)
    # Less than one step of a mask is nothing.
    gone = left.flatten(1).amax(1) < 1 / 255
    for region, covered, share in zip(regions, gone.tolist(), seen.tolist(), strict=True):
        if covered and overlap == "topmost":
            said.append(f"{region.name!r} is fully covered by regions added after it.")
        elif covered and region.weight:
            said.append(f"{region.name!r} is nowhere the strongest, so it has no effect.")
        elif not covered and share < SMALLEST_SHARE:
            said.append(
                f"{region.name!r} is too small for the coarsest grid of attention: it covers at"
                f" most {share:.2g} of a cell of the {side} x {side}, and below"
                f" {SMALLEST_SHARE:g} it is hardly seen there."
            )
    both = "add up" if overlap == "all" else "follow the overlap rule"
    painted = Counter(region.span for region in regions)
    for span, times in painted.items():
        if times > 1:
            name = next(region.name for region in regions if region.span == span)
            said.append(f"{name!r} is painted {times} times: where the places overlap they {both}.")
    return tuple(said)
