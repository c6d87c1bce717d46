"""Precomputed embeddings of a folder of shards, so that training never runs an encoder.

Beside every `shard-*.safetensors` (pictures) and `.jsonl` (captions) lies one
`cache-*.safetensors`: half precision, real tokens only, captions in the order of the sidecar. It
knows the layout of shards and caches, not how pictures are drawn or networks trained.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.encoders import EncodedText
from ediffi.files import written_whole

FORMAT = "2"
LONG = 25
"""A caption of more words than this counts as long (short ones have about 10, long ones 60)."""

MULTIPLE = 8
"""Token columns are padded to a multiple of this: few widths suit compiled and planned kernels."""

Progress = Callable[[int, int], None]
"""Called with the pictures done and the pictures there are."""


class TextAndImageEncoders(Protocol):
    """The frozen encoders, as far as the cache needs them."""

    def encode_text(self, texts: Sequence[str]) -> EncodedText:
        """Embeddings of a batch of texts."""
        ...

    def encode_image(self, x: Tensor) -> Tensor:
        """CLIP image vectors `(b, d)` of pictures `(b, 3, h, w)` in [-1, 1]."""
        ...


def mapped(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, mapped from the disk and read when touched.

    Raises FileNotFoundError or ValueError in one sentence.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing.")
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a whole safetensors file: {error}.") from error


def cache_path(shard: Path) -> Path:
    """Where the cache of a shard lies."""
    return shard.with_name(shard.name.replace("shard-", "cache-", 1))


def build_cache(
    shards: Sequence[Path],
    encoders: TextAndImageEncoders,
    progress: Progress | None = None,
    fingerprint: str = "",
    batch: int = 256,
    precision: torch.dtype | None = None,
    device: str = "cpu",
) -> list[Path]:
    """Encodes every caption and picture of `shards`; the paths of the caches.

    Caches that carry the same `fingerprint` (whatever names the encoders' weights) are kept, so a
    run that was cut goes on at its first missing shard; others are made anew. `precision`
    (bfloat16, say) runs the encoders in autocast. Raises ValueError for values beyond half
    precision, a sidecar that does not fit its shard, or a cache that cannot be written.
    """
    paths, done = [], 0
    counts = [_lines(shard.with_suffix(".jsonl")) for shard in shards]
    for shard, count in zip(shards, counts, strict=True):
        path = cache_path(shard)
        if not is_current(path, fingerprint):
            tensors = _encoded(shard, encoders, batch, device, precision)
            with written_whole(path) as temporary:
                save_file(tensors, temporary, {"format": FORMAT, "fingerprint": fingerprint})
        done += count
        paths.append(path)
        if progress is not None:
            progress(done, sum(counts))
    return paths


def is_current(path: Path, fingerprint: str) -> bool:
    """Whether a cache is there, whole, of this format and from these encoders."""
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
    except (SafetensorError, OSError):
        return False
    return header.get("format") == FORMAT and header.get("fingerprint") == fingerprint


def captions_of(shard: Path) -> tuple[list[str], list[int]]:
    """The captions in a shard's sidecar, in order, and the picture that each belongs to."""
    texts, owners = [], []
    with open(shard.with_suffix(".jsonl"), encoding="utf-8") as file:
        for index, line in enumerate(file):
            for caption in json.loads(line)["captions"]:
                texts.append(caption["text"])
                owners.append(index)
    return texts, owners


def _lines(sidecar: Path) -> int:
    if not sidecar.exists():
        raise FileNotFoundError(f"{sidecar} is missing.")
    with open(sidecar, "rb") as file:
        return sum(1 for _ in file)


def _encoded(
    shard: Path,
    encoders: TextAndImageEncoders,
    batch: int,
    device: str,
    precision: torch.dtype | None,
) -> dict[str, Tensor]:
    images = mapped(shard)["images"]
    texts, owners = captions_of(shard)
    if not owners or owners[-1] + 1 != len(images):
        named = owners[-1] + 1 if owners else 0
        raise ValueError(f"{shard} holds {len(images)} pictures, its sidecar names {named}.")
    # Half precision rows are joined outside: under autocast the CPU refuses to.
    inference = _Inference(encoders, device, precision)
    tensors = _texts(texts, inference, batch)
    pictures = [_scaled(images[cut], device) for cut in _cuts(images)]
    tensors["clip_image"] = torch.cat([inference.encode_image(x).half().cpu() for x in pictures])
    tensors["caption_of"] = torch.tensor(owners)
    tensors["words"] = torch.tensor([min(len(t.split()), 2**15 - 1) for t in texts]).short()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"{shard}: {name} has values that half precision cannot hold.")
    return tensors


@dataclass(frozen=True)
class _Inference:
    """Encoders without gradients, in autocast where a precision is given."""

    encoders: TextAndImageEncoders
    device: str
    precision: torch.dtype | None

    def encode_text(self, texts: Sequence[str]) -> EncodedText:
        with self._mode():
            return self.encoders.encode_text(texts)

    def encode_image(self, x: Tensor) -> Tensor:
        with self._mode():
            return self.encoders.encode_image(x)

    @contextmanager
    def _mode(self) -> Iterator[None]:
        kind, own = torch.device(self.device).type, self.precision
        with torch.no_grad(), torch.autocast(kind, own, enabled=own is not None):
            yield


def _texts(texts: list[str], encoders: TextAndImageEncoders, batch: int) -> dict[str, Tensor]:
    # Sorted by length, so that a batch holds few pads; put back in order afterwards.
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    t5: list[Tensor] = [torch.empty(0)] * len(texts)
    clip: list[Tensor] = [torch.empty(0)] * len(texts)
    pooled: list[Tensor] = [torch.empty(0)] * len(texts)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        encoded = encoders.encode_text([texts[i] for i in chosen])
        # Batch by batch off the device: row by row every caption would wait for it five times.
        t5_rows, t5_mask = encoded.t5.half().cpu(), encoded.t5_mask.cpu()
        clip_rows, clip_mask = encoded.clip.half().cpu(), encoded.clip_mask.cpu()
        pooled_rows = encoded.clip_pooled.half().cpu()
        for row, i in enumerate(chosen):
            t5[i] = t5_rows[row][t5_mask[row]]
            clip[i] = clip_rows[row][clip_mask[row]]
            pooled[i] = pooled_rows[row]
    return {
        "t5": torch.cat(t5),
        "t5_offsets": _offsets(t5),
        "clip": torch.cat(clip),
        "clip_offsets": _offsets(clip),
        "clip_pooled": torch.stack(pooled),
    }


def _offsets(rows: Iterable[Tensor]) -> Tensor:
    return torch.tensor([0, *(len(row) for row in rows)]).cumsum(0)


def _cuts(images: Tensor, size: int = 256) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, len(images), size))


def _scaled(images: Tensor, device: str) -> Tensor:
    return images.to(device).permute(0, 3, 1, 2).float() / 127.5 - 1


class CachedEmbeddings:
    """The embeddings of one shard, by caption and picture index."""

    def __init__(self, path: Path):
        tensors = mapped(path)
        self.t5, self.clip = tensors["t5"], tensors["clip"]
        self.pooled, self.image = tensors["clip_pooled"], tensors["clip_image"]
        self.t5_ends = tensors["t5_offsets"].tolist()
        self.clip_ends = tensors["clip_offsets"].tolist()
        self.long = (tensors["words"] > LONG).tolist()
        self.by_picture: list[list[int]] = [[] for _ in range(len(self.image))]
        for caption, picture in enumerate(tensors["caption_of"].tolist()):
            self.by_picture[picture].append(caption)

    def tokens(self, caption: int) -> tuple[Tensor, Tensor]:
        """T5 tokens `(n, d)` and CLIP tokens `(m, d)` of a caption, half precision."""
        t5 = self.t5[self.t5_ends[caption] : self.t5_ends[caption + 1]]
        clip = self.clip[self.clip_ends[caption] : self.clip_ends[caption + 1]]
        return t5, clip


class Embeddings(Protocol):
    """Embeddings at rest: `pooled` (captions, d) and `image` (pictures, d), tokens by caption."""

    pooled: Tensor
    image: Tensor

    def tokens(self, caption: int) -> tuple[Tensor, Tensor]:
        """T5 tokens `(n, d)` and CLIP tokens `(m, d)` of a caption."""
        ...


@torch.no_grad()
def gather(rows: Sequence[tuple[Embeddings, int, int]], multiple: int = MULTIPLE) -> Conditioning:
    """The conditioning of `(embeddings, caption, picture)` rows as one float32 batch.

    Token columns are padded to the longest row, rounded up to `multiple`: few different widths
    suit compiled and planned kernels. Rows become float32 before they are stacked: under autocast
    on the CPU, half-precision rows cannot be.
    """
    tokens = [embeddings.tokens(caption) for embeddings, caption, _ in rows]
    t5, t5_mask = _padded([pair[0] for pair in tokens], multiple)
    clip, clip_mask = _padded([pair[1] for pair in tokens], multiple)
    return Conditioning(
        t5=t5,
        t5_mask=t5_mask,
        clip=clip,
        clip_mask=clip_mask,
        clip_pooled=torch.stack([e.pooled[caption].float() for e, caption, _ in rows]),
        clip_image=torch.stack([e.image[picture].float() for e, _, picture in rows]),
        clip_image_mask=torch.ones(len(rows), dtype=torch.bool),
    )


def padded_width(longest: int, multiple: int = MULTIPLE) -> int:
    """The columns that rows of up to `longest` tokens are padded to."""
    return -(-longest // multiple) * multiple


def _padded(rows: Sequence[Tensor], multiple: int) -> tuple[Tensor, Tensor]:
    width = padded_width(max(len(row) for row in rows), multiple)
    # numpy and not torch: batches are gathered in a thread, and a second pool of torch threads
    # would take the cores from the training.
    values = np.zeros((len(rows), width, rows[0].shape[1]), np.float32)
    mask = np.zeros((len(rows), width), np.bool_)
    for i, row in enumerate(rows):
        values[i, : len(row)] = row.numpy()
        mask[i, : len(row)] = True
    return torch.from_numpy(values), torch.from_numpy(mask)
