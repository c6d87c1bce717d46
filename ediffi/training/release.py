"""From a run's folders to a model folder, and its scores on held-out captions.

It reads averaged weights and logs, and writes what the front door opens. It trains nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ediffi import scores
from ediffi.build import build_denoiser
from ediffi.conditioning.folders import fingerprint
from ediffi.config import Preset
from ediffi.diffusion.noise import EVERYTHING
from ediffi.experts.node_sets import BASE_SETS, SR256_SETS
from ediffi.experts.records import Descent
from ediffi.experts.tree import EVERY_LEVEL
from ediffi.files import write_json
from ediffi.model_folder import ModelFolder, choose_default, read_model, write_model
from ediffi.pipeline import EDiffI
from ediffi.storybook.evaluation import Evaluation, evaluate
from ediffi.storybook.inspector import load_inspector
from ediffi.training import checkpoint
from ediffi.training.job import averaged
from ediffi.training.jobs import stage_of
from ediffi.training.lineage import base_of, history_of, lineage_of
from ediffi.training.meters import read_log, sigma_histogram
from ediffi.training.plans import Phase, StorybookPlan
from ediffi.weights import save_network

ENCODERS = ("t5", "clip")
BASELINE = "baseline"
ENSEMBLES = {"experts": "D", "four": "four"}
"""What a model folder calls the experts of which configuration."""


def export_model(
    folder: Path, plan: StorybookPlan, of: Preset, encoders: Path, weights: Path
) -> dict[str, Any]:
    """Writes the model folder `weights` from the averaged weights of the runs in `folder`.

    The baseline is its continued branch, or the last phase that was begun; every other branch with
    a checkpoint becomes an expert; Config D's become the ensemble "experts", the paper's quarters
    the ensemble "four"; stages that were begun are there too. Works while training goes on. Raises
    FileNotFoundError when no base is trained yet.
    """
    begun = [phase for phase in plan.phases if checkpoint.exists(folder / phase.name)]
    chosen = {p.name: p for p in begun if p.branch is not None or p.stage is not None}
    plain = [p for p in begun if p.branch is None and p.stage is None]
    if not plain and BASELINE not in chosen:
        raise FileNotFoundError(f"{folder} holds no trained base yet.")
    if BASELINE not in chosen:
        chosen = {BASELINE: plain[-1], **chosen}
    for name in ENCODERS:
        copy_files(encoders / name, weights / name)
    mark = fingerprint(*(encoders / name for name in ENCODERS))
    sums = {}
    for name, phase in chosen.items():
        stage = stage_of(phase, of)
        config = of.base if stage is None else stage.denoiser
        module = build_denoiser(config)
        state = averaged(folder / phase.name, module)
        record = _record(folder, plan, name, phase, state) | {"encoders": mark}
        sums[name] = save_network(weights / name, module, config, record)
    ensembles, stages = groups(chosen)
    write_model(weights, of.name, BASELINE, {name: name for name in chosen}, ensembles, stages)
    return {"sha256": sums, "ensembles": ensembles, "stages": stages}


def groups(chosen: dict[str, Phase]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The ensembles and the stages that these networks make; a stage prefers its experts."""
    ensembles = {}
    for ensemble, configuration in ENSEMBLES.items():
        experts = [role.name for role in BASE_SETS[configuration]]
        if set(experts) <= chosen.keys():
            ensembles[ensemble] = experts
    stages = {}
    for name, phase in chosen.items():
        if phase.stage is not None and phase.branch is None:
            halves = [f"{name}-{role.name}" for role in SR256_SETS["D"]]
            stages[name] = halves if set(halves) <= chosen.keys() else [name]
    return ensembles, stages


def _record(
    folder: Path, plan: StorybookPlan, name: str, phase: Phase, state: dict[str, Any]
) -> dict[str, Any]:
    """The training record of a network: its phases, its noise, where it comes from."""
    lineage = lineage_of(plan, phase)
    history = history_of(folder, lineage, state["pictures"])
    probes = read_log(folder / phase.name, "probe")
    branch = phase.branch
    part = branch.part if branch else EVERY_LEVEL
    descent = Descent(
        part=part,
        trained_on=branch.trained_on() if branch else (EVERYTHING,),
        serves=part.serves,
        parent=branch.start if branch else None,
        lineage=tuple(row["name"] for row in history),
        base=base_of(folder / phase.name),
    )
    return {
        "network": name,
        "pictures": sum(part["pictures_seen"] for part in history),
        "seconds": round(sum(part["seconds_spent"] for part in history), 1),
        "phases": history,
        "training": state["config"],
        "noise": state["config"]["noise"],
        "drawn": sigma_histogram(read_log(folder / phase.name, "train")),
        **descent.to_json(),
        "decayed": bool(state["decaying"]),
        "probe": probes[-1] if probes else None,
    }


def evaluate_model(
    weights: Path, n: int, device: str, folder: Path, say: Callable[[str], None], workers: int = 2
) -> dict[str, Any]:
    """Scores the baseline and who may work in its place on `n` held-out captions.

    These are the ensembles of `weights`, and before them the high-noise expert with the baseline
    for the rest, because it needs the least training. Each leaves `evaluation-<name>.json` in
    `folder`. The model folder's default becomes the last of them that is worse than the baseline in
    nothing (`scores.worse`), and `say` is told which. The scores.
    """
    inspector = load_inspector(weights / "inspector")
    found: dict[str, Evaluation] = {}
    for name in _candidates(read_model(weights)):
        model = EDiffI.from_pretrained(weights / name, device=device)
        found[name] = evaluate(scores.painter(model), inspector, n=n, workers=workers)
        write_json(folder / f"evaluation-{name}.json", scores.record(model, found[name]))
    default = scores.chosen(found)
    choose_default(weights, default)
    for name in found:
        points = ", ".join(scores.worse(found[name], found[BASELINE])) or "nothing"
        say(f"{name} is worse than {BASELINE} in {points}; the default is {default}.")
    shares = {name: {s.name: s.share for s in one.scores} for name, one in found.items()}
    return {"default": default, "scores": shares}


def _candidates(contents: ModelFolder) -> tuple[str, ...]:
    """What a model folder may open with, the plainest first."""
    high = BASE_SETS["C"][-1].name
    mixed = (f"{high}+{BASELINE}",) if high in contents.networks else ()
    return (BASELINE, *mixed, *contents.ensembles)


def copy_files(source: Path, target: Path) -> None:
    """Copies the files of a folder, hidden ones and folders left out."""
    target.mkdir(parents=True, exist_ok=True)
    for path in source.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)
