"""One text as one stream of tokens: ids, the characters of each, and the words left over.

Shared by the T5 and the CLIP side, so that both answer the same questions in the same way. It knows
nothing of networks: it only cuts, counts and pads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from tokenizers import Tokenizer

Span = tuple[int, int]
"""Characters `text[start:end]` of a token; (0, 0) where it stands for none."""

NOWHERE: Span = (0, 0)


@dataclass(frozen=True)
class TextTokens:
    """The tokens of one text, without the frame (start, end) that an encoder puts around them."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True)
class FittedTokens:
    """Tokens that fit into a context, the frame included, and the words that did not."""

    ids: tuple[int, ...]
    spans: tuple[Span, ...]
    dropped: tuple[str, ...]


class SpanTokenizer(Protocol):
    """Whatever turns a text into tokens that know their characters."""

    def encode(self, text: str) -> TextTokens:
        """Tokens of `text`, uncut, without start or end tokens."""
        ...


def encodable(text: str) -> str:
    """`text` with every lone surrogate as "?", character for character, so offsets stay."""
    return text.encode("utf-8", "replace").decode("utf-8")


def without_blanks(text: str, span: Span) -> Span:
    """`span` with the blanks at both of its ends taken off; (0, 0) if nothing is left.

    A "▁" of a Metaspace tokenizer carries the offset of the blank before the word, and a bare one
    carries nothing else: a phrase must not catch it.
    """
    start, end = span
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else NOWHERE


class LibraryTokenizer:
    """A tokenizer of the `tokenizers` library as a `SpanTokenizer`.

    Its offsets are those of the text before normalisation, with the blanks of "▁" taken off.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        # A visitor who types "</s>" means the characters, not the end of the text.
        tokenizer.encode_special_tokens = True
        self.tokenizer = tokenizer

    def encode(self, text: str) -> TextTokens:
        """Tokens of `text`, uncut, without start or end tokens."""
        text = encodable(text)
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        spans = tuple(without_blanks(text, span) for span in encoding.offsets)
        return TextTokens(tuple(encoding.ids), spans)


def fit(
    text: str, tokens: TextTokens, room: int, before: Sequence[int], after: Sequence[int]
) -> FittedTokens:
    """`tokens` cut to a context of `room` columns and framed by the ids `before` and `after`.

    A word counts as dropped when any of its tokens did not fit, and so does every later word.
    """
    kept = room - len(before) - len(after)
    if kept < 0:
        raise ValueError(f"a context of {room} columns has no room for {len(before) + len(after)}")
    lost = [start for start, end in tokens.spans[kept:] if end > start]
    dropped = (
        tuple(word.group() for word in re.finditer(r"\S+", text) if word.end() > min(lost))
        if lost
        else ()
    )
    ids = (*before, *tokens.ids[:kept], *after)
    spans = (*[NOWHERE] * len(before), *tokens.spans[:kept], *[NOWHERE] * len(after))
    return FittedTokens(ids, spans, dropped)


@dataclass(frozen=True)
class PaddedTokens:
    """A batch of fitted texts: `ids` (b, n) int64, `mask` (b, n) bool, spans and dropped words.

    `n` is the longest text of the batch. `mask` is True at real tokens, start and end included.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    spans: tuple[tuple[Span, ...], ...]
    dropped: tuple[tuple[str, ...], ...]


def pad(rows: Sequence[FittedTokens], pad_id: int, device: torch.device) -> PaddedTokens:
    """`rows` padded on the right to the longest of them."""
    if not rows:
        raise ValueError("0 texts were given, and at least 1 is needed")
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.int64)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row.ids)] = torch.tensor(row.ids, dtype=torch.int64)
        mask[i, : len(row.ids)] = True
    spans = tuple((*row.spans, *[NOWHERE] * (width - len(row.spans))) for row in rows)
    return PaddedTokens(ids.to(device), mask.to(device), spans, tuple(row.dropped for row in rows))
