"""The storybook's own CLIP, trained contrastively on drawn scenes and their captions.

Symmetric cross-entropy over the pictures and captions of a batch (Radford et al. 2021). Half of the
patches are left out until the last part of the run (Li et al. 2023, "FLIP"), which halves its cost.
Pictures are shifted a little and never mirrored: left and right are words. It reads shards; it
refuses to know how they are drawn, T5 and denoisers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from open_clip.transformer import PatchDropout
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from tqdm import tqdm

from ediffi.conditioning.clip import WEIGHTS, load_clip, text_features
from ediffi.conditioning.folders import RECORD
from ediffi.conditioning.streams import LibraryTokenizer, fit
from ediffi.config import TrainingConfig
from ediffi.files import sha256_of, write_json, written_whole
from ediffi.precision import half_precision
from ediffi.training.encoder_run import Limit, RunReport, run
from ediffi.training.tokenizers import CLIP_END, CLIP_START, caption_texts, token_id

CHECKPOINT = "clip-training/checkpoint.safetensors"
CONTEXT = 77
MAX_SCALE = 100.0
_FUSED = [SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH]


@dataclass(frozen=True)
class ClipPlan:
    """Sizes and settings of the small CLIP; `unmasked`: the last share sees whole pictures."""

    embed: int = 128
    text_width: int = 128
    text_heads: int = 4
    vision_width: int = 192
    head_width: int = 32
    layers: int = 4
    patch: int = 8
    size: int = 64
    batch: int = 256
    hidden_patches: float = 0.5
    unmasked: float = 0.3
    shift: int = 3
    seed: int = 0

    def model_config(self, vocabulary: int) -> dict:
        """The `model_cfg` of an open_clip folder."""
        return {
            "embed_dim": self.embed,
            "vision_cfg": {
                "image_size": self.size,
                "layers": self.layers,
                "width": self.vision_width,
                "head_width": self.head_width,
                "patch_size": self.patch,
            },
            "text_cfg": {
                "context_length": CONTEXT,
                "vocab_size": vocabulary,
                "width": self.text_width,
                "heads": self.text_heads,
                "layers": self.layers,
                "hf_tokenizer_name": "storybook",
            },
        }


TRAINING = TrainingConfig(
    pictures=0,
    batch=0,
    optimizer="muon",
    rate=3e-3,
    adamw_rate=2e-3,
    weight_decay=0.0,
    warmup_steps=30,
    decay_share=0.4,
)


@dataclass(frozen=True)
class Pairs:
    """Pictures uint8 (n, h, w, 3) in parts, and for each picture the token ids of its captions."""

    parts: tuple[torch.Tensor, ...]
    captions: tuple[tuple[tuple[int, ...], ...], ...]

    def pictures(self, indices: np.ndarray) -> torch.Tensor:
        """The pictures at `indices`, float32 (b, 3, h, w) in [-1, 1]."""
        ends = np.cumsum([len(part) for part in self.parts])
        owner = np.searchsorted(ends, indices, side="right")
        starts = ends - [len(part) for part in self.parts]
        rows = [self.parts[o][i - starts[o]] for i, o in zip(indices, owner, strict=True)]
        return torch.stack(rows).permute(0, 3, 1, 2).float() / 127.5 - 1.0


def train_clip(
    out: str | Path,
    shards: str | Path,
    limit: Limit,
    plan: ClipPlan | None = None,
    device: str = "cpu",
) -> RunReport:
    """Train on the pictures and captions of the folder `shards`; export to `out`/clip.

    The tokenizer is the one in `out`/clip. Resumes from `out`/clip-training. Leaves `out`/clip a
    folder that `load_encoders` and open_clip read: fp16 weights, token features of mean square 1.
    """
    plan, out = plan or ClipPlan(), Path(out)
    tokenizer = LibraryTokenizer(Tokenizer.from_file(str(out / "clip" / "tokenizer.json")))
    pairs = read_pairs(Path(shards), tokenizer)
    torch.manual_seed(plan.seed)
    config = plan.model_config(tokenizer.tokenizer.get_vocab_size())
    model: Any = new_clip(config).to(device)

    def loss_of(step: int, progress: float) -> torch.Tensor:
        rng = np.random.default_rng((plan.seed, step))
        hidden = plan.hidden_patches if progress < 1 - plan.unmasked else 0.0
        model.visual.patch_dropout = PatchDropout(hidden) if hidden else torch.nn.Identity()
        x, ids = draw_batch(pairs, plan, rng)
        with half_precision(torch.device(device)), fastest_attention(device):
            image = model.encode_image(x.to(device), normalize=True)
            text = _pooled(model, ids.to(device))
        return contrastive_loss(image, text, model.logit_scale)

    report = run(model, loss_of, takes_muon, TRAINING, limit, out / CHECKPOINT)
    export_clip(model, config, out / "clip", report)
    return report


def read_pairs(shards: Path, tokenizer: LibraryTokenizer) -> Pairs:
    """All pictures (memory-mapped) and tokenised captions of the folder `shards`."""
    files = sorted(shards.glob("shard-*.safetensors"))
    if not files:
        raise FileNotFoundError(f"the folder {str(shards)!r} holds no shard-*.safetensors.")
    frame = [(token_id(tokenizer.tokenizer, token),) for token in (CLIP_START, CLIP_END)]
    parts, captions = [], []
    for file in tqdm(files, desc="captions", unit="shard"):
        parts.append(load_file(file)["images"])
        for line in file.with_suffix(".jsonl").read_text(encoding="utf-8").splitlines():
            texts = [caption["text"] for caption in json.loads(line)["captions"]]
            rows = [fit(text, tokenizer.encode(text), CONTEXT, *frame) for text in texts]
            captions.append(tuple(row.ids for row in rows))
    return Pairs(tuple(parts), tuple(captions))


def draw_batch(
    pairs: Pairs, plan: ClipPlan, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distinct pictures, shifted by up to `plan.shift` pixels, and ids (b, m) of one caption."""
    count = min(plan.batch, len(pairs.captions))
    indices = rng.choice(len(pairs.captions), size=count, replace=False)
    x = pairs.pictures(indices)
    x = shifted(x, plan.shift, rng)
    # One wording for the whole batch: no short caption is padded to a long one beside it.
    wording = int(rng.integers(len(pairs.captions[0])))
    chosen = [pairs.captions[i][wording % len(pairs.captions[i])] for i in indices]
    return x, _padded(chosen)


def fastest_attention(device: str) -> AbstractContextManager[object]:
    """The kernels to train attention with: fused ones go back several times slower on a CPU."""
    return sdpa_kernel([SDPBackend.MATH] if device == "cpu" else _FUSED)


def shifted(x: torch.Tensor, most: int, rng: np.random.Generator) -> torch.Tensor:
    """Pictures (b, c, h, w), all moved by the same up to `most` pixels, their edges drawn out."""
    h, w = x.shape[-2:]
    x = functional.pad(x, (most,) * 4, mode="replicate")
    top, left = rng.integers(2 * most + 1, size=2)
    return x[..., top : top + h, left : left + w]


def contrastive_loss(
    image: torch.Tensor, text: torch.Tensor, log_scale: torch.Tensor
) -> torch.Tensor:
    """Mean of both cross-entropies of `exp(log_scale)` <image, text>, unit vectors (b, e)."""
    scale = log_scale.float().exp().clamp(max=MAX_SCALE)
    logits = scale * image.float() @ text.float().T
    own = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2


@torch.no_grad()
def export_clip(model: torch.nn.Module, config: dict, folder: Path, report: RunReport) -> None:
    """Write `model` into `folder` in fp16, its last norm scaled for tokens of mean square 1.

    Raises ValueError in one sentence where a file cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    half = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic"}
    write_json(folder / "open_clip_config.json", {"model_cfg": config, "preprocess_cfg": half})
    state = {name: value.detach().clone().cpu() for name, value in model.state_dict().items()}
    with written_whole(folder / WEIGHTS) as temporary:
        save_file(state, temporary)
    held = [text for pair in caption_texts(10**6, 64, "validation") for text in pair]
    out = load_clip(folder).encode_text(held)
    scale = out.features[out.mask].square().mean().rsqrt()
    state["ln_final.weight"] *= scale
    state["ln_final.bias"] *= scale
    state["text_projection"] /= scale
    record = {"network": "clip", **asdict(report)}
    record["parameters"] = sum(value.numel() for value in state.values())
    write_weights(folder, state, record)


def write_weights(folder: Path, state: dict[str, torch.Tensor], record: dict[str, Any]) -> None:
    """Both towers in fp16, and `record` with their sum, which is never beside other weights.

    Raises ValueError in one sentence where a file cannot be written.
    """
    (folder / RECORD).unlink(missing_ok=True)
    with written_whole(folder / WEIGHTS) as temporary:
        save_file({name: value.half() for name, value in state.items()}, temporary)
    write_json(folder / RECORD, {**record, "sha256": sha256_of(folder / WEIGHTS)})


def new_clip(config: dict) -> torch.nn.Module:
    """The two untrained towers of a `ClipPlan.model_config`."""
    return open_clip.CLIP(
        config["embed_dim"],
        open_clip.CLIPVisionCfg(**config["vision_cfg"]),
        open_clip.CLIPTextCfg(**config["text_cfg"]),
    )


def _pooled(model: Any, ids: torch.Tensor) -> torch.Tensor:
    features = text_features(model, ids)
    pooled = features[torch.arange(len(ids), device=ids.device), ids.argmax(1)]
    return functional.normalize(pooled @ model.text_projection, dim=-1)


def takes_muon(name: str, parameter: torch.nn.Parameter) -> bool:
    """Whether Muon trains it: matrices that are no tables, as AdamW trains the rest."""
    tables = ("embedding", "logit_scale", "text_projection", "visual.proj", "conv1")
    return parameter.ndim >= 2 and not any(word in name for word in tables)


def _padded(rows: Sequence[Sequence[int]]) -> torch.Tensor:
    width = max(len(row) for row in rows)
    return torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
