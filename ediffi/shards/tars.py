"""WebDataset shards on disk: a tar of samples, and beside it an index that says where each lies.

`shard-00000.tar` holds `key.png`, `key.txt`, `key.json` and `key.safetensors` for every sample, so
any reader of WebDataset takes it; `shard-00000.json` gives start, length and checksum of each
member, so ours reads any sample without walking through the tar. It knows bytes, not what they are.
"""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ediffi.files import read_json, written_whole

FORMAT = 1
REPORT = "shards.json"
"""The file that says what all shards of a folder are made of; written last."""
BLOCK = 512
"""Bytes of a tar header: a member's content begins that far behind its start."""

Sample = tuple[str, Mapping[str, bytes]]
"""A key without dots, and the bytes of each member by its ending ("png", "json")."""
Places = dict[str, tuple[int, int, int]]
"""By ending: where a member's bytes start, how many there are, and their crc32."""


def tar_path(folder: Path, number: int) -> Path:
    """Where the shard of this number lies."""
    return folder / f"shard-{number:05d}.tar"


def index_path(folder: Path, number: int) -> Path:
    """Where its index lies."""
    return tar_path(folder, number).with_suffix(".json")


def write_tar(path: Path, samples: Iterable[Sample]) -> list[tuple[str, Places]]:
    """Writes the samples as they come, whole or not at all, and says where each member lies.

    Nothing of the clock or the user goes into the file. Raises ValueError when it cannot be
    written, and what `samples` raises.
    """
    listed = []
    with written_whole(path) as temporary:
        with tarfile.open(temporary, "w", format=tarfile.USTAR_FORMAT) as tar:
            for key, members in samples:
                places: Places = {}
                for ending, content in members.items():
                    places[ending] = (tar.offset + BLOCK, len(content), zlib.crc32(content))
                    info = tarfile.TarInfo(f"{key}.{ending}")
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
                listed.append((key, places))
    return listed


@dataclass(frozen=True)
class Shard:
    """A shard that can be read at any place, by any number of threads and processes."""

    path: Path
    samples: tuple[tuple[str, Places], ...]

    def __len__(self) -> int:
        return len(self.samples)

    def read(self, sample: int, ending: str) -> bytes:
        """One member of a sample; ValueError when it is not there or not as it was written."""
        key, places = self.samples[sample]
        if ending not in places:
            raise ValueError(f"{self.path}: the sample {key} has no .{ending}.")
        start, length, crc = places[ending]
        # Opened each time: a large set has more shards than a process may hold open.
        with open(self.path, "rb") as file:
            file.seek(start)
            content = file.read(length)
        if len(content) != length or zlib.crc32(content) != crc:
            raise ValueError(
                f"{self.path} is damaged: {key}.{ending} is not what was written; remove the"
                " shard and run `ediffi shard` again."
            )
        return content


def open_shard(folder: Path, number: int) -> Shard:
    """The shard of this number with its index.

    Raises FileNotFoundError or ValueError in one sentence: a file is missing, cut short, or not
    of this format.
    """
    path, index = tar_path(folder, number), read_json(index_path(folder, number))
    try:
        if index["format"] != FORMAT:
            raise KeyError("format")
        samples = tuple(
            (str(key), {ending: (int(a), int(n), int(crc)) for ending, (a, n, crc) in m.items()})
            for key, m in index["samples"]
        )
        promised = int(index["bytes"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{index_path(folder, number)} is no index of a shard.") from error
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing.")
    size = path.stat().st_size
    if size != promised:
        raise ValueError(f"{path} is cut short or another file: {size:,} of {promised:,} bytes.")
    return Shard(path, samples)
