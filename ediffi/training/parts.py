"""The parts of the storybook's recipe: where each finds its input and puts its output.

    data/train, data/flat         pictures, captions and caches to train on
    data/validation               the same, to watch
    encoders/t5, encoders/clip    tokenizers and encoders; checkpoints in encoders/t5-training, ...
    base32, base64                runs: log.jsonl, sheet-*.png, checkpoint.safetensors
    weights                       the model folder: t5, clip, baseline, inspector, model.json

It knows the folders of one run; the order, the skipping and the timing are `storybook.py`'s.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ediffi.build import build_denoiser
from ediffi.conditioning.cache import build_cache
from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.config import NoiseConfig, Preset, TrainingConfig
from ediffi.diffusion.loss import edm_loss
from ediffi.diffusion.noise import EVERYTHING
from ediffi.presets import preset
from ediffi.storybook.casting import Curriculum
from ediffi.storybook.dataset import render_shards
from ediffi.training import probes, sheets
from ediffi.training.clip import train_clip
from ediffi.training.data import ShardSource
from ediffi.training.inspector import read_shards, train_inspector
from ediffi.training.job import Job, averaged
from ediffi.training.lineage import note_start
from ediffi.training.loop import fit
from ediffi.training.meters import read_log, sigma_histogram
from ediffi.training.plans import Phase, StorybookPlan
from ediffi.training.probe import probe_colours, retrieve
from ediffi.training.release import evaluate_model, export_model, fingerprint
from ediffi.training.t5 import T5Plan, train_t5
from ediffi.training.tokenizers import train_tokenizers
from ediffi.weights import load_state

Say = Callable[[str], None]
FLAT_SEED = 10_000_000
"""How far the seeds of the flat scenes lie from those of the others."""


class Cut(Exception):
    """A part was asked to stop; what it has done is saved."""


@dataclass(frozen=True)
class Part:
    """A step of the recipe: `settings` decide its result, `work` does it and returns facts."""

    name: str
    settings: Mapping[str, Any]
    work: Callable[[], dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """A folder, a plan and a device; one method per part.

    `start` is a network folder, such as the shipped baseline, whose weights a phase begins with
    instead of those of the phase before; a phase that has a checkpoint goes on from that.
    """

    folder: Path
    plan: StorybookPlan
    device: str = "cpu"
    say: Say = print
    start: Path | None = None

    @property
    def preset(self) -> Preset:
        """The preset whose networks are trained."""
        return preset(self.plan.preset)

    @property
    def encoders_folder(self) -> Path:
        """Where the folders t5 and clip of the trained encoders lie."""
        return self.folder / "encoders"

    @property
    def weights(self) -> Path:
        """The model folder that comes out."""
        return self.folder / "weights"

    def parts(self) -> list[Part]:
        """All parts in order."""
        plan = self.plan
        listed = [
            Part("draw", _some(plan, "scenes", "flat_scenes", "held_out", "first_seed"), self.draw),
            Part("tokenizers", _some(plan, "tokenizer_scenes"), self.tokenizers),
            Part("t5", _some(plan, "t5"), self.t5),
            Part("clip", _some(plan, "clip"), self.clip),
            Part("gate", _some(plan, "gate"), self.gate),
            Part("cache", {}, self.cache),
        ]
        for phase in plan.phases:
            settings = dataclasses.asdict(phase)
            listed.append(Part(phase.name, settings, lambda phase=phase: self.base(phase)))
        return [
            *listed,
            Part("inspector", _some(plan, "inspector"), self.inspector),
            Part("export", {}, self.export),
            Part("evaluate", _some(plan, "evaluated"), self.evaluate),
        ]

    def draw(self) -> dict[str, Any]:
        """Shards of scenes to train on and of held-out ones to watch, drawn on all cores."""
        plan = self.plan
        for split, count in (("train", plan.scenes), ("validation", plan.held_out)):
            render_shards(
                self._data(split),
                split,
                plan.first_seed,
                count,
                captions_per_scene=plan.captions_per_scene,
            )
        if plan.flat_scenes:
            render_shards(
                self._data("flat"),
                "train",
                plan.first_seed + FLAT_SEED,
                plan.flat_scenes,
                curriculum=Curriculum(styles=("flat",)),
                captions_per_scene=plan.captions_per_scene,
            )
        drawn = plan.scenes + plan.flat_scenes
        return {"scenes": drawn, "held_out": plan.held_out}

    def tokenizers(self) -> dict[str, Any]:
        """Both tokenizers, from captions alone."""
        train_tokenizers(self.encoders_folder, self.plan.tokenizer_scenes)
        return {}

    def t5(self) -> dict[str, Any]:
        """The T5 encoder."""
        scenes = min(T5Plan().scenes, self.plan.scenes)
        report = train_t5(
            self.encoders_folder, self.plan.t5, T5Plan(scenes=scenes), device=self.device
        )
        return dataclasses.asdict(report)

    def clip(self) -> dict[str, Any]:
        """The CLIP towers, on the scenes already drawn."""
        report = train_clip(
            self.encoders_folder, self._data("train"), self.plan.clip, device=self.device
        )
        return dataclasses.asdict(report)

    def gate(self) -> dict[str, Any]:
        """Colours of things read from T5 tokens; ValueError if that is not good enough to go on."""
        encoders, plan = self._encoders(), self.plan
        colours = probe_colours(encoders.t5, plan.gate_captions, plan.gate_captions // 3)
        found = retrieve(encoders.clip, min(256, plan.gate_captions))
        self.say(f"colour probe {colours.accuracy:.2%}, retrieval {found.text_to_image_at_1:.1%}")
        if colours.accuracy < plan.gate:
            raise ValueError(
                f"the colour probe reads {colours.accuracy:.2%} of the colours from T5 tokens and "
                f"needs {plan.gate:.0%}; train T5 longer before the base."
            )
        return {"colours": dataclasses.asdict(colours), "retrieval": dataclasses.asdict(found)}

    def cache(self) -> dict[str, Any]:
        """Embeddings of every caption and picture."""
        encoders = self._encoders()
        shards = [*self._training_shards(), *self._shards("validation")]
        with tqdm(total=0, unit="picture", desc="encoding") as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            build_cache(
                shards, encoders, progress, fingerprint(self.encoders_folder), device=self.device
            )
        return {"fingerprint": fingerprint(self.encoders_folder)}

    def base(self, phase: Phase) -> dict[str, Any]:
        """A stretch of base training; raises `Cut` when it was asked to stop."""
        done = fit(self.job(phase))
        if not done.finished:
            raise Cut(phase.name)
        scores = read_log(self.folder / phase.name, "probe")
        return {
            "pictures": done.pictures,
            "train_seconds": round(done.seconds, 1),
            "noise": sigma_histogram(read_log(self.folder / phase.name, "train")),
            "probe": scores[-1] if scores else None,
        }

    def job(self, phase: Phase) -> Job:
        """The training job of a phase, warm-started from the phase before."""
        at = self.plan.phases.index(phase)
        config = training_of(phase, at, self.preset)
        torch.manual_seed(config.seed)
        module = build_denoiser(self.preset.base)
        if not self._has_checkpoint(phase):
            self._begin(phase, module)
        folder, scale = self.folder / phase.name, phase.resolution / self.preset.base.resolution
        source = ShardSource(
            self._training_folders(),
            phase.resolution,
            seed=at,
            block=phase.batch,
            other_styles=phase.other_styles,
            most_things=phase.most_things,
        )
        held = ShardSource(self._data("validation"), phase.resolution, long_share=0.0)
        pictures = min(32, len(held))
        every = self.plan.watch_seconds
        watches = (
            probes.watch(held, edm_loss, every, pictures, scale),
            sheets.watch(held, folder, self.preset.sampling, every, min(16, pictures)),
        )
        return Job(
            name=phase.name,
            module=module,
            source=source,
            config=config,
            folder=folder,
            seconds=phase.seconds,
            trained_on=phase.branch.trained_on() if phase.branch else (EVERYTHING,),
            watches=watches,
            cpu=self.device == "cpu",
            say=self.say,
        )

    def _begin(self, phase: Phase, module: torch.nn.Module) -> None:
        """Puts the weights that a phase starts from into `module`; a first phase keeps its own."""
        if self.start is not None:
            load_state(self.start).fill(module)
        elif phase.branch is not None and phase.branch.start is not None:
            averaged(self.folder / phase.branch.start, module, phase.branch.undecayed)
            note_start(self.folder / phase.name, self.folder / phase.branch.start, module)
        elif before := self.plan.phases[: self.plan.phases.index(phase)]:
            averaged(self.folder / before[-1].name, module)

    def inspector(self) -> dict[str, Any]:
        """The reader of pictures that the evaluation asks."""
        _, report = train_inspector(
            read_shards(self._training_folders()),
            self.plan.inspector,
            self.folder / "inspector-training" / "checkpoint.safetensors",
            self.weights / "inspector",
            device=self.device,
        )
        return dataclasses.asdict(report)

    def export(self) -> dict[str, Any]:
        """The model folder, from the newest averaged weights; also while training goes on."""
        return export_model(self.folder, self.plan, self.preset, self.encoders_folder, self.weights)

    def evaluate(self) -> dict[str, Any]:
        """Scores on held-out captions, in `evaluation.json`."""
        out = self.folder / "evaluation.json"
        return evaluate_model(self.weights, self.preset, self.plan.evaluated, self.device, out)

    def _has_checkpoint(self, phase: Phase) -> bool:
        folder = self.folder / phase.name
        return any(folder.glob("checkpoint*.safetensors"))

    def _encoders(self) -> Encoders:
        folder = self.encoders_folder
        return load_encoders(t5=folder / "t5", clip=folder / "clip").to(self.device)

    def _data(self, split: str) -> Path:
        return self.folder / "data" / split

    def _training_folders(self) -> list[Path]:
        return [self._data(name) for name in ("train", "flat") if self._data(name).is_dir()]

    def _training_shards(self) -> list[Path]:
        return [path for folder in self._training_folders() for path in self._shards(folder.name)]

    def _shards(self, split: str) -> list[Path]:
        return sorted(self._data(split).glob("shard-*.safetensors"))


def training_of(phase: Phase, seed: int, of: Preset) -> TrainingConfig:
    """The preset's settings for one phase: σ is scaled with the resolution.

    At half the side, averaging four pixels halves the noise, so the same detail is lost at half
    the σ: P_mean moves by ln(resolution / full resolution).
    """
    noise = of.training.noise
    shift = math.log(phase.resolution / of.base.resolution)
    return replace(
        of.training,
        pictures=phase.pictures,
        batch=phase.batch,
        decay_share=phase.decay_share,
        noise=NoiseConfig(noise.P_mean + shift, noise.P_std),
        seed=of.training.seed + seed,
    )


def _some(plan: StorybookPlan, *names: str) -> dict[str, Any]:
    values = dataclasses.asdict(plan)
    return {name: values[name] for name in names}
