"""What a run says about itself: loss per noise band, a JSONL log, and TensorBoard if it is there.

It refuses to know networks and schedules. The log holds numbers only, never captions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

EDGES = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Noise levels between the eight bands, in sigma; the same for every run, so runs compare."""

BANDS = tuple(
    f"{low:g}-{high:g}" for low, high in zip((0, *EDGES), (*EDGES, math.inf), strict=True)
)


class BandMeter:
    """Mean losses since the last reading, in all and per band, without waiting for the device."""

    def __init__(self, device: torch.device):
        self.edges = torch.tensor(EDGES, device=device)
        self.sums = torch.zeros(len(BANDS), device=device)
        self.counts = torch.zeros(len(BANDS), device=device)

    @torch.no_grad()
    def add(self, sigma: Tensor, losses: Tensor) -> None:
        """Counts the unweighted losses `(b,)` at noise levels `sigma` `(b,)`."""
        band = torch.bucketize(sigma.float(), self.edges, right=True)
        self.sums.index_add_(0, band, losses.float())
        self.counts.index_add_(0, band, torch.ones_like(losses, dtype=torch.float32))

    def read(self) -> dict[str, Any]:
        """`loss`, then per band of `BANDS` its loss or None and how many were `drawn`.

        Starts afresh.
        """
        sums, counts = self.sums.tolist(), self.counts.tolist()
        self.sums.zero_()
        self.counts.zero_()
        bands = [s / n if n else None for s, n in zip(sums, counts, strict=True)]
        total = sum(counts)
        loss = sum(sums) / total if total else None
        return {"loss": loss, "bands": bands, "drawn": [int(n) for n in counts]}


class RunLog:
    """`log.jsonl` in a folder, one object per line, mirrored to TensorBoard where it is installed.

    Every line has `event` ("train", "probe", ...) and `pictures`. Lists under "bands" become one
    curve per band.
    """

    def __init__(self, folder: Path, tensorboard: bool = True):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "log.jsonl"
        self.board = _board(folder / "tensorboard") if tensorboard else None

    def write(self, event: str, pictures: int, values: Mapping[str, Any]) -> None:
        """Appends one line; a full disk loses the line, not the run."""
        line = json.dumps({"event": event, "pictures": pictures, **values})
        with suppress(OSError):
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")
            if self.board is not None:
                for name, value in _scalars(event, values):
                    self.board.add_scalar(name, value, pictures)

    def close(self) -> None:
        """Flushes TensorBoard, where the disk has room for it."""
        if self.board is not None:
            with suppress(OSError):
                self.board.close()


def read_log(folder: Path, event: str | None = None) -> list[dict[str, Any]]:
    """The lines of a folder's log, all or those of one event; a line cut by a kill is left out."""
    path = folder / "log.jsonl"
    if not path.exists():
        return []
    found = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:
            continue
        if event is None or line["event"] == event:
            found.append(line)
    return found


def sigma_histogram(lines: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many noise levels the training lines of a log say were drawn, by band.

    A line tells of the pictures from its `since` on. What a run did again, since it was killed
    after its last save or had its budget raised, counts once.
    """
    kept: list[Mapping[str, Any]] = []
    for line in lines:
        while "since" in line and kept and kept[-1]["pictures"] > line["since"]:
            kept.pop()
        if "drawn" in line:
            kept.append(line)
    return {band: sum(line["drawn"][k] for line in kept) for k, band in enumerate(BANDS)}


def _board(folder: Path) -> Any:
    # Optional: logs are complete without it, and it is no dependency of the package.
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _scalars(event: str, values: Mapping[str, Any]) -> list[tuple[str, float]]:
    found: list[tuple[str, float]] = []
    for name, value in values.items():
        if isinstance(value, bool) or value is None or isinstance(value, str):
            continue
        if isinstance(value, int | float):
            found.append((f"{event}/{name}", float(value)))
        elif isinstance(value, list) and len(value) == len(BANDS):
            pairs = zip(BANDS, value, strict=True)
            found += [(f"{event}/{name}/{band}", v) for band, v in pairs if v is not None]
    return found
