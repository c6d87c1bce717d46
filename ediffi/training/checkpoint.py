"""The state of a run on disk: one safetensors file, whole or not at all, and the one before it.

Tensors of any nested state go into the file by name; everything else into its header as JSON, so
one rename moves both. Nothing is pickled. It refuses to know what the state means.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ediffi.files import written_whole

FILE = "checkpoint.safetensors"
UNDECAYED = "undecayed.safetensors"
"""The state before the rate began to fall: experts branch from it, longer runs go on from it."""
FORMAT = "1"


def previous(path: Path) -> Path:
    """Where the checkpoint before the last one lies."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def exists(run: Path) -> bool:
    """Whether the folder of a run holds a checkpoint, the last or the one before it."""
    return any(path.exists() for path in (run / FILE, previous(run / FILE)))


def save(path: Path, state: Mapping[str, Any]) -> None:
    """Writes `state`, nested dicts and lists of tensors, numbers, strings and None.

    The old checkpoint becomes `previous(path)`. A kill at any moment leaves at least one of the
    two whole; a full disk raises ValueError in one sentence and leaves them as they were.
    """
    tensors: dict[str, Tensor] = {}
    tree = _plain(state, "", tensors)
    header = {"format": FORMAT, "state": json.dumps(tree, allow_nan=False)}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=header)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if path.exists():
            os.replace(path, previous(path))


def load(path: Path) -> dict[str, Any] | None:
    """The last whole checkpoint at `path` or before it, tensors on the CPU; None if there is none.

    Raises ValueError when files are there and none of them can be read.
    """
    trouble = ""
    for candidate in (path, previous(path)):
        if candidate.exists():
            try:
                return read(candidate)
            except ValueError as error:
                trouble = str(error)
    if trouble:
        raise ValueError(trouble)
    return None


def read(path: Path) -> dict[str, Any]:
    """The state in exactly this file; ValueError in one sentence if it is cut short or foreign."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            if header.get("format") != FORMAT or "state" not in header:
                raise ValueError(f"{path} is no checkpoint of this version.")
            # Copies: the tensors of a mapped file would change when the file is replaced.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}
        return _rebuilt(json.loads(header["state"]), tensors)
    except (SafetensorError, OSError, json.JSONDecodeError, KeyError) as error:
        raise ValueError(f"{path} is no whole checkpoint: {error}.") from error


def _plain(value: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """`value` as JSON, with tensors moved to `tensors` under their path."""
    if isinstance(value, Tensor):
        # A copy of its own: safetensors refuses shared memory, and a step may change it meanwhile.
        copy = torch.empty(value.shape, dtype=value.dtype)
        tensors[name] = copy.copy_(value.detach())
        return {"tensor": name}
    if isinstance(value, Mapping):
        pairs = [[key, _plain(part, f"{name}/{key}", tensors)] for key, part in value.items()]
        return {"pairs": pairs}
    if isinstance(value, list | tuple):
        return {"list": [_plain(part, f"{name}/{i}", tensors) for i, part in enumerate(value)]}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"a checkpoint holds no {type(value).__name__} ({name})")


def _rebuilt(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "pairs" in value:
        return {key: _rebuilt(part, tensors) for key, part in value["pairs"]}
    return [_rebuilt(part, tensors) for part in value["list"]]
