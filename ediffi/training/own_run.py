"""One's own pictures, a preset, and a run: `train_own(OwnRun(...))` leaves a network folder.

    python -m ediffi train --data runs/my-shards --preset storybook --out runs/mine

The side of the pictures decides which network of the preset is trained, base or stage. It knows
what a run is made of; it refuses to know how a step is made and what the record says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState

from ediffi.build import build_denoiser
from ediffi.cascade.stages import CROP
from ediffi.config import DenoiserConfig, Preset, StageConfig, TrainingConfig
from ediffi.diffusion.noise import EVERYTHING, Interval
from ediffi.experts.tree import EVERY_LEVEL, Part
from ediffi.files import read_json, write_json
from ediffi.presets import preset
from ediffi.training import sheets
from ediffi.training.cascade_data import CropSource
from ediffi.training.data import Source
from ediffi.training.job import Job, Watch
from ediffi.training.jobs import STAGE_NOISE
from ediffi.training.loop import check_processes, fit
from ediffi.training.own_data import OwnPictures
from ediffi.training.own_model import NETWORK, Origin, write_network
from ediffi.weights import State, load_state

DECIDED = "run.json"
SHEET_SECONDS = 300.0


@dataclass(frozen=True)
class OwnRun:
    """What is asked for; `pictures` and `batch` are the preset's where None is given.

    `start` is a network folder whose weights the run begins with; `part` are the noise levels that
    an expert is trained on. `sharded` splits the weights among the processes. Raises ValueError for
    a number below 1.
    """

    data: Path
    preset: str
    out: Path
    pictures: int | None = None
    batch: int | None = None
    start: Path | None = None
    part: Part = EVERY_LEVEL
    sharded: bool = False

    def __post_init__(self) -> None:
        for name in ("pictures", "batch"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, but must be at least 1.")


def train_own(run: OwnRun, say: Callable[[str], None] = print) -> Path | None:
    """Trains until the pictures are used up; the network folder, None when stopped before.

    The same call goes on where a run was stopped. In several processes each takes its share of
    every batch, and the first one writes; the others return when it has. Raises FileNotFoundError
    or ValueError in one sentence.
    """
    cpu = not torch.cuda.is_available()
    processes = PartialState(cpu=cpu)
    main = processes.is_main_process
    speak = say if main else _silent
    opened = open_run(run)
    job = opened.job(cpu, speak)
    check_processes(job, processes.num_processes)
    _check_folder(run.out, opened.decided)
    # Nobody writes before everybody has seen that the folder is free.
    processes.wait_for_everyone()
    if main:
        write_json(run.out / DECIDED, opened.decided)
    done = fit(job)
    if not done.finished:
        speak(f"{run.out.name}: stopped and saved; the same command goes on from here.")
    elif main:
        folder = write_network(run.out, opened.config, opened.origin, opened.stage is None)
        speak(f"{run.out.name}: {done.pictures:,} pictures, {done.seconds:.0f} s; wrote {folder}.")
    processes.wait_for_everyone()
    return run.out / NETWORK if done.finished else None


@dataclass(frozen=True)
class Opened:
    """A run with everything that it names, checked: preset, network, pictures, first weights."""

    run: OwnRun
    of: Preset
    config: DenoiserConfig
    stage: StageConfig | None
    source: OwnPictures
    start: State | None

    @property
    def training(self) -> TrainingConfig:
        """The preset's settings with what was asked for; stages draw their own noise."""
        usual = self.of.training
        return replace(
            usual,
            pictures=self.run.pictures or usual.pictures,
            batch=self.run.batch or usual.batch,
            noise=usual.noise if self.stage is None else STAGE_NOISE,
        )

    @property
    def trained_on(self) -> tuple[Interval, ...]:
        """Where noise is drawn."""
        part = self.run.part
        return (EVERYTHING,) if part == EVERY_LEVEL else part.intervals()

    @property
    def origin(self) -> Origin:
        """What the network's record says of where it comes from."""
        return Origin(
            self.of.name, self.run.part, self.trained_on, self.stage, self.source.shards, self.start
        )

    @property
    def decided(self) -> dict[str, Any]:
        """What may not change when a run goes on."""
        return {
            "data": self.source.shards.fingerprint,
            "preset": self.of.name,
            "network": self.config.name,
            "node": str(self.run.part),
            "start": None if self.start is None else self.start.sha256,
            "batch": self.training.batch,
        }

    def job(self, cpu: bool, say: Callable[[str], None]) -> Job:
        """The training job, its module with the weights that it begins with."""
        # The same weights in every process and in every run of these settings.
        torch.manual_seed(self.training.seed)
        module = build_denoiser(self.config)
        if self.start is not None:
            self.start.fill(module)
        learnt, watch = self._data()
        return Job(
            name=self.run.out.name,
            module=module,
            source=learnt,
            config=self.training,
            folder=self.run.out,
            trained_on=self.trained_on,
            watches=(watch,),
            cpu=cpu,
            sharded=self.run.sharded,
            say=say,
        )

    def _data(self) -> tuple[Source, Watch]:
        """What is learnt from, and the sheet of samples that shows how far it is."""
        source, out, few = self.source, self.run.out, min(8, len(self.source))
        if self.stage is None:
            return source, sheets.watch(source, out, self.of.sampling, SHEET_SECONDS, few)
        side = source.resolution
        crop = CROP if side > CROP else None
        learnt = CropSource(source, side // self.stage.low, crop, seed=self.training.seed)
        return learnt, sheets.stage_watch(learnt, out, self.stage.sampling, SHEET_SECONDS, few)


def open_run(run: OwnRun) -> Opened:
    """Everything that a run names; FileNotFoundError or ValueError in one sentence."""
    of = preset(run.preset)
    source = OwnPictures(run.data, of.base.encoders, of.training.seed)
    config, stage = network_for(of, source.resolution)
    start = None if run.start is None else _started(run.start, source)
    return Opened(run, of, config, stage, source, start)


def network_for(of: Preset, resolution: int) -> tuple[DenoiserConfig, StageConfig | None]:
    """The network of a preset that makes pictures of this side, with its stage if it is one.

    Raises ValueError naming the sides that the preset makes.
    """
    if resolution == of.base.resolution:
        return of.base, None
    for stage in of.stages:
        if stage.denoiser.resolution == resolution:
            return stage.denoiser, stage
    sides = [of.base.resolution, *(stage.denoiser.resolution for stage in of.stages)]
    raise ValueError(
        f"the shards hold pictures of {resolution} px, and the preset {of.name} makes"
        f" {', '.join(map(str, sides))} px; shard them again with one of these."
    )


def _started(folder: Path, source: OwnPictures) -> State:
    """The network to begin with; ValueError when it was taught by other encoders."""
    start = load_state(folder)
    theirs, ours = start.record.get("encoders"), source.shards.encoders.fingerprint
    if theirs is not None and theirs != ours:
        raise ValueError(
            f"{folder} was trained with the encoders {theirs}, and the shards in"
            f" {source.shards.folder} were made with {ours}."
        )
    return start


def _check_folder(out: Path, decided: dict[str, Any]) -> None:
    """Refuses a folder that holds another run, or anything else."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; a run needs a folder.")
    held = {path.name for path in out.iterdir()} if out.exists() else set()
    if not any(name for name in held if not name.startswith(".part-")):
        return
    if DECIDED not in held:
        raise ValueError(f"{out} is not empty and holds no run of this kind; choose another --out.")
    before = read_json(out / DECIDED)
    for name, value in decided.items():
        was = before.get(name) if isinstance(before, dict) else None
        if was != value:
            raise ValueError(
                f"{out} holds a run whose {name} was {was} and is {value} now; choose another"
                " --out."
            )


def _silent(text: str) -> None:
    """Says nothing: of several processes one speaks."""
