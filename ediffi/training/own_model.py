"""What a run on one's own pictures leaves: a network folder, and around it a model to be asked.

The encoders that made the shards are put beside the network: only with those does it understand a
sentence. It knows records, folders and files; it trains and samples nothing.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from ediffi.build import build_denoiser
from ediffi.config import DenoiserConfig, StageConfig
from ediffi.diffusion.noise import EVERYTHING, Interval
from ediffi.experts.records import Descent
from ediffi.experts.tree import Part
from ediffi.model_folder import write_model
from ediffi.shards.reading import Shards
from ediffi.shards.sources import EncoderSource
from ediffi.training.job import averaged
from ediffi.training.lineage import weights_mark
from ediffi.training.meters import read_log, sigma_histogram
from ediffi.weights import CONFIG, RECORD, WEIGHTS, State, save_network

NETWORK, START, TOGETHER = "network", "start", "together"
"""The network that was trained, the one that it began with, and both as an ensemble."""


@dataclass(frozen=True)
class Origin:
    """Where a network comes from: preset, noise levels, stage, pictures, and first weights.

    `trained_on` are the intervals of `part`; without a `start` the weights were random.
    """

    preset: str
    part: Part
    trained_on: tuple[Interval, ...]
    stage: StageConfig | None
    shards: Shards
    start: State | None

    @property
    def partner(self) -> Path | None:
        """The folder of the first network where that can answer for all other noise levels."""
        if self.start is None or self.part.serves == EVERYTHING:
            return None
        theirs = Descent.from_json(self.start.record)
        # Without a base in its record an ensemble could not tell that the two are kin.
        return self.start.folder if theirs.serves == EVERYTHING and theirs.base else None

    def descent(self, name: str, module: nn.Module) -> Descent:
        """What experts know each other by; networks that begin with the same one are kin."""
        if self.start is None:
            parent, before, base = None, (), weights_mark(module.state_dict())
        else:
            theirs, parent = Descent.from_json(self.start.record), self.start.folder.name
            before = theirs.lineage or (parent,)
            base = theirs.base or weights_mark(self.start.tensors)
        return Descent(self.part, self.trained_on, self.part.serves, parent, (*before, name), base)


def write_network(out: Path, config: DenoiserConfig, origin: Origin, model: bool) -> Path:
    """Writes the averaged weights of the run in `out` with their record; the network folder.

    With `model`, `out` becomes a model folder too, where the encoders are still what they were; an
    expert stands there beside the network that it began with, which serves where it does not.
    Raises FileNotFoundError without a checkpoint, ValueError where nothing can be written.
    """
    module = build_denoiser(config)
    state = averaged(out, module)
    record = {
        "network": out.name,
        "pictures": state["pictures"],
        "seconds": round(state["seconds"], 1),
        "training": state["config"],
        "noise": state["config"]["noise"],
        "drawn": sigma_histogram(read_log(out, "train")),
        "data": {"fingerprint": origin.shards.fingerprint, "pictures": len(origin.shards)},
        "encoders": origin.shards.encoders.fingerprint,
        "decayed": bool(state["decaying"]),
        **origin.descent(out.name, module).to_json(),
    }
    save_network(out / NETWORK, module, config, record)
    if model and origin.shards.encoders.unchanged:
        _place_encoders(out, origin.shards.encoders)
        _write_model(out, origin)
    return out / NETWORK


def _write_model(out: Path, origin: Origin) -> None:
    if origin.partner is None:
        write_model(out, origin.preset, NETWORK, {NETWORK: NETWORK})
        return
    (out / START).mkdir(exist_ok=True)
    for name in (WEIGHTS, CONFIG, RECORD):
        _place(origin.partner / name, out / START / name)
    both = [NETWORK, START]
    write_model(out, origin.preset, TOGETHER, {name: name for name in both}, {TOGETHER: both})


def _place_encoders(out: Path, encoders: EncoderSource) -> None:
    for name, source in (("t5", encoders.t5), ("clip", encoders.clip)):
        (out / name).mkdir(exist_ok=True)
        for file in sorted(source.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                _place(file, out / name / file.name)


def _place(file: Path, target: Path) -> None:
    """The same file under another name, or a copy where the disk cannot do that."""
    target.unlink(missing_ok=True)
    try:
        # Full-size encoders take gigabytes, and every run has the same.
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
