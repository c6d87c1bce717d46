"""Which trainings led to which, and the mark by which experts of one base know each other.

The mark is a sum over the weights at the first branching: every expert and the baseline that goes
on beside them started there. It reads runs and writes one small file; it trains nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from ediffi.config import as_json
from ediffi.files import read_json, write_json
from ediffi.training import checkpoint
from ediffi.training.meters import read_log
from ediffi.training.plans import Phase, StorybookPlan
from ediffi.weights import State

BEGUN, STARTED = "begun.json", "started.json"


def weights_mark(tensors: dict) -> str:
    """Sixteen hexadecimal digits that name these weights."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        digest.update(name.encode())
        digest.update(tensors[name].detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def note_start(run: Path, parent: Path, module: nn.Module) -> None:
    """Notes in the folder `run` which base its weights come from, as it begins with `module`."""
    inherited = parent / BEGUN
    base = read_json(inherited)["base"] if inherited.exists() else weights_mark(module.state_dict())
    write_json(run / BEGUN, {"parent": parent.name, "base": base})


def note_network(run: Path, state: State) -> None:
    """Notes in the folder `run` that it begins with the weights of a network folder."""
    record = state.record
    facts = {"network": record.get("network"), "sha256": state.sha256}
    write_json(run / STARTED, facts | {"phases": record.get("phases", [])})


def history_of(folder: Path, lineage: Sequence[Phase]) -> list[dict[str, Any]]:
    """What was trained for the last of these phases: settings and counters of every stretch.

    A run that began with a network folder brings that network's history, and nothing that the plan
    has before it. Phases that were never run are left out.
    """
    rows: list[dict[str, Any]] = []
    for phase in lineage:
        run = folder / phase.name
        if (run / STARTED).exists():
            rows = list(read_json(run / STARTED)["phases"])
        lines = read_log(run, "train")
        if lines:
            counters = {
                "pictures_seen": lines[-1]["pictures"],
                "seconds_spent": lines[-1]["seconds"],
                "loss": lines[-1]["loss"],
            }
            rows.append({**as_json(phase), **counters})
    return rows


def base_of(run: Path) -> str:
    """The mark of a run's base: noted when it began, or that of the weights others branch from."""
    if (run / BEGUN).exists():
        return str(read_json(run / BEGUN)["base"])
    undecayed = run / checkpoint.UNDECAYED
    state = checkpoint.load(undecayed if undecayed.exists() else run / checkpoint.FILE)
    return "" if state is None else weights_mark(state["ema"])


def lineage_of(plan: StorybookPlan, phase: Phase) -> list[Phase]:
    """The phases whose weights led to this one, the oldest first, itself last."""
    if phase.branch is None:
        return [*before(plan, phase), phase]
    starts = [p for p in plan.phases if p.name == phase.branch.start]
    return [*(lineage_of(plan, starts[0]) if starts else []), phase]


def before(plan: StorybookPlan, phase: Phase) -> list[Phase]:
    """The phases of the same network that come before this one, branches left out."""
    earlier = plan.phases[: plan.phases.index(phase)]
    return [p for p in earlier if p.branch is None and p.stage == phase.stage]
