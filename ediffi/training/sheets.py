"""Sample sheets: what the network paints for fixed held-out captions, the truth above.

Captions, seeds and steps are fixed, so the sheets of a run are a film of its learning. Sampling
goes through the same solvers as everywhere; nothing is drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from ediffi.build import build_sampler
from ediffi.config import SamplingConfig
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.files import written_whole
from ediffi.images import to_uint8
from ediffi.networks.layers import enlarged
from ediffi.training.data import CaptionedSource, Source
from ediffi.training.job import Watch

COLUMNS = 8


@torch.no_grad()
def samples(
    module: nn.Module,
    cond: Any,
    shape: tuple[int, ...],
    sampling: SamplingConfig,
    seeds: Sequence[int],
) -> Tensor:
    """Pictures `(b, *shape)` for the rows of `cond`, each from the noise of its own seed."""
    grid = edm_grid(sampling.steps, sampling.sigma_min, sampling.sigma_max, sampling.rho)
    return sampled(module, cond, seeded_noise(seeds, shape), sampling, grid)


def sampled(
    module: nn.Module, cond: Any, noise: Tensor, sampling: SamplingConfig, grid: Tensor
) -> Tensor:
    """Pictures (b, c, h, w) from unit `noise` along `grid`, guided as `sampling` says."""
    device = next(module.parameters()).device
    window = Window(sampling.guidance_low, sampling.guidance_high)
    guided = Guided(module, sampling.guidance, window)
    x = noise.to(device)
    for step in build_sampler(sampling.solver)(guided, x, grid, cond.to(device)):
        x = step.x
    return x


def sheet(rows: list[Tensor], columns: int = COLUMNS) -> Image.Image:
    """Equally long rows of pictures `(n, 3, h, w)` under one another, `columns` to a line.

    The k-th line of every row is shown before the next line of any.
    """
    lines = []
    for start in range(0, len(rows[0]), columns):
        for row in rows:
            lines.append(np.concatenate(list(to_uint8(row[start : start + columns])), axis=1))
    widest = max(line.shape[1] for line in lines)
    padded = [np.pad(line, ((0, 0), (0, widest - line.shape[1]), (0, 0))) for line in lines]
    return Image.fromarray(np.concatenate(padded))


def stage_watch(
    source: Source,
    folder: Path,
    sampling: SamplingConfig,
    seconds: float = 300.0,
    pictures: int = 8,
) -> Watch:
    """A stage's sheet: what it was shown (plainly enlarged), what it makes of it, the truth.

    The style picture is withheld, as in the default use.
    """

    def look(module: nn.Module, seen: int) -> dict[str, Any]:
        batch = source.batch(range(pictures))
        cond = batch.cond.null("clip_image")
        size = (int(batch.x0.shape[2]), int(batch.x0.shape[3]))
        shown = enlarged(batch.cond.low_res, size).clamp(-1, 1)
        made = samples(module, cond, (3, *size), sampling, range(pictures)).cpu().nan_to_num()
        name = f"sheet-{seen:09d}.png"
        with written_whole(folder / name) as temporary:
            sheet([shown, made, batch.x0]).save(temporary, "PNG")
        error = (made.clamp(-1, 1) - batch.x0).square().mean().sqrt()
        return {"file": name, "rmse": float(error)}

    return Watch("sheet", seconds, look)


def watch(
    source: CaptionedSource,
    folder: Path,
    sampling: SamplingConfig,
    seconds: float = 300.0,
    pictures: int = 16,
) -> Watch:
    """`sheet-<pictures seen>.png` in `folder` every so often, captions once in `captions.txt`.

    Truth above, sample below; the style picture is withheld, as in the default use.
    """

    def look(module: nn.Module, seen: int) -> dict[str, Any]:
        positions = range(pictures)
        batch = source.batch(positions)
        captions = folder / "captions.txt"
        if not captions.exists():
            with written_whole(captions) as temporary:
                temporary.write_text("\n".join(source.texts(positions)) + "\n", encoding="utf-8")
        shape = tuple(batch.x0.shape[1:])
        cond = batch.cond.null("clip_image")
        painted = samples(module, cond, shape, sampling, range(pictures))
        name = f"sheet-{seen:09d}.png"
        with written_whole(folder / name) as temporary:
            sheet([batch.x0, painted.cpu().nan_to_num()]).save(temporary, "PNG")
        return {"file": name, "deviation": float(painted.float().std())}

    return Watch("sheet", seconds, look)
