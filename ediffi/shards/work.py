"""What a set of shards is made of: settings, pictures, encoders, and how the work is divided.

Records and arithmetic, and the fingerprint that tells one set from another; it makes nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ediffi.shards.encoding import Embedder
from ediffi.shards.listing import Listing
from ediffi.shards.sources import EncoderSource
from ediffi.shards.tars import FORMAT

MOST_AT_ONCE = 32
"""Most pictures of a batch that is decoded and embedded together."""
PIXELS_AT_ONCE = 2**21
"""About how many pixels such a batch may have."""


@dataclass(frozen=True)
class Settings:
    """What decides the shards beside pictures and encoders; ValueError for what cannot be.

    `resolution` is the side of the pictures in pixels, `shard_size` how many pictures of the list
    make a shard; the rest are limits, None for no limit, and the sha256 of the aesthetic head.
    """

    resolution: int
    shard_size: int = 1000
    min_clip_score: float | None = None
    min_aesthetic: float | None = None
    aesthetic_head: str | None = None

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("resolution", self.resolution, 8, 4096),
            ("shard_size", self.shard_size, 1, 100_000),
            ("min_clip_score", self.min_clip_score, -1, 1),
            ("min_aesthetic", self.min_aesthetic, -1e6, 1e6),
        ):
            if value is not None and not low <= value <= high:
                raise ValueError(f"{name} is {value}, but must lie in {low:g} to {high:g}.")


@dataclass(frozen=True)
class Work:
    """A list of pictures, settings, encoders, and the folder that the shards go to."""

    listing: Listing
    settings: Settings
    embedder: Embedder
    source: EncoderSource
    out: Path

    @property
    def spans(self) -> list[range]:
        """Which pictures of the list belong to each shard."""
        count, size = len(self.listing.entries), self.settings.shard_size
        return [range(start, min(start + size, count)) for start in range(0, count, size)]

    def batches(self, span: range) -> list[range]:
        """The pictures of a shard in the portions in which they are decoded and embedded."""
        size = max(1, min(MOST_AT_ONCE, PIXELS_AT_ONCE // self.settings.resolution**2))
        return [span[start : start + size] for start in range(0, len(span), size)]

    def fingerprint(self) -> str:
        """A name for everything that decides the shards: names, sizes, dates, captions, settings.

        Raises OSError when a picture has gone.
        """
        decided = [FORMAT, asdict(self.settings), self.source.fingerprint]
        digest = hashlib.sha256(json.dumps(decided).encode())
        for entry in self.listing.entries:
            facts = entry.path.stat()
            said = [entry.name, facts.st_size, facts.st_mtime_ns, entry.captions]
            digest.update(json.dumps(said).encode())
        return digest.hexdigest()[:16]
