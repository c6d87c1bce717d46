"""Pulling a picture to its painting: at high noise each step begins a little nearer to the places.

Where a phrase's own attention lies is a function of the noisy picture, so the picture can be moved
along its gradient until the phrase is looked for where it is painted (as in Chen et al. 2023,
"Training-Free Layout Control with Cross-Attention Guidance"; not in the paper). It asks the network
once more a step, unpainted. It knows attention and masks, neither guidance nor solvers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Pulled:
    """A denoiser that is asked at a place nearer to the painting of `cond` than the sampler's.

    `denoiser` answers, guided or not; the network that `networks` names is asked where the phrases
    are looked for.
    """

    denoiser: Denoiser
    networks: Networks
    cond: Conditioning

    def __call__(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The clean estimate (b, c, h, w) of the pulled picture; plainly at low noise."""
        if float(sigma.min()) <= ABOVE:
            return self.denoiser(x, sigma, cond)
        nearer = pulled(self.networks(float(sigma[0])), x, sigma, self.cond)
        return self.denoiser(nearer, sigma, cond)


def pulls(cond: Conditioning) -> bool:
    """Whether any picture of the batch asks to be pulled."""
    return cond.painting is not None and bool((cond.painting.pull > 0).any())


def pulled(network: nn.Module, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
    """`x` (b, c, h, w) moved by `pull` times sigma times the root of its energy, downhill.

    Every picture moves by its own slope alone, as a root mean square over its values. One whose
    energy is zero stays where it is.
    """
    assert cond.painting is not None
    with torch.enable_grad():
        moving = x.detach().clone().requires_grad_(True)
        found = energy(_heard(network, moving, sigma, cond), cond.painting, sigma, x.shape[2:])
        (slope,) = torch.autograd.grad(found.sum(), moving)
    size = slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    far = cond.painting.pull.to(x) * sigma.to(x) * found.detach().to(x).sqrt()
    return x - spread(far, x) * slope / size.clamp(min=torch.finfo(size.dtype).tiny)


def energy(
    heard: Sequence[Tensor], painting: PaintedRegions, sigma: Tensor, size: Sequence[int]
) -> Tensor:
    """How far the phrases are from their places, (b,) in [0, 1]; 0 where no region acts or pulls.

    Mean over layers and regions of (1 - s)^2, s being the share of a phrase's attention that lies
    in its region, or of s^2 where the region pushes its phrase away. `heard` are probabilities
    (b, heads, pixels, columns), `size` is height and width of the picture.
    """
    level = sigma.float()[:, None]
    inside = (painting.sigma_low <= level) & (level <= painting.sigma_high)
    acts = inside & (painting.weight != 0) & (painting.pull[:, None] > 0)
    wanted, columns = (painting.weight > 0).float(), painted_columns(painting)
    places = painting.masks.clamp(min=0).float()
    total = torch.zeros(len(sigma), device=sigma.device)
    for probabilities in heard:
        grid = grid_of(probabilities.shape[2], size[0] / size[1])
        told = torch.einsum("bpn,brn->brp", probabilities.float().mean(1), columns)
        here = F.adaptive_avg_pool2d(places, grid).flatten(2)
        share = (told * here).sum(2) / told.sum(2).clamp(min=torch.finfo(told.dtype).tiny)
        total = total + ((wanted - share).square() * acts).sum(1) / acts.sum(1).clamp(min=1)
    return total / max(1, len(heard))


def _heard(network: nn.Module, x: Tensor, sigma: Tensor, cond: Conditioning) -> list[Tensor]:
    """What cross-attention pays to the columns on coarse grids, unpainted and by nobody else heard.

    A painted bonus would already lie in the places, and there would be no slope to follow.
    """
    found: list[Tensor] = []
    most = x.shape[2] * x.shape[3] // COARSE**2

    def hear(name: str, probabilities: Tensor) -> None:
        if probabilities.shape[2] <= most:
            found.append(probabilities)

    with listening(network, is_cross_attention, hear, alone=True):
        network(x, sigma, replace(cond, painting=None))
    return found
