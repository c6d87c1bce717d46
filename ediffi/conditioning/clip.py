"""CLIP text tokens, pooled CLIP text and CLIP image vectors (paper Sec. 4.2).

Works with any two-tower model that open_clip can read, from a local folder or by name: the
storybook's own, `ViT-L-14-quickgelu/openai`. It knows nothing of T5 or of how it was trained.
open_clip brings torchvision and timm and takes seconds to import: only who loads a CLIP waits.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regex
import torch
from torch.nn import functional

from ediffi.conditioning.folders import UNREADABLE, check_unchanged
from ediffi.conditioning.streams import (
    NOWHERE,
    LibraryTokenizer,
    Span,
    SpanTokenizer,
    TextTokens,
    encodable,
    fit,
    pad,
    without_blanks,
)

if TYPE_CHECKING:
    from open_clip.tokenizer import SimpleTokenizer

WEIGHTS = "open_clip_model.safetensors"
"""The file of an open_clip folder that holds both towers."""

# The word pattern of CLIP's tokenizer without its special tokens: typed text never means those.
_WORDS = regex.compile(
    r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", regex.IGNORECASE
)


class WordSpanTokenizer:
    """open_clip's `SimpleTokenizer` with spans: every piece of a word carries the word's span."""

    def __init__(self, tokenizer: SimpleTokenizer) -> None:
        self.tokenizer = tokenizer

    def encode(self, text: str) -> TextTokens:
        """Tokens of `text`, uncut, without start or end tokens."""
        text = encodable(text)
        clean = self.tokenizer.clean_fn(text)
        origin = character_origins(clean, text)
        ids: list[int] = []
        spans: list[Span] = []
        for word in _WORDS.finditer(clean):
            raw = "".join(self.tokenizer.byte_encoder[b] for b in word.group().encode("utf-8"))
            pieces = self.tokenizer.bpe(raw).split(" ")
            start, end = origin[word.start()][0], origin[word.end() - 1][1]
            ids += [self.tokenizer.encoder[piece] for piece in pieces]
            spans += [without_blanks(text, (start, end))] * len(pieces)
        return TextTokens(tuple(ids), tuple(spans))


def character_origins(clean: str, text: str) -> list[Span]:
    """For each character of `clean` the characters of `text` that it was made from."""
    if len(clean) == len(text) and clean == text.lower():
        return [(i, i + 1) for i in range(len(text))]
    # str.lower() may lengthen a character, so the comparison folds each character to one.
    folded = "".join(c.lower() if len(c.lower()) == 1 else c for c in text)
    origins: list[Span] = [NOWHERE] * len(clean)
    for _, start, stop, low, high in difflib.SequenceMatcher(
        None, folded, clean, autojunk=False
    ).get_opcodes():
        same = stop - start == high - low
        for j in range(low, high):
            origins[j] = (start + j - low, start + j - low + 1) if same else (start, stop)
    return origins


@dataclass(frozen=True)
class ClipTextFeatures:
    """`features` (b, m, d) after the last norm, before pooling; `pooled` (b, e), mean square 1."""

    features: torch.Tensor
    mask: torch.Tensor
    pooled: torch.Tensor
    spans: tuple[tuple[Span, ...], ...]
    dropped: tuple[tuple[str, ...], ...]


class ClipTowers:
    """A two-tower CLIP and its tokenizer with the ids of start and end of text."""

    def __init__(
        self, model: torch.nn.Module, tokenizer: SpanTokenizer, start: int, end: int
    ) -> None:
        self.model: Any = model.eval().requires_grad_(False)
        # `CustomTextCLIP` keeps its text tower as a module of its own, `CLIP` is its text tower.
        self.text: Any = getattr(model, "text", model)
        self.tokenizer = tokenizer
        self.frame = ((start,), (end,))
        self.length: int = self.text.context_length
        self.width: int = self.text.token_embedding.embedding_dim
        self.pooled_width: int = self.text.text_projection.shape[-1]
        self.image_width: int = self.model.visual.output_dim

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> ClipTextFeatures:
        """Features of `texts`, columns trimmed to the longest of them, zeroed at pads."""
        rows = [fit(t, self.tokenizer.encode(t), self.length, *self.frame) for t in texts]
        weight = self.text.token_embedding.weight
        batch = pad(rows, 0, weight.device)
        features = text_features(self.model, batch.ids)
        last = batch.mask.sum(1) - 1
        pooled = features[torch.arange(len(rows), device=last.device), last]
        pooled = pooled @ self.text.text_projection
        return ClipTextFeatures(
            features.masked_fill(~batch.mask[..., None], 0.0),
            batch.mask,
            unit_mean_square(pooled),
            batch.spans,
            batch.dropped,
        )

    @torch.no_grad()
    def encode_image(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors (b, e) of mean square 1 for pictures `x` (b, 3, h, w) in [-1, 1], of any size."""
        return unit_mean_square(self.model.encode_image(self._prepared(x)))

    def _prepared(self, x: torch.Tensor) -> torch.Tensor:
        visual = self.model.visual
        size = visual.image_size[0]
        x = x.to(next(visual.parameters()).device, torch.float32) / 2 + 0.5
        h, w = x.shape[-2:]
        if (h, w) != (size, size):
            scale = size / min(h, w)
            shape = (max(size, round(h * scale)), max(size, round(w * scale)))
            x = functional.interpolate(x, shape, mode="bicubic", antialias=True).clamp(0, 1)
            top, left = (shape[0] - size) // 2, (shape[1] - size) // 2
            x = x[..., top : top + size, left : left + size]
        mean = torch.tensor(visual.image_mean, device=x.device).view(3, 1, 1)
        std = torch.tensor(visual.image_std, device=x.device).view(3, 1, 1)
        return ((x - mean) / std).to(next(visual.parameters()).dtype)


def text_features(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Per-token features (b, m, d) after the final norm for `ids` (b, m), m at most the context.

    The text tower is causal, so columns behind the end token change nothing before it.
    """
    text: Any = getattr(model, "text", model)
    m = ids.shape[1]
    x = text.token_embedding(ids) + text.positional_embedding[:m]
    return text.ln_final(text.transformer(x, attn_mask=text.attn_mask[:m, :m]))


def unit_mean_square(vector: torch.Tensor) -> torch.Tensor:
    """`vector` (..., d) scaled to mean square 1, that is to length sqrt(d)."""
    return functional.normalize(vector, dim=-1) * vector.shape[-1] ** 0.5


def load_clip(source: str | Path, dtype: torch.dtype = torch.float32) -> ClipTowers:
    """The CLIP in the local folder `source`, or by name as "ViT-L-14-quickgelu/openai".

    Raises FileNotFoundError, saying how to pass a local folder, when nothing can be found there,
    and ValueError for a name that means nothing or weights that changed since they were written.
    """
    import open_clip

    local = Path(source).is_dir()
    if isinstance(source, Path) and not local:
        raise FileNotFoundError(f"the CLIP folder {str(source)!r} does not exist.")
    name, _, tag = str(source).rpartition("/")
    if local:
        name, tag = f"local-dir:{source}", ""
        check_unchanged(Path(source), WEIGHTS)
    elif not name or name not in open_clip.list_models():
        raise ValueError(
            f"{str(source)!r} is neither a folder nor an open_clip model and tag such as "
            "'ViT-L-14-quickgelu/openai'."
        )
    precision = {torch.float16: "pure_fp16", torch.bfloat16: "pure_bf16"}.get(dtype, "fp32")
    # A tag trained with QuickGELU gives wrong numbers without it, and open_clip merely warns.
    quick = bool(tag) and open_clip.get_pretrained_cfg(name, tag).get("quick_gelu", False)
    try:
        model = open_clip.create_model(
            name,
            pretrained=tag or None,
            precision=precision,
            force_quick_gelu=quick,
            require_pretrained=True,
        )
        tokenizer = open_clip.get_tokenizer(name)
    except UNREADABLE as error:
        raise FileNotFoundError(_how_to(source, local)) from error
    return ClipTowers(model, *_with_spans(tokenizer))


def _with_spans(tokenizer: Any) -> tuple[SpanTokenizer, int, int]:
    from open_clip.tokenizer import SimpleTokenizer

    if isinstance(tokenizer, SimpleTokenizer):
        return WordSpanTokenizer(tokenizer), tokenizer.sot_token_id, tokenizer.eot_token_id
    inner = tokenizer.tokenizer
    spans = LibraryTokenizer(inner.backend_tokenizer)
    return spans, inner.bos_token_id, inner.eos_token_id


def _how_to(source: str | Path, local: bool) -> str:
    if local:
        return (
            f"the folder {str(source)!r} is no open_clip model: it needs open_clip_config.json and "
            f"{WEIGHTS} that fit together."
        )
    return (
        f"the CLIP {str(source)!r} is neither cached here nor reachable; fetch its open_clip "
        f"folder (open_clip_config.json, {WEIGHTS}) where there is a network and "
        "pass it as clip='folder'."
    )
