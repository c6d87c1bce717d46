"""The picture side of CLIP learns to tell looks apart; its text side stays as it is.

Captions differ in what they name long before their styles do, so the contrast that CLIP learns from
hardly asks whether a flat page is cut out of paper or made of squares, and a reference of such a
look is painted flat (docs/training-log.md). Here the vectors of the nine styles are drawn apart,
each picture's being held near what it was: networks that listen to it must not learn it anew. It
reads drawn scenes; it knows no captions and no denoisers.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from ediffi.conditioning.clip import WEIGHTS, load_clip, unit_mean_square
from ediffi.conditioning.folders import RECORD
from ediffi.files import read_json
from ediffi.precision import half_precision
from ediffi.scores import finite
from ediffi.storybook.vocabulary import STYLES
from ediffi.training.clip import (
    TRAINING,
    fastest_attention,
    shifted,
    takes_muon,
    write_weights,
)
from ediffi.training.encoder_run import Limit, RunReport, run
from ediffi.training.inspector import Renders

LEARNT = "looks"
"""What a CLIP's record says of this training; a CLIP that has it is left alone."""
GENTLY = replace(TRAINING, rate=1e-3, adamw_rate=7e-4)
"""A third of the rates that CLIP began with, for what has learnt (our choice)."""


@dataclass(frozen=True)
class LooksPlan:
    """Settings, all our choice. `keep` is the price of a vector's mean square change.

    `scale` times the cosine between a picture's vector and a look's direction is the logit of that
    look: the smaller, the further apart looks must come to lie.
    """

    batch: int = 128
    scale: float = 10.0
    keep: float = 5.0
    shift: int = 3
    seed: int = 0


def train_looks(
    out: str | Path,
    renders: Renders,
    limit: Limit,
    plan: LooksPlan | None = None,
    device: str = "cpu",
) -> RunReport:
    """Goes on with the picture side of `out`/clip on `renders`, each style as often as every other.

    Resumes from `out`/looks-training. A CLIP that has learnt looks before stays as it is, and its
    report is given again. Raises ValueError for pictures of fewer than two styles.
    """
    plan, folder = plan or LooksPlan(), Path(out) / "clip"
    record = read_json(folder / RECORD)
    if LEARNT in record:
        return RunReport(**record[LEARNT])
    chances = evenly(renders.truth.style)
    visual: Any = load_clip(folder).model.visual.to(device)
    before = copy.deepcopy(visual)
    torch.manual_seed(plan.seed)
    looks = nn.Linear(visual.output_dim, len(STYLES), bias=False)
    module = nn.ModuleDict({"visual": visual.requires_grad_(True), "looks": looks.to(device)})

    def loss_of(step: int, _progress: float) -> Tensor:
        rng = np.random.default_rng((plan.seed, step))
        rows = torch.from_numpy(rng.choice(len(chances), plan.batch, p=chances))
        x = shifted(renders.images[rows].float() / 127.5 - 1.0, plan.shift, rng).to(device)
        with half_precision(torch.device(device)), fastest_attention(device):
            vectors = visual(x)
            with torch.no_grad():
                kept = before(x)
        styles = renders.truth.style[rows].to(device)
        return looks_loss(vectors, kept, looks.weight, styles, plan)

    # The run belongs to the weights it began with: another CLIP's must not be gone on from.
    saved = Path(out) / "looks-training" / record["sha256"][:12] / "checkpoint.safetensors"
    report = run(module, loss_of, _by_muon, GENTLY, limit, saved)
    learnt = {f"visual.{name}": value.cpu() for name, value in visual.state_dict().items()}
    state = {**load_file(folder / WEIGHTS), **learnt}
    write_weights(folder, state, {**record, LEARNT: finite(asdict(report))})
    return report


def evenly(styles: Tensor) -> np.ndarray:
    """How likely each of n pictures is drawn, for `styles` (n,): all that are there as likely.

    Raises ValueError for fewer than two styles.
    """
    counts = torch.bincount(styles, minlength=len(STYLES))
    there = int((counts > 0).sum())
    if there < 2:
        raise ValueError(f"looks are told from one another, but the pictures have {there} of them.")
    return (1 / (there * counts[styles].double())).numpy()


def looks_loss(
    vectors: Tensor, kept: Tensor, directions: Tensor, styles: Tensor, plan: LooksPlan
) -> Tensor:
    """Cross-entropy of `styles` (b,) by the nearest direction, and the price of what has moved.

    `vectors` and `kept`, the vectors before, are (b, e) of any length, `directions` (s, e), one for
    each style.
    """
    unit, axes = (functional.normalize(each.float(), dim=-1) for each in (vectors, directions))
    told = functional.cross_entropy(plan.scale * unit @ axes.T, styles)
    moved = unit_mean_square(vectors.float()) - unit_mean_square(kept.float())
    return told + plan.keep * moved.square().mean()


def _by_muon(name: str, parameter: nn.Parameter) -> bool:
    return name.startswith("visual.") and takes_muon(name, parameter)
