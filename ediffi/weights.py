"""Weights on disk: network folders, written whole and checked when read.

A network folder holds `config.json`, `model.safetensors` and `record.json`. Nothing here is ever
unpickled, and no code comes out of a folder. This module does not know what the networks are: the
caller names the config record and the builder.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ediffi import config as configs
from ediffi.files import json_text, read_json, sha256_of, written_whole

WEIGHTS, CONFIG, RECORD = "model.safetensors", "config.json", "record.json"
FORMAT = 1
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")

Config = TypeVar("Config")


@dataclass(frozen=True)
class State:
    """What a network folder holds, checked: config and record as JSON values, tensors by name."""

    folder: Path
    config: dict[str, Any]
    record: dict[str, Any]
    tensors: dict[str, Tensor]
    sha256: str

    def fill(self, module: nn.Module) -> None:
        """Copies the tensors into `module`, in its dtype; ValueError if names or shapes differ."""
        own = module.state_dict()
        where = self.folder / WEIGHTS
        missing, unknown = sorted(own.keys() - self.tensors), sorted(self.tensors.keys() - own)
        if missing or unknown:
            raise ValueError(
                f"{where} does not fit its config: it lacks {_some(missing)}"
                f" and has {_some(unknown)} too much."
            )
        for name, tensor in self.tensors.items():
            if tensor.shape != own[name].shape:
                raise ValueError(
                    f"{where} does not fit its config: {name} has shape {tuple(tensor.shape)}"
                    f" and needs {tuple(own[name].shape)}."
                )
        module.load_state_dict(self.tensors, strict=True)


def save_network(
    folder: str | Path,
    module: nn.Module,
    config: object,
    record: Mapping[str, Any],
    dtype: torch.dtype = torch.float16,
) -> str:
    """Writes a network folder, each file whole or not at all, and returns the weights' sha256.

    `config` is a frozen record of `ediffi.config` (or a plain dict); `record` is the training
    record, to which format, dtype, parameter count and sha256 are added. Floating tensors are
    stored as `dtype`. Raises ValueError when a weight is not finite in `dtype`, or when the folder
    cannot be written.
    """
    folder = Path(folder)
    tensors = {name: _stored(name, value, dtype) for name, value in module.state_dict().items()}
    plain = dict(config) if isinstance(config, Mapping) else configs.as_json(config)
    facts = {
        **record,
        "format": FORMAT,
        "dtype": str(dtype).removeprefix("torch."),
        "parameters": sum(parameter.numel() for parameter in module.parameters()),
    }
    # All bytes are on the disk before the first of the three takes its place: a full disk or a kill
    # leaves the old network, not half of each.
    with written_whole(folder / WEIGHTS) as new_weights:
        save_file(tensors, new_weights, metadata={"format": "pt"})
        facts["sha256"] = sha256_of(new_weights)
        with (
            written_whole(folder / CONFIG) as new_config,
            written_whole(folder / RECORD) as new_record,
        ):
            new_config.write_text(json_text(plain), encoding="utf-8")
            new_record.write_text(json_text(facts), encoding="utf-8")
    return facts["sha256"]


def load_state(folder: str | Path) -> State:
    """Reads and checks a network folder.

    Raises FileNotFoundError for a missing folder or file and ValueError for weights that are
    truncated, altered (sha256), pickled, or not finite; always one sentence.
    """
    folder = Path(folder)
    _check_folder(folder)
    config, record = json_object(folder / CONFIG), json_object(folder / RECORD)
    check_format(folder / RECORD, record)
    weights = folder / WEIGHTS
    _check_length(weights)
    digest = sha256_of(weights)
    if digest != record.get("sha256"):
        raise ValueError(
            f"{weights} is damaged or altered: its sha256 begins with {digest[:12]},"
            f" its record says {str(record.get('sha256'))[:12]}."
        )
    try:
        tensors = load_file(weights)
    except SafetensorError as error:
        raise ValueError(f"{weights} is not a safetensors file: {error}.") from error
    for name, tensor in tensors.items():
        _check_finite(f"{weights}: {name}", tensor)
    return State(folder, config, record, tensors, digest)


def load_network(
    folder: str | Path, record_class: type[Config], build: Callable[[Config], nn.Module]
) -> tuple[nn.Module, Config, State]:
    """The network of a folder, in eval mode, with its config record and its checked state.

    Raises as `load_state` does, and ValueError for a config with an unknown key or for tensors
    whose names or shapes are not those of the network that the config describes.
    """
    state = load_state(folder)
    try:
        config = configs.from_json(record_class, state.config)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"{state.folder / CONFIG} is not usable: {error}") from error
    module = build(config)
    state.fill(module)
    return module.eval(), config, state


def _stored(name: str, value: Tensor, dtype: torch.dtype) -> Tensor:
    # A copy of its own: safetensors refuses tensors that share memory.
    tensor = value.detach().to("cpu", dtype if value.is_floating_point() else value.dtype)
    tensor = tensor.contiguous().clone()
    _check_finite(f"The weight {name} stored as {dtype}", tensor)
    return tensor


def _check_finite(what: str, tensor: Tensor) -> None:
    if tensor.is_floating_point():
        bad = int((~torch.isfinite(tensor)).sum())
        if bad:
            raise ValueError(f"{what} has {bad} of {tensor.numel()} values that are not finite.")


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no network folder {folder}.")
    if (folder / WEIGHTS).is_file():
        return
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise ValueError(
            f"{folder} holds pickled weights ({_some(pickles)}), which are never loaded;"
            f" convert them to {WEIGHTS}."
        )
    raise FileNotFoundError(f"{folder} holds no weights: {WEIGHTS} is missing.")


def _check_length(weights: Path) -> None:
    """Compares the size that the safetensors header promises with the size of the file."""
    size = weights.stat().st_size
    with open(weights, "rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length + 8 > size:
            raise ValueError(f"{weights} is cut short or no safetensors file: it has {size} bytes.")
        try:
            header = json.loads(file.read(length))
            ends = [v["data_offsets"][1] for k, v in header.items() if k != "__metadata__"]
            promised = 8 + length + max(ends, default=0)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError):
            raise ValueError(f"{weights} is damaged: its header cannot be read.") from None
    if size != promised:
        raise ValueError(f"{weights} is cut short or damaged: {size} of {promised} bytes.")


def json_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; FileNotFoundError or ValueError in one sentence."""
    data = read_json(path)
    if not isinstance(data, dict):
        raise ValueError(f"{path} holds a {type(data).__name__} where an object is needed.")
    return data


def check_format(path: Path, data: Mapping[str, Any]) -> None:
    """Raises ValueError unless `data`, read from `path`, has the format that is written today."""
    if data.get("format") != FORMAT:
        raise ValueError(f"{path} has format {data.get('format')!r}; this version reads {FORMAT}.")


def _some(names: list[str]) -> str:
    if not names:
        return "nothing"
    rest = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
