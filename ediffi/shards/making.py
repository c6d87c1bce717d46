"""Shards out of a list of pictures: decoded by many processes, embedded by one, resumable.

Shard k is made of the pictures k·n to (k+1)·n of the list, however many of them stay; so every
shard depends on nothing but its own pictures and the settings, and a run that was killed goes on at
the first one that is missing. Everything that is left out is counted by reason. It knows the order
of the work; how a picture is cut and judged, others know.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from ediffi.files import json_text, read_json, write_json
from ediffi.shards.encoding import Embedded
from ediffi.shards.listing import Entry, told
from ediffi.shards.pictures import Square, read_squares
from ediffi.shards.tars import (
    FORMAT,
    REPORT,
    Sample,
    index_path,
    open_shard,
    tar_path,
    write_tar,
)
from ediffi.shards.work import Work

EXAMPLES = 10
"""How many names of dropped pictures the report gives for each reason; indexes have them all."""


def make_shards(work: Work, workers: int = 1, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Makes the shards that are missing and the report `shards.json`; the report.

    Raises ValueError in one sentence: the folder holds something else, cannot be written, or no
    picture is left; then nothing new remains in it.
    """
    if workers < 1:
        raise ValueError(f"workers must be at least 1, but is {workers}.")
    mark = work.fingerprint()
    _check_folder(work, mark)
    missing = [k for k in range(len(work.spans)) if not _finished(work.out, k)]
    if len(missing) < len(work.spans):
        say(f"{len(work.spans) - len(missing)} of {len(work.spans)} shards are there already.")
    total = sum(len(work.spans[k]) for k in missing)
    batches = [batch for k in missing for batch in work.batches(work.spans[k])]
    # tqdm writes to stderr, and is silent where that is no terminal.
    with (
        closing(_decoded(work, batches, workers)) as squares,
        tqdm(total=total, unit="picture", desc="sharding", disable=None) as bar,
    ):
        for number in missing:
            _make_shard(work, number, mark, squares, bar)
    report = _report(work, mark)
    if not report["kept"]:
        _remove(work.out)
        raise ValueError(f"no picture is left: {_counted(report['dropped'])}.")
    write_json(work.out / REPORT, report)
    return report


def _make_shard(
    work: Work, number: int, mark: str, squares: Iterator[list[Square | str]], bar: tqdm
) -> None:
    span = work.spans[number]
    dropped: dict[str, list[str]] = {}
    cut = Counter[str]()

    def samples() -> Iterator[Sample]:
        for batch in work.batches(span):
            entries = [work.listing.entries[i] for i in batch]
            judged = _judged(work, entries, next(squares))
            for i, entry, found in zip(batch, entries, judged, strict=True):
                if isinstance(found, str):
                    dropped.setdefault(found, []).append(entry.name)
                else:
                    cut["captions"] += found[1].cut
                    yield f"{i:08d}", _members(entry, *found)
            bar.update(len(batch))

    path = tar_path(work.out, number)
    listed = write_tar(path, samples())
    index = {
        "format": FORMAT,
        "fingerprint": mark,
        "settings": asdict(work.settings),
        "encoders": work.source.fingerprint,
        "bytes": path.stat().st_size,
        "cut_captions": cut["captions"],
        "dropped": dropped,
        "samples": listed,
    }
    # The index last: a shard counts as finished when it is there.
    write_json(index_path(work.out, number), index)


def _judged(
    work: Work, entries: list[Entry], squares: list[Square | str]
) -> list[tuple[Square, Embedded] | str]:
    """What becomes of a batch: pictures with their embeddings, or reasons."""
    found: list[tuple[Square, Embedded] | str] = [s if isinstance(s, str) else "" for s in squares]
    kept = [(i, square) for i, square in enumerate(squares) if isinstance(square, Square)]
    if kept:
        pixels = np.stack([square.pixels for _, square in kept])
        results = work.embedder.embed(pixels, [entries[i].captions for i, _ in kept])
        for (i, square), result in zip(kept, results, strict=True):
            found[i] = result if isinstance(result, str) else (square, result)
    return found


def _members(entry: Entry, square: Square, embedded: Embedded) -> dict[str, bytes]:
    facts = {
        "file_name": entry.name,
        "captions": embedded.captions,
        "width": square.source[0],
        "height": square.source[1],
        "clip_score": embedded.clip_score,
        "aesthetic": embedded.aesthetic,
    }
    return {
        "png": square.png,
        "txt": embedded.captions[0].encode(),
        "json": json_text(facts).encode("utf-8", "replace"),
        "safetensors": embedded.tensors,
    }


def _decoded(
    work: Work, batches: Iterable[range], workers: int
) -> Generator[list[Square | str], None, None]:
    """The squares of each batch in order, decoded a few batches ahead."""
    entries, resolution = work.listing.entries, work.settings.resolution
    paths = ([entries[i].path for i in batch] for batch in batches)
    if workers == 1:
        yield from (read_squares(some, resolution) for some in paths)
        return
    # Fresh processes, because a fork of one that runs torch threads can deadlock; Ctrl-C is the
    # parent's to hear.
    pool = ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
    waiting: deque[Future[list[Square | str]]] = deque()
    try:
        for some in paths:
            waiting.append(pool.submit(read_squares, some, resolution))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ValueError(
            f"a process that decodes pictures was killed, perhaps for its memory; {workers} workers"
            " were asked for, and fewer need less."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _check_folder(work: Work, mark: str) -> None:
    """Refuses a folder that holds other things; clears away what a kill has left half-written."""
    out = work.out
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file; the shards need a folder.")
    if not out.exists():
        return
    for stale in out.glob(".part-*"):
        stale.unlink(missing_ok=True)
    ours = {REPORT, *(path.name for path in out.glob("shard-*.*"))}
    foreign = sorted(path.name for path in out.iterdir() if path.name not in ours)
    if foreign:
        raise ValueError(f"{out} is not empty, it holds {foreign[0]}; choose an empty folder.")
    for path in sorted(out.glob("shard-*.json")):
        index = read_json(path)
        if not isinstance(index, dict) or index.get("fingerprint") != mark:
            raise ValueError(
                f"{out} holds shards made otherwise ({_difference(work, index)}); choose an empty"
                " folder."
            )


def _difference(work: Work, index: Any) -> str:
    """In what the settings of an index differ from ours."""
    theirs = index.get("settings") if isinstance(index, dict) else None
    for name, value in asdict(work.settings).items():
        if isinstance(theirs, dict) and theirs.get(name) != value:
            return f"{name} was {theirs.get(name)} and is {value}"
    if isinstance(index, dict) and index.get("encoders") != work.source.fingerprint:
        return "the encoders were others"
    return "pictures or captions have changed"


def _finished(out: Path, number: int) -> bool:
    try:
        open_shard(out, number)
    except (FileNotFoundError, ValueError):
        return False
    return True


def _report(work: Work, mark: str) -> dict[str, Any]:
    """What was kept, what was dropped and why, over all shards and the list itself."""
    dropped: dict[str, list[str]] = {r: list(names) for r, names in work.listing.dropped.items()}
    shards, cut = [], 0
    for number in range(len(work.spans)):
        index = read_json(index_path(work.out, number))
        for reason, names in index["dropped"].items():
            dropped.setdefault(reason, []).extend(names)
        shards.append({"file": tar_path(work.out, number).name, "kept": len(index["samples"])})
        cut += index["cut_captions"]
    return {
        "format": FORMAT,
        "fingerprint": mark,
        "settings": asdict(work.settings),
        "encoders": work.source.to_json(),
        "kept": sum(shard["kept"] for shard in shards),
        "dropped": {reason: len(names) for reason, names in sorted(dropped.items())},
        "examples": {reason: names[:EXAMPLES] for reason, names in sorted(dropped.items())},
        "cut_captions": cut,
        "shards": shards,
    }


def _counted(dropped: dict[str, int]) -> str:
    return told({reason: range(count) for reason, count in dropped.items()})


def _remove(out: Path) -> None:
    for path in [*out.glob("shard-*.tar"), *out.glob("shard-*.json")]:
        path.unlink()
    if not any(out.iterdir()):
        out.rmdir()
