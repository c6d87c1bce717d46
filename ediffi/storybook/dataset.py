"""Shards of drawn scenes with their captions: what the networks are trained on.

A shard is two files: `shard-00000.safetensors` with `images` uint8 (n, size, size, 3) and `seeds`
int64 (n,), and `shard-00000.jsonl` with one line per scene, `{"scene": ..., "captions": [...]}`.
Scene k of a set is the scene of seed `first_seed + k`, so a set is the same bytes however many
processes draw it and however often it was cut short. Nothing here knows encoders or networks.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file
from tqdm import tqdm

from ediffi.files import written_whole
from ediffi.storybook.captions import Caption, write_caption
from ediffi.storybook.casting import Curriculum
from ediffi.storybook.drawing import render
from ediffi.storybook.scene import Scene, sample_scene

CHUNK = 64  # scenes per task of a worker: about a second of drawing
MOST_CAPTIONS = 16


@dataclass(frozen=True)
class ShardPlan:
    """What decides every byte of a set of shards: split, seeds, sizes, wording."""

    split: str
    first_seed: int
    count: int
    size: int = 64
    shard_size: int = 2048
    curriculum: Curriculum | None = None
    captions_per_scene: int = 4

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("first_seed", self.first_seed, 0, 2**62),
            ("count", self.count, 1, 10**9),
            ("size", self.size, 16, 1024),
            ("shard_size", self.shard_size, 1, 65536),
            ("captions_per_scene", self.captions_per_scene, 1, MOST_CAPTIONS),
        ):
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise ValueError(
                    f"{name} must be a whole number from {low} to {high}, but is {value!r}."
                )

    @property
    def shards(self) -> int:
        """How many shards hold `count` scenes; the last may be shorter."""
        return -(-self.count // self.shard_size)

    def seeds(self, shard: int) -> range:
        """The scene seeds of one shard, in order."""
        start = shard * self.shard_size
        stop = min(start + self.shard_size, self.count)
        return range(self.first_seed + start, self.first_seed + stop)


def render_shards(
    folder: str | Path,
    split: str,
    first_seed: int,
    count: int,
    *,
    size: int = 64,
    shard_size: int = 2048,
    workers: int | None = None,
    curriculum: Curriculum | None = None,
    captions_per_scene: int = 4,
    progress: bool = True,
) -> list[Path]:
    """Draws `count` scenes into `folder`; the paths of its shards, in order.

    Pictures are `size` pixels wide and drawn at that size. Finished shards of the same plan are
    kept, so a run that was cut short goes on where it stopped. `workers` processes draw (all cores
    when None); the bytes do not depend on it. Progress goes to stderr.

    Raises ValueError in one sentence for a bad number, an unknown split, a folder that cannot be
    written, or one that already holds shards of another plan.
    """
    plan = ShardPlan(split, first_seed, count, size, shard_size, curriculum, captions_per_scene)
    workers = len(os.sched_getaffinity(0)) if workers is None else workers
    if workers < 1:
        raise ValueError(f"workers must be at least 1, but is {workers}.")
    sample_scene(first_seed, split=split, curriculum=curriculum)
    paths = [Path(folder) / f"shard-{index:05d}.safetensors" for index in range(plan.shards)]
    missing = [index for index, path in enumerate(paths) if not _finished(path, plan, index)]
    total = sum(len(plan.seeds(index)) for index in missing)
    with tqdm(total=total, unit="scene", disable=not progress, desc=f"drawing {split}") as bar:
        drawn = _draw_all(plan, missing, min(workers, max(1, -(-total // CHUNK))))
        for index in missing:
            _write_shard(paths[index], plan, index, drawn, bar)
    return paths


def captions_of(scene: Scene, seed: int, count: int, tells_sides: bool = False) -> list[Caption]:
    """`count` captions of one scene: all but the last are short, the last is long.

    The first names the style when it is not flat, the second does not, so that both prompts that
    say the style and prompts that leave it to a reference picture are met for every scene. With
    `tells_sides` these two say which thing is left or right of which, where that is so.
    """
    captions = []
    for index in range(count):
        names_style = {0: True if scene.style != "flat" else None, 1: False}.get(index)
        last = index == count - 1 and count > 1
        captions.append(
            write_caption(
                scene,
                seed * MOST_CAPTIONS + index,
                length="long" if last else "short",
                name_style=None if last else names_style,
                sides_first=tells_sides and index < 2,
            )
        )
    return captions


def draw_chunk(plan: ShardPlan, seeds: range) -> tuple[np.ndarray, list[str]]:
    """The pictures (n, size, size, 3) uint8 and the JSON lines of these seeds."""
    images, lines = [], []
    for seed in seeds:
        scene = sample_scene(seed, split=plan.split, curriculum=plan.curriculum)
        sides = plan.curriculum is not None and plan.curriculum.tells_sides
        captions = captions_of(scene, seed, plan.captions_per_scene, sides)
        images.append(render(scene, plan.size))
        said = [dataclasses.asdict(caption) for caption in captions]
        record = {"scene": scene.to_json(), "captions": said}
        lines.append(json.dumps(record, ensure_ascii=False))
    return np.stack(images), lines


def _chunks(seeds: range) -> Iterator[range]:
    return (seeds[start : start + CHUNK] for start in range(0, len(seeds), CHUNK))


def _draw_all(
    plan: ShardPlan, missing: list[int], workers: int
) -> Iterator[tuple[np.ndarray, list[str]]]:
    # One stream of chunks over all shards, so that no worker waits while a shard is written.
    chunks = [chunk for index in missing for chunk in _chunks(plan.seeds(index))]
    if workers == 1:
        yield from (draw_chunk(plan, chunk) for chunk in chunks)
        return
    # Fresh processes: a fork of one that runs torch threads can deadlock.
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"))
    try:
        yield from pool.map(functools.partial(draw_chunk, plan), chunks)
    finally:
        pool.shutdown(cancel_futures=True)


def _write_shard(
    path: Path,
    plan: ShardPlan,
    index: int,
    drawn: Iterator[tuple[np.ndarray, list[str]]],
    bar: tqdm,
) -> None:
    seeds = plan.seeds(index)
    images, lines = [], []
    for _ in _chunks(seeds):
        pictures, texts = next(drawn)
        images.append(pictures)
        lines += texts
        bar.update(len(texts))
    with written_whole(path.with_suffix(".jsonl")) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # The pictures last: a shard counts as finished when they are there.
    tensors = {"images": np.concatenate(images), "seeds": np.array(seeds, np.int64)}
    with written_whole(path) as temporary:
        save_file(tensors, temporary, metadata=_label(plan, index))


def _label(plan: ShardPlan, index: int) -> dict[str, str]:
    # The length of the whole set is left out: asking for more scenes keeps the full shards.
    seeds = plan.seeds(index)
    parts = dataclasses.asdict(plan) | {"first_seed": seeds.start, "count": len(seeds)}
    return {"plan": json.dumps(parts, sort_keys=True, default=str)}


def _finished(path: Path, plan: ShardPlan, index: int) -> bool:
    if not path.exists() or not path.with_suffix(".jsonl").exists():
        return False
    try:
        with safe_open(path, "numpy") as file:
            label = file.metadata()
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a readable shard: {error}.") from error
    ours = json.loads(_label(plan, index)["plan"])
    theirs = json.loads((label or {}).get("plan", "{}"))
    if theirs.get("curriculum"):
        # What a curriculum could not yet say when the shard was drawn has its default.
        theirs["curriculum"] = dataclasses.asdict(Curriculum()) | theirs["curriculum"]
        theirs = json.loads(json.dumps(theirs))
    if theirs == ours:
        return True
    if theirs | {"count": 0} == ours | {"count": 0}:
        return False  # the same scenes, but the last shard of a shorter set
    raise ValueError(f"{path} holds scenes of another plan; choose an empty folder.")
