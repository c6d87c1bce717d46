"""What a model folder consists of: parameters, bytes, and what each part was trained on.

Every number is read from the files themselves and from the records that training left beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from safetensors import safe_open

from ediffi.files import read_json

ROLES = {
    "t5": "reads the sentence, a vector for each piece of a word",
    "clip": "reads the sentence as a whole, and the look of a picture",
    "inspector": "reads pictures back, to score them; takes no part in sampling",
    "judge": "a second CLIP, to score pictures; no network listens to it",
}
ROLE_OF_A_STAGE = "enlarges to the size in its name"
ROLE_OF_A_BASE = "denoises the picture at 64 pixels"


def table(folder: Path) -> str:
    """A row for each part of a model folder that has weights and a record."""
    lines = [
        "| part | what it does | parameters | MiB | trained on |",
        "|---|---|---:|---:|---|",
    ]
    stages = read_json(folder / "model.json")["stages"]
    enlarging = {name for stage, names in stages.items() for name in (stage, *names)}
    for record in sorted(folder.glob("*/record.json")):
        part = record.parent
        role = ROLES.get(part.name, ROLE_OF_A_STAGE if part.name in enlarging else ROLE_OF_A_BASE)
        files = list(part.glob("*.safetensors"))
        size = sum(path.stat().st_size for path in files) / 2**20
        count = sum(map(parameters, files))
        lines.append(
            f"| {part.name} | {role} | {count:,} | {size:.1f} | {trained(read_json(record))} |"
        )
    return "\n".join([*lines, ""])


def parameters(path: Path) -> int:
    """How many numbers a file of weights holds; none of them is loaded."""
    with safe_open(path, framework="numpy") as file:
        return sum(prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def trained(record: Mapping[str, Any]) -> str:
    """What a record says of the training: pictures or scenes, steps, and hours."""
    seen = record.get("pictures", record.get("pictures_seen"))
    told = [f"{seen:,} pictures"] if seen else []
    told += [f"{record['scenes']:,} scenes"] if "scenes" in record else []
    told += [f"{record['steps']:,} steps"] if "steps" in record else []
    looks = record.get("looks", {"steps": 0, "seconds": 0})
    told += [f"{looks['steps']:,} more on looks"] if looks["steps"] else []
    hours = (record["seconds"] + looks["seconds"]) / 3600
    return ", ".join([*told, f"{hours:.1f} h"])
