"""From a name to a model in memory: the shipped storybook, a model folder, or a hub repository.

Reads and checks; it does not sample, and it never runs code or unpickles anything that it finds.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import nn

from ediffi.build import build_stage
from ediffi.cascade.stages import Stage
from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.conditioning.folders import mark
from ediffi.config import DenoiserConfig, Preset, StageChoice
from ediffi.diffusion.denoiser import Denoiser
from ediffi.experts.ensemble import Ensemble
from ediffi.joining import Member, alone, join, member
from ediffi.model_folder import MODEL, ModelFolder, read_model
from ediffi.presets import preset

SHIPPED = "storybook"
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[\w.-]{1,96}")


@dataclass(frozen=True)
class Model:
    """A model in memory: its denoiser, encoders, and the sha256 of every weight file by part.

    `network` names the network or ensemble; `denoiser` is one network or an `Ensemble`. The
    denoisers of `stages` are read when they are first asked; `stage_weights` are their sums.
    """

    name: str
    preset: Preset
    config: DenoiserConfig
    network: str
    denoiser: Denoiser
    encoders: Encoders
    weights: dict[str, str]
    stages: tuple[Stage, ...] = ()
    stage_weights: dict[str, dict[str, str]] = field(default_factory=dict)

    def sums(self, stages: Sequence[StageChoice]) -> dict[str, str]:
        """The sha256 of every weight file that a picture through these stages depends on."""
        found = dict(self.weights)
        for choice in stages:
            found |= self.stage_weights.get(choice.stage, {})
        return found

    @property
    def sizes(self) -> tuple[int, ...]:
        """The picture sizes in pixels that the base and its stages make, rising."""
        return (self.config.resolution, *(stage.high for stage in self.stages))

    @property
    def ensemble(self) -> Ensemble | None:
        """The ensemble, if there is more than one expert."""
        return self.denoiser if isinstance(self.denoiser, Ensemble) else None

    def network_at(self, sigma: float) -> nn.Module:
        """The network that answers at this noise level, in memory and on the device."""
        answers, ensemble = self.denoiser, self.ensemble
        if ensemble is not None:
            answers = ensemble.denoiser(ensemble.serving(sigma).name)
        assert isinstance(answers, nn.Module)
        return answers

    def ran(self, evaluations: Sequence[float]) -> tuple[str, ...]:
        """The names of those who answer at these noise levels, each once, in order."""
        return (self.network,) if self.ensemble is None else self.ensemble.ran(evaluations)


def open_model(
    source: str | Path,
    device: torch.device,
    dtype: torch.dtype,
    resident: int | None = None,
    stages: Mapping[str, Sequence[str]] | None = None,
) -> Model:
    """The model of `source`, checked, in eval mode on `device`, its denoiser in `dtype`.

    `source` is "storybook", "storybook/<network>", a model folder, a network folder inside one, or
    a hub repository id. Instead of a network an ensemble can be named, or networks joined by "+",
    as in "storybook/high+baseline". `resident` experts of an ensemble stay on the device (None:
    all that were visited). `stages` names the networks of each super-resolution stage, instead of
    those that the folder names. Raises FileNotFoundError or ValueError in one sentence.
    """
    folder, chosen = locate(source)
    contents = read_model(folder)
    if stages is not None:
        chosen_stages = {name: tuple(members) for name, members in stages.items()}
        contents = replace(contents, stages=chosen_stages)
    chosen = chosen or contents.default
    members = [member(contents, name) for name in contents.members(chosen)]
    by_stage = {
        stage: [member(contents, name) for name in networks]
        for stage, networks in contents.stages.items()
    }
    config = members[0].config
    denoiser: Denoiser
    if len(members) == 1:
        denoiser = alone(members[0], device, dtype)
    else:
        denoiser = join(members, device, dtype, resident)
    contents.check_encoders()
    _warn_of_other_encoders(contents, members)
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
        denoiser=denoiser,
        encoders=encoders.to(device),
        weights={**{one.name: one.sha256 for one in members}, **contents.sha256},
        stages=_stages(contents, by_stage, device, dtype, resident, config.resolution),
        stage_weights={
            stage: {one.name: one.sha256 for one in networks}
            for stage, networks in by_stage.items()
        },
    )


def _warn_of_other_encoders(contents: ModelFolder, members: Sequence[Member]) -> None:
    """Warns of networks whose record names other encoders than those that they are opened with.

    No refusal, for whoever studies encoders may mean it. Call it when the sums are checked.
    """
    there = mark(
        contents.sha256[name]
        for part in (contents.t5, contents.clip)
        for name in sorted(contents.sha256)
        if name.startswith(f"{part.name}/") and name.endswith(".safetensors")
    )
    for one in members:
        if one.encoders not in ("", there):
            warnings.warn(
                f"The network {one.name} was trained with the encoders {one.encoders}, and the"
                f" folder {contents.path} holds {there}: it may not know what they say.",
                stacklevel=3,
            )


def _stages(
    contents: ModelFolder,
    by_stage: Mapping[str, Sequence[Member]],
    device: torch.device,
    dtype: torch.dtype,
    resident: int | None,
    size: int,
) -> tuple[Stage, ...]:
    """The model's stages in their order, each beginning where the one before ends."""
    known = {stage.denoiser.name: stage for stage in preset(contents.preset).stages}
    built = []
    for name, members in by_stage.items():
        if name not in known:
            raise ValueError(f"the preset {contents.preset} has no stage {name!r}.")
        config = replace(known[name], denoiser=members[0].config)
        built.append(build_stage(config, join(members, device, dtype, resident)))
    built.sort(key=lambda stage: stage.low)
    for stage in built:
        if stage.low != size:
            raise ValueError(f"{stage.name} enlarges {stage.low} px, and nothing makes them.")
        size = stage.high
    return tuple(built)


def locate(source: str | Path) -> tuple[Path, str | None]:
    """The model folder of `source`, and the network that it names (None: the default one)."""
    text = str(source)
    if text == SHIPPED or text.startswith(f"{SHIPPED}/"):
        return shipped_folder(), text[len(SHIPPED) + 1 :] or None
    path = Path(text).expanduser()
    if path.is_dir():
        if not (path / MODEL).exists() and (path.parent / MODEL).exists():
            return path.parent, path.name
        return path, None
    if (path.parent / MODEL).exists():
        return path.parent, path.name
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
