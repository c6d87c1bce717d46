"""A world of random pictures with the true layout of shards, and a tiny denoiser and job for it."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from ediffi.conditioning.cache import build_cache
from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.encoders import DroppedWords, EncodedText
from ediffi.config import DropoutRates, NoiseConfig, TrainingConfig
from ediffi.training.data import ShardSource
from ediffi.training.job import Job

SIZE = 8


class CountingEncoders:
    """Encodes a text by its letters: one T5 column per letter, one CLIP column per word."""

    def encode_text(self, texts):
        t5 = [torch.tensor([[ord(c) / 128, i / 64] for i, c in enumerate(t)]) for t in texts]
        clip = [torch.tensor([[len(w) / 8.0, 1.0, 0.5] for w in t.split()]) for t in texts]
        (a, a_mask), (b, b_mask) = _pad(t5), _pad(clip)
        pooled = torch.tensor([[len(t) / 64.0, 1.0] for t in texts])
        nowhere = tuple(() for _ in texts)
        dropped = tuple(DroppedWords() for _ in texts)
        return EncodedText(a, a_mask, nowhere, b, b_mask, nowhere, pooled, dropped)

    def encode_image(self, x):
        return x.mean((2, 3))


def _pad(rows):
    width = max(len(row) for row in rows)
    values = torch.zeros(len(rows), width, rows[0].shape[1])
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        values[i, : len(row)], mask[i, : len(row)] = row, True
    return values, mask


def write_shards(folder: Path, counts=(5, 4), size=SIZE) -> list[Path]:
    """Shards of plain, grainy pictures, two short captions and a long one each, not encoded."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(0)
    paths, number = [], 0
    for k, count in enumerate(counts):
        colours = torch.randint(0, 200, (count, 1, 1, 3), generator=generator)
        grain = torch.randint(0, 50, (count, size, size, 3), generator=generator)
        images = (colours + grain).byte()
        path = folder / f"shard-{k:05d}.safetensors"
        save_file({"images": images, "seeds": torch.arange(count)}, path)
        lines = []
        for _ in range(count):
            texts = [f"a fox {number}", f"one fox {number} here", f"fox {number} " + "and " * 30]
            lines.append(json.dumps({"scene": {}, "captions": [{"text": t} for t in texts]}))
            number += 1
        path.with_suffix(".jsonl").write_text("\n".join(lines) + "\n")
        paths.append(path)
    return paths


def world(folder: Path, **settings) -> ShardSource:
    """Shards with caches as a source."""
    build_cache(write_shards(folder), CountingEncoders())
    return ShardSource(folder, **settings)


class TinyDenoiser(nn.Module):
    """(x, sigma, cond) → denoised: one convolution, moved by every embedding."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.t5, self.clip = nn.Linear(2, 8), nn.Linear(3, 8)
        self.pooled, self.image = nn.Linear(2, 8), nn.Linear(3, 8)
        self.body = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Conv2d(8, 3, 1)

    def forward(self, x, sigma, cond: Conditioning):
        scale = (sigma[:, None, None, None] ** 2 + 0.25).rsqrt()
        said = (self.t5(cond.t5) * cond.t5_mask[..., None]).sum(1)
        said = said + (self.clip(cond.clip) * cond.clip_mask[..., None]).sum(1)
        said = said + self.pooled(cond.clip_pooled) + self.image(cond.clip_image)
        h = torch.tanh(self.stem(x * scale) + said[:, :, None, None])
        skip = x * 0.25 * scale**2
        out = self.head(torch.tanh(self.body(h)))
        return skip + 0.5 * sigma[:, None, None, None] * scale * out


def config(**changes) -> TrainingConfig:
    """Eight steps of four pictures in full precision."""
    settings = {
        "pictures": 32,
        "batch": 4,
        "optimizer": "muon",
        "rate": 1e-2,
        "adamw_rate": 1e-2,
        "warmup_steps": 2,
        "noise": NoiseConfig(0.0, 1.4),
        "dropout": DropoutRates(0.3, 0.3, 0.6),
        "learned_weight": True,
        "precision": "fp32",
    }
    return TrainingConfig(**{**settings, **changes})


def job(folder: Path, source: ShardSource, **changes) -> Job:
    """A tiny job on the CPU; the same weights every time."""
    torch.manual_seed(0)
    settings = {
        "name": "tiny",
        "module": TinyDenoiser(),
        "config": config(),
        "cpu": True,
        "tensorboard": False,
        "say": lambda text: None,
    }
    return Job(source=source, folder=folder, **{**settings, **changes})


def parts(pictures: int) -> dict:
    """What a job needs whose weights lie in parts: no matrix optimiser, no learnt table."""
    changes = {"optimizer": "adamw", "learned_weight": False, "pictures": pictures}
    return {"config": config(**changes), "sharded": True}
