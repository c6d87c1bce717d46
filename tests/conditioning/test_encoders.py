"""Both encoders through their one interface, on small checkpoints of the published layouts."""

import json
from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from ediffi.conditioning.clip import WordSpanTokenizer, load_clip
from ediffi.conditioning.encoders import Encoders, StreamScales, load_encoders, measure_scales
from ediffi.conditioning.prompt import Prompt
from ediffi.conditioning.streams import TextTokens, fit, without_blanks
from ediffi.conditioning.t5 import load_t5
from tests.conditioning import checkpoints


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("published")
    checkpoints.write_t5(
        base / "v1_1", checkpoints.T5_V1_1_CONFIG, checkpoints.t5_v1_1_keys, binary=False
    )
    checkpoints.write_t5(base / "11b", checkpoints.T5_11B_CONFIG, checkpoints.t5_11b_keys, True)
    checkpoints.write_clip(base / "clip")
    return {name: base / name for name in ("v1_1", "11b", "clip")}


@pytest.fixture(scope="module")
def encoders(folders) -> Encoders:
    return load_encoders(folders["v1_1"], folders["clip"])


def test_dims_are_those_of_the_checkpoints(encoders):
    dims = encoders.dims
    assert (dims.t5, dims.clip, dims.pooled, dims.image) == (16, 16, 12, 12)
    assert (dims.t5_length, dims.clip_length) == (113, 77)


@pytest.mark.parametrize("kind", ["v1_1", "11b"])
def test_t5_equals_the_encoder_half_of_the_whole_model(folders, kind):
    t5 = load_t5(folders[kind])
    whole = transformers.T5ForConditionalGeneration.from_pretrained(
        folders[kind], dtype=torch.float32
    ).eval()
    ids = torch.tensor([[3, 4, 5, 1]])
    want = whole.encoder(input_ids=ids).last_hidden_state
    assert torch.allclose(t5(["a red fox"]).features, want, atol=1e-6)


def test_clip_equals_open_clip(encoders, folders):
    model: Any = open_clip.create_model(f"local-dir:{folders['clip']}").eval()
    ids = open_clip.get_tokenizer(f"local-dir:{folders['clip']}")(["a red fox", "two moons"])
    text = encoders.clip.encode_text(["a red fox", "two moons"])
    want = model.encode_text(ids, normalize=True) * 12**0.5
    assert torch.allclose(text.pooled, want, atol=1e-4)
    tokens = model.forward_intermediates(text=ids, text_indices=1, normalize_intermediates=True)
    want = tokens["text_intermediates"][-1]
    assert torch.allclose(text.features[0], want[0, : text.features.shape[1]], atol=1e-4)


def test_quick_gelu_of_the_published_config_is_used(encoders):
    blocks = encoders.clip.model.transformer.resblocks
    assert type(blocks[0].mlp.gelu).__name__ == "QuickGELU"


def test_pictures_are_resized_cropped_and_normalised_as_clip_was_trained(encoders):
    x = torch.rand(2, 3, 28, 28) * 2 - 1
    mean = torch.tensor(checkpoints.CLIP_CONFIG["preprocess_cfg"]["mean"]).view(3, 1, 1)
    std = torch.tensor(checkpoints.CLIP_CONFIG["preprocess_cfg"]["std"]).view(3, 1, 1)
    want = encoders.clip.model.encode_image((x / 2 + 0.5 - mean) / std, normalize=True) * 12**0.5
    assert torch.allclose(encoders.encode_image(x), want, atol=1e-5)
    wide = torch.nn.functional.pad(x, (8, 8, 0, 0))
    assert torch.allclose(encoders.encode_image(wide), want, atol=1e-5)
    assert encoders.encode_image(torch.rand(1, 3, 64, 96)).shape == (1, 12)


def test_pooled_vectors_have_mean_square_one(encoders):
    text = encoders.encode_text(["a red fox"])
    image = encoders.encode_image(torch.rand(1, 3, 28, 28))
    for vector in (text.clip_pooled, image):
        assert vector.square().mean().item() == pytest.approx(1.0, abs=1e-5)


def test_columns_are_trimmed_zeroed_and_masked(encoders):
    text = encoders.encode_text(["a red fox", "a"])
    assert text.t5.shape[:2] == (2, 4) and text.clip.shape[:2] == (2, 5)
    assert text.t5_mask.tolist() == [[True] * 4, [True, True, False, False]]
    assert text.clip_mask.tolist() == [[True] * 5, [True, True, True, False, False]]
    assert not text.t5[1, 2:].any() and not text.clip[1, 3:].any()
    assert text.t5_offsets[1] == ((0, 1), (0, 0), (0, 0), (0, 0))
    assert text.clip_offsets[1] == ((0, 0), (0, 1), (0, 0), (0, 0), (0, 0))


def test_a_text_encodes_alike_alone_and_in_a_batch(encoders):
    alone = encoders.encode_text(["a fox"])
    both = encoders.encode_text(["a fox", "a red fox under a red moon"])
    assert torch.allclose(both.t5[0, :3], alone.t5[0], atol=1e-5)
    assert torch.allclose(both.clip[0, :4], alone.clip[0], atol=1e-5)
    assert torch.allclose(both.clip_pooled[0], alone.clip_pooled[0], atol=1e-5)


def test_a_phrase_selects_its_columns_in_both_streams(encoders):
    prompt = Prompt("a red fox under a red moon")
    text = encoders.encode_text([prompt.text])
    span = prompt.phrase("red", occurrence=2)
    assert prompt.columns(span, text.t5_offsets[0]) == [5]
    assert prompt.columns(span, text.clip_offsets[0]) == [6]


def test_a_bare_metaspace_belongs_to_no_word(encoders):
    text = encoders.encode_text(["a xfox"])
    assert without_blanks("a xfox", (1, 2)) == (0, 0)
    spans = text.t5_offsets[0]
    assert all("a xfox"[a:b].strip() == "a xfox"[a:b] for a, b in spans)


def test_words_that_do_not_fit_are_named_per_stream(encoders):
    words = [f"w{i}" for i in range(60)]
    text = encoders.encode_text([" ".join(words), "a fox"])
    dropped = text.dropped[0]
    assert dropped and not text.dropped[1]
    assert text.clip.shape[1] == 77 and text.t5.shape[1] == 113
    for stream, offsets in ((dropped.t5, text.t5_offsets), (dropped.clip, text.clip_offsets)):
        kept = " ".join(words)[: max(end for _, end in offsets[0])].split()
        assert list(stream) == words[len(words) - len(stream) :]
        assert len(kept) + len(stream) in (60, 61)


def test_a_word_cut_in_the_middle_counts_as_dropped():
    tokens = TextTokens((5, 6, 7), ((0, 3), (4, 6), (6, 8)))
    fitted = fit("red foxes", tokens, 3, (), (1,))
    assert fitted.ids == (5, 6, 1)
    assert fitted.dropped == ("foxes",)


@pytest.mark.parametrize(
    "text",
    [
        "🦊 fox",
        "ثعلب أحمر",
        "a\x00\x07b",
        "a \ud800 b",
        "</s> <end_of_text>",
        "&amp; ﬁsh",
        "İstanbul",
    ],
)
def test_any_text_encodes_with_spans_inside_it(encoders, text):
    out = encoders.encode_text([text])
    assert torch.isfinite(out.t5).all() and torch.isfinite(out.clip).all()
    for offsets in (out.t5_offsets[0], out.clip_offsets[0]):
        assert all(0 <= a <= b <= len(text) for a, b in offsets)


def test_typed_special_tokens_are_plain_characters(encoders):
    typed = encoders.clip.tokenizer.encode("<end_of_text> fox")
    assert encoders.clip.frame[1][0] not in typed.ids


def test_word_spans_follow_clips_own_cleaning():
    tokenizer = WordSpanTokenizer(open_clip.tokenizer.SimpleTokenizer())
    text = "  A  RED &amp; “white”   fox’s hat"
    tokens = tokenizer.encode(text)
    assert list(tokens.ids) == tokenizer.tokenizer.encode(text)
    said = [text[a:b] for a, b in tokens.spans]
    assert said[:3] == ["A", "RED", "&"] and "hat" == said[-1]
    assert said[said.index("fox") : -1] == ["fox", "’s"]


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_a_blank_text_is_the_exact_null(encoders, blank):
    cond = encoders.condition([blank, "a red fox"])
    for tensor in (cond.t5, cond.t5_mask, cond.clip, cond.clip_mask, cond.clip_pooled):
        assert not tensor[0].any() and tensor[1].any()
    assert not cond.clip_image.any() and not cond.clip_image_mask.any()


def test_images_condition_rows_in_order(encoders):
    x = torch.rand(2, 3, 28, 28)
    cond = encoders.condition(["", "a fox"], x)
    assert cond.clip_image_mask.all()
    assert torch.equal(cond.clip_image, encoders.encode_image(x))
    with pytest.raises(ValueError, match="2 texts were given with 1 images"):
        encoders.condition(["", "a"], x[:1])


def test_measured_scales_bring_streams_to_mean_square_one(encoders, folders):
    texts = ["a red fox", "a moon under a fox"]
    scales = measure_scales(encoders, texts)
    scaled = load_encoders(folders["v1_1"], folders["clip"], scales).encode_text(texts)
    assert scaled.t5[scaled.t5_mask].square().mean().item() == pytest.approx(1, rel=1e-4)
    assert scaled.clip[scaled.clip_mask].square().mean().item() == pytest.approx(1, rel=1e-4)
    assert scales != StreamScales()


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.mark.parametrize("name", ["google/t5-v1_1-xxl", "t5-11b"])
def test_t5_without_network_says_how_to_pass_a_folder(no_network, name):
    with pytest.raises(FileNotFoundError, match="pass that folder as t5="):
        load_t5(name)


def test_clip_without_network_says_how_to_pass_a_folder(no_network):
    with pytest.raises(FileNotFoundError, match="pass it as clip="):
        load_clip("ViT-L-14-quickgelu/openai")


def test_a_name_that_means_nothing_is_refused():
    with pytest.raises(ValueError, match="neither a folder nor an open_clip model"):
        load_clip("no-such-model")


def test_missing_and_empty_folders_are_named(tmp_path):
    for load in (load_t5, load_clip):
        with pytest.raises(FileNotFoundError, match="does not exist"):
            load(tmp_path / "gone")
        with pytest.raises(FileNotFoundError, match="it needs"):
            load(tmp_path)


def test_weights_that_do_not_fit_their_config_are_refused(folders, tmp_path):
    for file in folders["clip"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((tmp_path / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["width"] = 24
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(FileNotFoundError, match="that fit together"):
        load_clip(tmp_path)


def test_truncated_and_incomplete_t5_weights_are_refused(folders, tmp_path):
    for file in folders["v1_1"].iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = tmp_path / "model.safetensors"
    state = load_file(weights)
    del state["encoder.block.1.layer.1.DenseReluDense.wi_0.weight"]
    save_file(state, weights, metadata={"format": "pt"})
    with pytest.raises(FileNotFoundError, match="that fit together"):
        load_t5(tmp_path)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(FileNotFoundError, match="that fit together"):
        load_t5(tmp_path)
