"""The three encoders behind one interface: T5 text, CLIP text, CLIP image (paper Sec. 4.2).

The storybook's own encoders and the full-size ones (`google/t5-v1_1-xxl`, `t5-11b`,
`ViT-L-14-quickgelu/openai`) are loaded and used by the same code. It knows nothing of denoisers.

Scale: a projector after the encoders wants features of about mean square 1. Pooled text and image
vectors always have it. Token streams are multiplied by `StreamScales`; the storybook's encoders
have the factor folded into their last norm, so theirs are 1; `measure_scales` finds the others'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ediffi.conditioning.clip import ClipTowers, load_clip
from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.streams import Span
from ediffi.conditioning.t5 import T5Text, load_t5
from ediffi.config import EncoderDims


@dataclass(frozen=True)
class StreamScales:
    """Factors that bring the token features of each text stream to mean square 1."""

    t5: float = 1.0
    clip: float = 1.0


@dataclass(frozen=True)
class DroppedWords:
    """The words of one text that did not fit into each stream's context, in order."""

    t5: tuple[str, ...] = ()
    clip: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything was dropped at all."""
        return bool(self.t5 or self.clip)


@dataclass(frozen=True)
class EncodedText:
    """A batch of texts in both streams.

    `t5` (b, n, d), `clip` (b, m, d) and their bool masks (b, n), (b, m): True at real tokens,
    features zero elsewhere. `clip_pooled` (b, d). `t5_offsets[i][j]` is the character span of
    column j of text i, (0, 0) for start, end and pads. `dropped[i]`: words that did not fit.
    """

    t5: torch.Tensor
    t5_mask: torch.Tensor
    t5_offsets: tuple[tuple[Span, ...], ...]
    clip: torch.Tensor
    clip_mask: torch.Tensor
    clip_offsets: tuple[tuple[Span, ...], ...]
    clip_pooled: torch.Tensor
    dropped: tuple[DroppedWords, ...]


class Encoders:
    """T5 and CLIP as one: text to two token streams and a vector, pictures to a vector."""

    def __init__(self, t5: T5Text, clip: ClipTowers, scales: StreamScales | None = None) -> None:
        self.t5 = t5
        self.clip = clip
        self.scales = scales or StreamScales()

    @property
    def dims(self) -> EncoderDims:
        """Widths and context lengths of the streams."""
        return EncoderDims(
            t5=self.t5.width,
            clip=self.clip.width,
            pooled=self.clip.pooled_width,
            image=self.clip.image_width,
            t5_length=self.t5.length,
            clip_length=self.clip.length,
        )

    def to(self, device: torch.device | str) -> Encoders:
        """Both models moved to `device`; returns self."""
        self.t5.model.to(device)
        self.clip.model.to(device)
        return self

    def encode_text(self, texts: Sequence[str]) -> EncodedText:
        """Both streams of `texts`; columns are trimmed to the longest text of the batch."""
        t5, clip = self.t5(texts), self.clip.encode_text(texts)
        dropped = tuple(map(DroppedWords, t5.dropped, clip.dropped))
        return EncodedText(
            t5=t5.features * self.scales.t5,
            t5_mask=t5.mask,
            t5_offsets=t5.spans,
            clip=clip.features * self.scales.clip,
            clip_mask=clip.mask,
            clip_offsets=clip.spans,
            clip_pooled=clip.pooled,
            dropped=dropped,
        )

    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        """CLIP vectors (b, d) of pictures `x` (b, 3, h, w) in [-1, 1], of any size."""
        return self.clip.encode_image(x)

    def condition(
        self,
        texts: Sequence[str],
        images: torch.Tensor | None = None,
        encoded: EncodedText | None = None,
    ) -> Conditioning:
        """What a denoiser is told for `texts` and `images` (b, 3, h, w) in [-1, 1].

        A blank text is the exact null of both text streams, not the encoding of nothing; no images
        are the exact null of the image. `encoded` is `encode_text(texts)` if it exists already.
        """
        if images is not None and len(images) != len(texts):
            raise ValueError(f"{len(texts)} texts were given with {len(images)} images.")
        text = encoded or self.encode_text(texts)
        said = torch.tensor([bool(t.strip()) for t in texts], device=text.t5.device)
        if images is None:
            vector = text.t5.new_zeros(len(texts), self.clip.image_width)
        else:
            vector = self.encode_image(images)
        return Conditioning(
            t5=text.t5 * said[:, None, None],
            t5_mask=text.t5_mask & said[:, None],
            clip=text.clip * said[:, None, None],
            clip_mask=text.clip_mask & said[:, None],
            clip_pooled=text.clip_pooled * said[:, None],
            clip_image=vector,
            clip_image_mask=torch.full_like(said, images is not None),
        )


def measure_scales(encoders: Encoders, texts: Sequence[str]) -> StreamScales:
    """The factors that give the token features of `texts` mean square 1 over all real tokens."""
    text = encoders.encode_text(texts)
    t5 = text.t5[text.t5_mask].float().square().mean().rsqrt().item()
    clip = text.clip[text.clip_mask].float().square().mean().rsqrt().item()
    return StreamScales(encoders.scales.t5 * t5, encoders.scales.clip * clip)


def load_encoders(
    t5: str | Path,
    clip: str | Path,
    scales: StreamScales | None = None,
    dtype: torch.dtype = torch.float32,
) -> Encoders:
    """Encoders from two local folders, or from a hub id (T5) and an open_clip "model/tag" (CLIP).

    Raises FileNotFoundError with one sentence that says how to pass a local folder when weights are
    neither on this disk nor reachable, ValueError for a name that means nothing.
    """
    return Encoders(load_t5(t5, dtype), load_clip(clip, dtype), scales)
