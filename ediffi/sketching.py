"""What a collage lies on its pages: sketches sampled, their things found and moved to their places.

The pictures of a batch are sketched one after the other, so that none depends on its neighbours. It
knows requests, denoisers and conditioning; what a collage is `controls.collage` knows, and how
pictures are sampled whoever hands in `sample`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioner import Conditioner
from ediffi.conditioning.projector import painted_columns
from ediffi.conditioning.prompt import Span
from ediffi.controls.collage import Laid, firm, laid, rest_of, shape_of, sketched, sketches
from ediffi.controls.insisting import INSISTENCE
from ediffi.controls.masks import GRID
from ediffi.controls.paint_with_words import Painting
from ediffi.controls.pulling import Networks, hear, paid_to
from ediffi.controls.region_scores import grid_of
from ediffi.diffusion.denoiser import Denoiser
from ediffi.diffusion.noise import seeded_noise
from ediffi.diffusion.samplers import Step
from ediffi.networks.taps import unheard
from ediffi.request import Request

LEVELS = (1.0, 2.0, 4.0)
"""Noise levels at which a thing is looked for (chosen: below them it is seen in the noise itself,
above them nowhere)."""
BELOW = 0.5
"""A sketch is done below this noise level: what comes later the collage does not show (chosen)."""
AT_ONCE = 8
SKETCH = "sketch"
"""The stage that a sketch's steps belong to."""

Sketching = Generator[tuple[str, Step, tuple[str, ...]], None, Laid]
"""Stage, step and who ran, and at the end what is laid down."""


@dataclass(frozen=True)
class Sketcher:
    """Sketches with one model.

    `sample` yields the steps of requests that share a batch, of which those down to `BELOW` are
    taken; `networks` says who answers at a noise level, without guidance, and `ran` who answered at
    some. Pictures are `side` pixels wide and high.
    """

    sample: Callable[[Sequence[Request]], Iterator[Step]]
    networks: Networks
    ran: Callable[[Sequence[float]], tuple[str, ...]]
    conditioner: Conditioner
    device: torch.device
    side: int

    def lay(self, requests: Sequence[Request]) -> Sketching:
        """The collages of a batch, each picture's from its own painting, seed and words.

        Yields the steps of the sketches, whose `denoised` (b, 3, h, w) is each picture's newest.
        """
        shown = torch.zeros(len(requests), 3, self.side, self.side, device=self.device)
        pages = []
        for row, request in enumerate(requests):
            pages.append((yield from self._page(request, row, shown)))
        return Laid(torch.cat([p.picture for p in pages]), torch.cat([p.mask for p in pages]))

    def _page(self, request: Request, row: int, shown: Tensor) -> Sketching:
        painting = request.painting
        assert painting is not None
        asked = [
            _sketch(request, text, region.span)
            for text, region in zip(sketches(painting), sketched(painting), strict=True)
        ]
        without = _other_words(request, rest_of(painting))
        pictures, shapes = [], []
        for at in range(0, len(asked), AT_ONCE):
            part = asked[at : at + AT_ONCE]
            for step in self.sample([replace(each, painting=None) for each in part]):
                shown[row] = step.denoised[-1]
                made = replace(step, denoised=shown.clone())
                yield SKETCH, made, self.ran(step.evaluations)
                if step.sigma < BELOW:
                    break
            pictures.append(step.denoised)
            shapes += map(shape_of, self._owed(part, without, step.denoised))
        return laid(torch.cat(pictures), shapes, sketched(painting))

    def _owed(self, asked: Sequence[Request], without: Request, shown: Tensor) -> Tensor:
        """How much each pixel (r, h, w) of sketches owes to its phrase.

        What `without` the phrase would change there, where the phrase is heard: the first alone
        finds a thing and its surroundings, the second alone hardly more than a direction.
        """
        told = self.conditioner.batch([*asked, *[without] * len(asked)])[0].to(self.device)
        assert told.painting is not None
        columns = painted_columns(told.painting)[: len(asked)]
        changed, loud = torch.zeros_like(shown[:, 0]), torch.zeros_like(shown[:, 0])
        for which, level in enumerate(LEVELS):
            seeds = [(each.seed + which + 1) % 2**64 for each in asked]
            noise = seeded_noise(seeds, tuple(shown.shape[1:])).to(shown)
            sigma = torch.full((2 * len(asked),), level, device=shown.device)
            noisy = (shown + level * noise).repeat(2, 1, 1, 1)
            answer, heard = hear(self.networks(level), noisy, sigma, told)
            named, unnamed = answer.chunk(2)
            changed = changed + _even((named - unnamed).square().sum(1))
            loud = loud + _even(_finest(columns, heard, shown.shape[2:]))
        quiet = loud.flatten(1).median(1).values
        return changed * (loud - quiet[:, None, None]).clamp(min=0)


def _finest(columns: Tensor, heard: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """The attention (r, h, w) to each phrase on the finest of the grids, as large as the page."""
    probabilities = max(heard, key=lambda each: each.shape[2])[: len(columns)]
    grid = grid_of(probabilities.shape[2], size[0] / size[1])
    told = paid_to(columns, probabilities).unflatten(2, grid)
    return F.interpolate(told, tuple(size), mode="bilinear", align_corners=False)[:, 0]


def _even(values: Tensor) -> Tensor:
    """Maps (r, h, w) of which each has the mean 1."""
    return values / values.mean((1, 2), keepdim=True).clamp(min=torch.finfo(values.dtype).tiny)


def rests(requests: Sequence[Request]) -> Iterator[Request]:
    """The requests for the rest of their pages: CLIP reads nothing of what is laid down.

    T5 reads all of it, held back where it is not painted: who knows of nothing that stands on the
    page puts something else there.
    """
    for request in requests:
        painting = request.painting
        assert painting is not None
        yield replace(
            request,
            painting=firm(painting),
            t5_prompt=None,
            clip_prompt=rest_of(painting),
            timeline=(),
        )


@dataclass(frozen=True)
class Unheard:
    """A denoiser that nobody hears: its evaluations are no steps of the picture asked for."""

    denoiser: Denoiser
    networks: Networks

    def __call__(self, x: Tensor, sigma: Tensor, cond: object) -> Tensor:
        """The clean estimate (b, c, h, w)."""
        with unheard(self.networks(float(sigma[0]))):
            return self.denoiser(x, sigma, cond)


def _sketch(request: Request, text: str, span: Span) -> Request:
    """The request for a sketch, which insists; its phrase, which comes first, is "painted" on all.

    That places nothing (`sample` is asked without): it says which columns are the phrase's.
    """
    asked = _other_words(request, text)
    sampling = replace(asked.sampling, insist=max(asked.sampling.insist, INSISTENCE))
    everywhere = Painting(text).add(text[: span.end - span.start], torch.ones(GRID, GRID))
    return replace(asked, sampling=sampling, painting=everywhere)


def _other_words(request: Request, text: str) -> Request:
    """The request with other words for all, unpainted."""
    return replace(
        request, prompt=text, painting=None, t5_prompt=None, clip_prompt=None, timeline=()
    )
