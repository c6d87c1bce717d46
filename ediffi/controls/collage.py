"""A collage: what is painted is sketched on its own first, found there, and laid on its place.

At high noise a sentence puts its things where it likes best, and attention alone hardly moves them.
So each painted phrase gets a sketch, a picture of it and of what is not painted. Where the sketch
would change most without the phrase (Couairon et al. 2023, "DiffEdit") and the phrase is heard, its
thing is. It is cut out along that shape, moved to its region, and stands there while the noise is
high. So that it does not come twice, the rest of the page hears the painted words held back firmly,
and one encoder reads a sentence without them. Below that the whole sentence paints over all. Not in
the paper. It knows pictures and masks, neither tokens nor networks nor who sketches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioning.prompt import MAX_CHARACTERS, Prompt
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.regions import Region
from ediffi.diffusion.denoiser import Denoiser

ABOVE = 1.0
"""The collage lies on the page while the noise is above this level (chosen from 0.5, 1, 2 and 4:
docs/training-log.md)."""
FAINT, CLEAR = 0.04, 0.15
"""A thing's shape begins and is whole at these shares of the largest change (chosen)."""
LEAST = 0.34
"""The longer side of what is laid down, at least, as a share of the page: the model paints nothing
smaller well (chosen from 0, 0.28 and 0.34)."""
FIRMLY = 4.0
"""The weight of the regions for the rest of the page (chosen from 0.25, 1 and 4)."""
LARGER = 1.5
"""A sketch is enlarged by no more than this: it would be all blur (chosen)."""


@dataclass(frozen=True)
class Laid:
    """What lies on the pages of a batch: `picture` (b, 3, h, w) in [-1, 1], where `mask` is 1.

    `mask` is (b, 1, h, w) in [0, 1]; elsewhere the picture means nothing.
    """

    picture: Tensor
    mask: Tensor


@dataclass(frozen=True)
class Collage:
    """A denoiser that knows, while the noise is high, what stands on its places.

    There `rest` answers for the rest of the page, told `cond`; below it, `whole`, told everything.
    """

    whole: Denoiser
    rest: Denoiser
    cond: object
    laid: Laid

    def __call__(self, x: Tensor, sigma: Tensor, cond: object) -> Tensor:
        """The clean estimate (b, c, h, w)."""
        if float(sigma.min()) <= ABOVE:
            return self.whole(x, sigma, cond)
        rest = self.rest(x, sigma, self.cond)
        return torch.lerp(rest, self.laid.picture.to(rest), self.laid.mask.to(rest))


def sketched(painting: Painting) -> tuple[Region, ...]:
    """The regions that a collage lays down: those that draw their phrase to them."""
    return tuple(region for region in painting.regions if region.weight > 0)


def sketches(painting: Painting) -> tuple[str, ...]:
    """What is sketched for every region that is laid down: its phrase, and what is not painted."""
    text, rest = painting.prompt, rest_of(painting)
    phrases = (text[r.span.start : r.span.end] for r in sketched(painting))
    joined = (f"{phrase}, {rest}" if rest else phrase for phrase in phrases)
    return tuple(each[:MAX_CHARACTERS] for each in joined)


def firm(painting: Painting) -> Painting:
    """The painting that the rest of the page hears; it is no collage itself."""
    regions = (
        replace(each, weight=FIRMLY) if each.weight > 0 else each for each in painting.regions
    )
    return replace(painting, regions=tuple(regions), elsewhere=1.0, collage=False)


def rest_of(painting: Painting) -> str:
    """The sentence without everything that is laid down; "" where nothing is left."""
    return Prompt(painting.prompt).rest(region.span for region in sketched(painting))


def shape_of(change: Tensor) -> Tensor:
    """The shape (h, w) in [0, 1] of the thing that makes a `change` (h, w), which is >= 0.

    One connected piece, around the largest change: what else changes may be another thing.
    """
    window = max(1, min(change.shape) // 12 | 1)
    smooth = F.avg_pool2d(change[None, None].float(), window, 1, window // 2)
    share = smooth / smooth.max().clamp(min=torch.finfo(smooth.dtype).tiny)
    ramp = ((share - FAINT) / (CLEAR - FAINT)).clamp(0, 1)
    return (ramp * _piece(ramp > 0, int(share.argmax())))[0, 0]


def _piece(inside: Tensor, start: int) -> Tensor:
    """What of `inside` (1, 1, h, w) hangs together with the cell of index `start`, as floats."""
    room = inside.float()
    grown = torch.zeros_like(room)
    grown.view(-1)[start] = 1
    while True:
        wider = F.max_pool2d(grown, 3, 1, 1) * room
        if bool((wider == grown).all()):
            return wider
        grown = wider


def laid(pictures: Tensor, shapes: Sequence[Tensor], regions: Sequence[Region]) -> Laid:
    """One page (1, 3, h, w) with the things of `pictures` (r, 3, h, w) on their regions.

    `shapes` (h, w) say where each thing is in its picture. A thing keeps its proportions and fills
    its region as far as `LEAST` and `LARGER` allow; of two that overlap the later one lies above.
    """
    page = torch.zeros_like(pictures[:1])
    mask = torch.zeros_like(page[:, :1])
    for picture, shape, region in zip(pictures, shapes, regions, strict=True):
        # Premultiplied, so that a soft edge brings no colour from outside the shape.
        cut = torch.cat([picture * shape, shape[None].to(picture)])[None]
        there = F.grid_sample(
            cut, _onto(box_of(shape), box_of(region.softened()), cut), align_corners=False
        )
        page = page * (1 - there[:, 3:]) + there[:, :3]
        mask = mask * (1 - there[:, 3:]) + there[:, 3:]
    return Laid(page / mask.clamp(min=1e-4), mask)


@dataclass(frozen=True)
class Box:
    """A box on the page: centre and sides as shares of it."""

    x: float
    y: float
    width: float
    height: float


def box_of(mask: Tensor) -> Box:
    """The box around all cells of a mask (h, w) that have at least half of its largest value."""
    there = mask >= mask.max() / 2
    (x, width), (y, height) = (_extent(there.any(axis)) for axis in (0, 1))
    return Box(x, y, width, height)


def _extent(hit: Tensor) -> tuple[float, float]:
    """The middle and the length of what is True along a line (n,), as shares of it."""
    cells = hit.nonzero()
    first, last = int(cells.min()), int(cells.max()) + 1
    return (first + last) / 2 / len(hit), (last - first) / len(hit)


def _onto(own: Box, place: Box, like: Tensor) -> Tensor:
    """A sampling grid (1, h, w, 2) that shows the `own` box of a picture on its `place`."""
    fitting = min(place.width / own.width, place.height / own.height)
    longer = max(own.width, own.height)
    scale = min(max(fitting, LEAST / longer), LARGER)
    x, y = (
        _on_page(at, side * scale) for at, side in ((place.x, own.width), (place.y, own.height))
    )
    theta = torch.tensor(
        [
            [1 / scale, 0, 2 * own.x - 1 - (2 * x - 1) / scale],
            [0, 1 / scale, 2 * own.y - 1 - (2 * y - 1) / scale],
        ]
    )
    return F.affine_grid(theta[None].to(like), [1, 1, *like.shape[2:]], align_corners=False)


def _on_page(middle: float, side: float) -> float:
    """The middle of something of this side, moved until the page shows all of it, if it can."""
    half = min(side, 1.0) / 2
    return min(max(middle, half), 1 - half)
