"""Teaching the inspector to read: its losses and its run. It sees true renders and no samples.

Step k draws its pictures and their faults from (seed, k) alone, so a run that was killed goes on
from its last checkpoint as if nothing had happened.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torch import Tensor, nn

from ediffi.config import TrainingConfig
from ediffi.precision import half_precision
from ediffi.storybook import vocabulary
from ediffi.storybook.inspector import (
    TYPICAL_SIZE,
    WEIGHTS,
    Inspector,
    InspectorConfig,
    InspectorNet,
    Outputs,
)
from ediffi.storybook.inspector_pictures import NOTHING, Truth, mar, spoil, truth_of
from ediffi.storybook.scene import Scene
from ediffi.training.encoder_run import Limit, RunReport, run
from ediffi.training.optim import is_matrix
from ediffi.weights import save_network

CONFIG = InspectorConfig(
    kinds=vocabulary.THINGS,
    colours=vocabulary.COLOURS,
    wearables=vocabulary.WEARABLES,
    words=vocabulary.WORDS,
    places=vocabulary.PLACES,
    skies=vocabulary.SKIES,
    styles=vocabulary.STYLES,
)
SETTINGS = TrainingConfig(
    pictures=0,  # the limit of the run decides
    batch=32,
    optimizer="muon",
    rate=2e-3,
    adamw_rate=2e-3,
    weight_decay=0.01,
    warmup_steps=50,
    decay_share=0.4,
    clip_norm=5.0,
)
SPOILT = 8  # one picture in so many is spoilt
REACH = 1.0  # of a thing's centre over the cells, in cells


@dataclass(frozen=True)
class Renders:
    """True pictures uint8 (n, 3, h, w), what they show, and how often each is to be drawn."""

    images: Tensor
    truth: Truth
    weight: Tensor


def read_shards(
    folders: Sequence[str | Path], config: InspectorConfig = CONFIG, most: int | None = None
) -> Renders:
    """The first `most` shards of these folders, or all; FileNotFoundError if there are none."""
    paths = [
        path for folder in folders for path in sorted(Path(folder).glob("shard-*.safetensors"))
    ][:most]
    if not paths:
        raise FileNotFoundError(f"There are no shards in {', '.join(map(str, folders))}.")
    images, scenes = [], []
    for path in paths:
        images.append(load_file(path)["images"])
        lines = path.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines()
        scenes += [Scene.from_json(json.loads(line)["scene"]) for line in lines]
    return renders(np.concatenate(images), scenes, config)


def renders(images: np.ndarray, scenes: list[Scene], config: InspectorConfig = CONFIG) -> Renders:
    """Pictures uint8 (n, h, w, 3) with the scenes they were drawn from."""
    assert len(images) == len(scenes)
    planes = torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
    # Clothes and words are rare and small: without more of them they would be learnt last.
    weight = [
        1 + 2 * any(thing.wears for thing in scene.things) + 3 * any(t.word for t in scene.things)
        for scene in scenes
    ]
    return Renders(planes, truth_of(scenes, config), torch.tensor(weight).float())


def reading_loss(outputs: Outputs, truth: Truth, legible: Tensor) -> Tensor:
    """The loss of a batch; `legible` (b,) is 0 for spoilt pictures, which only teach `readable`."""
    owner, heat = ownership(truth, outputs.present.shape[-1])
    present = _presence_loss(outputs.present[:, 0], heat, legible)
    weight = heat * (heat > 0.3) * legible[:, None, None]
    of = {name: _owned(getattr(truth, name), owner) for name in ("kind", "colour", "size", "word")}
    spots = torch.stack([_owned(truth.centre[..., i], owner) for i in range(2)], 1)
    offset = (outputs.offset - (spots - _cells(owner)) * owner.shape[-1]).abs().sum(1)
    size = (outputs.size[:, 0] - (of["size"] / TYPICAL_SIZE).clamp(min=0.1).log()).abs()
    worn = torch.stack([_owned(truth.wear[..., i], owner) for i in range(truth.wear.shape[2])], 1)
    pieces = outputs.wear.unflatten(1, (worn.shape[1], -1)).transpose(1, 2)
    cells = (
        _cross(outputs.kind, of["kind"])
        + _cross(outputs.colour, of["colour"])
        + 0.5 * offset
        + 0.5 * size
        + 1.5 * _cross(pieces, worn).sum(1)
        + 1.0 * _cross(outputs.word, of["word"])
    )
    pages = sum(
        _cross(getattr(outputs, name), getattr(truth, name)) for name in ("style", "place", "sky")
    )
    readable = F.binary_cross_entropy_with_logits(outputs.readable[:, 0], legible)
    return (
        present
        + (cells * weight).sum() / weight.sum().clamp(min=1)
        + 0.3 * (pages * legible).sum() / legible.sum().clamp(min=1)
        + 0.5 * readable
    )


def ownership(truth: Truth, side: int) -> tuple[Tensor, Tensor]:
    """Per cell (b, side, side) the thing whose centre is nearest, and its nearness in [0, 1].

    Nearness falls with the distance to the cell that holds the centre, where it is 1.
    """
    home = ((truth.centre * side).floor().clamp(0, side - 1) + 0.5) / side
    line = (torch.arange(side, device=home.device) + 0.5) / side
    page = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)
    away = (page[None, None] - home[:, :, None, None]).square().sum(-1) * side**2
    away = away.masked_fill((truth.kind == NOTHING)[:, :, None, None], torch.inf)
    nearest = away.min(1)
    return nearest.indices, torch.exp(-nearest.values / (2 * REACH**2))


def _cells(owner: Tensor) -> Tensor:
    """The centres (1, 2, side, side) of the cells, x first."""
    line = (torch.arange(owner.shape[-1], device=owner.device) + 0.5) / owner.shape[-1]
    return torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]


def _owned(values: Tensor, owner: Tensor) -> Tensor:
    """Per cell the value, of (b, t), that its nearest thing has."""
    return values.gather(1, owner.flatten(1)).view(owner.shape)


def _cross(logits: Tensor, target: Tensor) -> Tensor:
    return F.cross_entropy(logits, target, reduction="none", ignore_index=NOTHING)


def _presence_loss(logits: Tensor, heat: Tensor, legible: Tensor) -> Tensor:
    """The focal loss of centre points (Zhou et al. 2019, eq. 1), per thing."""
    centre = (heat == 1).float()
    hit = (1 - logits.sigmoid()).square() * F.logsigmoid(logits) * centre
    miss = (1 - heat) ** 4 * logits.sigmoid().square() * F.logsigmoid(-logits)
    legible = legible[:, None, None]
    return -((hit + miss) * legible).sum() / (centre * legible).sum().clamp(min=1)


def lesson(
    data: Renders, settings: TrainingConfig, step: int, device: torch.device
) -> tuple[Tensor, Truth, Tensor]:
    """The pictures (b, 3, h, w), truth and legibility (b,) of one step."""
    here = torch.Generator(device).manual_seed(settings.seed * 1_000_003 + step)
    random = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    index = torch.multinomial(data.weight, settings.batch, True, generator=random)
    x = data.images[index].to(device).float() / 127.5 - 1
    x, truth = mar(x, data.truth.rows(index).to(device), here)
    spoilt = max(2, settings.batch // SPOILT)
    x = torch.cat([spoil(x[:spoilt], here), x[spoilt:]])
    legible = torch.ones(len(x), device=device)
    legible[:spoilt] = 0
    return x.contiguous(memory_format=torch.channels_last), truth, legible


def train_inspector(
    data: Renders,
    limit: Limit,
    saved: str | Path,
    out: str | Path = WEIGHTS,
    settings: TrainingConfig = SETTINGS,
    device: str = "cpu",
) -> tuple[Inspector, RunReport]:
    """Teaches an inspector on `data` and writes its network folder `out`.

    Goes on from the checkpoint `saved` if there is one. Raises ValueError for files that cannot be
    written and for a loss that is no number.
    """
    torch.manual_seed(settings.seed)
    where = torch.device(device)
    network = InspectorNet(CONFIG).to(where).to(memory_format=torch.channels_last)

    def loss_of(step: int, _progress: float) -> Tensor:
        x, truth, legible = lesson(data, settings, step, where)
        torch.manual_seed(settings.seed * 1_000_003 + step)  # what dropout draws
        with half_precision(where):
            outputs = network(x)
        return reading_loss(outputs, truth, legible)

    report = run(network, loss_of, _by_muon, settings, limit, Path(saved))
    calibrate(network, data.images)
    record = {
        "scenes": len(data.images),
        "steps": report.steps,
        "pictures_seen": report.steps * settings.batch,
        "seconds": round(report.seconds, 1),
        "loss": round(report.loss, 4),
    }
    save_network(out, network, CONFIG, record)
    return Inspector(network, CONFIG), report


@torch.no_grad()
def calibrate(network: InspectorNet, images: Tensor, count: int = 2048) -> None:
    """Gives every feature zero mean and unit variance over `count` true, unmarred renders."""
    network.eval()
    device = network.feature_mean.device
    pooled = []
    for part in images[:count].split(64):
        x = part.to(device).float() / 127.5 - 1
        pooled.append(network.trunk(x.contiguous(memory_format=torch.channels_last))[1])
    features = torch.cat(pooled)
    network.feature_mean.copy_(features.mean(0))
    network.feature_scale.copy_(features.std(0).clamp(min=1e-2))


def _by_muon(name: str, parameter: nn.Parameter) -> bool:
    # The heads map to many unlike quantities, which one isometry should not bind together.
    return is_matrix(name, parameter) and not name.startswith(("cells", "page"))
