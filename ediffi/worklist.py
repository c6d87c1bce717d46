"""Many pictures to make: the file of each, the process that makes it, and what is there already.

A list is cut into blocks in its own order, and processes take blocks in turn. Batches are formed
inside a block alone, so a picture is the same however many processes share the list and however
often the work was stopped. It knows requests and recipes, not how a picture is sampled.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ediffi.recipe import Recipe, read_png
from ediffi.request import Request

BLOCK = 64
"""Pictures per block."""


def output_paths(asked: Sequence[tuple[str, int]], out: Path) -> list[Path]:
    """Where each (prompt, seed) goes: `out` itself if it is a .png, else a name of its own in it.

    Raises ValueError for several pictures and one file name, or a file that is no .png.
    """
    if out.suffix and not out.is_dir():
        if out.suffix.lower() != ".png":
            raise ValueError(f"{out} is no .png; only PNG files carry a recipe.")
        if len(asked) > 1:
            raise ValueError(f"{len(asked)} pictures do not fit into {out}; give a folder.")
        return [out]
    names: set[str] = set()
    counts: dict[str, int] = {}
    paths = []
    for prompt, seed in asked:
        base = f"{_slug(prompt)}-{seed}"
        name, count = base, counts.get(base, 1)
        while name in names:
            count += 1
            name = f"{base}-{count}"
        counts[base] = count
        names.add(name)
        paths.append(out / f"{name}.png")
    return paths


def blocks(count: int, share: tuple[int, int] = (0, 1)) -> list[range]:
    """The blocks of a list of `count` that fall to process k of n, `share` = (k, n)."""
    rank, processes = share
    starts = range(0, count, BLOCK)[rank::processes]
    return [range(start, min(start + BLOCK, count)) for start in starts]


def parse_share(word: str | None, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """(k, n) from "k/n"; None asks the variables RANK and WORLD_SIZE that torchrun sets.

    Raises ValueError for anything that is not 0 <= k < n.
    """
    told = word or f"{environment.get('RANK', '0')}/{environment.get('WORLD_SIZE', '1')}"
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", told)
    if found is None or not int(found[1]) < int(found[2]):
        raise ValueError(f"{told!r} is no share such as 0/4, which is the first of four.")
    return int(found[1]), int(found[2])


def device_of(name: str, environment: Mapping[str, str] = os.environ) -> str:
    """The device of this process: under torchrun "cuda" is the one of its local rank."""
    local = environment.get("LOCAL_RANK")
    return f"cuda:{local}" if name == "cuda" and local is not None else name


def is_made(path: Path, request: Request, weights: Mapping[str, str]) -> bool:
    """Whether `path` holds the picture of `request`, painted with the weights of these sums.

    Raises ValueError where it holds another one, which must not be taken for it or be lost.
    """
    if not path.exists():
        return False
    recipe: Recipe = read_png(path)
    if recipe.weights != dict(weights) or Request.of(recipe) != request:
        raise ValueError(
            f"{path} is a picture of other settings or weights: choose another folder, or paint"
            " all anew without --resume."
        )
    return True


def _slug(prompt: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", prompt[:200].lower()).strip("-")[:60] or "picture"
