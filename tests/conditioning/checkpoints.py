"""Small checkpoints whose files, key names and config fields are those of the published models.

Shapes are tiny and values random; what is real is the layout, so that the loading code for the
full-size models runs in seconds without them.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers

# config.json of google/t5-v1_1-xxl with its values, sizes made small below.
T5_V1_1_CONFIG = {
    "architectures": ["T5ForConditionalGeneration"],
    "d_ff": 10240,
    "d_kv": 64,
    "d_model": 4096,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "feed_forward_proj": "gated-gelu",
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "num_decoder_layers": 24,
    "num_heads": 64,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "tie_word_embeddings": False,
    "use_cache": True,
    "vocab_size": 32128,
}
# config.json of t5-11b: no gate, tied head, n_positions.
T5_11B_CONFIG = {
    "architectures": ["T5WithLMHeadModel"],
    "d_ff": 65536,
    "d_kv": 128,
    "d_model": 1024,
    "decoder_start_token_id": 0,
    "dropout_rate": 0.1,
    "eos_token_id": 1,
    "initializer_factor": 1.0,
    "is_encoder_decoder": True,
    "layer_norm_epsilon": 1e-06,
    "model_type": "t5",
    "n_positions": 512,
    "num_heads": 128,
    "num_layers": 24,
    "output_past": True,
    "pad_token_id": 0,
    "relative_attention_num_buckets": 32,
    "vocab_size": 32128,
}
# open_clip_config.json of ViT-L-14-quickgelu with the tag openai.
CLIP_CONFIG = {
    "model_cfg": {
        "embed_dim": 768,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 224, "layers": 24, "width": 1024, "patch_size": 14},
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 768,
            "heads": 12,
            "layers": 12,
        },
    },
    "preprocess_cfg": {
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    },
}


def t5_v1_1_keys(blocks: int) -> dict[str, str]:
    """Every tensor of a v1.1 checkpoint by name, with its shape in letters of the config."""
    return _t5_keys(blocks, ("wi_0", "wi_1"), {"lm_head.weight": "vd"})


def t5_11b_keys(blocks: int) -> dict[str, str]:
    """Every tensor of an original T5 checkpoint by name, with its shape in letters."""
    return _t5_keys(blocks, ("wi",), {})


def _t5_keys(blocks: int, gates: tuple[str, ...], more: dict[str, str]) -> dict[str, str]:
    keys = {"shared.weight": "vd", **more}
    for side in ("encoder", "decoder"):
        keys[f"{side}.final_layer_norm.weight"] = "d"
        for block in range(blocks):
            at = f"{side}.block.{block}.layer"
            attentions = ["SelfAttention", "EncDecAttention"][: 2 if side == "decoder" else 1]
            for layer, attention in enumerate(attentions):
                keys[f"{at}.{layer}.layer_norm.weight"] = "d"
                keys |= {f"{at}.{layer}.{attention}.{name}.weight": "ad" for name in "qkv"}
                keys[f"{at}.{layer}.{attention}.o.weight"] = "da"
            if block == 0:
                keys[f"{at}.0.SelfAttention.relative_attention_bias.weight"] = "bh"
            last = len(attentions)
            keys[f"{at}.{last}.layer_norm.weight"] = "d"
            keys |= {f"{at}.{last}.DenseReluDense.{gate}.weight": "fd" for gate in gates}
            keys[f"{at}.{last}.DenseReluDense.wo.weight"] = "df"
    return keys


def write_t5(folder: Path, published: dict, keys, binary: bool) -> dict[str, torch.Tensor]:
    """A T5 folder of layout `published` and `keys`; its tensors."""
    sizes = {
        "d_ff": 24,
        "d_kv": 4,
        "d_model": 16,
        "num_heads": 4,
        "num_layers": 2,
        "vocab_size": 60,
    }
    config = {**published, **sizes}
    if "num_decoder_layers" in config:
        config["num_decoder_layers"] = 2
    letters = {"v": 60, "d": 16, "a": 16, "f": 24, "b": 32, "h": 4}
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn([letters[c] for c in shape], generator=generator) * 0.3
        for name, shape in keys(2).items()
    }
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    if binary:
        torch.save(state, folder / "pytorch_model.bin")
    else:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    pieces = ["▁a", "▁red", "▁fox", "▁under", "▁moon", "s", "▁", "x", ","]
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((p, -2.0) for p in pieces)]
    tokenizer = Tokenizer(models.Unigram(vocab, unk_id=2, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.add_special_tokens(["<pad>", "</s>", "<unk>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    return state


def clip_keys(layers: int) -> dict[str, str]:
    """Every tensor of an OpenAI CLIP in open_clip's names, with its shape in letters."""
    keys = {
        "positional_embedding": "ct",
        "text_projection": "te",
        "logit_scale": "",
        "token_embedding.weight": "vt",
        "ln_final.weight": "t",
        "ln_final.bias": "t",
        "visual.class_embedding": "w",
        "visual.positional_embedding": "pw",
        "visual.proj": "we",
        "visual.conv1.weight": "w3kk",
        "visual.ln_pre.weight": "w",
        "visual.ln_pre.bias": "w",
        "visual.ln_post.weight": "w",
        "visual.ln_post.bias": "w",
    }
    for tower, width in (("", "t"), ("visual.", "w")):
        for layer in range(layers):
            at = f"{tower}transformer.resblocks.{layer}"
            three, four = width.upper(), {"t": "y", "w": "z"}[width]
            keys |= {f"{at}.{ln}.{part}": width for ln in ("ln_1", "ln_2") for part in _PARTS}
            keys[f"{at}.attn.in_proj_weight"] = three + width
            keys[f"{at}.attn.in_proj_bias"] = three
            keys[f"{at}.attn.out_proj.weight"] = width * 2
            keys[f"{at}.attn.out_proj.bias"] = width
            keys[f"{at}.mlp.c_fc.weight"] = four + width
            keys[f"{at}.mlp.c_fc.bias"] = four
            keys[f"{at}.mlp.c_proj.weight"] = width + four
            keys[f"{at}.mlp.c_proj.bias"] = width
    return keys


_PARTS = ("weight", "bias")


def write_clip(folder: Path) -> dict[str, torch.Tensor]:
    """An open_clip folder with the layout of the OpenAI checkpoint; its tensors."""
    config = json.loads(json.dumps(CLIP_CONFIG))
    config["model_cfg"]["embed_dim"] = 12
    config["model_cfg"]["vision_cfg"] |= {
        "image_size": 28,
        "layers": 2,
        "width": 128,
        "patch_size": 14,
    }
    config["model_cfg"]["text_cfg"] |= {"width": 16, "heads": 2, "layers": 2}
    letters = {"c": 77, "t": 16, "T": 48, "y": 64, "e": 12, "v": 49408, "w": 128, "W": 384}
    letters |= {"z": 512, "p": 5, "k": 14, "3": 3}
    generator = torch.Generator().manual_seed(0)
    state = {
        name: torch.randn([letters[c] for c in shape], generator=generator) * 0.2
        for name, shape in clip_keys(2).items()
    }
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    save_file(state, folder / "open_clip_model.safetensors")
    return state
