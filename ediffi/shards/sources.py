"""Which encoders shards are made with: found by name, checked, and described for those who read.

It knows model folders and the sums of weights; it refuses to know pictures and shards.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ediffi.conditioning.encoders import Encoders, load_encoders
from ediffi.conditioning.folders import fingerprint
from ediffi.config import EncoderDims, from_json
from ediffi.loading import locate
from ediffi.model_folder import MODEL, read_model


@dataclass(frozen=True)
class EncoderSource:
    """Where encoders lie, a name for their weights, and the widths of what they give."""

    t5: Path
    clip: Path
    fingerprint: str
    dims: EncoderDims

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        places = {"t5": str(self.t5), "clip": str(self.clip)}
        return {**places, "fingerprint": self.fingerprint, "dims": asdict(self.dims)}

    @classmethod
    def from_json(cls, data: Any) -> EncoderSource:
        """What `to_json` wrote; ValueError for anything else."""
        try:
            dims = from_json(EncoderDims, data["dims"])
            return cls(Path(data["t5"]), Path(data["clip"]), str(data["fingerprint"]), dims)
        except (KeyError, TypeError) as error:
            raise ValueError(f"no description of encoders: {error}") from error

    @property
    def unchanged(self) -> bool:
        """Whether the same weights still lie there."""
        return fingerprint(self.t5, self.clip) == self.fingerprint


def open_encoders(name: str, device: str = "cpu") -> tuple[Encoders, EncoderSource]:
    """The encoders of "storybook", of a model folder, or of a folder that holds t5 and clip.

    Raises FileNotFoundError or ValueError in one sentence.
    """
    folder = Path(name).expanduser()
    if folder.is_dir() and not (folder / MODEL).exists():
        t5, clip = folder / "t5", folder / "clip"
        if not t5.is_dir() or not clip.is_dir():
            raise FileNotFoundError(
                f"{folder} holds no encoders: it is no model folder and has no folders t5 and clip."
            )
    else:
        contents = read_model(locate(name)[0])
        contents.check_encoders()
        t5, clip = contents.t5, contents.clip
    encoders = load_encoders(t5, clip).to(device)
    t5, clip = t5.absolute(), clip.absolute()
    return encoders, EncoderSource(t5, clip, fingerprint(t5, clip), encoders.dims)
