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


def note_start(
    run: Path, parent: Path, module: nn.Module, pictures: int, base: str | None = None
) -> None:
    """Notes in the folder `run` which base its weights come from, as it begins with `module`.

    `pictures` is how many the parent had seen by then: it may have gone on, its rate falling. The
    base is the given one, the parent's, or what it begins with.
    """
    inherited = parent / BEGUN
    if not base:
        known = read_json(inherited)["base"] if inherited.exists() else None
        base = known or weights_mark(module.state_dict())
    write_json(run / BEGUN, {"parent": parent.name, "base": base, "pictures": pictures})


def note_network(run: Path, state: State) -> None:
    """Notes in the folder `run` that it begins with the weights of a network folder."""
    record = state.record
    facts = {"network": record.get("network"), "sha256": state.sha256}
    write_json(run / STARTED, facts | {"phases": record.get("phases", [])})


def history_of(
    folder: Path, lineage: Sequence[Phase], pictures: int | None = None
) -> list[dict[str, Any]]:
    """What was trained for the last of these phases: settings and counters of every stretch.

    A run that began with a network folder brings that network's history, and nothing that the plan
    has before it. Phases that were never run are left out, and of one that was branched from only
    what came before the branch counts; of the last, the first `pictures`, where its log may be
    ahead of the checkpoint that is told of (None: all).
    """
    rows: list[dict[str, Any]] = []
    for phase, after in zip(lineage, [*lineage[1:], None], strict=True):
        run = folder / phase.name
        if (run / STARTED).exists():
            rows = list(read_json(run / STARTED)["phases"])
        lines = read_log(run, "train")
        if lines:
            left = _left_at(folder, after) if after else pictures
            rows.append({**as_json(phase), **_counters(lines, left)})
    return rows


def _left_at(folder: Path, after: Phase) -> int | None:
    """What the run before `after` had seen, in pictures, when that branched; None: all of it."""
    begun = folder / after.name / BEGUN
    return read_json(begun).get("pictures") if begun.exists() else None


def _counters(lines: Sequence[dict[str, Any]], left: int | None) -> dict[str, Any]:
    """What a run had seen at its end, or when it was left after so many pictures."""
    last = next((line for line in lines if left and line["pictures"] >= left), lines[-1])
    seen = last["pictures"] if left is None else min(left, last["pictures"])
    return {"pictures_seen": seen, "seconds_spent": last["seconds"], "loss": last["loss"]}


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
