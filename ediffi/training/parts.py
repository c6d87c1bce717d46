"""The parts of the storybook's recipe: where each finds its input and puts its output.

    data/train, data/flat, ...    pictures, captions and caches to train on
    data/validation               the same, to watch
    encoders/t5, encoders/clip    tokenizers and encoders; checkpoints in encoders/t5-training, ...
    data/large256/remade-*        small pictures as the base makes them, for the first stage
    base32, base64                runs: log.jsonl, sheet-*.png, checkpoint.safetensors
    weights                       the model folder: t5, clip, baseline, inspector, judge, model.json

It knows the folders of one run; the order, the skipping and the timing are `storybook.py`'s.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

from tqdm import tqdm

from ediffi.conditioning.cache import build_cache
from ediffi.conditioning.clip import load_clip
from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.conditioning.folders import fingerprint
from ediffi.config import Preset
from ediffi.presets import preset
from ediffi.training.clip import ClipPlan, train_clip
from ediffi.training.folders import Folders
from ediffi.training.inspector import read_shards, train_inspector
from ediffi.training.job import Job
from ediffi.training.jobs import Workshop
from ediffi.training.looks import train_looks
from ediffi.training.loop import fit
from ediffi.training.meters import read_log, sigma_histogram
from ediffi.training.plans import Phase, StorybookPlan
from ediffi.training.probe import probe_colours, probe_looks, retrieve
from ediffi.training.release import ENCODERS, copy_files, evaluate_model, export_model
from ediffi.training.t5 import T5Plan, train_t5
from ediffi.training.tokenizers import train_tokenizers

Say = Callable[[str], None]
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")
DRAWN = ("scenes", "flat_scenes", "large_scenes", "rare_scenes", "held_out", "first_seed")
REMAKE = "remake"
"""The part between the base and its stages."""
LOOKS_SHARDS = 8
"""Sixteen thousand scenes (our choice): looks were learnt from half as many."""
JUDGE_SEED = 1
"""The seed of the CLIP that judges; the one that conditions has 0."""


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
    instead of those of the phase before; a phase that has a checkpoint goes on from that. Of the
    part "remake" it is the base.
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
            Part("draw", _some(plan, *DRAWN), self.draw),
            Part("tokenizers", _some(plan, "tokenizer_scenes"), self.tokenizers),
            Part("t5", _some(plan, "t5"), self.t5),
            Part("clip", _some(plan, "clip"), self.clip),
            Part("looks", _some(plan, "looks"), self.looks),
            Part("gate", _some(plan, "gate"), self.gate),
            Part("cache", {}, self.cache),
        ]
        remade = next((phase for phase in plan.phases if phase.remade), None)
        for phase in plan.phases:
            if phase is remade:
                listed.append(
                    Part(REMAKE, {"levels": phase.remade}, lambda p=phase: self.remake(p))
                )
            settings = dataclasses.asdict(phase)
            listed.append(Part(phase.name, settings, lambda phase=phase: self.base(phase)))
        return [
            *listed,
            Part("inspector", _some(plan, "inspector"), self.inspector),
            Part("judge", _some(plan, "judge"), self.judge),
            Part("export", {}, self.export),
            Part("evaluate", _some(plan, "evaluated"), self.evaluate),
        ]

    def draw(self) -> dict[str, Any]:
        """Shards of scenes to train on and of held-out ones to watch, drawn on all cores."""
        return {"scenes": Folders(self.folder).draw(self.plan)}

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
            self.encoders_folder,
            Folders(self.folder).of("train"),
            self.plan.clip,
            device=self.device,
        )
        return dataclasses.asdict(report)

    def looks(self) -> dict[str, Any]:
        """The picture side of CLIP again, until it tells the nine styles apart."""
        renders = read_shards([Folders(self.folder).of("train")], most=LOOKS_SHARDS)
        report = train_looks(self.encoders_folder, renders, self.plan.looks, device=self.device)
        return dataclasses.asdict(report)

    def gate(self) -> dict[str, Any]:
        """Colours of things read from T5 tokens; ValueError if that is not good enough to go on."""
        encoders, plan = self._encoders(), self.plan
        colours = probe_colours(encoders.t5, plan.gate_captions, plan.gate_captions // 3)
        found = retrieve(encoders.clip, min(256, plan.gate_captions))
        # Each scene is drawn in nine styles, so that fewer than captions will do.
        scenes = math.ceil(plan.gate_captions / 120)
        looks = probe_looks(encoders.clip, 2 * scenes, scenes)
        self.say(
            f"colour probe {colours.accuracy:.2%}, retrieval {found.text_to_image_at_1:.1%}, "
            f"look probe {looks.accuracy:.1%}"
        )
        if colours.accuracy < plan.gate:
            raise ValueError(
                f"the colour probe reads {colours.accuracy:.2%} of the colours from T5 tokens and "
                f"needs {plan.gate:.0%}; train T5 longer before the base."
            )
        probes = {"colours": colours, "retrieval": found, "looks": looks}
        return {name: dataclasses.asdict(probe) for name, probe in probes.items()}

    def cache(self) -> dict[str, Any]:
        """Embeddings of every caption and picture."""
        encoders = self._encoders()
        shards = Folders(self.folder).shards
        with tqdm(total=0, unit="picture", desc="encoding") as bar:

            def progress(done: int, total: int) -> None:
                bar.total = total
                bar.update(done - bar.n)

            mark = fingerprint(*(self.encoders_folder / name for name in ENCODERS))
            build_cache(shards, encoders, progress, mark, device=self.device)
        return {"fingerprint": mark}

    def remake(self, phase: Phase) -> dict[str, Any]:
        """Small pictures as the base makes them, for the stage that this phase trains."""
        assert phase.remade is not None
        remaker, folders = self._shop().remaker(phase.remade), Folders(self.folder)
        kept = [folders.large(phase.resolution, validation) for validation in (False, True)]
        shards = [shard for folder in kept for shard in sorted(folder.glob("shard-*.safetensors"))]
        with tqdm(unit="picture", desc="remaking") as bar:
            made = remaker.remake(shards, bar.update)
        return {"by": remaker.mark, "made": made}

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
        """The training job of a phase, with the weights that it starts from."""
        return self._shop().job(phase)

    def inspector(self) -> dict[str, Any]:
        """The reader of pictures that the evaluation asks."""
        _, report = train_inspector(
            read_shards(Folders(self.folder).training),
            self.plan.inspector,
            self.folder / "inspector-training" / "checkpoint.safetensors",
            self.weights / "inspector",
            device=self.device,
        )
        return dataclasses.asdict(report)

    def judge(self) -> dict[str, Any]:
        """A second CLIP from another seed: it scores pictures, and no network listens to it."""
        folder = self.folder / "judge-training"
        (folder / "clip").mkdir(parents=True, exist_ok=True)
        for name in TOKENIZER_FILES:
            copyfile(self.encoders_folder / "clip" / name, folder / "clip" / name)
        report = train_clip(
            folder,
            Folders(self.folder).of("train"),
            self.plan.judge,
            ClipPlan(seed=JUDGE_SEED),
            self.device,
        )
        found = retrieve(load_clip(folder / "clip"), min(256, self.plan.gate_captions))
        copy_files(folder / "clip", self.weights / "judge")
        return {**dataclasses.asdict(report), "retrieval": dataclasses.asdict(found)}

    def export(self) -> dict[str, Any]:
        """The model folder, from the newest averaged weights; also while training goes on."""
        return export_model(self.folder, self.plan, self.preset, self.encoders_folder, self.weights)

    def evaluate(self) -> dict[str, Any]:
        """Scores on held-out captions, and the network that a model folder opens by itself."""
        n = self.plan.evaluated
        return evaluate_model(self.weights, n, self.device, self.folder, self.say)

    def _shop(self) -> Workshop:
        return Workshop(self.folder, self.plan, self.preset, self.device, self.say, self.start)

    def _encoders(self) -> Encoders:
        folder = self.encoders_folder
        return load_encoders(t5=folder / "t5", clip=folder / "clip").to(self.device)


def _some(plan: StorybookPlan, *names: str) -> dict[str, Any]:
    values = dataclasses.asdict(plan)
    return {name: values[name] for name in names}
