"""From pixels and captions to the embeddings that lie beside them, and what is left out by them.

One call is one batch, and the batches of a shard are always the same, so the numbers are too. It
knows the interface of encoders; it refuses to know files of pictures and shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from ediffi.conditioning.cache import TextAndImageEncoders
from ediffi.conditioning.encoders import EncodedText
from ediffi.files import sha256_of

LOW_SCORE, LOW_AESTHETIC = "low CLIP score", "low aesthetic score"


@dataclass(frozen=True)
class AestheticHead:
    """A linear map from CLIP image vectors of length 1 to a score, as LAION published them.

    `weight` (d,), `bias`, the least score that is kept, and the sha256 of its file.
    """

    weight: Tensor
    bias: float
    minimum: float
    sha256: str

    def scores(self, vectors: Tensor) -> Tensor:
        """Scores (n,) of CLIP image vectors (n, d) of any length; ValueError for another width."""
        if vectors.shape[1] != len(self.weight):
            raise ValueError(
                f"the aesthetic head takes CLIP image vectors of {len(self.weight)} numbers, and"
                f" these encoders give {vectors.shape[1]}."
            )
        return functional.normalize(vectors.float(), dim=-1) @ self.weight + self.bias


def load_head(path: str | Path, minimum: float) -> AestheticHead:
    """The head in a safetensors file with `weight` (1, d) and `bias` (1,).

    Raises FileNotFoundError or ValueError in one sentence.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"There is no aesthetic head {path}.")
    try:
        tensors = load_file(path)
        weight, bias = tensors["weight"].float().flatten(), float(tensors["bias"].float())
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"{path} is no aesthetic head: it must be a safetensors file with weight (1, d) and"
            f" bias (1,) ({error})."
        ) from error
    return AestheticHead(weight, bias, minimum, sha256_of(path))


@dataclass(frozen=True)
class Embedded:
    """A picture that stays: its captions, and their embeddings as the bytes of a safetensors file.

    In it, half precision: `t5` (n, d) and `clip` (m, d), the real tokens of all captions in order,
    `t5_offsets` and `clip_offsets` (k + 1,) where each caption's begin, `clip_pooled` (k, d) and
    `clip_image` (1, d). `clip_score` is the best caption's cosine with the picture, None where the
    two vectors are of different kinds; `cut` counts captions that are longer than a context.
    """

    captions: tuple[str, ...]
    tensors: bytes
    clip_score: float | None
    aesthetic: float | None
    cut: int


class Embedder:
    """Encoders with limits: what a batch of pictures and captions becomes.

    Captions whose cosine with their picture lies below `min_clip_score` are left out, pictures
    without a caption left or with an aesthetic score below the head's minimum too.
    """

    def __init__(
        self,
        encoders: TextAndImageEncoders,
        min_clip_score: float | None = None,
        head: AestheticHead | None = None,
        device: str = "cpu",
    ):
        self.encoders, self.min_clip_score = encoders, min_clip_score
        self.head, self.device = head, device

    @torch.no_grad()
    def embed(self, pixels: np.ndarray, captions: Sequence[Sequence[str]]) -> list[Embedded | str]:
        """For pixels (b, r, r, 3) uint8 and b lists of captions: b results, or reasons.

        Raises ValueError for values that half precision cannot hold, and when a limit is asked for
        that these encoders cannot judge.
        """
        x = torch.from_numpy(pixels).to(self.device).permute(0, 3, 1, 2).float() / 127.5 - 1
        vectors = self.encoders.encode_image(x).float().cpu()
        owners = [i for i, texts in enumerate(captions) for _ in texts]
        text = self.encoders.encode_text([t for texts in captions for t in texts])
        scores = self._scores(text.clip_pooled.float().cpu(), vectors[owners])
        beauty = None if self.head is None else self.head.scores(vectors).tolist()
        found: list[Embedded | str] = []
        for i in range(len(pixels)):
            rows = [row for row, owner in enumerate(owners) if owner == i]
            if scores is not None and self.min_clip_score is not None:
                rows = [row for row in rows if scores[row] >= self.min_clip_score]
            if not rows:
                found.append(LOW_SCORE)
            elif beauty is not None and self.head and beauty[i] < self.head.minimum:
                found.append(LOW_AESTHETIC)
            else:
                first = owners.index(i)
                found.append(
                    Embedded(
                        captions=tuple(captions[i][row - first] for row in rows),
                        tensors=_packed(text, rows, vectors[i : i + 1]),
                        clip_score=None if scores is None else max(scores[r] for r in rows),
                        aesthetic=None if beauty is None else beauty[i],
                        cut=sum(bool(text.dropped[row]) for row in rows),
                    )
                )
        return found

    def _scores(self, pooled: Tensor, vectors: Tensor) -> list[float] | None:
        if pooled.shape == vectors.shape:
            return functional.cosine_similarity(pooled, vectors, dim=-1).tolist()
        if self.min_clip_score is not None:
            raise ValueError(
                f"these encoders give no CLIP score: their text vectors have {pooled.shape[1]}"
                f" numbers and their image vectors {vectors.shape[1]}."
            )
        return None


def _packed(text: EncodedText, rows: Sequence[int], vector: Tensor) -> bytes:
    t5 = [text.t5[row][text.t5_mask[row]].half().cpu() for row in rows]
    clip = [text.clip[row][text.clip_mask[row]].half().cpu() for row in rows]
    tensors = {
        "t5": torch.cat(t5),
        "t5_offsets": torch.tensor([0, *map(len, t5)]).cumsum(0),
        "clip": torch.cat(clip),
        "clip_offsets": torch.tensor([0, *map(len, clip)]).cumsum(0),
        "clip_pooled": text.clip_pooled[list(rows)].half().cpu(),
        "clip_image": vector.half(),
    }
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise ValueError(f"the encoders give {name} values that half precision cannot hold.")
    return save(tensors)
