"""What a study leaves: a record as JSON that says what was found, from what, how and by which code.

It reads and compares records; what they hold is the studies' business. Records from before this
frame hold what was found alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ediffi.config import from_json
from ediffi.files import read_json, write_json
from ediffi.scores import finite


@dataclass(frozen=True)
class Record:
    """One study's result: `found` is the study's own record as JSON.

    `version` is the study's, which rises when its numbers change their meaning; `weights` is the
    digest of the model folder; `environment` what `ediffi.recipe.Environment` says. `seconds` is
    how long measuring took, less what other studies had sampled before; None in older records.
    """

    study: str
    version: int
    ediffi: str
    n: int
    seed: int
    model: str
    weights: str
    environment: dict[str, Any]
    command: str
    found: dict[str, Any]
    seconds: float | None = None

    def write(self, path: Path) -> None:
        """Writes it whole or not at all; NaN becomes null."""
        write_json(path, finite(asdict(self)))


@dataclass(frozen=True)
class Wanted:
    """What a record must agree in to be taken for the one that is asked for.

    `changes` says, version by version, what a study's numbers mean since; version 1 has none.
    """

    study: str
    n: int
    seed: int
    weights: str
    ediffi: str
    changes: tuple[str, ...] = ()

    @property
    def version(self) -> int:
        """The study's version: 1 and one more for each change."""
        return 1 + len(self.changes)

    def differences(self, record: Record) -> tuple[str, ...]:
        """What is otherwise in `record`, one clause each; empty where it is the one asked for.

        Raises ValueError for a record of another study, or of a version that is not known yet.
        """
        if record.study != self.study:
            raise ValueError(f"it is a record of {record.study}, not of {self.study}.")
        if not 1 <= record.version <= self.version:
            raise ValueError(
                f"it has version {record.version} and this ediffi knows up to {self.version}."
            )
        since = self.changes[record.version - 1 :]
        told = []
        if since:
            told.append(f"version was {record.version}, is {self.version} ({'; '.join(since)})")
        pairs: Sequence[tuple[str, object, object]] = (
            ("n", record.n, self.n),
            ("seed", record.seed, self.seed),
            ("weights", record.weights[:12], self.weights[:12]),
            ("ediffi", record.ediffi, self.ediffi),
        )
        told += [f"{name} was {then}, is {now}" for name, then, now in pairs if then != now]
        return tuple(told)


def read_record(path: Path) -> Record:
    """The record in a file; FileNotFoundError or ValueError in one sentence naming it."""
    data = read_json(path)
    try:
        return from_json(Record, data)
    except ValueError as error:
        raise ValueError(f"{path} is no record of a study: {error}.") from None


def command_in(path: Path) -> str | None:
    """The command that makes a record again; None where the file has no frame that says so."""
    data = read_json(path)
    return data.get("command") if isinstance(data, dict) else None


def found_in(path: Path) -> dict[str, Any]:
    """What a record holds, with or without the frame around it; ValueError for another file."""
    data = read_json(path)
    if not isinstance(data, dict):
        raise ValueError(f"{path} is no record: it is no object with keys.")
    return data["found"] if data.keys() >= {"study", "found"} else data
