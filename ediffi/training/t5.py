"""The storybook's own T5 encoder, trained on captions; its decoder is thrown away.

Span corruption (Raffel et al. 2020, Sec. 3.1.4), on captions and on two captions of one scene
joined, where what is cut out of one can be read in the other only by who wears what. Colours are
random, so span corruption alone asks no noun for its colour for a long time; hence a second task,
half of the time on whole captions: columns name three neighbours on either side, linearly.

It knows captions and the T5 of transformers; it refuses to know pictures, CLIP and denoisers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutput

from ediffi.conditioning.folders import RECORD
from ediffi.conditioning.t5 import load_t5
from ediffi.config import TrainingConfig
from ediffi.files import sha256_of, write_json, writing
from ediffi.precision import half_precision
from ediffi.training.encoder_run import Limit, RunReport, run
from ediffi.training.tokenizers import SENTINELS, caption_texts, token_id

PAD, END = 0, 1
IGNORED = -100
NEIGHBOURS = (-3, -2, -1, 1, 2, 3)
LONGEST = 112
CHECKPOINT = "t5-training/checkpoint.safetensors"


@dataclass(frozen=True)
class T5Plan:
    """Sizes and settings of the small T5. `tokens`: about how many a batch holds;
    `asked`: how many columns of a batch must name their neighbours."""

    width: int = 192
    layers: int = 4
    decoder_layers: int = 1
    heads: int = 6
    head_width: int = 32
    hidden: int = 384
    scenes: int = 30_000
    tokens: int = 1_400
    asked: int = 384
    seed: int = 0

    def config(self, vocabulary: int) -> transformers.T5Config:
        """The encoder-decoder of these sizes, laid out as T5 v1.1."""
        published: dict[str, Any] = dict(
            vocab_size=vocabulary,
            d_model=self.width,
            d_kv=self.head_width,
            d_ff=self.hidden,
            num_layers=self.layers,
            num_decoder_layers=self.decoder_layers,
            num_heads=self.heads,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
            tie_word_embeddings=False,
            pad_token_id=PAD,
            eos_token_id=END,
            decoder_start_token_id=PAD,
        )
        return transformers.T5Config(**published)


TRAINING = TrainingConfig(
    pictures=0,
    batch=0,
    optimizer="muon",
    rate=4e-3,
    adamw_rate=4e-3,
    weight_decay=0.0,
    warmup_steps=50,
    decay_share=0.3,
)


def train_t5(
    out: str | Path,
    limit: Limit,
    plan: T5Plan | None = None,
    device: str = "cpu",
) -> RunReport:
    """Train on the captions of `plan.scenes` scenes with the tokenizer in `out`/t5; export there.

    Resumes from `out`/t5-training. Leaves `out`/t5 a folder that `load_encoders` and transformers
    read: fp16 weights whose output has mean square 1 on captions.
    """
    plan, out = plan or T5Plan(), Path(out)
    tokenizer = Tokenizer.from_file(str(out / "t5" / "tokenizer.json"))
    pairs = _encoded(tokenizer, plan.scenes)
    sentinels = [token_id(tokenizer, f"<extra_id_{i}>") for i in range(SENTINELS)]
    torch.manual_seed(plan.seed)
    model = NeighbourlyT5(plan, tokenizer.get_vocab_size()).to(device)

    def loss_of(step: int, progress: float) -> torch.Tensor:
        rng = np.random.default_rng((plan.seed, step))
        batch = draw_batch(pairs, sentinels, plan, rng)
        with half_precision(torch.device(device)):
            return model(batch, plan.asked)

    report = run(model, loss_of, _takes, TRAINING, limit, out / CHECKPOINT)
    export_t5(model.t5, out / "t5", report)
    return report


@dataclass(frozen=True)
class Batch:
    """Encoder ids (b, n) and, for span corruption, decoder targets (b, k); None for whole texts."""

    ids: torch.Tensor
    targets: torch.Tensor | None


def draw_batch(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]],
    sentinels: Sequence[int],
    plan: T5Plan,
    rng: np.random.Generator,
) -> Batch:
    """A batch of one kind of document (short, long or both joined), whole or corrupted."""
    kind = rng.choice(3, p=(0.4, 0.25, 0.35))
    whole = rng.random() < 0.5
    count = plan.tokens // (16, 70, 85)[kind]
    inputs, targets = [], []
    for index in rng.integers(len(pairs), size=count):
        short, long = pairs[index]
        parts = [short] if kind == 0 else [long] if kind == 1 else [short, long]
        ids = np.concatenate([parts[i] for i in rng.permutation(len(parts))])[:LONGEST]
        if not whole:
            density = rng.uniform(0.15, 0.5)
            ids, target = corrupt(ids, sentinels, density, rng.uniform(1.0, 2.5), rng)
            targets.append([*target, END])
        inputs.append([*ids, END])
    return Batch(_padded(inputs, PAD), None if whole else _padded(targets, IGNORED))


def corrupt(
    ids: np.ndarray,
    sentinels: Sequence[int],
    density: float,
    mean_span: float,
    rng: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """`ids` with spans replaced by sentinels, and the sentinels each followed by their span.

    About `density` of the ids are cut out, in spans of `mean_span` on average, never two adjacent.
    """
    n = len(ids)
    if n < 2:
        return list(ids), []
    cut = min(n - 1, max(1, round(n * density)))
    spans = min(max(1, round(cut / mean_span)), n - cut, len(sentinels))
    lengths = np.diff([0, *np.sort(rng.permutation(cut - 1)[: spans - 1] + 1), cut])
    free = n - cut - (spans - 1)
    edges = np.sort(rng.integers(0, free + 1, size=spans))
    source, target, position = [], [], 0
    for k in range(spans):
        start = int(edges[k] + k + lengths[:k].sum())
        source += [*ids[position:start], sentinels[k]]
        position = start + int(lengths[k])
        target += [sentinels[k], *ids[start:position]]
    return [*source, *ids[position:]], target


class NeighbourlyT5(torch.nn.Module):
    """A T5 with a linear map from each column to those around it; only its encoder is kept."""

    def __init__(self, plan: T5Plan, vocabulary: int) -> None:
        super().__init__()
        config = plan.config(vocabulary)
        config._attn_implementation = "eager"
        self.t5 = transformers.T5ForConditionalGeneration(config)
        # Untied, the library draws the head as it draws embeddings: logits of 14 to begin with.
        torch.nn.init.normal_(self.t5.lm_head.weight, std=plan.width**-0.5)
        self.neighbours = torch.nn.Linear(plan.width, len(NEIGHBOURS) * plan.width, bias=False)

    def forward(self, batch: Batch, asked: int) -> torch.Tensor:
        """Mean cross-entropy of the neighbours of `asked` columns, plus that of the decoder."""
        ids = batch.ids.to(self.t5.device)
        mask = (ids != PAD).long()
        states = self.t5.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        loss = self._naming(states, ids, asked)
        if batch.targets is None:
            return loss
        spans = self.t5(
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            attention_mask=mask,
            labels=batch.targets.to(ids.device),
        )
        return loss + spans.loss

    def _naming(self, states: torch.Tensor, ids: torch.Tensor, asked: int) -> torch.Tensor:
        real = (ids != PAD).flatten().nonzero().squeeze(1)
        # Spread evenly over the batch: which columns are asked differs from batch to batch anyway.
        chosen = real[:: max(1, len(real) // asked)]
        named = self.neighbours(states.flatten(0, 1)[chosen]).unflatten(-1, (len(NEIGHBOURS), -1))
        reach = max(NEIGHBOURS)
        around = functional.pad(ids, (reach, reach), value=PAD)
        beside = torch.stack(
            [around[:, reach + k : around.shape[1] - reach + k] for k in NEIGHBOURS]
        )
        labels = beside.flatten(1).T[chosen]
        logits = self.t5.lm_head(named)
        return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten())


@torch.no_grad()
def export_t5(
    model: transformers.T5ForConditionalGeneration, folder: Path, report: RunReport
) -> None:
    """Write the encoder into `folder` in fp16, its last norm scaled for mean square 1.

    Raises ValueError in one sentence where a file cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    config = transformers.T5Config(**{**model.config.to_dict(), "is_encoder_decoder": False})
    encoder = transformers.T5EncoderModel(config)
    encoder.encoder.load_state_dict(model.encoder.state_dict())
    with writing(folder):
        encoder.save_pretrained(folder)
    text = load_t5(folder)
    held = [caption for pair in caption_texts(10**6, 64, "validation") for caption in pair]
    out = text(held)
    encoder.encoder.final_layer_norm.weight.mul_(out.features[out.mask].square().mean().rsqrt())
    with writing(folder):
        encoder.half().save_pretrained(folder)
    record = {"network": "t5", **asdict(report), "parameters": encoder.num_parameters()}
    digest = sha256_of(folder / "model.safetensors")
    write_json(folder / RECORD, {**record, "sha256": digest})


def _takes(name: str, parameter: torch.nn.Parameter) -> bool:
    tables = ("shared", "embed", "relative_attention_bias", "lm_head")
    return parameter.ndim == 2 and not any(word in name for word in tables)


def _encoded(tokenizer: Tokenizer, scenes: int) -> list[tuple[np.ndarray, np.ndarray]]:
    texts = [text for pair in caption_texts(0, scenes) for text in pair]
    rows = tokenizer.encode_batch(texts, add_special_tokens=False)
    arrays = [np.array(row.ids, dtype=np.int64) for row in rows]
    return list(zip(arrays[::2], arrays[1::2], strict=True))


def _padded(rows: Sequence[Sequence[int]], filler: int) -> torch.Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[filler] * (width - len(row))] for row in rows])
