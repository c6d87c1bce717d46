"""Zero-shot distances on COCO or Visual Genome, as the paper takes its FID (Table 1, Fig. 8).

Captions are drawn, one for each picture; the model paints them; what it painted is compared with
the pictures in the features of a network that is handed in. What had to be left out is counted and
named. It knows files, pictures and vectors, not how anything is painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from analysis.judge import BATCH, Texts
from analysis.metrics import METRICS, Features, Measured, clip_score
from analysis.samples import Samples, quiet
from ediffi.pipeline import EDiffI
from ediffi.scores import readable
from ediffi.shards.listing import Entry, list_pictures
from ediffi.shards.pictures import read_square
from ediffi.shards.published import GENOME_FOLDERS, Dropped
from ediffi.storybook.evaluation import Progress

FEWEST = 8
NAMED = 3
IMAGES = "images"
GENOME = ("paragraphs*.json", "region_descriptions.json")
"""Long captions, which the paper took, before those of regions."""


@dataclass(frozen=True)
class Report:
    """What was measured on `n` pictures of the `asked` ones, at `size` px.

    `features` names the network and `words` is the mean length of the captions; `left_out` has the
    names of what could not be used, by reason.
    """

    model: str
    source: str
    asked: int
    n: int
    seed: int
    size: int
    words: float
    features: str
    measured: tuple[Measured, ...]
    left_out: dict[str, tuple[str, ...]]


def collection(folder: Path) -> tuple[Path, Path]:
    """The captions file of a folder of COCO or Visual Genome, and the folder of its pictures.

    COCO's file is `captions*.json`, in the folder or in its `annotations`; pictures lie in the
    folder that it is named after (`val2014` of `captions_val2014.json`), or in `images`. Visual
    Genome's is `paragraphs*.json` or else `region_descriptions.json`, its pictures lie in `VG_100K`
    and `VG_100K_2`, or in `images`. Raises FileNotFoundError or ValueError in one sentence where
    there is not exactly one.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {folder}.")
    coco = sorted([*folder.glob("captions*.json"), *folder.glob("annotations/captions*.json")])
    genome = [sorted(folder.glob(name)) for name in GENOME]
    files = coco or genome[0] or genome[1]
    if len(files) != 1:
        names = ", ".join(path.name for path in files) or "none"
        raise ValueError(
            f"{folder} needs one file captions*.json, {' or '.join(GENOME)}, but has {names}."
        )
    if not coco and any((folder / name).is_dir() for name in GENOME_FOLDERS if name):
        return files[0], folder
    split = files[0].stem.removeprefix("captions").lstrip("_") if coco else ""
    for name in (split, IMAGES):
        if name and (folder / name).is_dir():
            return files[0], folder / name
    raise FileNotFoundError(f"{folder} has no folder {split or IMAGES} of pictures.")


def measure(
    model: EDiffI,
    folder: Path,
    features: Features,
    samples: Samples,
    n: int,
    seed: int = 0,
    size: int | None = None,
    steps: int | None = None,
    guidance: float | None = None,
    texts: Texts | None = None,
    metrics: Sequence[str] = ("frechet", "kernel"),
    tell: Progress = quiet,
) -> Report:
    """Paints and compares at most `n` captions; with `texts` the CLIP score is measured too.

    Raises ValueError for an n below 8 or where fewer pictures can be used.
    """
    if n < FEWEST:
        raise ValueError(f"n is {n}, but a distance needs at least {FEWEST} pictures.")
    listing = list_pictures(*collection(folder))
    side = model.sizes[0] if size is None else size
    random = np.random.default_rng(seed)
    order = [listing.entries[k] for k in random.permutation(len(listing.entries))]
    used, truth, dropped = _true(order, n, side, features, tell)
    if len(used) < FEWEST:
        raise ValueError(f"{folder} has {len(used)} pictures of {side} px; {FEWEST} are needed.")
    captions = [entry.captions[random.integers(len(entry.captions))] for entry in used]
    requests = [
        model.request(caption, seed + k, side, steps, guidance)
        for k, caption in enumerate(captions)
    ]
    painted = np.concatenate(
        [features(readable(block)) for block in samples.blocks(model, requests)]
    )
    measured = [_named(name, painted, truth, features, seed) for name in metrics]
    if texts is not None:
        said = [texts(captions[k : k + BATCH]) for k in range(0, len(captions), BATCH)]
        measured.append(clip_score(painted, np.concatenate(said), features.name))
    reasons = dropped.keys() | listing.dropped.keys()
    return Report(
        model=model.model.name,
        source=folder.name,
        asked=n,
        n=len(used),
        seed=seed,
        size=side,
        words=round(float(np.mean([len(caption.split()) for caption in captions])), 2),
        features=features.name,
        measured=tuple(measured),
        left_out={
            reason: tuple(sorted([*dropped.get(reason, []), *listing.dropped.get(reason, [])]))
            for reason in sorted(reasons)
        },
    )


def sentences(report: Report) -> list[str]:
    """The numbers with n, size, network and interval, then what was left out."""
    said = [
        f"{found.name} {found.value:.4g} ({found.low:.4g} to {found.high:.4g}), {found.network},"
        f" shown at {found.side or report.size} px, n = {found.n}."
        for found in report.measured
    ]
    if report.n < report.asked:
        said.append(f"{report.asked:,} pictures were asked for and {report.n:,} could be used.")
    for reason, names in report.left_out.items():
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        said.append(f"Left out, {reason}: {len(names):,} ({', '.join(names[:NAMED])}{more}).")
    return said


def _true(
    order: Sequence[Entry], n: int, side: int, features: Features, tell: Progress
) -> tuple[list[Entry], np.ndarray, Dropped]:
    """The first `n` entries whose pictures open, their features, and the names of the others."""
    used: list[Entry] = []
    vectors: list[np.ndarray] = []
    waiting: list[np.ndarray] = []
    dropped: Dropped = {}
    for entry in order:
        square = read_square(entry.path, side)
        if isinstance(square, str):
            dropped.setdefault(square, []).append(entry.name)
            continue
        used.append(entry)
        waiting.append(square.pixels)
        if len(waiting) == BATCH or len(used) == n:
            vectors.append(features(readable(np.stack(waiting))))
            waiting = []
            tell("reading pictures", len(used), min(n, len(order)))
        if len(used) == n:
            break
    if waiting:
        vectors.append(features(readable(np.stack(waiting))))
    return used, np.concatenate(vectors) if vectors else np.zeros((0, 1)), dropped


def _named(
    name: str, painted: np.ndarray, truth: np.ndarray, features: Features, seed: int
) -> Measured:
    found = METRICS[name](painted, truth, seed)
    return Measured(
        name, found.value, found.low, found.high, len(painted), features.name, features.side
    )
