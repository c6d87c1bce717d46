"""A local folder of encoder weights: whether it is the one that was written.

It knows files and checksums; what stands in the files, the libraries that read them know.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from safetensors import SafetensorError

from ediffi.files import sha256_of

RECORD = "record.json"

UNREADABLE = (
    OSError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
    AssertionError,
    ImportError,
    SafetensorError,
)
"""What the libraries raise for weights that are absent, cut short, or no fit for their config."""


def fingerprint(*folders: Path) -> str:
    """Sixteen digits that name the weights in these folders; others when one of them changes."""
    return mark(
        sha256_of(file) for folder in folders for file in sorted(folder.glob("*.safetensors"))
    )


def mark(sums: Iterable[str]) -> str:
    """The fingerprint of weight files whose sha256 are these, in the order of their names."""
    return hashlib.sha256("".join(sums).encode()).hexdigest()[:16]


def check_unchanged(folder: Path, weights: str) -> None:
    """Raise ValueError when `folder`'s record names another checksum than its file `weights` has.

    Published checkpoints carry no record of ours and are taken as they are.
    """
    record, file = folder / RECORD, folder / weights
    if not record.is_file() or not file.is_file():
        return
    try:
        written = json.loads(record.read_text(encoding="utf-8")).get("sha256")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"{record} is no readable record: {error}.") from error
    found = sha256_of(file)
    if written is not None and written != found:
        raise ValueError(
            f"{file} has changed since it was written: its sha256 is {found[:12]}, and its record "
            f"says {str(written)[:12]}."
        )
