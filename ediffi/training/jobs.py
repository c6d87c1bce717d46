"""From a phase of a plan to a training job: settings, first weights, pictures, what is watched.

It knows plans, folders and presets; the loop that runs a job knows none of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from ediffi.build import build_denoiser
from ediffi.config import NoiseConfig, Preset, StageConfig, TrainingConfig
from ediffi.diffusion.loss import edm_loss
from ediffi.diffusion.noise import EVERYTHING
from ediffi.training import checkpoint, probes, sheets
from ediffi.training.cascade_data import CropSource
from ediffi.training.data import ShardSource, Source
from ediffi.training.folders import Folders
from ediffi.training.job import Job, Watch, averaged
from ediffi.training.lineage import before, note_network, note_start, weights_mark
from ediffi.training.plans import Phase, StorybookPlan
from ediffi.training.remade import Levels, Remade, Remaker
from ediffi.training.resident import brought
from ediffi.weights import load_state

STAGE_NOISE = NoiseConfig(-1.2, 1.2)
"""p(sigma) of the stages' training: EDM's, recalled for the paper."""


@dataclass(frozen=True)
class Workshop:
    """What every job of a run shares: its folder, plan, preset and device.

    `start` is a network folder whose weights a phase begins with instead of those that its plan
    names; a phase that has a checkpoint goes on from that.
    """

    folder: Path
    plan: StorybookPlan
    of: Preset
    device: str
    say: Callable[[str], None]
    start: Path | None = None

    def job(self, phase: Phase) -> Job:
        """The training job of a phase; ValueError or FileNotFoundError for what is missing."""
        config = training_of(phase, self.plan.phases.index(phase), self.of)
        torch.manual_seed(config.seed)
        stage = stage_of(phase, self.of)
        module = build_denoiser(self.of.base if stage is None else stage.denoiser)
        folder = self.folder / phase.name
        if not checkpoint.exists(folder):
            self._begin(phase, module)
        if stage is None:
            source, watches = self._base_data(phase, config.seed, folder)
        else:
            source, watches = self._stage_data(phase, stage, config.seed, folder)
        return Job(
            name=phase.name,
            module=module,
            source=source,
            config=config,
            folder=folder,
            seconds=phase.seconds,
            trained_on=phase.branch.trained_on() if phase.branch else (EVERYTHING,),
            watches=watches,
            compiled=phase.compiled and torch.device(self.device).type == "cuda",
            cpu=self.device == "cpu",
            say=self.say,
        )

    def remaker(self, levels: tuple[float, float]) -> Remaker:
        """Who makes small pictures anew from these noise levels: `start`, or the last base.

        Raises FileNotFoundError where no base is trained yet.
        """
        module = build_denoiser(self.of.base)
        if self.start is not None:
            load_state(self.start).fill(module)
        else:
            averaged(self.folder / self._last_base(), module)
        module.to(self.device)
        mark, side = weights_mark(module.state_dict()), self.of.base.resolution
        return Remaker(module, self.of.sampling, side, Levels(*levels), mark, self.device)

    def _last_base(self) -> str:
        """The last run of one network for all noise: the continued baseline, once it has begun."""
        runs = [
            phase.name
            for phase in self.plan.phases
            if phase.stage is None
            and (phase.branch is None or phase.branch.trained_on() == (EVERYTHING,))
            and checkpoint.exists(self.folder / phase.name)
        ]
        if not runs:
            raise FileNotFoundError(f"{self.folder} holds no trained base yet.")
        return runs[-1]

    def _begin(self, phase: Phase, module: nn.Module) -> None:
        """Puts the weights that a phase starts from into `module`; a first phase keeps its own."""
        if self.start is not None:
            state = load_state(self.start)
            state.fill(module)
            note_network(self.folder / phase.name, state)
            if phase.branch is not None:
                # Experts that begin with one folder, each in a run of its own, share its mark; one
                # that goes on from its own file keeps the base that this names.
                seen, base = (state.record.get(name) for name in ("pictures", "base"))
                note_start(self.folder / phase.name, self.start, module, seen or 0, base)
        elif phase.branch is not None and phase.branch.start is not None:
            parent = self.folder / phase.branch.start
            begun = averaged(parent, module, phase.branch.undecayed)
            note_start(self.folder / phase.name, parent, module, begun["pictures"])
        elif earlier := before(self.plan, phase):
            averaged(self.folder / earlier[-1].name, module)

    def _base_data(self, phase: Phase, seed: int, folder: Path) -> tuple[Source, tuple[Watch, ...]]:
        folders, scale = Folders(self.folder), phase.resolution / self.of.base.resolution
        drawn = ShardSource(
            folders.training,
            phase.resolution,
            seed=seed,
            block=phase.batch,
            other_styles=phase.other_styles,
            most_things=phase.most_things,
        )
        source = brought(drawn, torch.device(self.device))
        held = ShardSource(folders.of("validation"), phase.resolution, long_share=0.0)
        every = self.plan.watch_seconds
        return source, (
            probes.watch(held, edm_loss, every, min(32, len(held)), scale),
            sheets.watch(held, folder, self.of.sampling, every, min(16, len(held))),
        )

    def _stage_data(
        self, phase: Phase, stage: StageConfig, seed: int, folder: Path
    ) -> tuple[Source, tuple[Watch, ...]]:
        folders, size = Folders(self.folder), stage.denoiser.resolution
        factor, every = size // stage.low, self.plan.watch_seconds
        drawn = ShardSource(folders.large(size), seed=seed, block=phase.batch)
        watched = ShardSource(folders.large(size, validation=True), long_share=0.0)
        own = [Remade.beside(each) if phase.remade else None for each in (drawn, watched)]
        held = CropSource(watched, factor, phase.crop, remade=own[1])
        few = min(8, len(watched))
        return CropSource(drawn, factor, phase.crop, seed=seed, remade=own[0]), (
            probes.watch(held, edm_loss, every, few),
            sheets.stage_watch(held, folder, stage.sampling, every, few),
        )


def stage_of(phase: Phase, of: Preset) -> StageConfig | None:
    """The stage that a phase trains; None for the base, ValueError for one that does not exist."""
    if phase.stage is None:
        return None
    for stage in of.stages:
        if stage.denoiser.name == phase.stage:
            return stage
    known = ", ".join(stage.denoiser.name for stage in of.stages) or "none"
    raise ValueError(f"the preset {of.name} has no stage {phase.stage!r}; it has {known}.")


def training_of(phase: Phase, seed: int, of: Preset) -> TrainingConfig:
    """The preset's settings for one phase, its own p(σ) if it has one, scaled with the resolution.

    At half the side, averaging four pixels halves the noise, so the same detail is lost at half
    the σ: P_mean moves by ln(resolution / full resolution). Stages draw their noise from
    `STAGE_NOISE`: the layout, which needs high noise, is given to them.
    """
    noise = phase.noise or of.training.noise
    shift = math.log(phase.resolution / of.base.resolution)
    base = NoiseConfig(noise.P_mean + shift, noise.P_std)
    return replace(
        of.training,
        pictures=phase.pictures,
        batch=phase.batch,
        rate=phase.rate * of.training.rate,
        adamw_rate=phase.rate * of.training.adamw_rate,
        decay_share=phase.decay_share,
        noise=base if phase.stage is None else STAGE_NOISE,
        seed=of.training.seed + seed,
    )
