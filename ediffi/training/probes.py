"""Is the sentence used? Held-out losses with the right, another's and no conditioning.

The pictures, noise levels and noise are fixed, so the numbers of one run can be compared over
time, and with other runs on the same held-out pictures. It refuses to know how training goes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ediffi.training import keyed
from ediffi.training.data import Source
from ediffi.training.job import Watch
from ediffi.training.meters import BANDS
from ediffi.training.objective import Loss

CENTRES = (0.03, 0.07, 0.15, 0.3, 0.7, 1.4, 3.0, 10.0)
"""One noise level in each of the eight bands."""

assert len(CENTRES) == len(BANDS)


@dataclass(frozen=True)
class Probe:
    """Mean held-out loss at each of `CENTRES`: with the picture's own captions, with those of
    another picture, and with the exact null. The style picture is left out of all three.
    """

    matched: tuple[float, ...]
    shuffled: tuple[float, ...]
    null: tuple[float, ...]

    def values(self) -> dict[str, Any]:
        """For the log: `gain` is the share of the loss that the right caption takes off another's,
        averaged over noise levels from 0.3 up, where the layout is decided.
        """
        pairs = list(zip(self.matched, self.shuffled, strict=True))[CENTRES.index(0.3) :]
        gain = sum(1 - m / max(s, 1e-9) for m, s in pairs) / len(pairs)
        return {
            "matched": list(self.matched),
            "shuffled": list(self.shuffled),
            "null": list(self.null),
            "loss": sum(self.matched) / len(self.matched),
            "gain": gain,
        }


@torch.no_grad()
def probe(
    module: nn.Module,
    source: Source,
    loss: Loss,
    device: torch.device,
    pictures: int = 32,
    scale: float = 1.0,
) -> Probe:
    """Scores `module` on the first `pictures` positions of `source`.

    `scale` multiplies the noise levels: half the resolution needs half the noise for the same
    loss of detail.
    """
    batch = source.batch(range(pictures)).to(device)
    right = batch.cond.null("clip_image")
    other = right.rows(torch.arange(pictures).roll(1))
    noise = keyed.noise(1, np.arange(pictures), tuple(batch.x0.shape[1:])).to(device)

    def at(sigma: float, cond: Any) -> float:
        levels = torch.full((pictures,), sigma * scale, device=device)
        return float(loss(module, batch.x0, levels, noise, cond).float().mean())

    columns = (right, other, right.null())
    scores = [tuple(at(sigma, cond) for sigma in CENTRES) for cond in columns]
    return Probe(*scores)


def watch(
    source: Source, loss: Loss, seconds: float = 300.0, pictures: int = 32, scale: float = 1.0
) -> Watch:
    """The probe as something that a run looks at every so often."""

    def look(module: nn.Module, seen: int) -> dict[str, Any]:
        device = next(module.parameters()).device
        return probe(module, source, loss, device, pictures, scale).values()

    return Watch("probe", seconds, look)
