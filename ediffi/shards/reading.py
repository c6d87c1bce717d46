"""A folder of finished shards, opened for reading: one long row of samples.

It checks what can be checked without reading pictures, and gives bytes by place. It refuses to know
who trains on them.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from ediffi.files import read_json
from ediffi.shards.sources import EncoderSource
from ediffi.shards.tars import FORMAT, REPORT, Shard, open_shard


@dataclass(frozen=True)
class Shards:
    """All samples of a folder: pictures of `resolution` px, embeddings of `encoders`."""

    folder: Path
    fingerprint: str
    resolution: int
    encoders: EncoderSource
    shards: tuple[Shard, ...]
    ends: tuple[int, ...]

    def __len__(self) -> int:
        return self.ends[-1]

    def read(self, sample: int, ending: str) -> bytes:
        """One member of the sample at a place from 0; ValueError in one sentence if damaged."""
        shard, place = self.place(sample)
        return shard.read(place, ending)

    def name(self, sample: int) -> str:
        """The file and the key of a sample, for sentences about it."""
        shard, place = self.place(sample)
        return f"{shard.path}: {shard.samples[place][0]}"

    def place(self, sample: int) -> tuple[Shard, int]:
        """The shard of a sample, and its place there."""
        number = bisect_right(self.ends, sample)
        return self.shards[number], sample - (self.ends[number - 1] if number else 0)


def open_shards(folder: str | Path) -> Shards:
    """The shards in a folder, each checked to be there and whole in length.

    Raises FileNotFoundError or ValueError in one sentence that says what is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder of shards {folder}.")
    if not (folder / REPORT).is_file():
        raise FileNotFoundError(
            f"{folder} holds no finished shards: {REPORT} is missing; run `ediffi shard` with the"
            " same words again."
        )
    report = read_json(folder / REPORT)
    try:
        if report["format"] != FORMAT:
            raise ValueError(f"its format is {report['format']!r}")
        names = [str(shard["file"]) for shard in report["shards"]]
        resolution = int(report["settings"]["resolution"])
        encoders = EncoderSource.from_json(report["encoders"])
        fingerprint, kept = str(report["fingerprint"]), int(report["kept"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{folder / REPORT} is no report of shards: {error}.") from error
    shards = tuple(open_shard(folder, number) for number in range(len(names)))
    ends = tuple(accumulate(len(shard) for shard in shards))
    if not ends or ends[-1] != kept:
        found = ends[-1] if ends else 0
        raise ValueError(f"{folder} holds {found} pictures and its {REPORT} names {kept}.")
    return Shards(folder, fingerprint, resolution, encoders, shards, ends)
