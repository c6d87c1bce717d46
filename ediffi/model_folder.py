"""Model folders: `model.json`, the folders of networks and encoders that it names, and their sums.

It knows where the parts lie and whether they are the ones that were written, not how they work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ediffi.files import sha256_of, write_json
from ediffi.weights import FORMAT, check_format, json_object

MODEL = "model.json"
_KEYS = {"format", "preset", "default", "t5", "clip", "networks", "ensembles", "stages", "sha256"}
_OPTIONAL = {"ensembles", "stages"}


@dataclass(frozen=True)
class ModelFolder:
    """A model folder's table of contents; every path is a folder that lies directly inside it.

    `ensembles` names the networks that work together, by the name of the ensemble; `stages` those
    of each super-resolution stage. `sha256` holds
    the sum of every encoder file, by "t5/file" or "clip/file"; networks keep theirs.
    """

    path: Path
    preset: str
    default: str
    t5: Path
    clip: Path
    networks: dict[str, Path]
    ensembles: dict[str, tuple[str, ...]]
    stages: dict[str, tuple[str, ...]]
    sha256: dict[str, str]

    def check_encoders(self) -> None:
        """Raises ValueError or FileNotFoundError for an encoder file that is not the one named."""
        found = _encoder_sums(self.path, self.t5, self.clip)
        for name in sorted(found.keys() | self.sha256.keys()):
            if name not in found:
                raise FileNotFoundError(f"{self.path / name} is missing.")
            if found[name] != self.sha256.get(name):
                raise ValueError(
                    f"{self.path / name} is damaged or altered: its sha256 begins with"
                    f" {found[name][:12]}, {MODEL} says {str(self.sha256.get(name))[:12]}."
                )

    def members(self, name: str) -> tuple[str, ...]:
        """The networks behind a name: an ensemble's, or those that "+" joins, there or not."""
        return self.ensembles.get(name) or tuple(name.split("+"))

    def network(self, name: str | None = None) -> Path:
        """The folder of the network `name` (None: the default); ValueError names what there is."""
        chosen = self.default if name is None else name
        if chosen not in self.networks:
            known = ", ".join(sorted(self.networks.keys() | self.ensembles.keys()))
            raise ValueError(f"{self.path} has no network {chosen!r}; it has {known}.")
        return self.networks[chosen]


def read_model(folder: str | Path) -> ModelFolder:
    """The table of contents of a model folder.

    Raises FileNotFoundError for a folder that is missing or is no model, and ValueError for an
    unknown key or format, or a name that leads out of the folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no model folder {folder}.")
    if not (folder / MODEL).is_file():
        raise FileNotFoundError(f"{folder} is no model folder: it has no {MODEL}.")
    contents = json_object(folder / MODEL)
    missing = sorted(_KEYS - _OPTIONAL - contents.keys())
    unknown = sorted(contents.keys() - _KEYS)
    if missing or unknown:
        raise ValueError(
            f"{folder / MODEL} is not usable: missing keys {missing}, unknown keys {unknown}."
        )
    check_format(folder / MODEL, contents)
    networks, sums = contents["networks"], contents["sha256"]
    ensembles, stages = (
        _groups(folder, kind, contents.get(kind, {}), networks) for kind in ("ensembles", "stages")
    )
    if not isinstance(networks, dict) or not networks or not isinstance(sums, dict):
        raise ValueError(f"{folder / MODEL} names no networks or no sha256 sums.")
    return ModelFolder(
        path=folder,
        preset=str(contents["preset"]),
        default=str(contents["default"]),
        t5=_inside(folder, contents["t5"]),
        clip=_inside(folder, contents["clip"]),
        networks={str(name): _inside(folder, where) for name, where in networks.items()},
        ensembles=ensembles,
        stages=stages,
        sha256={str(name): str(value) for name, value in sums.items()},
    )


def write_model(
    folder: str | Path,
    preset: str,
    default: str,
    networks: Mapping[str, str],
    ensembles: Mapping[str, Sequence[str]] | None = None,
    stages: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Writes `model.json` for a folder whose encoders lie in `t5/` and `clip/`, with their sums.

    To be called last: an encoder that changes afterwards is refused as altered.
    """
    folder = Path(folder)
    contents = {
        "format": FORMAT,
        "preset": preset,
        "default": default,
        "t5": "t5",
        "clip": "clip",
        "networks": dict(networks),
        "ensembles": {name: list(members) for name, members in (ensembles or {}).items()},
        "stages": {name: list(members) for name, members in (stages or {}).items()},
        "sha256": _encoder_sums(folder, folder / "t5", folder / "clip"),
    }
    write_json(folder / MODEL, contents)


def choose_default(folder: str | Path, name: str) -> None:
    """Makes `name` what a model folder opens with: an ensemble, or networks joined by "+".

    Raises ValueError when the folder has none of that name.
    """
    folder = Path(folder)
    contents = read_model(folder)
    for one in contents.members(name):
        contents.network(one)
    write_json(folder / MODEL, json_object(folder / MODEL) | {"default": name})


def _groups(folder: Path, kind: str, named: object, networks: object) -> dict[str, tuple[str, ...]]:
    """Ensembles or stages: names, each with the networks that it consists of."""
    known = networks if isinstance(networks, dict) else {}
    if not isinstance(named, dict):
        raise ValueError(f"{folder / MODEL} has {kind} that are no object.")
    for name, members in named.items():
        taken = kind == "ensembles" and name in known
        if not isinstance(members, list) or not members or taken:
            raise ValueError(f"{folder / MODEL} has {kind} with a {name!r} that is not usable.")
        for member in members:
            if member not in known:
                raise ValueError(
                    f"{folder / MODEL} has {kind} with a {name!r} of {member!r}, no network of it."
                )
    return {name: tuple(members) for name, members in named.items()}


def _encoder_sums(folder: Path, *encoders: Path) -> dict[str, str]:
    # The tokenizer decides pixels as much as the weights do.
    return {
        file.relative_to(folder).as_posix(): sha256_of(file)
        for encoder in encoders
        for pattern in ("*.safetensors", "tokenizer.json")
        for file in sorted(encoder.glob(pattern))
    }


def _inside(folder: Path, name: object) -> Path:
    plain = isinstance(name, str) and name not in ("", ".", "..") and Path(name).name == name
    if not plain or "\\" in str(name):
        raise ValueError(f"{folder / MODEL} names {name!r}, which is no folder inside it.")
    return folder / str(name)
