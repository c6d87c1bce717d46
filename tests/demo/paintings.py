"""Paintings as a page or a client sends them."""

from typing import Any

CELLS = 64 * 64
HALF = bytes(CELLS // 2) + b"\xff" * (CELLS // 2)


def runs_of(mask: bytes) -> list[int]:
    """One run per cell: long, but as good as any."""
    return [number for value in mask for number in (value, 1)]


def region(
    phrase: str,
    occurrence: Any = 1,
    weight: Any = 1.0,
    runs: Any = None,
    mask: bytes | None = None,
) -> dict[str, Any]:
    """A region of the lower half, or of `mask`, or whatever `runs` say."""
    if runs is None:
        runs = [0, CELLS // 2, 255, CELLS // 2] if mask is None else runs_of(mask)
    return {"phrase": phrase, "occurrence": occurrence, "weight": weight, "runs": runs}


def painting(prompt: Any, *regions: Any, **manner: Any) -> dict[str, Any]:
    """A painting whose regions act in the usual way unless told."""
    said = {"overlap": "all", "elsewhere": 1.0, "pull": 0.0, "collage": False, **manner}
    return {"prompt": prompt, "regions": list(regions), **said}
