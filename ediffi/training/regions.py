"""Which pixels and which token columns belong together: the targets of grounded attention.

For every shard `regions-00000.safetensors` holds the parts of each picture (things and worn pieces)
as shares of a 16 x 16 grid, and for each caption the columns of either token stream that name a
part. Knows scenes, captions and tokenizers; refuses to know networks and losses.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ediffi.conditioning import cache
from ediffi.conditioning.embeddings import Conditioning, PaintedRegions
from ediffi.conditioning.prompt import Prompt, Span
from ediffi.files import written_whole
from ediffi.storybook.masks import masks
from ediffi.storybook.mentions import mentions, parts
from ediffi.storybook.scene import Scene

GRID = 16
DRAWN = 32
"""Side of the masks in pixels before they are pooled to the grid."""
FORMAT = "1"
CHUNK = 64

Tokenise = Callable[[str], tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]]
"""A text to the character spans of its T5 columns and of its CLIP columns."""


def regions_path(shard: Path) -> Path:
    """Where the regions of a shard lie."""
    return shard.with_name(shard.name.replace("shard-", "regions-", 1))


def build_regions(
    shards: Sequence[Path],
    tokenise: Tokenise,
    progress: cache.Progress | None = None,
    fingerprint: str = "",
    workers: int | None = None,
) -> list[Path]:
    """Draws the masks and finds the columns of every shard; the paths of the files.

    Files that carry the same `fingerprint` are kept. `workers` processes draw (all cores when
    None).
    """
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    paths = [regions_path(shard) for shard in shards]
    # Fresh processes: a fork of one that runs torch threads can deadlock.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        for number, (shard, path) in enumerate(zip(shards, paths, strict=True), 1):
            if not is_current(path, fingerprint):
                tensors = _regions(shard, tokenise, pool)
                with written_whole(path) as temporary:
                    save_file(tensors, temporary, {"format": FORMAT, "fingerprint": fingerprint})
            if progress is not None:
                progress(number, len(shards))
    return paths


def is_current(path: Path, fingerprint: str) -> bool:
    """Whether the regions are there, whole, of this format and for these tokenizers."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError):
        return False
    return header.get("format") == FORMAT and header.get("fingerprint") == fingerprint


def shares_of(scenes: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    """The parts of each scene (its JSON) as uint8 (parts, GRID, GRID): 255 fills a cell."""
    factor, found = DRAWN // GRID, []
    for data in scenes:
        scene = Scene.from_json(data)
        drawn = masks(scene, DRAWN)
        every = [
            drawn.worn[part.thing][part.kind] if part.worn else drawn.things[part.thing]
            for part in parts(scene)
        ]
        cells = np.stack(every).reshape(-1, GRID, factor, GRID, factor).mean((2, 4))
        found.append(np.round(cells * 255).astype(np.uint8))
    return found


def _regions(shard: Path, tokenise: Tokenise, pool: ProcessPoolExecutor) -> dict[str, np.ndarray]:
    with open(shard.with_suffix(".jsonl"), encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    scenes = [record["scene"] for record in records]
    drawing = pool.map(shares_of, [scenes[i : i + CHUNK] for i in range(0, len(scenes), CHUNK)])
    t5: list[np.ndarray] = []
    clip: list[np.ndarray] = []
    for record in records:
        scene = Scene.from_json(record["scene"])
        for caption in record["captions"]:
            spans = tokenise(caption["text"])
            t5.append(_named(caption["text"], scene, spans[0]))
            clip.append(_named(caption["text"], scene, spans[1]))
    shares = [picture for chunk in drawing for picture in chunk]
    return {
        "masks": np.concatenate(shares),
        "mask_ends": _ends(shares),
        "t5": np.concatenate(t5),
        "t5_ends": _ends(t5),
        "clip": np.concatenate(clip),
        "clip_ends": _ends(clip),
    }


def _named(text: str, scene: Scene, spans: Sequence[tuple[int, int]]) -> np.ndarray:
    """(part, column) pairs int16 (k, 2): the columns of one stream that name each part."""
    prompt = Prompt(text)
    pairs = {
        (part, column)
        for mention in mentions(prompt.text, scene)
        for column in prompt.columns(Span(mention.start, mention.end), spans)
        for part in mention.parts
    }
    return np.array(sorted(pairs), np.int16).reshape(-1, 2)


def _ends(rows: Sequence[np.ndarray]) -> np.ndarray:
    return np.cumsum([0, *(len(row) for row in rows)])


class Regions:
    """The regions of one shard, by picture and caption index."""

    def __init__(self, path: Path):
        """Maps the file; raises FileNotFoundError when there is none."""
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: build the regions of this shard first.")
        tensors = {name: tensor.numpy() for name, tensor in cache.mapped(path).items()}
        self.masks, self.mask_ends = tensors["masks"], tensors["mask_ends"]
        self.pairs = {"t5": tensors["t5"], "clip": tensors["clip"]}
        self.pair_ends = {"t5": tensors["t5_ends"], "clip": tensors["clip_ends"]}

    def shares(self, picture: int) -> np.ndarray:
        """The parts of a picture, uint8 (parts, GRID, GRID)."""
        return self.masks[self.mask_ends[picture] : self.mask_ends[picture + 1]]

    def named(self, stream: str, caption: int) -> np.ndarray:
        """(part, column) pairs (k, 2) of a caption in the stream t5 or clip."""
        ends = self.pair_ends[stream]
        return self.pairs[stream][ends[caption] : ends[caption + 1]]


def painted(rows: Sequence[tuple[Regions, int, int]], cond: Conditioning) -> PaintedRegions:
    """The parts of a batch as regions on the columns of `cond`.

    Rows are (regions, caption, picture). It has the form of a painting, because it is one: that of
    the true picture.
    """
    shares = [regions.shares(picture) for regions, _, picture in rows]
    b, most = len(rows), max(len(part) for part in shares)
    laid = np.zeros((b, most, GRID, GRID), np.float32)
    columns = {
        "t5": np.zeros((b, most, cond.t5.shape[1]), np.float32),
        "clip": np.zeros((b, most, cond.clip.shape[1]), np.float32),
    }
    for i, (regions, caption, _) in enumerate(rows):
        laid[i, : len(shares[i])] = shares[i].astype(np.float32) / 255
        for stream, filled in columns.items():
            part, column = regions.named(stream, caption).T
            filled[i, part, column] = 1
    return PaintedRegions(
        masks=torch.from_numpy(laid),
        t5_columns=torch.from_numpy(columns["t5"]),
        clip_columns=torch.from_numpy(columns["clip"]),
        weight=torch.ones(b, most),
        sigma_low=torch.zeros(b, most),
        sigma_high=torch.full((b, most), torch.inf),
    )
