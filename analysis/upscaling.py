"""Is a stage better than plain enlargement? Error, edges, consistency and colour beside bicubic.

True renders of unseen scenes are made small: clean, with the flaws of training, or with those of
the base, which samples them anew from sigma = 1. They are enlarged by the stage, bicubically and by
Lanczos. The perceptual distance is the gradient magnitude similarity
deviation (Xue et al. 2014): it follows what people see where the mean squared error does not, and
needs no network. It knows stages and pictures, not how either was made.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from analysis.intervals import Share
from analysis.true_renders import true_renders
from ediffi import images
from ediffi.cascade.degradation import Degradation, degrade
from ediffi.cascade.diagnostics import colour_drift, consistency, sharpness, shrunk
from ediffi.cascade.stages import Stage, as_kept, upscaled
from ediffi.diffusion.noise import seeded_noise
from ediffi.files import write_json
from ediffi.loading import Model
from ediffi.training.remade import made_anew

PLAIN: Mapping[str, Image.Resampling] = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
REMADE = "remade"
ANEW = 1.0
"""The noise level from which the base samples small pictures anew: things stay, details do not."""
SIMILAR = 170 / 255**2
"""The constant of GMSD for values from 0 to 1."""


@dataclass(frozen=True)
class Enlarged:
    """One way of enlarging: means over n pictures, each with half of its 95 % interval.

    `small` is what it was given: "clean", "flawed" or, where the base makes such, "remade", which
    is softened as all that the base samples. `psnr` is in dB, `sharp` the truth's gradient energy
    as the unit; `gmsd` and `consistency` are better the lower, in units of [0, 1] and of [-1, 1];
    `drift` is the mean shift of the colours.
    """

    method: str
    small: str
    psnr: tuple[float, float]
    gmsd: tuple[float, float]
    consistency: tuple[float, float]
    drift: tuple[float, float]
    sharp: tuple[float, float]


@dataclass(frozen=True)
class Nearer:
    """How much nearer to the truth the stage is than a filter, picture by picture.

    The mean over n pictures of the stage's value less the filter's, and the ends of its 95 %
    interval; the stage is better where `gmsd` is below 0 and `psnr` above it.
    """

    rival: str
    small: str
    gmsd: Share
    psnr: Share


@dataclass(frozen=True)
class Upscaling:
    """The study of one stage on `n` true renders; `seam` is what `seam` says of the first."""

    stage: str
    low: int
    high: int
    n: int
    seed: int
    steps: int
    seam: float
    ways: tuple[Enlarged, ...]
    nearer: tuple[Nearer, ...]

    def way(self, method: str, small: str) -> Enlarged:
        """The row of a method; StopIteration when there is none."""
        return next(w for w in self.ways if w.method == method and w.small == small)

    def beside(self, rival: str, small: str) -> Nearer:
        """The stage beside a filter; StopIteration when there is none of this name."""
        return next(n for n in self.nearer if n.rival == rival and n.small == small)


def psnr(pictures: Tensor, truth: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB, (b,), of pictures in [-1, 1]; infinite for the truth."""
    error = (pictures - truth).square().flatten(1).mean(1)
    return 10 * torch.log10(4 / error)


def gmsd(pictures: Tensor, truth: Tensor) -> Tensor:
    """Gradient magnitude similarity deviation (b,) of pictures in [-1, 1], on luma; 0 is best."""
    one, other = (_gradients(p) for p in (pictures, truth))
    similar = (2 * one * other + SIMILAR) / (one.square() + other.square() + SIMILAR)
    return similar.flatten(1).std(1, correction=0)


def plainly(way: Image.Resampling, low_res: Tensor, factor: int) -> Tensor:
    """Pictures (b, 3, h, w) in [-1, 1] enlarged by a classical filter."""
    size = low_res.shape[3] * factor, low_res.shape[2] * factor
    made = [images.to_tensor(images.to_pil(x).resize(size, way)) for x in low_res]
    return torch.stack(made)


def small_ones(truth: Tensor, low: int, seed: int = 0) -> dict[str, Tensor]:
    """The truth (n, 3, H, W) with `low` pixels on its shorter side, clean and flawed."""
    factor = min(truth.shape[2:]) // low
    clean = as_kept(shrunk(truth, (truth.shape[2] // factor, truth.shape[3] // factor)))
    return {"clean": clean, "flawed": degrade(clean, Degradation(), _seeds(seed, len(truth)))}


def remade(model: Model, clean: Tensor, cond: Any, seed: int = 0) -> Tensor:
    """Small pictures (n, 3, h, w) of the size of a model's base, as it samples them anew."""
    noise = seeded_noise(_seeds(seed, len(clean)), tuple(clean.shape[1:]))
    sampling, made = model.preset.sampling, []
    with torch.inference_mode():
        for row in range(len(clean)):
            one = slice(row, row + 1)
            told = clean[one], cond.rows([row]), noise[one], ANEW, sampling
            made.append(made_anew(model.network_at(ANEW), *told))
    return as_kept(torch.cat(made))


def of_model(model: Model, stage: Stage, n: int, seed: int = 0) -> Upscaling:
    """The study of one of a model's stages on `n` true renders."""
    truth, captions = true_renders(stage.high, n)
    cond = model.encoders.condition(captions)
    small = small_ones(truth, stage.low, seed)
    if stage.low == model.config.resolution:
        small[REMADE] = remade(model, small["clean"], cond, seed)
    return measure(stage, truth, cond, small, seed)


def measure(
    stage: Stage, truth: Tensor, cond: Any, small: Mapping[str, Tensor], seed: int = 0
) -> Upscaling:
    """Enlarges every `small` (n, 3, h, w) of the `truth` in every way, one picture at a time."""
    factor, seeds = stage.high // stage.low, _seeds(seed, len(truth))
    ways, nearer = [], []
    for kind, low_res in small.items():
        made = {stage.name: _by_stage(_shown(stage, kind), low_res, cond, seeds)}
        made |= {name: plainly(way, low_res, factor) for name, way in PLAIN.items()}
        ways += [_row(name, kind, x, truth, low_res) for name, x in made.items()]
        nearer += [_nearer(name, kind, made[stage.name], made[name], truth) for name in PLAIN]
    clean = small["clean"]
    return Upscaling(
        stage=stage.name,
        low=stage.low,
        high=stage.high,
        n=len(truth),
        seed=seed,
        steps=stage.sampling.steps,
        seam=round(seam(stage, clean[:1], cond.rows([0]), margin=clean.shape[3] // 8), 6),
        ways=tuple(ways),
        nearer=tuple(nearer),
    )


def seam(stage: Stage, low_res: Tensor, cond: Any, margin: int = 8) -> float:
    """How much a part of a picture changes when it is enlarged alone: root mean square, [-1, 1].

    `low_res` (1, 3, h, w) is denoised once at sigma = 1 as a whole and as its left half; what lies
    further than `margin` small pixels from the cut is compared. A stage whose statistics depend on
    the picture's size, or that works in tiles, shows here.
    """
    factor, (h, w) = stage.high // stage.low, low_res.shape[2:]
    half = w // 2
    noise = torch.randn(1, 3, h * factor, w * factor, generator=torch.Generator().manual_seed(0))
    told = torch.ones(1)

    def answer(small: Tensor, x: Tensor) -> Tensor:
        with torch.inference_mode():
            return stage.denoiser(x, told, cond.with_low_res(small))

    large = F.interpolate(low_res, scale_factor=float(factor)) + noise
    whole = answer(low_res, large)
    part = answer(low_res[..., :half], large[..., : half * factor])
    kept = (half - margin) * factor
    return float((whole[..., :kept] - part[..., :kept]).square().mean().sqrt())


def table(found: Upscaling) -> str:
    """The study as a Markdown table."""
    lines = [
        f"**{found.stage}** on {found.n} unseen scenes, {found.steps} steps, seed {found.seed}",
        "",
        f"A half denoised alone differs from the same half of the whole by {found.seam:.4f} (root"
        " mean square of values from -1 to 1).",
        "",
        "| enlarged by | small one | PSNR, dB | GMSD | consistency | colour drift | sharpness |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for w in found.ways:
        cells = [w.psnr, w.gmsd, w.consistency, w.drift, w.sharp]
        digits = (2, 4, 4, 4, 2)
        shown = [f"{m:.{d}f} ± {h:.{d}f}" for (m, h), d in zip(cells, digits, strict=True)]
        lines.append(f"| {w.method} | {w.small} | " + " | ".join(shown) + " |")
    lines += ["", f"{found.stage} less a filter, picture by picture, with 95 % interval:", ""]
    lines += [f"- {_sentence(each)}" for each in found.nearer]
    return "\n".join(lines)


def _shown(stage: Stage, kind: str) -> Stage:
    """The stage as it is used: true small pictures are shown to it as they are."""
    if kind == REMADE:
        return stage
    return replace(stage, sampling=replace(stage.sampling, soften=0.0))


def _by_stage(stage: Stage, low_res: Tensor, cond: Any, seeds: Sequence[int]) -> Tensor:
    made = []
    for row, seed in enumerate(seeds):
        told = cond.rows([row])
        x = low_res[row : row + 1]
        for step in upscaled(stage, low_res[row : row + 1], told, [seed]):
            x = step.x
        made.append(as_kept(x))
    return torch.cat(made)


def _seeds(seed: int, n: int) -> list[int]:
    return [seed + k for k in range(n)]


def _row(name: str, small: str, made: Tensor, truth: Tensor, low_res: Tensor) -> Enlarged:
    return Enlarged(
        method=name,
        small=small,
        psnr=_mean(psnr(made, truth)),
        gmsd=_mean(gmsd(made, truth)),
        consistency=_mean(consistency(made, low_res)),
        drift=_mean(colour_drift(made, truth).abs().mean(1)),
        sharp=_mean(sharpness(made, truth)),
    )


def _nearer(name: str, small: str, made: Tensor, plain: Tensor, truth: Tensor) -> Nearer:
    return Nearer(
        rival=name,
        small=small,
        gmsd=_difference(gmsd(made, truth), gmsd(plain, truth)),
        psnr=_difference(psnr(made, truth), psnr(plain, truth)),
    )


def _sentence(beside: Nearer) -> str:
    """One stage beside one filter in words, whichever is better."""
    edges, error = (
        f"{value:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"
        for (value, low, high), digits in ((beside.gmsd, 4), (beside.psnr, 2))
    )
    return f"{beside.rival}, {beside.small}: GMSD {edges}, PSNR {error} dB"


def _difference(one: Tensor, other: Tensor) -> Share:
    middle, half = _mean(one - other)
    return middle, round(middle - half, 5), round(middle + half, 5)


def _mean(values: Tensor) -> tuple[float, float]:
    spread = float(values.std()) if len(values) > 1 else math.nan
    return round(float(values.mean()), 5), round(1.96 * spread / math.sqrt(len(values)), 5)


def _gradients(pictures: Tensor) -> Tensor:
    """Prewitt gradient magnitude (b, 1, h, w) of luma in [0, 1], at half size, as in GMSD."""
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = F.avg_pool2d(((pictures + 1) / 2 * luma).sum(1, keepdim=True), 2)
    across = torch.tensor([[1.0, 0.0, -1.0]] * 3).view(1, 1, 3, 3) / 3
    padded = F.pad(grey, (1, 1, 1, 1), mode="replicate")
    return torch.hypot(F.conv2d(padded, across), F.conv2d(padded, across.mT))


def main() -> int:
    """`python -m analysis.upscaling --stage sr256 --n 64`: measure and write the record."""
    from ediffi.loading import open_model

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--model", default="storybook")
    parser.add_argument("--stage", default="sr256")
    parser.add_argument("--n", type=int, default=64)
    parser.add_argument("--out", help="docs/results/upscaling-<stage>.json if left out")
    given = parser.parse_args()
    model = open_model(given.model, torch.device("cpu"), torch.float32)
    stages: dict[str, Stage] = {stage.name: stage for stage in model.stages}
    if given.stage not in stages:
        known = ", ".join(stages) or "none"
        raise SystemExit(f"{model.name} has no stage {given.stage!r}; it has {known}.")
    stage = stages[given.stage]
    found = of_model(model, stage, given.n)
    write_json(given.out or f"docs/results/upscaling-{stage.name}.json", asdict(found))
    print(table(found))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
