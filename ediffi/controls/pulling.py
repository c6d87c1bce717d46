"""Pulling a picture: at high noise each step begins a little nearer to what attention should show.

Where a phrase's own attention lies is a function of the noisy picture, so the picture can be moved
along its gradient until the phrase is looked for where it is painted (as in Chen et al. 2023,
"Training-Free Layout Control with Cross-Attention Guidance"; not in the paper), or somewhere at all
(`insisting.py`). It asks the network once more a step, unpainted. It knows attention and masks,
neither guidance nor solvers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.conditioning.projector import painted_columns
from ediffi.controls.region_scores import grid_of, is_cross_attention
from ediffi.diffusion.denoiser import Denoiser, spread
from ediffi.networks.taps import listening

ABOVE = 1.0
"""No picture is pulled at this noise level or below: tried down to 0.3, which placed no more and
asks the network more often (docs/training-log.md). The value is our choice."""
COARSE = 4
"""Only grids with at most one row for so many of the picture's are asked: they tell of layout."""

Networks = Callable[[float], nn.Module]
"""Which network answers at a noise level."""
Energy = Callable[[Sequence[Tensor], Tensor, Sequence[int]], Tensor]
"""How far a batch is from what is wanted, (b,) in [0, 1], from the probabilities of every layer
(b, heads, pixels, columns), sigma (b,), and height and width of the picture."""


@dataclass(frozen=True)
class Pull:
    """Down the slope of an energy, by `far` (b,) times sigma times its root a step."""

    energy: Energy
    far: Tensor


@dataclass(frozen=True)
class Pulled:
    """A denoiser that is asked at a place downhill of the sampler's.

    `denoiser` answers, guided or not; the network that `networks` names is asked for the attention
    that `cond` is paid.
    """

    denoiser: Denoiser
    networks: Networks
    cond: Conditioning
    pull: Pull

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The clean estimate (b, c, h, w) of the pulled picture; plainly at low noise."""
        if float(sigma.min()) <= ABOVE:
            return self.denoiser(x, sigma, cond)
        nearer = pulled(self.networks(float(sigma[0])), x, sigma, self.cond, self.pull)
        return self.denoiser(nearer, sigma, cond)


def to_places(painting: PaintedRegions | None) -> Pull | None:
    """The pull of a batch to what is painted; None where no picture asks for it."""
    if painting is None or not bool((painting.pull > 0).any()):
        return None
    return Pull(partial(energy, painting), painting.pull)


def pulled(network: nn.Module, x: Tensor, sigma: Tensor, cond: Conditioning, pull: Pull) -> Tensor:
    """`x` (b, c, h, w) moved down the slope of a pull.

    Every picture moves by its own slope alone, as a root mean square over its values. One whose
    energy is zero stays where it is.
    """
    with torch.enable_grad():
        moving = x.detach().clone().requires_grad_(True)
        found = pull.energy(hear(network, moving, sigma, cond)[1], sigma, x.shape[2:])
        (slope,) = torch.autograd.grad(found.sum(), moving)
    size = slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    far = pull.far.to(x) * sigma.to(x) * found.detach().to(x).sqrt()
    return x - spread(far, x) * slope / size.clamp(min=torch.finfo(size.dtype).tiny)


def energy(
    painting: PaintedRegions, heard: Sequence[Tensor], sigma: Tensor, size: Sequence[int]
) -> Tensor:
    """How far the phrases are from their places, (b,) in [0, 1]; 0 where no region acts or pulls.

    Mean over layers and regions of (1 - s)^2, s being the share of a phrase's attention that lies
    in its region, or of s^2 where the region pushes its phrase away. The rest is as in `Energy`.
    """
    level = sigma.float()[:, None]
    inside = (painting.sigma_low <= level) & (level <= painting.sigma_high)
    acts = inside & (painting.weight != 0) & (painting.pull[:, None] > 0)
    wanted, columns = (painting.weight > 0).float(), painted_columns(painting)
    places = painting.masks.clamp(min=0).float()
    total = torch.zeros(len(sigma), device=sigma.device)
    for probabilities in heard:
        grid = grid_of(probabilities.shape[2], size[0] / size[1])
        told = paid_to(columns, probabilities)
        here = F.adaptive_avg_pool2d(places, grid).flatten(2)
        share = (told * here).sum(2) / told.sum(2).clamp(min=torch.finfo(told.dtype).tiny)
        total = total + ((wanted - share).square() * acts).sum(1) / acts.sum(1).clamp(min=1)
    return total / max(1, len(heard))


def paid_to(columns: Tensor, probabilities: Tensor) -> Tensor:
    """Attention (b, r, pixels) to phrases, mean over heads: `columns` (b, r, n) name their own."""
    return torch.einsum("bpn,brn->brp", probabilities.float().mean(1), columns)


def hear(
    network: nn.Module, x: Tensor, sigma: Tensor, cond: Conditioning
) -> tuple[Tensor, list[Tensor]]:
    """The network's answer, and what cross-attention pays to the columns on coarse grids.

    Unpainted, for a painted bonus would already lie in the places and leave no slope to follow; and
    by nobody else heard, for it is a question and no step.
    """
    found: list[Tensor] = []
    most = x.shape[2] * x.shape[3] // COARSE**2

    def keep(name: str, probabilities: Tensor) -> None:
        if probabilities.shape[2] <= most:
            found.append(probabilities)

    with listening(network, is_cross_attention, keep, alone=True):
        answer = network(x, sigma, replace(cond, painting=None))
    return answer, found
