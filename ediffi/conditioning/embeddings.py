"""What a picture is conditioned on: embeddings, masks and their exact nulls.

Knows shapes, not encoders. An embedding's null is exact: its values are zero *and* its columns are
masked out, which is what training shows the network (paper App. A zeroes dropped embeddings).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ediffi.config import EncoderDims

EMBEDDINGS = ("t5", "clip_text", "clip_image")


@dataclass(frozen=True)
class PaintedRegions:
    """Painted regions bound to columns of both token streams.

    `masks` (b, r, H, W) in [-1, 1], below 0 where a phrase is held back; `t5_columns` (b, r, n) and
    `clip_columns` (b, r, m) are 1 where a column belongs to the region's phrase; `weight` (b, r); a
    region acts where sigma_low <= sigma <= sigma_high (b, r). `by_spread` (b,) is True for a
    picture whose bonus scales with the standard deviation of its scores, False where with their
    maximum (the paper). `pull` (b,) is how far a picture is moved to its places, 0 for not at all
    (`controls.pulling`).
    """

    masks: Tensor
    t5_columns: Tensor
    clip_columns: Tensor
    weight: Tensor
    sigma_low: Tensor
    sigma_high: Tensor
    by_spread: Tensor
    pull: Tensor


@dataclass(frozen=True)
class Conditioning:
    """The embeddings of a batch of b prompts.

    `t5` (b, n, d) and `clip` (b, m, d) with masks True for real tokens, `clip_pooled` (b, d),
    `clip_image` (b, d) with `clip_image_mask` (b,) True where there is a picture. `low_res`
    (b, 3, h, w) in [-1, 1] is what a super-resolution stage enlarges; it is no embedding, and no
    null drops it.
    """

    t5: Tensor
    t5_mask: Tensor
    clip: Tensor
    clip_mask: Tensor
    clip_pooled: Tensor
    clip_image: Tensor
    clip_image_mask: Tensor
    painting: PaintedRegions | None = None
    low_res: Tensor | None = None
    _nulls: dict[tuple[str, ...], "Conditioning"] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def nothing(cls, batch: int, dims: EncoderDims) -> "Conditioning":
        """The exact null of all three embeddings: what the empty prompt is."""
        return cls(
            t5=torch.zeros(batch, 0, dims.t5),
            t5_mask=torch.zeros(batch, 0, dtype=torch.bool),
            clip=torch.zeros(batch, 0, dims.clip),
            clip_mask=torch.zeros(batch, 0, dtype=torch.bool),
            clip_pooled=torch.zeros(batch, dims.pooled),
            clip_image=torch.zeros(batch, dims.image),
            clip_image_mask=torch.zeros(batch, dtype=torch.bool),
        )

    @property
    def batch(self) -> int:
        """How many prompts there are."""
        return len(self.clip_pooled)

    def with_low_res(self, pictures: Tensor) -> "Conditioning":
        """The record for a super-resolution stage that is to enlarge `pictures` (b, 3, h, w).

        Raises ValueError when there are not as many of them as prompts.
        """
        if pictures.ndim != 4 or pictures.shape[:2] != (self.batch, 3):
            shape = tuple(pictures.shape)
            raise ValueError(f"low_res has shape {shape}, but must be ({self.batch}, 3, h, w)")
        return replace(self, low_res=pictures, _nulls={})

    def null(self, *names: str) -> "Conditioning":
        """The same record with the named embeddings (none named: all three) as exact nulls.

        The painting is dropped always. The record made is kept, so asking again at every step gives
        the same object and what was prepared for it stays valid. Raises ValueError for a name that
        is none of t5, clip_text, clip_image.
        """
        chosen = tuple(sorted(set(names))) or EMBEDDINGS
        for name in chosen:
            if name not in EMBEDDINGS:
                raise ValueError(f"no embedding is called {name!r}: there are {EMBEDDINGS}")
        if chosen not in self._nulls:
            keep = {name: torch.zeros(self.batch, dtype=torch.bool) for name in chosen}
            nulled = replace(self.keep(keep), painting=None)
            self._nulls[chosen] = nulled.trimmed()
        return self._nulls[chosen]

    def keep(self, kept: dict[str, Tensor]) -> "Conditioning":
        """The record with an embedding nulled in the rows where its tensor (b,) is False.

        Training drops each embedding independently this way; it decides which rows.
        """
        changes: dict[str, Tensor] = {}
        for name, rows in kept.items():
            rows = rows.to(self.clip_pooled.device)
            if name == "t5":
                changes["t5"] = self.t5 * rows[:, None, None]
                changes["t5_mask"] = self.t5_mask & rows[:, None]
            elif name == "clip_text":
                # One switch drops the tokens and the pooled vector together.
                changes["clip"] = self.clip * rows[:, None, None]
                changes["clip_mask"] = self.clip_mask & rows[:, None]
                changes["clip_pooled"] = self.clip_pooled * rows[:, None]
            else:
                changes["clip_image"] = self.clip_image * rows[:, None]
                changes["clip_image_mask"] = self.clip_image_mask & rows
        return replace(self, **changes, _nulls={})

    def trimmed(self) -> "Conditioning":
        """Without trailing token columns that are masked in every row; a painting keeps all."""
        if self.painting is not None:
            return self
        n, m = _used(self.t5_mask), _used(self.clip_mask)
        return replace(
            self,
            t5=self.t5[:, :n],
            t5_mask=self.t5_mask[:, :n],
            clip=self.clip[:, :m],
            clip_mask=self.clip_mask[:, :m],
            _nulls={},
        )

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> "Conditioning":
        """The record on a device; `dtype` applies to embeddings, not to masks and pictures."""
        moved = {name: _move(t, device, dtype) for name, t in self._tensors().items()}
        if self.low_res is not None:
            moved["low_res"] = _move(self.low_res, device, None)
        painting = self.painting
        if painting is not None:
            painting = PaintedRegions(
                *(_move(getattr(painting, f.name), device, None) for f in fields(painting))
            )
        return replace(self, **moved, painting=painting, _nulls={})

    def rows(self, index: Sequence[int] | Tensor) -> "Conditioning":
        """The chosen rows, in the order given."""
        index = torch.as_tensor(index, device=self.clip_pooled.device)
        chosen = {name: t[index] for name, t in self._tensors().items()}
        painting = self.painting
        if painting is not None:
            painting = PaintedRegions(*(getattr(painting, f.name)[index] for f in fields(painting)))
        return replace(self, **chosen, painting=painting, _nulls={})

    def repeat(self, n: int) -> "Conditioning":
        """Every row `n` times, rows of one prompt side by side."""
        return self.rows(torch.arange(self.batch).repeat_interleave(n))

    def _tensors(self) -> dict[str, Tensor]:
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, Tensor)}


def stack(records: Sequence[Conditioning]) -> Conditioning:
    """Several records as one batch, token columns padded to the longest.

    Raises ValueError when one of them carries a painting (paintings are bound after stacking), or
    when their low-resolution pictures differ in size or are there for some of them only.
    """
    if any(r.painting is not None for r in records):
        raise ValueError("a conditioning that carries a painting cannot be stacked")
    pictures = [r.low_res for r in records if r.low_res is not None]
    sizes = {tuple(p.shape[2:]) for p in pictures}
    if len(pictures) not in (0, len(records)) or len(sizes) > 1:
        raise ValueError("low-resolution pictures must be there for all or none, in one size")
    n = max(r.t5.shape[1] for r in records)
    m = max(r.clip.shape[1] for r in records)
    return Conditioning(
        t5=torch.cat([F.pad(r.t5, (0, 0, 0, n - r.t5.shape[1])) for r in records]),
        t5_mask=torch.cat([F.pad(r.t5_mask, (0, n - r.t5.shape[1])) for r in records]),
        clip=torch.cat([F.pad(r.clip, (0, 0, 0, m - r.clip.shape[1])) for r in records]),
        clip_mask=torch.cat([F.pad(r.clip_mask, (0, m - r.clip.shape[1])) for r in records]),
        clip_pooled=torch.cat([r.clip_pooled for r in records]),
        clip_image=torch.cat([r.clip_image for r in records]),
        clip_image_mask=torch.cat([r.clip_image_mask for r in records]),
        low_res=torch.cat(pictures) if pictures else None,
    )


def _used(mask: Tensor) -> int:
    columns = mask.any(0).nonzero()
    return int(columns.max()) + 1 if len(columns) else 0


def _move(t: Tensor, device: torch.device | str | None, dtype: torch.dtype | None) -> Tensor:
    return t.to(device=device, dtype=dtype if t.is_floating_point() else None)
