"""Files that are written whole or not at all.

It knows nothing of pictures, weights or records: only that a kill, a full disk or Ctrl-C between
two bytes must leave either the old file or the new one, and that a path which cannot be written
should be refused before an hour of work, not after it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError


@contextmanager
def written_whole(path: str | Path) -> Iterator[Path]:
    """Yields a fresh temporary path beside `path`, which becomes `path` when the block ends well.

    On any exception, Ctrl-C included, the temporary file is removed and an old `path` stays as it
    was; so the block should do nothing but write. Raises ValueError in one sentence where the
    folder cannot be made or written, or the disk is full.
    """
    target = Path(path)
    # Named before it exists, so that no moment is left in which Ctrl-C could forget it.
    temporary = _sibling(target)
    try:
        with writing(target):
            _create(temporary)
            yield temporary
            _flush_to_disk(temporary)
            os.replace(temporary, target)
    finally:
        _remove(temporary)


@contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """Raises what fails on the disk in the block as ValueError, one sentence that names `target`.

    To be used where a library writes a folder by itself; else `written_whole`.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors tells a full disk by an error of its own, which has no `strerror`.
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"Cannot write {target}: {reason}.") from error


def write_json(path: str | Path, data: Any) -> None:
    """Writes `data` as indented JSON, whole or not at all; NaN and infinities raise ValueError."""
    text = json_text(data)
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(data: Any) -> str:
    """`data` as indented JSON with a final newline; NaN and infinities raise ValueError."""
    return json.dumps(data, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def read_json(path: str | Path) -> Any:
    """The content of a JSON file; FileNotFoundError or ValueError in a sentence naming it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path} is missing.") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}.") from error


def text_lines(path: str | Path) -> list[str]:
    """The lines of a UTF-8 text; a byte order mark is none of it. OSError or UnicodeDecodeError."""
    # `splitlines` would cut at U+2028 and other characters that may stand inside a sentence.
    return Path(path).read_text(encoding="utf-8-sig").split("\n")


def check_writable(path: str | Path) -> None:
    """Makes the parent folder and proves that `path` can be written, leaving nothing behind.

    Raises ValueError in one sentence: no permission, a folder of that name, a full disk.
    """
    target = Path(path)
    if target.is_dir():
        raise ValueError(f"Cannot write {target}: a folder of that name exists.")
    temporary = _sibling(target)
    try:
        with writing(target):
            _create(temporary)
    finally:
        _remove(temporary)


def sha256_of(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sibling(target: Path) -> Path:
    # The same folder, because os.replace is atomic only within one file system.
    return target.parent / f".part-{secrets.token_hex(8)}{target.suffix}"


def _create(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(exist_ok=False)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _flush_to_disk(path: Path) -> None:
    # Without it a power cut after the rename can leave a file of zeros under the final name.
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
