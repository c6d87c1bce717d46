"""Samples that studies share: a picture is painted once for each model, request and seed.

They lie on the disk in blocks of 64, each written whole, so that a kill costs one block and several
processes may fill one folder. A name is made of everything that decides a picture but its
neighbours in the batch, which move it by 2/255 at most. It knows requests and pixels, not what a
study asks of them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ediffi import __version__, config
from ediffi.files import written_whole
from ediffi.pipeline import EDiffI
from ediffi.request import Request
from ediffi.scores import readable
from ediffi.storybook.evaluation import Progress, Sampler
from ediffi.worklist import BLOCK


def quiet(what: str, done: int, of: int) -> None:
    """Progress that nobody wants to hear."""


class Samples:
    """Pictures by request, from `folder` where they are there and from the model where not.

    `sampled` counts what the model had to paint. At most a block of pictures is in memory.
    """

    def __init__(self, folder: str | Path, tell: Progress = quiet) -> None:
        self.folder = Path(folder)
        self.tell = tell
        self.sampled = 0
        self._shelves: dict[Path, _Shelf] = {}

    def blocks(self, model: EDiffI, requests: Sequence[Request]) -> Generator[np.ndarray]:
        """The pictures uint8 (64 at most, h, w, 3) in the order of the requests, block by block.

        Raises ValueError for requests of several sizes, or a file that is no block.
        """
        if len({request.size for request in requests}) > 1:
            raise ValueError("Samples of one call have one size.")
        names = [_digest(_told(request)) for request in requests]
        asked = dict(zip(names, requests, strict=True))
        for start in range(0, len(requests), BLOCK):
            self.tell("sampling", start, len(requests))
            shelf = self._shelf(model, requests[0])
            wanted = names[start : start + BLOCK]
            missing = [name for name in dict.fromkeys(wanted) if name not in shelf.places]
            if missing:
                made = model.generate_many([asked[name] for name in missing])
                self.sampled += len(made)
                shelf.keep(missing, np.stack([np.asarray(result.image) for result in made]))
            yield shelf.fetch(wanted)
        self.tell("sampling", len(requests), len(requests))

    def pictures(self, model: EDiffI, requests: Sequence[Request]) -> np.ndarray:
        """All of them at once (n, h, w, 3); errors as in `blocks`, and ValueError for none."""
        if not requests:
            raise ValueError("No samples are asked for.")
        return np.concatenate(list(self.blocks(model, requests)))

    def painter(
        self,
        model: EDiffI,
        size: int | None = None,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Sampler:
        """What `evaluate` takes: `ediffi.scores.painter`, but nothing is painted twice."""

        def paint(captions: Sequence[str], seeds: Sequence[int]) -> np.ndarray:
            requests = [
                model.request(caption, seed, size, steps, guidance)
                for caption, seed in zip(captions, seeds, strict=True)
            ]
            return readable(self.pictures(model, requests))

        return paint

    def _shelf(self, model: EDiffI, request: Request) -> _Shelf:
        place = model.environment()
        weights = model.model.sums(request.stages)
        facts = [__version__, model.model.network, weights, place.device, place.dtype]
        folder = self.folder / f"{_digest(facts)[:16]}-{request.size}"
        if folder not in self._shelves:
            self._shelves[folder] = _Shelf(folder)
        return self._shelves[folder]


def sampled(
    model: EDiffI, requests: Sequence[Request], samples: Samples | None = None
) -> np.ndarray:
    """The pictures uint8 (n, h, w, 3) of some requests; those that `samples` has are not painted.

    Without `samples` nothing is kept, and a run that is killed begins anew.
    """
    if samples is not None:
        return samples.pictures(model, requests)
    return np.stack([np.asarray(result.image) for result in model.generate_many(requests)])


class _Shelf:
    """The blocks of one model and size: `places` has the file and row of every name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[str, tuple[Path, int]] = {}
        # What a killed process was writing begins with a dot.
        for path in sorted(folder.glob("[!.]*.npz")):
            self._found(path, list(_read(path, "names")))

    def keep(self, names: Sequence[str], pictures: np.ndarray) -> None:
        """Writes one block."""
        path = self.folder / f"{_digest(list(names))[:32]}.npz"
        with written_whole(path) as temporary:
            np.savez(temporary, names=np.array(names), pictures=pictures)
        self._found(path, names)

    def fetch(self, names: Sequence[str]) -> np.ndarray:
        """The pictures of these names, each file read once."""
        rows: dict[Path, list[int]] = {}
        for k, name in enumerate(names):
            rows.setdefault(self.places[name][0], []).append(k)
        found: dict[int, np.ndarray] = {}
        for path, wanted in rows.items():
            pictures = _read(path, "pictures")
            found.update({k: pictures[self.places[names[k]][1]] for k in wanted})
        return np.stack([found[k] for k in range(len(names))])

    def _found(self, path: Path, names: Sequence[str]) -> None:
        self.places.update({str(name): (path, row) for row, name in enumerate(names)})


def _read(path: Path, part: str) -> np.ndarray:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as block:
            return block[part]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is no readable block of samples ({type(error).__name__}): delete it, and its"
            " pictures are painted again."
        ) from error


def _told(request: Request) -> Mapping[str, Any]:
    """Everything that is asked for, as JSON takes it."""
    painting = request.painting.to_json() if request.painting else None
    return config.as_json(replace(request, painting=None)) | {"painting": painting}


def _digest(facts: Any) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
