"""From a name to a model in memory: the shipped storybook, a model folder, or a hub repository.

Reads and checks; it does not sample, and it never runs code or unpickles anything that it finds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from ediffi.build import build_denoiser
from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.config import DenoiserConfig, Preset
from ediffi.model_folder import MODEL, read_model
from ediffi.presets import preset
from ediffi.weights import load_network

SHIPPED = "storybook"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")


@dataclass(frozen=True)
class Model:
    """A model in memory: its denoiser, encoders, and the sha256 of every weight file by part."""

    name: str
    preset: Preset
    config: DenoiserConfig
    network: str
    denoiser: nn.Module
    encoders: Encoders
    weights: dict[str, str]


def open_model(source: str | Path, device: torch.device, dtype: torch.dtype) -> Model:
    """The model of `source`, checked, in eval mode on `device`, its denoiser in `dtype`.

    `source` is "storybook", "storybook/<network>", a model folder, a network folder inside one, or
    a hub repository id. Raises FileNotFoundError or ValueError in one sentence.
    """
    folder, chosen = _locate(source)
    contents = read_model(folder)
    chosen = chosen or contents.default
    module, config, state = load_network(contents.network(chosen), DenoiserConfig, build_denoiser)
    contents.check_encoders()
    encoders = load_encoders(t5=contents.t5, clip=contents.clip)
    if encoders.dims != config.encoders:
        raise ValueError(
            f"The encoders of {folder} give {encoders.dims}, its network {chosen} was trained on"
            f" {config.encoders}."
        )
    return Model(
        name=f"{_name(source, folder)}/{chosen}",
        preset=preset(contents.preset),
        config=config,
        network=chosen,
        # Cast once: autocast would cast every weight again at every evaluation.
        denoiser=module.to(device, dtype).to(memory_format=torch.channels_last),  # pyright: ignore
        encoders=encoders.to(device),
        weights={chosen: state.sha256, **contents.sha256},
    )


def _locate(source: str | Path) -> tuple[Path, str | None]:
    """The model folder of `source`, and the network that it names (None: the default one)."""
    text = str(source)
    if text == SHIPPED or text.startswith(f"{SHIPPED}/"):
        return shipped_folder(), text[len(SHIPPED) + 1 :] or None
    path = Path(text).expanduser()
    if path.is_dir():
        if not (path / MODEL).exists() and (path.parent / MODEL).exists():
            return path.parent, path.name
        return path, None
    if _HUB_ID.fullmatch(text) and not path.exists():
        return _from_hub(text), None
    raise FileNotFoundError(
        f"There is no model {text!r}: give {SHIPPED!r}, {SHIPPED}/<network>, a model folder, or a"
        " hub repository as owner/name."
    )


def shipped_folder() -> Path:
    """The folder of the storybook model that comes with the package."""
    return Path(__file__).parent / "storybook" / "weights"


def _from_hub(repository: str) -> Path:
    # Imported here, because most runs never leave the machine.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, allow_patterns=["*.safetensors", "*.json"]))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise FileNotFoundError(
            f"The model {repository!r} is no folder here and could not be fetched from the hub"
            f" ({type(error).__name__}); download it elsewhere and give its folder."
        ) from error


def _name(source: str | Path, folder: Path) -> str:
    if folder == shipped_folder():
        return SHIPPED
    return str(source) if _HUB_ID.fullmatch(str(source)) else folder.name
