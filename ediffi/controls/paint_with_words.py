"""Paint-with-words: phrases of a prompt and the places painted for them (paper Sec. 4.3).

A painting is a value: it knows its prompt, its regions and how to bind them to token columns. The
attention that reads it lives in `networks.attention`; no network is ever changed or hooked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ediffi.conditioning.embeddings import PaintedRegions
from ediffi.conditioning.encoders import EncodedText
from ediffi.conditioning.prompt import Prompt, Span

GRID = 64
MOST_REGIONS = 16
STRONGEST = 10.0
FORMAT = 1

Mask = np.ndarray | Image.Image | Tensor


@dataclass(frozen=True)
class Region:
    """One phrase and where it goes.

    `mask` is a flat tuple of GRID x GRID values 0..255 in reading order; `weight` scales the
    paper's w' (negative pushes the phrase away); it acts where sigma_low <= sigma <= sigma_high.
    """

    phrase: str
    occurrence: int
    span: Span
    mask: tuple[int, ...]
    weight: float = 1.0
    sigma_low: float = 0.0
    sigma_high: float = math.inf

    def tensor(self) -> Tensor:
        """The mask as float32 (GRID, GRID) in [0, 1]."""
        return torch.tensor(self.mask, dtype=torch.float32).reshape(GRID, GRID) / 255


@dataclass(frozen=True)
class Painting:
    """A prompt's painted regions; `add` returns a painting with one more.

    Raises ValueError for a region whose phrase is not in the prompt, an unreadable mask, or
    settings beyond their limits, naming the value and the limit.
    """

    prompt: str
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        """Clean the prompt, so that spans and tokens speak of the same characters."""
        object.__setattr__(self, "prompt", Prompt(self.prompt).text)

    def add(
        self,
        phrase: str,
        mask: Mask,
        occurrence: int = 1,
        weight: float = 1.0,
        window: tuple[float, float] = (0.0, math.inf),
    ) -> Painting:
        """The painting with `phrase` (its n-th `occurrence`) put where `mask` is set.

        `mask` is (h, w) of bool, of 0..255 bytes, or of floats in [0, 1], any size; or a PIL
        picture, whose lightness counts. It is kept as 64 x 64 shares of painted area.
        """
        if len(self.regions) >= MOST_REGIONS:
            raise ValueError(f"a painting holds at most {MOST_REGIONS} regions.")
        if not (math.isfinite(weight) and abs(weight) <= STRONGEST):
            raise ValueError(
                f"the weight of {phrase!r} is {weight}, but must lie within ±{STRONGEST:g}."
            )
        low, high = window
        if not 0 <= low < high:
            raise ValueError(f"the window of {phrase!r} needs 0 <= low < high, not {window}.")
        span = Prompt(self.prompt).phrase(phrase, occurrence)
        region = Region(phrase, occurrence, span, _shares(phrase, mask), weight, low, high)
        return Painting(self.prompt, (*self.regions, region))

    def __bool__(self) -> bool:
        """Whether anything is painted."""
        return bool(self.regions)

    def to_json(self) -> dict[str, Any]:
        """The painting as plain JSON; masks are run lengths [value, count, ...]."""
        return {
            "format": FORMAT,
            "prompt": self.prompt,
            "regions": [
                {
                    "phrase": region.phrase,
                    "occurrence": region.occurrence,
                    "weight": region.weight,
                    "sigma_low": region.sigma_low,
                    "sigma_high": None if math.isinf(region.sigma_high) else region.sigma_high,
                    "runs": _runs(region.mask),
                }
                for region in self.regions
            ],
        }

    @classmethod
    def from_json(cls, data: Any) -> Painting:
        """The painting that `to_json` wrote; ValueError in one sentence for anything else."""
        keys = {"format", "prompt", "regions"}
        if not isinstance(data, dict) or set(data) != keys or data["format"] != FORMAT:
            raise ValueError(f"a painting is an object of format {FORMAT} with the keys {keys}.")
        if not isinstance(data["prompt"], str) or not isinstance(data["regions"], list):
            raise ValueError("a painting's prompt is a text and its regions are a list.")
        painting = cls(data["prompt"])
        for entry in data["regions"]:
            painting = painting._read(entry)
        return painting

    def _read(self, entry: Any) -> Painting:
        keys = {"phrase", "occurrence", "weight", "sigma_low", "sigma_high", "runs"}
        if not isinstance(entry, dict) or set(entry) != keys:
            raise ValueError(f"a painted region has exactly the keys {sorted(keys)}.")
        numbers = (entry["weight"], entry["sigma_low"], entry["sigma_high"] or math.inf)
        known = isinstance(entry["phrase"], str) and type(entry["occurrence"]) is int
        if not known or any(type(n) not in (int, float) for n in numbers):
            raise ValueError(f"the painted region {entry['phrase']!r} has a value of a wrong kind.")
        mask = np.array(_unrolled(entry["runs"]), np.uint8).reshape(GRID, GRID)
        weight, low, high = map(float, numbers)
        return self.add(entry["phrase"], mask, entry["occurrence"], weight, (low, high))


def bind(
    paintings: Sequence[Painting | None], texts: Sequence[EncodedText]
) -> PaintedRegions | None:
    """The paintings of a batch on the columns of both token streams; None when nothing is painted.

    Each text encodes one prompt, alone; columns are padded to the longest of the batch. Pictures
    with fewer regions get empty ones. Raises ValueError when a phrase has no token in either
    stream, because it did not fit into the context.
    """
    most = max((len(p.regions) for p in paintings if p), default=0)
    if most == 0:
        return None
    n = max(text.t5.shape[1] for text in texts)
    m = max(text.clip.shape[1] for text in texts)
    b = len(paintings)
    bound = PaintedRegions(
        masks=torch.zeros(b, most, GRID, GRID),
        t5_columns=torch.zeros(b, most, n),
        clip_columns=torch.zeros(b, most, m),
        weight=torch.zeros(b, most),
        sigma_low=torch.zeros(b, most),
        sigma_high=torch.full((b, most), math.inf),
    )
    for row, (painting, text) in enumerate(zip(paintings, texts, strict=True)):
        if painting is None:
            continue
        for place, region in enumerate(painting.regions):
            _bind_region(bound, row, place, region, Prompt(painting.prompt), text)
    return bound


def _bind_region(
    bound: PaintedRegions, row: int, place: int, region: Region, prompt: Prompt, text: EncodedText
) -> None:
    t5 = prompt.columns(region.span, text.t5_offsets[0])
    clip = prompt.columns(region.span, text.clip_offsets[0])
    if not t5 and not clip:
        raise ValueError(f"the phrase {region.phrase!r} did not fit into the encoders' context.")
    bound.masks[row, place] = region.tensor()
    bound.t5_columns[row, place, t5] = 1
    bound.clip_columns[row, place, clip] = 1
    bound.weight[row, place] = region.weight
    bound.sigma_low[row, place] = region.sigma_low
    bound.sigma_high[row, place] = region.sigma_high


def _shares(phrase: str, mask: Mask) -> tuple[int, ...]:
    if isinstance(mask, Image.Image):
        mask = np.asarray(mask.convert("L"))
    values = mask if isinstance(mask, Tensor) else torch.from_numpy(np.array(mask))
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"the mask of {phrase!r} has the shape {tuple(values.shape)}, not (h, w).")
    shares = values.to(torch.float32)
    if values.dtype == torch.uint8:
        shares = shares / 255
    if not bool(((shares >= 0) & (shares <= 1)).all()):
        raise ValueError(f"the mask of {phrase!r} has values outside 0 to 1.")
    pooled = F.adaptive_avg_pool2d(shares[None, None], GRID)[0, 0]
    # Rounded up, so that a mark of a few pixels on a large canvas is not lost.
    bytes_ = (pooled * 255).ceil().clamp(max=255).to(torch.uint8).flatten().tolist()
    if not any(bytes_):
        raise ValueError(f"the mask of {phrase!r} is empty: nothing is painted for it.")
    return tuple(bytes_)


def _runs(mask: Sequence[int]) -> list[int]:
    runs: list[int] = []
    for value in mask:
        if runs and runs[-2] == value:
            runs[-1] += 1
        else:
            runs += [value, 1]
    return runs


def _unrolled(runs: Any) -> list[int]:
    cells = GRID * GRID
    if not isinstance(runs, list) or len(runs) % 2 or len(runs) > 2 * cells:
        raise ValueError("a mask's runs are a list of pairs: a value and how often it comes.")
    pairs = list(zip(runs[::2], runs[1::2], strict=True))
    valid = all(
        type(v) is int and type(n) is int and 0 <= v <= 255 and 0 < n <= cells for v, n in pairs
    )
    if not valid or sum(n for _, n in pairs) != cells:
        raise ValueError(f"a mask's runs hold values 0 to 255 and add up to {cells} cells.")
    return [value for value, count in pairs for _ in range(count)]
