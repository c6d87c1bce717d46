"""The inspector: a small network that reads a 64 px picture back into things, colours and places.

It is trained on true renders (`inspector_training.py`) and measures pictures that a model sampled
(`evaluation.py`). It sees pixels and nothing else: no caption, no seed, no scene. It takes no part
in sampling, so nothing can be tuned towards it by accident.

A picture is read on a 16 x 16 grid, in the manner of centre-point detection (Zhou et al. 2019,
"Objects as Points"): every cell says whether a thing has its centre there and, if so, which thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ediffi.storybook.scene import Wear
from ediffi.weights import load_network

WEIGHTS = Path(__file__).parent / "weights" / "inspector"
TYPICAL_SIZE = 0.4  # of the page; sizes are learnt as their logarithm over this
DROPOUT = 0.1
BATCH = 50


@dataclass(frozen=True)
class InspectorConfig:
    """Names in the order of the output channels, widths of the trunk, thresholds of the reading."""

    kinds: tuple[str, ...]
    colours: tuple[str, ...]
    wearables: tuple[str, ...]
    words: tuple[str, ...]
    places: tuple[str, ...]
    skies: tuple[str, ...]
    styles: tuple[str, ...]
    resolution: int = 64
    stem: int = 32
    width: int = 96
    deep: int = 128
    threshold: float = 0.5
    wear_threshold: float = 0.5
    readable_threshold: float = 0.5


@dataclass(frozen=True)
class Seen:
    """A thing that was read: `x`, `y` its centre and `size` its box's side, fractions of the page.

    `score` in [0, 1] is how sure the inspector is that this kind of thing stands there.
    """

    kind: str
    colour: str
    x: float
    y: float
    size: float
    score: float
    wears: tuple[Wear, ...] = ()
    word: str | None = None


@dataclass(frozen=True)
class Reading:
    """What a picture shows; an unreadable one shows nothing: no things, place, sky or style."""

    readable: bool
    things: tuple[Seen, ...] = ()
    place: str | None = None
    sky: str | None = None
    style: str | None = None


@dataclass(frozen=True)
class Outputs:
    """Logits of one batch: per cell (b, channels, 16, 16), per picture (b, classes)."""

    present: Tensor
    kind: Tensor
    colour: Tensor
    offset: Tensor
    size: Tensor
    wear: Tensor
    word: Tensor
    style: Tensor
    place: Tensor
    sky: Tensor
    readable: Tensor


def _convolution(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3 x 3 convolutions around a skip; (b, c, h, w) in and out."""

    def __init__(self, channels: int):
        super().__init__()
        last = nn.BatchNorm2d(channels)
        nn.init.zeros_(last.weight)  # every block starts as the identity
        self.body = nn.Sequential(
            _convolution(channels, channels),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False),
            last,
        )

    def forward(self, x: Tensor) -> Tensor:
        """x plus what the two convolutions add."""
        return F.relu(x + self.body(x))


class InspectorNet(nn.Module):
    """Pictures (b, 3, 64, 64) in [-1, 1] -> `Outputs`; `features` gives the pooled vector.

    Grids of 32, 16 and 8; the 8-grid's view of the whole page is added to the 16-grid before the
    cells are read.
    """

    feature_mean: Tensor
    feature_scale: Tensor

    def __init__(self, config: InspectorConfig):
        super().__init__()
        stem, width, deep = config.stem, config.width, config.deep
        self.fine = nn.Sequential(nn.PixelUnshuffle(2), _convolution(12, stem), Residual(stem))
        self.middle = nn.Sequential(
            _convolution(stem, width, 2), *(Residual(width) for _ in range(2))
        )
        self.coarse = nn.Sequential(_convolution(width, deep, 2), Residual(deep), Residual(deep))
        self.lift = nn.Conv2d(deep, width, 1)
        self.join = Residual(width)
        self.cell_splits = {
            "present": 1,
            "kind": len(config.kinds),
            "colour": len(config.colours),
            "offset": 2,
            "size": 1,
            # For each piece the colours it may have, and a last class: not worn.
            "wear": len(config.wearables) * (len(config.colours) + 1),
            "word": len(config.words),
        }
        self.page_splits = {
            "style": len(config.styles),
            "place": len(config.places),
            "sky": len(config.skies),
            "readable": 1,
        }
        self.cells = nn.Conv2d(width, sum(self.cell_splits.values()), 1)
        self.page = nn.Linear(width + deep, sum(self.page_splits.values()))
        self.dropout = nn.Dropout(DROPOUT)
        self.register_buffer("feature_mean", torch.zeros(width + deep))
        self.register_buffer("feature_scale", torch.ones(width + deep))
        with torch.no_grad():
            self.cells.get_parameter("bias")[:1] = -4.0  # most cells hold no centre

    def trunk(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The 16-grid (b, width, 16, 16) and the page's pooled vector (b, width + deep)."""
        middle = self.middle(self.fine(x))
        coarse = self.coarse(middle)
        joined = self.join(middle + F.interpolate(self.lift(coarse), scale_factor=2.0))
        return joined, torch.cat([joined.mean((2, 3)), coarse.mean((2, 3))], 1)

    def forward(self, x: Tensor) -> Outputs:
        """All logits of a batch of pictures."""
        joined, pooled = self.trunk(x)
        cells = self.cells(joined).float().split(list(self.cell_splits.values()), 1)
        page = self.page(self.dropout(pooled)).float().split(list(self.page_splits.values()), 1)
        return Outputs(
            **dict(zip(self.cell_splits, cells, strict=True)),
            **dict(zip(self.page_splits, page, strict=True)),
        )

    def features(self, x: Tensor) -> Tensor:
        """The pooled vectors (b, width + deep), each entry of unit variance over true renders."""
        pooled = self.trunk(x)[1].float()
        return (pooled - self.feature_mean) / self.feature_scale


class Inspector:
    """A trained inspector: `read` says what pictures show, `features` where they lie.

    Pictures are uint8 (n, h, w, 3), square, 64 px wide or a whole multiple, which is averaged down.
    """

    def __init__(self, network: InspectorNet, config: InspectorConfig):
        self.network = network.eval()
        self.config = config

    @torch.inference_mode()
    def read(self, images: np.ndarray) -> list[Reading]:
        """One `Reading` per picture, independent of how they are batched."""
        readings = []
        for x in self._batches(images):
            readings += decode(self.network(x), self.config)
        return readings

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> np.ndarray:
        """Feature vectors float64 (n, d), for distances between sets of pictures."""
        found = [self.network.features(x).cpu().numpy() for x in self._batches(images)]
        return np.concatenate(found).astype(np.float64)

    def _batches(self, images: np.ndarray):
        side = self.config.resolution
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3:
            raise ValueError(
                f"The inspector reads uint8 pictures (n, h, w, 3), not {images.dtype}"
                f" {images.shape}."
            )
        height, width = images.shape[1:3]
        if height != width or height % side:
            raise ValueError(
                f"The inspector reads square pictures of {side} px or a multiple of it,"
                f" not {height} x {width}."
            )
        device = self.network.feature_mean.device
        for start in range(0, len(images), BATCH):
            x = torch.from_numpy(images[start : start + BATCH]).to(device).permute(0, 3, 1, 2)
            x = F.avg_pool2d(x.float() / 127.5 - 1, height // side)
            yield x.contiguous(memory_format=torch.channels_last)


def load_inspector(folder: str | Path = WEIGHTS) -> Inspector:
    """The inspector of a network folder; raises as `weights.load_network` does."""
    network, config, _ = load_network(folder, InspectorConfig, InspectorNet)
    assert isinstance(network, InspectorNet)
    return Inspector(network, config)


def decode(outputs: Outputs, config: InspectorConfig) -> list[Reading]:
    """The readings of a batch of outputs."""
    readable = (torch.sigmoid(outputs.readable[:, 0]) >= config.readable_threshold).tolist()
    peaks = _peaks(outputs, config)
    names = [
        [choices[i] for i in logits.argmax(1).tolist()]
        for logits, choices in (
            (outputs.place, config.places),
            (outputs.sky, config.skies),
            (outputs.style, config.styles),
        )
    ]
    return [
        Reading(True, _apart(found), place, sky, style) if legible else Reading(False)
        for legible, found, place, sky, style in zip(readable, peaks, *names, strict=True)
    ]


def _peaks(outputs: Outputs, config: InspectorConfig) -> list[list[Seen]]:
    """Per picture the things at the local maxima of presence, best first."""
    present = torch.sigmoid(outputs.present)
    highest = present == F.max_pool2d(present, 3, 1, 1)
    score = (present * outputs.kind.softmax(1).amax(1, keepdim=True))[:, 0]
    found: list[list[Seen]] = [[] for _ in range(len(score))]
    side = score.shape[-1]
    at = torch.nonzero(highest[:, 0] & (score >= config.threshold))
    for picture, row, column in at[score[at.unbind(1)].argsort(descending=True)].tolist():
        cell = (picture, slice(None), row, column)
        dx, dy = outputs.offset[cell].tolist()
        colours = len(config.colours)
        wear = outputs.wear[cell].view(len(config.wearables), colours + 1).softmax(1)
        wears = tuple(
            Wear(piece, config.colours[int(odds[:colours].argmax())])
            for piece, odds in zip(config.wearables, wear, strict=True)
            if float(1 - odds[-1]) >= config.wear_threshold
        )
        kind = config.kinds[int(outputs.kind[cell].argmax())]
        seen = Seen(
            kind=kind,
            colour=config.colours[int(outputs.colour[cell].argmax())],
            x=(column + 0.5 + dx) / side,
            y=(row + 0.5 + dy) / side,
            size=TYPICAL_SIZE * float(outputs.size[cell].exp()),
            score=float(score[picture, row, column]),
            wears=wears,
            word=config.words[int(outputs.word[cell].argmax())] if kind == "sign" else None,
        )
        found[picture].append(seen)
    return found


def _apart(things: list[Seen]) -> tuple[Seen, ...]:
    """`things` without those whose centre lies inside the heart of a surer one."""
    kept: list[Seen] = []
    for thing in things:
        if all(
            (thing.x - other.x) ** 2 + (thing.y - other.y) ** 2
            >= (0.3 * min(thing.size, other.size)) ** 2
            for other in kept
        ):
            kept.append(thing)
    return tuple(kept)
