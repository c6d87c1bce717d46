"""Stand-ins with the true interfaces, small enough for tests: encoders, a model, a model folder.

They hold no learnt knowledge: every weight is random, so what they picture means nothing, but it
depends on the seed, the prompt and every setting, as a real picture does.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ediffi.answers import Result
from ediffi.build import build_denoiser
from ediffi.conditioning.embeddings import Conditioning
from ediffi.conditioning.encoders import DroppedWords, EncodedText, Encoders
from ediffi.config import EncoderDims
from ediffi.experts.node_sets import BASE_SETS, SR256_SETS
from ediffi.experts.records import Descent
from ediffi.loading import Model
from ediffi.model_folder import write_model
from ediffi.pipeline import EDiffI
from ediffi.presets import preset
from ediffi.request import Request
from ediffi.weights import save_network


class FakeEncoders:
    """Encoders without networks: each word becomes a fixed random vector in both streams."""

    def __init__(self, dims: EncoderDims) -> None:
        self.dims = dims

    def to(self, device: torch.device | str) -> "FakeEncoders":
        return self

    def encode_text(self, texts: Sequence[str]) -> EncodedText:
        t5 = [self._stream(text, self.dims.t5, self.dims.t5_length) for text in texts]
        clip = [self._stream(text, self.dims.clip, self.dims.clip_length) for text in texts]
        t5_tokens, t5_mask = _padded([tokens for tokens, _, _ in t5])
        clip_tokens, clip_mask = _padded([tokens for tokens, _, _ in clip])
        return EncodedText(
            t5=t5_tokens,
            t5_mask=t5_mask,
            t5_offsets=tuple(spans for _, spans, _ in t5),
            clip=clip_tokens,
            clip_mask=clip_mask,
            clip_offsets=tuple(spans for _, spans, _ in clip),
            clip_pooled=torch.stack([_vector(f"all {t}", self.dims.pooled) for t in texts]),
            dropped=tuple(
                DroppedWords(lost, left) for (*_, lost), (*_, left) in zip(t5, clip, strict=True)
            ),
        )

    def encode_image(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, : self.dims.image] * 1.0

    def condition(
        self,
        texts: Sequence[str],
        images: Tensor | None = None,
        encoded: EncodedText | None = None,
    ) -> Conditioning:
        text = encoded or self.encode_text(texts)
        said = torch.tensor([bool(t.strip()) for t in texts])
        vector = torch.zeros(len(texts), self.dims.image)
        return Conditioning(
            t5=text.t5 * said[:, None, None],
            t5_mask=text.t5_mask & said[:, None],
            clip=text.clip * said[:, None, None],
            clip_mask=text.clip_mask & said[:, None],
            clip_pooled=text.clip_pooled * said[:, None],
            clip_image=vector if images is None else self.encode_image(images),
            clip_image_mask=torch.full_like(said, images is not None),
        )

    def _stream(self, text: str, width: int, room: int):
        """Tokens (n, d), spans and dropped words: one token a word and one for the end."""
        words, spans, at = text.split(), [], 0
        for word in words:
            at = text.index(word, at)
            spans.append((at, at + len(word)))
            at += len(word)
        kept = room - 1
        tokens = [_vector(word, width) for word in [*words[:kept], "</s>"]]
        return torch.stack(tokens), (*spans[:kept], (0, 0)), tuple(words[kept:])


def apart(one, other) -> int:
    """The largest difference of two pictures, in steps of 1/255."""
    return int(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).max())


def tiny_denoiser(seed: int = 0) -> nn.Module:
    """The tiny preset's network with random weights in every layer, the zeroed ones too."""
    return shaken(build_denoiser(preset("tiny").base).eval(), seed)


def shaken(module: nn.Module, seed: int) -> nn.Module:
    """The module with random weights in every layer, those that begin as zero too."""
    torch.manual_seed(seed)
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.7 / max(parameter[0].numel(), 1) ** 0.5)
    return module


def tiny_pipeline(seed: int = 0) -> EDiffI:
    """A pipeline over a random tiny network and fake encoders: 16 px in milliseconds."""
    config = preset("tiny").base
    model = Model(
        name="tiny/baseline",
        preset=preset("tiny"),
        config=config,
        network="baseline",
        denoiser=tiny_denoiser(seed),
        encoders=cast(Encoders, FakeEncoders(config.encoders)),
        weights={"baseline": "0" * 64},
    )
    return EDiffI(model, torch.device("cpu"), torch.float32)


def tiny_model_folder(root: Path, resolution: int = 16) -> Path:
    """A model folder as training leaves one, with real but tiny and random encoders."""
    root.mkdir(parents=True, exist_ok=True)
    config = replace(preset("tiny").base, resolution=resolution)
    save_network(root / "baseline", tiny_denoiser(), config, {"pictures": 0})
    _tiny_t5(root / "t5", config.encoders)
    _tiny_clip(root / "clip", config.encoders)
    write_model(root, preset="tiny", default="baseline", networks={"baseline": "baseline"})
    return root


def tiny_cascade_folder(root: Path) -> Path:
    """The tiny model with both of its super-resolution stages: 16, 32 and 64 px."""
    tiny_model_folder(root)
    networks = {"baseline": "baseline"}
    for seed, stage in enumerate(preset("tiny").stages, 5):
        name = stage.denoiser.name
        module = shaken(build_denoiser(stage.denoiser).eval(), seed)
        save_network(root / name, module, stage.denoiser, {"pictures": 0})
        networks[name] = name
    stages = {name: [name] for name in networks if name != "baseline"}
    write_model(root, "tiny", "baseline", networks, stages=stages)
    return root


def tiny_ensemble_folder(root: Path) -> Path:
    """The same with three experts beside the baseline, as Config D serves them."""
    tiny_model_folder(root)
    config, names = preset("tiny").base, []
    for seed, role in enumerate(BASE_SETS["D"], 1):
        descent = Descent(
            part=role.part,
            trained_on=role.part.intervals(),
            serves=role.served(),
            parent="baseline",
            lineage=("baseline", role.name),
        )
        record = {"pictures": 100 * seed, **descent.to_json()}
        save_network(root / role.name, tiny_denoiser(seed), config, record)
        names.append(role.name)
    everyone = ["baseline", *names]
    write_model(root, "tiny", "experts", {n: n for n in everyone}, {"experts": names})
    return root


def tiny_configs_folder(root: Path) -> Path:
    """Everything that the configurations need, at the tiny preset's size."""
    tiny_model_folder(root)
    base, stage = preset("tiny").base, preset("tiny").stages[0].denoiser
    roles = {role.name: (role, base) for of in ("C", "D", "four") for role in BASE_SETS[of]}
    roles |= {f"sr32-{role.name}": (role, stage) for role in SR256_SETS["D"]}
    for seed, (name, (role, config)) in enumerate(roles.items()):
        descent = Descent(role.part, role.part.intervals(), role.served())
        module = shaken(build_denoiser(config).eval(), seed)
        save_network(root / name, module, config, descent.to_json())
    save_network(root / "sr32", shaken(build_denoiser(stage).eval(), 9), stage, {})
    networks = ["baseline", "sr32", *roles]
    ensembles = {"experts": ["low", "middle", "high"]}
    write_model(root, "tiny", "baseline", {n: n for n in networks}, ensembles, {"sr32": ["sr32"]})
    return root


def _tiny_t5(folder: Path, dims: EncoderDims) -> None:
    from transformers import T5Config, T5EncoderModel

    _byte_tokenizer(folder, dims.t5_length)
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=300,
        d_model=dims.t5,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        dropout_rate=0.0,
        is_encoder_decoder=False,
        pad_token_id=0,
        eos_token_id=1,
    )
    T5EncoderModel(config).save_pretrained(folder)


def _tiny_clip(folder: Path, dims: EncoderDims) -> None:
    from open_clip.model import CLIP
    from safetensors.torch import save_file

    _byte_tokenizer(folder, dims.clip_length)
    torch.manual_seed(2)
    vision = {"image_size": 16, "patch_size": 8, "layers": 1, "width": 64, "head_width": 32}
    text = {
        "context_length": dims.clip_length,
        "vocab_size": 300,
        "width": dims.clip,
        "heads": 2,
        "layers": 1,
        "hf_tokenizer_name": "local",
    }
    picture = {"mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"embed_dim": dims.pooled, "vision_cfg": vision, "text_cfg": text}
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": picture})
    )
    model = CLIP(dims.pooled, vision, text)  # pyright: ignore[reportArgumentType]
    save_file(
        {name: value.contiguous() for name, value in model.state_dict().items()},
        folder / "open_clip_model.safetensors",
    )


def _byte_tokenizer(folder: Path, length: int) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pieces = ["<pad>", "</s>", "<s>", "<unk>", *letters]
    tokenizer = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        bos_token="<s>",
        unk_token="<unk>",
        model_max_length=length,
    ).save_pretrained(folder)


def _vector(word: str, width: int) -> Tensor:
    seed = int.from_bytes(hashlib.sha256(word.encode("utf-8", "replace")).digest()[:7], "big")
    return torch.randn(width, generator=torch.Generator().manual_seed(seed))


def _padded(rows: list[Tensor]) -> tuple[Tensor, Tensor]:
    tokens = nn.utils.rnn.pad_sequence(rows, batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return tokens, torch.arange(tokens.shape[1])[None] < lengths[:, None]


def noted(monkeypatch: pytest.MonkeyPatch, model: EDiffI) -> list[Sequence[Request]]:
    """A list that gets every batch of requests that the model is asked to paint."""
    asked: list[Sequence[Request]] = []
    made = model.generate_many

    def noting(requests: Sequence[Request]) -> list[Result]:
        asked.append(requests)
        return made(requests)

    monkeypatch.setattr(model, "generate_many", noting)
    return asked
