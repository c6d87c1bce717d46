"""From a run's folders to a model folder, and its scores on held-out captions.

It reads averaged weights and logs, and writes what the front door opens. It trains nothing.
"""

from __future__ import annotations

import hashlib
import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ediffi.build import build_denoiser
from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.config import DenoiserConfig, Preset, as_json
from ediffi.files import write_json
from ediffi.images import to_uint8
from ediffi.model_folder import write_model
from ediffi.precision import half_precision
from ediffi.storybook.evaluation import Evaluation
from ediffi.storybook.evaluation import evaluate as score_pictures
from ediffi.storybook.inspector import load_inspector
from ediffi.training.job import averaged
from ediffi.training.meters import read_log
from ediffi.training.plans import Phase
from ediffi.training.sheets import samples
from ediffi.weights import load_network, save_network, sha256_of

ENCODERS = ("t5", "clip")


def fingerprint(encoders: Path) -> str:
    """A name for the weights of the encoders in this folder; changes when one of them does."""
    files = [f for name in ENCODERS for f in sorted((encoders / name).glob("*.safetensors"))]
    sums = "".join(sha256_of(file) for file in files)
    return hashlib.sha256(sums.encode()).hexdigest()[:16]


def export_model(
    runs: Sequence[tuple[Phase, Path]], encoders: Path, of: Preset, weights: Path
) -> dict[str, Any]:
    """Writes the model folder `weights` from the averaged weights of the last of `runs`.

    Runs without a checkpoint are passed over, so this works while training goes on. Raises
    FileNotFoundError when none has one.
    """
    began = [(phase, run) for phase, run in runs if any(run.glob("checkpoint*.safetensors"))]
    if not began:
        raise FileNotFoundError(f"{weights.parent} holds no trained base yet.")
    module = build_denoiser(of.base)
    state = averaged(began[-1][1], module)
    history = [{**as_json(phase), **_counters(run)} for phase, run in began]
    probes = read_log(began[-1][1], "probe")
    record = {
        "network": "baseline",
        "pictures": sum(part["pictures_seen"] for part in history),
        "seconds": round(sum(part["seconds_spent"] for part in history), 1),
        "phases": history,
        "training": state["config"],
        "noise": state["config"]["noise"],
        "trained_on": [[0.0, None]],
        "serves": [0.0, None],
        "parent": None,
        "decayed": bool(state["decaying"]),
        "probe": probes[-1] if probes else None,
        "encoders": fingerprint(encoders),
    }
    for name in ENCODERS:
        _copy_files(encoders / name, weights / name)
    digest = save_network(weights / "baseline", module, of.base, record)
    write_model(weights, of.name, "baseline", {"baseline": "baseline"})
    return {"sha256": digest, "pictures": record["pictures"]}


def evaluate_model(
    weights: Path, of: Preset, n: int, device: str, out: Path, workers: int = 2
) -> dict[str, Any]:
    """Scores the baseline in `weights` on `n` held-out captions and writes `out`; its scores.

    Pictures smaller than the inspector's 64 px are enlarged, pixel by pixel.
    """
    encoders = load_encoders(weights / "t5", weights / "clip").to(device)
    module, config, _ = load_network(weights / "baseline", DenoiserConfig, build_denoiser)
    module = module.to(device)

    def sample(captions: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
        return _painted(module, encoders, config.resolution, of, captions, seeds)

    found: Evaluation = score_pictures(
        sample, load_inspector(weights / "inspector"), n=n, workers=workers
    )
    write_json(out, _finite(found.to_json()))
    return {score.name: score.share for score in found.scores}


def _finite(value: Any) -> Any:
    """JSON knows no NaN: what too few captions cannot measure becomes null."""
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@torch.no_grad()
def _painted(
    module: torch.nn.Module,
    encoders: Encoders,
    side: int,
    of: Preset,
    captions: Sequence[str],
    seeds: Sequence[int],
) -> np.ndarray:
    cond = encoders.condition(captions)
    with half_precision(cond.t5.device, of.training.precision == "bf16"):
        pictures = to_uint8(samples(module, cond, (3, side, side), of.sampling, seeds))
    factor = max(1, 64 // side)
    return pictures.repeat(factor, 1).repeat(factor, 2)


def _counters(run: Path) -> dict[str, Any]:
    lines = read_log(run, "train")
    last = lines[-1] if lines else {"pictures": 0, "seconds": 0.0, "loss": None}
    return {
        "pictures_seen": last["pictures"],
        "seconds_spent": last["seconds"],
        "loss": last["loss"],
    }


def _copy_files(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)
