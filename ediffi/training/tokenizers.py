"""The storybook's two tokenizers, trained on its captions (for T5 and for CLIP).

Both split into words and punctuation, merge letters to whole words (byte-pair encoding) and fall
back to single bytes, so that any text encodes. Both read lower case only. They know captions, not
networks.

Ids of T5: pad 0, end 1, unknown 2, 256 bytes, pieces, sentinels last. Ids of CLIP: pad 0, 256
bytes, pieces, start and end last, because CLIP pools at the highest id.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from tokenizers import (
    Regex,
    Tokenizer,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from tqdm import tqdm
from transformers import PreTrainedTokenizerFast

from ediffi.storybook import vocabulary
from ediffi.storybook.captions import write_caption
from ediffi.storybook.scene import sample_scene

PIECES = 1_500
SENTINELS = 32
CLIP_START, CLIP_END = "<start_of_text>", "<end_of_text>"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def caption_texts(first_seed: int, count: int, split: str = "train") -> Iterator[tuple[str, str]]:
    """A short and a long caption of each of `count` scenes from `first_seed` on."""
    for seed in range(first_seed, first_seed + count):
        scene = sample_scene(seed, split=split)
        yield (
            write_caption(scene, seed, length="short").text,
            write_caption(scene, seed, length="long").text,
        )


def train_tokenizers(out: str | Path, count: int = 15_000, first_seed: int = 0) -> None:
    """Train both tokenizers on the captions of `count` scenes, into `out`/t5 and `out`/clip."""
    pairs = tqdm(caption_texts(first_seed, count), total=count, desc="captions", file=sys.stderr)
    texts = [text for pair in pairs for text in pair]
    # A rare word of the vocabulary becomes a piece of its own as well.
    merged = _merges(texts + sorted(vocabulary.KNOWN_WORDS) * 2)
    t5 = _assemble(
        merged,
        before=["<pad>", "</s>", "<unk>"],
        after=[f"<extra_id_{i}>" for i in range(SENTINELS)],
    )
    t5.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=t5,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=113,
    ).save_pretrained(Path(out) / "t5")
    clip = _assemble(merged, before=["<pad>"], after=[CLIP_START, CLIP_END])
    frame = [(token, clip.token_to_id(token)) for token in (CLIP_START, CLIP_END)]
    clip.post_processor = processors.TemplateProcessing(
        single=f"{CLIP_START} $A {CLIP_END}", special_tokens=frame
    )
    PreTrainedTokenizerFast(
        tokenizer_object=clip,
        pad_token="<pad>",
        bos_token=CLIP_START,
        eos_token=CLIP_END,
        model_max_length=77,
    ).save_pretrained(Path(out) / "clip")


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The id of `token`; raises ValueError when `tokenizer` is of another make and lacks it."""
    known = tokenizer.token_to_id(token)
    if known is None:
        raise ValueError(f"the tokenizer has no token {token!r}; train it with train_tokenizers.")
    return known


def _empty(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(),
            normalizers.Lowercase(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always"),
            pre_tokenizers.Punctuation("isolated"),
        ]
    )
    return tokenizer


def _merges(texts: list[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Pieces in order of id, and the merges that make them."""
    tokenizer = _empty(models.BPE())
    letters = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    trainer = trainers.BpeTrainer(
        vocab_size=PIECES, initial_alphabet=["▁", *letters], show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return pieces, [tuple(merge) for merge in model["merges"]]


def _assemble(
    merged: tuple[list[str], list[tuple[str, str]]], before: list[str], after: list[str]
) -> Tokenizer:
    pieces, merges = merged
    ids = [*before, *_BYTES, *pieces, *after]
    assert len(set(ids)) == len(ids)
    model = models.BPE(
        vocab={piece: i for i, piece in enumerate(ids)},
        merges=merges,
        unk_token="<unk>" if "<unk>" in before else None,
        byte_fallback=True,
    )
    tokenizer = _empty(model)
    tokenizer.add_special_tokens([*before, *after])
    return tokenizer
