"""What the inspector learns from: the truth of scenes as tensors, marred pictures and spoilt ones.

A *marred* picture has the faults of a good generator (soft edges, grain, a drifting tint, a bent
line) and is to be read all the same; a *spoilt* one cannot be read, and is to be called unreadable.
Nothing is ever mirrored, because left and right are what the inspector is asked for. Nothing here
knows the network.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ediffi.storybook.inspector import InspectorConfig
from ediffi.storybook.scene import Scene, Thing
from ediffi.storybook.vocabulary import FLOATING

NOTHING = -1  # fills the rows of pictures with fewer things than the most


@dataclass(frozen=True)
class Truth:
    """Of n pictures with up to t things: class indices (n, t), -1 where there is none.

    `centre` (n, t, 2) is (x, y) and `size` (n, t) the box's side, in fractions of the page; `wear`
    (n, t, pieces) the colour of each worn piece, the number of colours when it is not worn.
    """

    kind: Tensor
    colour: Tensor
    centre: Tensor
    size: Tensor
    wear: Tensor
    word: Tensor
    style: Tensor
    place: Tensor
    sky: Tensor

    def rows(self, index: Tensor) -> Truth:
        """The truth of the pictures in `index`."""
        return Truth(**{f.name: getattr(self, f.name)[index] for f in fields(self)})

    def to(self, device: torch.device | str) -> Truth:
        """The same on `device`."""
        return Truth(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})


def centre(thing: Thing) -> tuple[float, float]:
    """The middle (x, y) of a thing's box: its place if it floats, half a size above its feet else.

    >>> centre(Thing("cat", "red", 0.3, 0.9, 0.4))
    (0.3, 0.7)
    """
    return thing.x, thing.y if thing.kind in FLOATING else thing.y - thing.size / 2


def truth_of(scenes: list[Scene], config: InspectorConfig) -> Truth:
    """The truth of scenes in the class order of `config`."""
    most = max(len(scene.things) for scene in scenes)
    shape = (len(scenes), most)
    kind, colour, word = (np.full(shape, NOTHING) for _ in range(3))
    spot, size = np.full((*shape, 2), 0.5, np.float32), np.ones(shape, np.float32)
    wear = np.full((*shape, len(config.wearables)), len(config.colours))
    for row, scene in enumerate(scenes):
        for column, thing in enumerate(scene.things):
            at = row, column
            kind[at], colour[at] = (
                config.kinds.index(thing.kind),
                config.colours.index(thing.colour),
            )
            spot[at], size[at] = centre(thing), thing.size
            if thing.word is not None:
                word[at] = config.words.index(thing.word)
            for piece in thing.wears:
                wear[row, column, config.wearables.index(piece.kind)] = config.colours.index(
                    piece.colour
                )
    pages = {
        "style": [config.styles.index(scene.style) for scene in scenes],
        "place": [config.places.index(scene.place) for scene in scenes],
        "sky": [config.skies.index(scene.sky) for scene in scenes],
    }
    cells = {"kind": kind, "colour": colour, "word": word, "wear": wear}
    return Truth(
        centre=torch.from_numpy(spot),
        size=torch.from_numpy(size),
        **{name: torch.from_numpy(value).long() for name, value in cells.items()},
        **{name: torch.tensor(value) for name, value in pages.items()},
    )


def mar(x: Tensor, truth: Truth, random: torch.Generator) -> tuple[Tensor, Truth]:
    """Pictures (b, 3, h, w) in [-1, 1] with a generator's faults, and the truth moved along."""
    x, truth = _bend(x, truth, random)
    x = _tint(x, random)
    soft = torch.where(_chance(x, 0.5, random), _uniform(x, 0, 1, random), 0.0)
    x = torch.lerp(x, _blurred(x, 0.9), soft)
    smear = torch.where(_chance(x, 0.3, random), 1.0, 0.0)
    grey = x.mean(1, keepdim=True)
    x = torch.lerp(x, grey + _blurred(x - grey, 1.5), smear)  # as JPEG keeps colour at half size
    grain = torch.where(_chance(x, 0.5, random), _uniform(x, 0, 0.1, random), 0.0)
    return (x + grain * _normal(x.shape, x, random)).clamp(-1, 1), truth


def spoil(x: Tensor, random: torch.Generator) -> Tensor:
    """Pictures (b, 3, h, w) made unreadable, each in one of five ways.

    Blurred until shapes are gone, drowned in noise, two pictures in one, tiles shuffled, or half
    sampled (soft and noisy at once).
    """
    b, _, h, _ = x.shape
    spread = float(_uniform(x[:1], 2.5, 7.0, random)[0, 0, 0, 0])
    blurred = _blurred(x, spread)
    drowned = x * _uniform(x, 0, 0.7, random) + _uniform(x, 0.6, 1.2, random) * _normal(
        x.shape, x, random
    )
    double = torch.lerp(x, x.roll(1, 0), _uniform(x, 0.35, 0.65, random))
    side = (4, 8)[int(torch.randint(2, (1,), generator=random, device=x.device))]
    tiles = F.unfold(x, h // side, stride=h // side)
    order = torch.randperm(side * side, generator=random, device=x.device)
    shuffled = F.fold(tiles[..., order], h, h // side, stride=h // side)
    half = blurred * 0.8 + _uniform(x, 0.1, 0.4, random) * _normal(x.shape, x, random)
    ways = torch.stack([blurred, drowned, double, shuffled, half])
    way = torch.randint(len(ways), (b,), generator=random, device=x.device)
    return ways[way, torch.arange(b, device=x.device)].clamp(-1, 1)


def _uniform(x: Tensor, low: float, high: float, random: torch.Generator) -> Tensor:
    """One number per picture, (b, 1, 1, 1)."""
    numbers = torch.rand(len(x), 1, 1, 1, generator=random, device=x.device)
    return low + (high - low) * numbers


def _chance(x: Tensor, share: float, random: torch.Generator) -> Tensor:
    return _uniform(x, 0, 1, random) < share


def _normal(shape: torch.Size | tuple[int, ...], x: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=random, device=x.device)


def _blurred(x: Tensor, spread: float) -> Tensor:
    """x under a Gaussian of `spread` pixels, its border continued; h = w."""
    side, reach = x.shape[-1], round(3 * spread) + 1
    steps = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    weights = torch.exp(-0.5 * (steps / spread) ** 2)
    pixels = torch.arange(side, device=x.device)
    # As two products with a matrix, which beats a convolution of three channels on a CPU.
    blend = x.new_zeros(side, side)
    for step, weight in zip(steps.long().tolist(), weights / weights.sum(), strict=True):
        blend[pixels, (pixels + step).clamp(0, side - 1)] += weight
    return blend @ x @ blend.T


def _tint(x: Tensor, random: torch.Generator) -> Tensor:
    """A little more or less light, contrast and colour, and a slow drift over the page."""
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * _uniform(x, 0.85, 1.15, random)
    x = x * _uniform(x, 0.9, 1.1, random) + _uniform(x, -0.08, 0.08, random)
    drift = F.interpolate(_normal((len(x), 3, 5, 5), x, random), x.shape[2:], mode="bilinear")
    return x + _uniform(x, 0, 0.06, random) * drift


def _bend(x: Tensor, truth: Truth, random: torch.Generator) -> tuple[Tensor, Truth]:
    """Half of the pictures shifted, scaled and rippled; a scene point c moves to (c - t) / s."""
    b, _, h, w = x.shape
    moved = _chance(x, 0.5, random)
    scale = torch.where(moved, _uniform(x, 0.92, 1.08, random), 1.0).view(b)
    shift = torch.stack([_uniform(x, -0.05, 0.05, random) for _ in "xy"], 1).view(b, 2)
    shift = torch.where(moved.view(b, 1), shift + (1 - scale[:, None]) / 2, 0.0)
    ripple = F.interpolate(_normal((b, 2, 9, 9), x, random), (h, w), mode="bilinear")
    ripple = ripple * torch.where(moved, _uniform(x, 0, 0.012, random), 0.0)
    rows = (torch.arange(h, device=x.device) + 0.5) / h
    columns = (torch.arange(w, device=x.device) + 0.5) / w
    page = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), -1)
    source = page * scale.view(b, 1, 1, 1) + shift.view(b, 1, 1, 2) + ripple.permute(0, 2, 3, 1)
    bent = F.grid_sample(x, source * 2 - 1, padding_mode="border", align_corners=False)
    spots = (truth.centre - shift[:, None]) / scale.view(b, 1, 1)
    parts = {f.name: getattr(truth, f.name) for f in fields(truth)}
    return bent, Truth(**{**parts, "centre": spots, "size": truth.size / scale[:, None]})
