"""The T5 side of the conditioning: a text as one feature per token (Sec. 4.2 of the paper).

Works with any T5 encoder that transformers can read, from a local folder or the hub: the
storybook's own, `google/t5-v1_1-xxl`, `t5-11b`. It knows nothing of CLIP or of training.
transformers takes a second or two to import: only who loads a T5 waits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tokenizers import Tokenizer

from ediffi.conditioning.folders import UNREADABLE, check_unchanged
from ediffi.conditioning.streams import LibraryTokenizer, Span, SpanTokenizer, fit, pad

if TYPE_CHECKING:
    import transformers


@dataclass(frozen=True)
class TokenFeatures:
    """Features of a batch of texts: `features` (b, n, d), `mask` (b, n) bool, spans, dropped words.

    Columns that are False in `mask` hold zeros.
    """

    features: torch.Tensor
    mask: torch.Tensor
    spans: tuple[tuple[Span, ...], ...]
    dropped: tuple[tuple[str, ...], ...]


class T5Text:
    """A T5 encoder and its tokenizer; `length` columns at most, `</s>` among them."""

    def __init__(
        self, model: transformers.T5EncoderModel, tokenizer: SpanTokenizer, length: int = 113
    ) -> None:
        self.model: Any = model.eval().requires_grad_(False)
        self.tokenizer = tokenizer
        self.length = length
        self.width: int = model.config.d_model

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> TokenFeatures:
        """Features of `texts`, columns trimmed to the longest of them, zeroed at pads."""
        end, filler = self.model.config.eos_token_id, self.model.config.pad_token_id
        rows = [fit(t, self.tokenizer.encode(t), self.length, (), (end,)) for t in texts]
        batch = pad(rows, filler, self.model.device)
        states = self.model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        features = states.masked_fill(~batch.mask[..., None], 0.0)
        return TokenFeatures(features, batch.mask, batch.spans, batch.dropped)


def load_t5(source: str | Path, dtype: torch.dtype = torch.float32, length: int = 113) -> T5Text:
    """The T5 encoder in the local folder or hub id `source`.

    Raises FileNotFoundError, saying how to pass a local folder, when nothing can be found there,
    and ValueError when its weights changed since they were written.
    """
    import transformers

    local = Path(source).is_dir()
    if isinstance(source, Path) and not local:
        raise FileNotFoundError(f"the T5 folder {str(source)!r} does not exist.")
    check_unchanged(Path(source), "model.safetensors")
    transformers.utils.logging.disable_progress_bar()
    try:
        loaded: Any = transformers.T5EncoderModel.from_pretrained(
            str(source), dtype=dtype, output_loading_info=True
        )
        model, loading = loaded
        # The library would fill what the file lacks with noise, and merely warn.
        if loading["missing_keys"]:
            raise KeyError(sorted(loading["missing_keys"])[0])
        tokenizer = _tokenizer(source)
    except UNREADABLE as error:
        raise FileNotFoundError(_how_to(source, local)) from error
    return T5Text(model, LibraryTokenizer(tokenizer), length)


def _tokenizer(source: str | Path) -> Tokenizer:
    import transformers

    file = Path(source) / "tokenizer.json"
    if file.is_file():
        return Tokenizer.from_file(str(file))
    # v1.1 checkpoints carry a sentencepiece file only, which transformers turns into a fast one.
    return transformers.AutoTokenizer.from_pretrained(str(source)).backend_tokenizer


def _how_to(source: str | Path, local: bool) -> str:
    if local:
        return (
            f"the folder {str(source)!r} is no T5 encoder: it needs config.json, model.safetensors "
            "and tokenizer.json (or spiece.model with the sentencepiece package) that fit together."
        )
    return (
        f"the T5 encoder {str(source)!r} is neither cached here nor reachable; fetch it where "
        f"there is a network (hf download {source} --local-dir t5) and pass that folder as t5='t5'."
    )
