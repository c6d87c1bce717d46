"""From embeddings to the U-Net's context, and the trained module that is a denoiser.

The context is CLIP tokens, T5 tokens, one CLIP image token and one learned null token, each stream
projected to the common width; the vector is pooled CLIP text plus CLIP image, not T5 (paper
App. A). Knows records of embeddings, never a sentence.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.config import DenoiserConfig, EncoderDims
from ediffi.diffusion.denoiser import precondition
from ediffi.networks.attention import Paint
from ediffi.networks.frame import Context, FramedUNet, PreparedContext
from ediffi.networks.layers import enlarged

_KEPT = 8


class Projector(nn.Module):
    """Conditioning -> Context of width `width`, vector of width `embedding`."""

    def __init__(self, dims: EncoderDims, width: int, embedding: int) -> None:
        """Projections for encoders of these widths."""
        super().__init__()
        self.clip = nn.Linear(dims.clip, width)
        self.t5 = nn.Linear(dims.t5, width)
        self.image = nn.Linear(dims.image, width)
        self.null = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        # Without bias, so that a null embedding adds exactly nothing.
        self.pooled_vector = nn.Linear(dims.pooled, embedding, bias=False)
        self.image_vector = nn.Linear(dims.image, embedding, bias=False)

    def forward(self, cond: Conditioning) -> Context:
        """The columns are CLIP tokens, T5 tokens, image, null; the null column is never masked."""
        dtype = self.null.dtype
        cond = cond.to(self.null.device, dtype)
        b = cond.batch
        tokens = torch.cat(
            [
                self.clip(cond.clip),
                self.t5(cond.t5),
                self.image(cond.clip_image)[:, None],
                self.null.to(dtype).expand(b, 1, -1),
            ],
            dim=1,
        )
        always = torch.ones(b, 1, dtype=torch.bool, device=tokens.device)
        present = cond.clip_image_mask[:, None]
        mask = torch.cat([cond.clip_mask, cond.t5_mask, present, always], 1)
        vector = self.pooled_vector(cond.clip_pooled) + self.image_vector(cond.clip_image)
        return Context(tokens, mask, vector)


class ConditionedDenoiser(nn.Module):
    """One trained network: (x, sigma, Conditioning) -> denoised, with EDM preconditioning.

    A super-resolution network is shown `cond.low_res` behind the noisy picture, enlarged to its
    size and free of the preconditioning: that picture is clean at every sigma.
    """

    def __init__(self, config: DenoiserConfig, projector: Projector, unet: FramedUNet) -> None:
        """Of the parts that `config` describes."""
        super().__init__()
        self.config = config
        self.projector = projector
        self.unet = unet
        self._prepared: list[tuple[Conditioning, tuple[Any, ...], PreparedContext]] = []

    def forward(self, x: Tensor, sigma: Tensor, cond: Conditioning) -> Tensor:
        """The clean estimate of `x` (b, 3, h, w) at `sigma` (b,), float32.

        Raises ValueError when a low-resolution picture is missing, or given to a base model.
        """
        if (cond.low_res is not None) != self.config.network.takes_low_res:
            wants = "needs a" if cond.low_res is None else "takes no"
            raise ValueError(f"{self.config.name} {wants} low-resolution picture")
        context = self.prepare(cond)
        if cond.painting is not None:
            context = context.painted(paint_at(cond.painting, cond, sigma))
        network = self.unet if cond.low_res is None else Beside(self.unet, cond.low_res)
        return precondition(network, x, sigma, context, self.config.sigma_data)

    def prepare(self, cond: Conditioning) -> PreparedContext:
        """The projected context of `cond`: made once, kept for a few records, never in training.

        What is kept is dropped when a weight changes in place or moves.
        """
        if torch.is_grad_enabled():
            return self.unet.prepare(self.projector(cond))
        version = tuple(_state(p) for p in self.parameters())
        for known, then, prepared in self._prepared:
            if known is cond and then == version:
                return prepared
        prepared = self.unet.prepare(self.projector(cond))
        fresh = [entry for entry in self._prepared if entry[1] == version]
        self._prepared = [*fresh[-(_KEPT - 1) :], (cond, version, prepared)]
        return prepared


@dataclass(frozen=True)
class Beside:
    """A network that sees `low_res` (b, 3, h', w') behind the picture it is given."""

    network: FramedUNet
    low_res: Tensor

    def __call__(self, x: Tensor, c_noise: Tensor, context: PreparedContext) -> Tensor:
        """What the network answers to both, shaped like `x` (b, 3, h, w)."""
        size = (x.shape[2], x.shape[3])
        shown = enlarged(self.low_res.to(x), size)
        return self.network(torch.cat([x, shown], dim=1), c_noise, context)


def _state(p: Tensor) -> tuple[int, int]:
    """What changes when a parameter is written in place or moved."""
    return (0 if p.is_inference() else p._version), p.data_ptr()


def paint_at(painting: PaintedRegions, cond: Conditioning, sigma: Tensor) -> Paint:
    """The painting at noise levels `sigma` (b,): strength w' ln(1 + sigma) inside each window."""
    level = sigma.float()[:, None]
    acts = (painting.sigma_low <= level) & (level <= painting.sigma_high)
    strength = painting.weight * torch.log1p(level) * acts
    # The standard deviation costs a pass over all scores: nobody pays who did not ask for it.
    by_spread = painting.by_spread if bool(painting.by_spread.any()) else None
    return Paint(painting.masks, painted_columns(painting), strength, by_spread)


def painted_columns(painting: PaintedRegions) -> Tensor:
    """(b, r, n), 1 where a column of the projector's context belongs to a region's phrase.

    Image and null columns belong to none.
    """
    blank = painting.t5_columns.new_zeros(*painting.t5_columns.shape[:2], 2)
    return torch.cat([painting.clip_columns, painting.t5_columns, blank], dim=2)
