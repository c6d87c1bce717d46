"""Networks of one model folder joined to an ensemble, by what their files say of themselves.

Reads configs and records at once and weights when an expert is first visited. It does not sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from ediffi.build import build_denoiser
from ediffi.config import DenoiserConfig, from_json
from ediffi.diffusion.noise import EVERYTHING
from ediffi.experts.ensemble import Ensemble, Expert, filled, warn_untrained
from ediffi.experts.records import Descent
from ediffi.model_folder import ModelFolder
from ediffi.weights import CONFIG, RECORD, json_object, load_network


@dataclass(frozen=True)
class Member:
    """One network of a folder: its name, config, descent and the sha256 of its weights."""

    name: str
    folder: Path
    config: DenoiserConfig
    descent: Descent
    sha256: str
    pictures: int
    encoders: str

    def expert(self, load: Callable[[], nn.Module]) -> Expert:
        """Its seat in an ensemble."""
        config, descent = self.config, self.descent
        return Expert(
            name=self.name,
            load=load,
            serves=descent.serves,
            trained_on=descent.trained_on,
            lineage=descent.lineage,
            kind=(
                ("resolution", config.resolution),
                ("conditioning", config.encoders),
                ("sigma_data", config.sigma_data),
                ("encoders", self.encoders),
                ("base", descent.base),
            ),
        )


def member(contents: ModelFolder, name: str) -> Member:
    """What a network's files say; FileNotFoundError or ValueError in one sentence."""
    folder = contents.network(name)
    record, config = json_object(folder / RECORD), json_object(folder / CONFIG)
    try:
        return Member(
            name=name,
            folder=folder,
            config=from_json(DenoiserConfig, config),
            descent=Descent.from_json(record),
            sha256=str(record.get("sha256")),
            pictures=int(record.get("pictures") or 0),
            encoders=str(record.get("encoders", "")),
        )
    except (TypeError, ValueError) as error:
        raise ValueError(f"{folder} is not usable: {error}") from error


def join(
    members: Sequence[Member],
    device: torch.device,
    dtype: torch.dtype,
    resident: int | None = None,
) -> Ensemble:
    """The ensemble of these networks; one that serves every sigma fills what the others leave.

    Raises ValueError as `Ensemble` does.
    """
    experts = [m.expert(_loader(m, dtype)) for m in members]
    return Ensemble(filled(experts), device, resident)


def alone(one: Member, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """One network for every sigma, read and checked at once; it warns like an ensemble."""
    warn_untrained(replace(one.expert(_loader(one, dtype)), serves=EVERYTHING))
    return _loader(one, dtype)().to(device)


def _loader(one: Member, dtype: torch.dtype) -> Callable[[], nn.Module]:
    @cache
    def load() -> nn.Module:
        module, _, _ = load_network(one.folder, DenoiserConfig, build_denoiser)
        module.requires_grad_(False)
        # Cast once: autocast would cast every weight again at every evaluation.
        return module.to(dtype).to(memory_format=torch.channels_last)  # pyright: ignore

    return load
