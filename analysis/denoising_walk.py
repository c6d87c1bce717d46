"""When is what decided? The clean estimate along the noise levels, split into coarse and fine.

The paper's starting point (Sec. 1, Fig. 2) is that sampling settles a picture's layout at high
noise and its detail at low noise. Every estimate D(x, sigma) on the way is compared with the
picture that the walk ends in: coarse is what area means over 8 x 8 blocks keep, fine is the rest.
It asks the front door for steps and knows nothing of networks or of what the pictures show.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.storybook.scoring import wilson

if TYPE_CHECKING:
    from ediffi.pipeline import EDiffI

BLOCK = 8
PROMPTS = (
    "a red fox under a yellow moon",
    "a blue whale in the sea",
    "a white rabbit with a blue hat in the snow",
    "two green pine trees beside a red house",
)


@dataclass(frozen=True)
class Walk:
    """How far the estimate is from the final picture, per noise level, median over n pictures.

    `coarse[k]` and `fine[k]` are root-mean-square differences at `sigmas[k]`, each divided by its
    value at the first level: 1 is "nothing decided yet", 0 is "as in the final picture". `first` is
    the share of pictures whose coarse part is half decided at higher noise than their fine part,
    with its 95 % interval; older records lack it.
    """

    model: str
    prompts: tuple[str, ...]
    seeds: tuple[int, ...]
    n: int
    sigmas: tuple[float, ...]
    coarse: tuple[float, ...]
    fine: tuple[float, ...]
    first: tuple[float, float, float] | None = None

    def half_decided(self, part: str) -> float:
        """The noise level below which `part`, "coarse" or "fine", stays within half of its way.

        Interpolated in ln sigma between two levels. Raises ValueError for another name.
        """
        if part not in ("coarse", "fine"):
            raise ValueError(f'part is "coarse" or "fine", not {part!r}')
        return half_way(self.sigmas, self.coarse if part == "coarse" else self.fine)


def half_way(sigmas: Sequence[float], errors: Sequence[float]) -> float:
    """The noise level below which `errors`, 1 at first and 0 at last, stay under a half."""
    last = max(k for k, error in enumerate(errors) if error >= 0.5)
    above, below = errors[last], errors[last + 1]
    share = (above - 0.5) / (above - below)
    logs = torch.tensor(sigmas[last : last + 2], dtype=torch.float64).log()
    return float(torch.lerp(logs[0], logs[1], share).exp())


def gaussian_denoiser(mean: float, scale: float) -> Callable[[Tensor, Tensor, object], Tensor]:
    """The exact denoiser of pictures whose pixels are drawn from N(mean, scale^2) (Bayes' rule).

    Takes x (b, 3, h, w), sigma (b,) and a conditioning that it ignores.
    """

    def denoise(x: Tensor, sigma: Tensor, cond: object) -> Tensor:
        variance = sigma.view(-1, 1, 1, 1).to(x.dtype).square()
        return (scale**2 * x + variance * mean) / (scale**2 + variance)

    return denoise


def split(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Coarse and fine part of pictures (b, 3, h, w); they sum to the picture."""
    coarse = F.interpolate(F.avg_pool2d(picture, BLOCK), scale_factor=float(BLOCK))
    return coarse, picture - coarse


def distances(estimates: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Coarse and fine distance of each estimate (b, 3, h, w) to the last one: (levels, b) each."""
    final = split(estimates[-1])
    gaps = [[a - b for a, b in zip(split(e), final, strict=True)] for e in estimates]
    coarse, fine = zip(
        *([g.square().mean((1, 2, 3)).sqrt() for g in pair] for pair in gaps), strict=True
    )
    return torch.stack(coarse), torch.stack(fine)


def measure(model: EDiffI, prompts: Sequence[str] = PROMPTS, seeds: Sequence[int] = (0,)) -> Walk:
    """Walk down the noise once for every prompt and seed, at the model's default settings."""
    columns: list[tuple[Tensor, Tensor]] = []
    sigmas: tuple[float, ...] = ()
    for prompt in prompts:
        for seed in seeds:
            steps = list(model.steps(model.request(prompt, seed=seed)))
            sigmas = tuple(round(step.sigma, 6) for step in steps)
            columns.append(distances([step.denoised.float() for step in steps]))
    each = [torch.cat(part, dim=1) for part in zip(*columns, strict=True)]
    each = [part / part[0] for part in each]
    coarse, fine = (part.median(dim=1).values for part in each)
    return Walk(
        model=model.model.name,
        prompts=tuple(prompts),
        seeds=tuple(seeds),
        n=len(columns),
        sigmas=sigmas,
        coarse=tuple(round(float(value), 4) for value in coarse),
        fine=tuple(round(float(value), 4) for value in fine),
        first=_first(sigmas, *each),
    )


def _first(sigmas: Sequence[float], coarse: Tensor, fine: Tensor) -> tuple[float, float, float]:
    """How many pictures decide their layout first; both parts are (levels, n)."""
    pairs = zip(coarse.T.tolist(), fine.T.tolist(), strict=True)
    earlier = [half_way(sigmas, one) > half_way(sigmas, other) for one, other in pairs]
    low, high = wilson(sum(earlier), len(earlier))
    return round(sum(earlier) / len(earlier), 4), round(low, 4), round(high, 4)
