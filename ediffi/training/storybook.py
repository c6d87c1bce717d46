"""The storybook's recipe in order, from nothing to a model folder: `train_storybook(folder, plan)`.

    python -m ediffi.training.storybook --folder runs/storybook --plan storybook-cpu
    python -m ediffi.training.storybook --folder runs/storybook --part base64 --seconds 3600

Every part leaves a record with its seconds in `done/` and is skipped when nothing that decides it
has changed; a part that is cut goes on where it stopped. It knows the order, not how a part does
its work (`parts.py`) nor how much of it (`plans.py`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ediffi.files import read_json, write_json
from ediffi.training import plans
from ediffi.training.clock import STOPPED
from ediffi.training.parts import REMAKE, Cut, Part, Recipe, Say
from ediffi.training.plans import StorybookPlan


def train_storybook(
    folder: str | Path,
    plan: StorybookPlan,
    only: Sequence[str] = (),
    device: str | None = None,
    say: Say = print,
    start: Path | None = None,
) -> dict[str, float] | None:
    """Runs all parts (or `only` these) that are not done yet; seconds by part, of all that are.

    `start` is a network folder whose weights the one phase among `only` begins with, or the base of
    the part "remake". None when a part was interrupted: the same call goes on from there. Raises
    ValueError for an unknown part, for a `start` without exactly one phase or "remake", and what a
    part raises.
    """
    chosen = device or ("cuda" if torch.cuda.is_available() else "cpu")
    recipe = Recipe(Path(folder), plan, chosen, say, start)
    parts = recipe.parts()
    unknown = sorted(set(only) - {part.name for part in parts})
    if unknown:
        known = ", ".join(part.name for part in parts)
        raise ValueError(f"the recipe has no part {unknown[0]!r}; it has {known}.")
    phases = sum(name in only for name in (*(phase.name for phase in plan.phases), REMAKE))
    if start is not None and phases != 1:
        raise ValueError(
            f"start is what one phase begins with, but {phases} are asked for: name one as a part."
        )
    seconds: dict[str, float] = {}
    before: list[Any] = []
    for part in parts:
        before.append([part.name, part.settings])
        if only and part.name not in only:
            continue
        try:
            seconds[part.name] = _do(part, recipe.folder / "done", before, say, bool(only))
        except Cut:
            say(f"{part.name}: stopped and saved; the same command goes on from here.")
            return None
    say("  ".join(f"{name} {spent:.0f} s" for name, spent in seconds.items()))
    return seconds


def _do(part: Part, done: Path, before: Iterable[Any], say: Say, again: bool) -> float:
    """Does a part unless its record is there and nothing before it has changed; its seconds."""
    decided = hashlib.sha256(json.dumps(list(before), default=str).encode()).hexdigest()
    path = done / f"{part.name}.json"
    old = read_json(path) if path.exists() else None
    if old is not None and old["decided_by"] == decided and not again:
        say(f"{part.name}: done before, {old['seconds']:.0f} s")
        return old["seconds"]
    say(f"{part.name}: begins")
    began = time.monotonic()
    facts = part.work()
    spent = round(time.monotonic() - began, 1)
    write_json(path, {"part": part.name, "decided_by": decided, "seconds": spent, "facts": facts})
    say(f"{part.name}: {spent:.0f} s")
    return spent


def main(arguments: Sequence[str] | None = None) -> int:
    """The recipe from the command line, whole or in parts; the exit status.

    Raises what `train_storybook` does, and SystemExit for options that cannot be.
    """
    parser = argparse.ArgumentParser(description="Trains the storybook, part by part.")
    parser.add_argument("--folder", type=Path, default=Path("runs/storybook"))
    parser.add_argument("--plan", default="storybook-cpu", choices=list(plans.PLANS))
    parser.add_argument("--part", action="append", default=[], help="only this part; repeatable")
    parser.add_argument("--seconds", type=float, help="budget of the phase named by --part")
    parser.add_argument("--pictures", type=int, help="likewise, in pictures, however long it takes")
    parser.add_argument("--batch", type=int, help="likewise, pictures per step")
    parser.add_argument("--rate", type=float, help="likewise, share of the preset's rate, 0 to 1")
    parser.add_argument("--scenes", type=int, help="scenes to draw")
    parser.add_argument("--flat-scenes", type=int, help="likewise, in the flat style")
    parser.add_argument("--base-only", action="store_true", help="draw nothing for the stages")
    parser.add_argument("--first-seed", type=int, help="other scenes: the seed of the first one")
    parser.add_argument(
        "--start",
        type=Path,
        help="network folder that the one phase named by --part begins with; of remake, the base",
    )
    given = parser.parse_args(arguments)
    for name in ("seconds", "pictures", "batch", "scenes"):
        value = getattr(given, name)
        # Said so that it is true of NaN too.
        if value is not None and not value > 0:
            parser.error(f"--{name} is {value}, but must be above 0")
    for name in ("flat_scenes", "first_seed"):
        value = getattr(given, name)
        if value is not None and value < 0:
            parser.error(f"--{name.replace('_', '-')} is {value}, but must not be below 0")
    plan = plans.plan(given.plan)
    if given.scenes is not None:
        plan = replace(plan, scenes=given.scenes)
    if given.flat_scenes is not None:
        plan = replace(plan, flat_scenes=given.flat_scenes)
    if given.base_only:
        plan = replace(plan, large_scenes=())
    if given.first_seed is not None:
        plan = replace(plan, first_seed=given.first_seed)
    settings = ("seconds", "pictures", "batch", "rate")
    asked_for: dict[str, Any] = {name: getattr(given, name) for name in settings}
    changes = {name: value for name, value in asked_for.items() if value is not None}
    if given.pictures is not None and given.seconds is None:
        changes["seconds"] = None
    asked = [phase for phase in plan.phases if phase.name in given.part]
    if changes and not asked:
        parser.error("--seconds, --pictures, --batch and --rate are a phase's: name one by --part")
    if given.rate is not None and not 0 < given.rate <= 1:
        parser.error(f"--rate is {given.rate:g}, but must be above 0 and at most 1")
    for phase in asked:
        plan = plan.with_phase(replace(phase, **changes))
    done = train_storybook(given.folder, plan, given.part, start=given.start)
    return STOPPED if done is None else 0


if __name__ == "__main__":
    sys.exit(main())
