"""The loss of a run as one module: precision, the network's loss, and a learnt weight per sigma.

One module, so that distributed training sees every weight that learns. It refuses to know data,
optimisers and files.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ediffi.precision import fastest_dtype

Loss = Callable[[nn.Module, Tensor, Tensor, Tensor, Any], Tensor]
"""(denoiser, x0, sigma, noise, cond) → loss per picture `(b,)`."""

PRECISIONS = ("fp32", "bf16")


class SigmaWeight(nn.Module):
    """u(sigma), the log of the loss expected there: a table over ln sigma, read linearly.

    Trained with raw/e^u + u (homoscedastic uncertainty, EDM2 App. B.2, there a small network): at
    the optimum u is the log of the mean loss at that sigma, so all noise levels weigh alike.
    """

    def __init__(self, nodes: int = 32, low: float = 0.002, high: float = 80.0):
        super().__init__()
        self.start, self.stop = math.log(low), math.log(high)
        self.table = nn.Parameter(torch.zeros(nodes))

    def forward(self, sigma: Tensor) -> Tensor:
        """u at noise levels `(b,)`, float32 `(b,)`; constant beyond the ends of the table."""
        last = len(self.table) - 1
        place = (sigma.float().log() - self.start) / (self.stop - self.start) * last
        place = place.clamp(0, last)
        left = place.floor().clamp(max=last - 1).long()
        share = place - left
        return self.table[left] * (1 - share) + self.table[left + 1] * share


class Objective(nn.Module):
    """A network and its loss: forward gives the scalar to minimise and the losses per picture.

    Whether `device` is fast in bfloat16 is asked here and not at every call: a question to the
    hardware would cut the graph of a compiled objective in two.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Loss,
        learned_weight: bool,
        precision: str,
        device: torch.device,
    ):
        super().__init__()
        if precision not in PRECISIONS:
            raise ValueError(f"precision is {precision!r}, but must be one of {PRECISIONS}.")
        self.network = network
        self.loss = loss
        self.weight = SigmaWeight() if learned_weight else None
        self.in_bfloat16 = precision == "bf16" and fastest_dtype(device) is torch.bfloat16

    def forward(self, x0: Tensor, sigma: Tensor, noise: Tensor, cond: Any) -> tuple[Tensor, Tensor]:
        """`(total, losses)`: total is what is minimised, losses `(b,)` are unweighted, detached."""
        with torch.autocast(x0.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            losses = self.loss(self.network, x0, sigma, noise, cond)
        losses = losses.float()
        if self.weight is None:
            return losses.mean(), losses.detach()
        u = self.weight(sigma)
        return (losses * torch.exp(-u) + u).mean(), losses.detach()
