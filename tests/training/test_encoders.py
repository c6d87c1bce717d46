"""Tokenizers, the two small trainings, their exports and the gate, at toy size."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

import ediffi
from ediffi.conditioning.encoders import load_encoders
from ediffi.conditioning.prompt import Prompt
from ediffi.conditioning.streams import LibraryTokenizer
from ediffi.presets import preset
from ediffi.storybook import vocabulary
from ediffi.storybook.captions import write_caption
from ediffi.storybook.scene import sample_scene
from ediffi.training import clip as clip_training
from ediffi.training import encoder_run
from ediffi.training import t5 as t5_training
from ediffi.training.encoder_run import Limit
from ediffi.training.probe import PositionScore, nouns, probe_colours, recall, retrieve
from ediffi.training.tokenizers import CLIP_END, CLIP_START, caption_texts, train_tokenizers

SMALL_T5 = t5_training.T5Plan(
    width=16, layers=1, decoder_layers=1, heads=2, head_width=8, hidden=16, scenes=40, tokens=200
)
SMALL_CLIP = clip_training.ClipPlan(
    embed=8, text_width=16, text_heads=2, vision_width=16, head_width=8, layers=1, batch=8
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Tokenizers and a step or two of both encoders, from random pictures and true captions."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("encoders")
    train_tokenizers(out, count=60)
    t5_training.train_t5(out, Limit(steps=2), SMALL_T5)
    shards = out / "shards"
    shards.mkdir()
    images = torch.randint(0, 256, (12, 64, 64, 3), dtype=torch.uint8)
    save_file({"images": images, "seeds": torch.arange(12)}, shards / "shard-00000.safetensors")
    lines = [{"captions": [{"text": t} for t in pair]} for pair in caption_texts(0, 12)]
    (shards / "shard-00000.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    clip_training.train_clip(out, shards, Limit(steps=2), SMALL_CLIP)
    return out


@pytest.fixture(scope="module")
def tokenizers(trained):
    files = {name: str(trained / name / "tokenizer.json") for name in ("t5", "clip")}
    return {name: LibraryTokenizer(Tokenizer.from_file(file)) for name, file in files.items()}


@pytest.mark.parametrize("name", ["t5", "clip"])
@pytest.mark.parametrize("text", ["🦊", "ثعلب", "\x00\x07", "zebra", "½ ﬁ", "</s> <pad>", "漢字"])
def test_any_text_encodes_without_unknowns_and_within_its_characters(tokenizers, name, text):
    tokens = tokenizers[name].encode(text)
    specials = {
        tokenizers[name].tokenizer.token_to_id(token)
        for token in ("<unk>", "</s>", "<pad>", CLIP_START, CLIP_END)
    }
    assert tokens.ids and not specials & set(tokens.ids)
    assert all(0 <= a <= b <= len(text) for a, b in tokens.spans)
    assert "".join(text[a:b] for a, b in dict.fromkeys(tokens.spans)).replace(
        " ", ""
    ) in text.replace(" ", "")


@pytest.mark.parametrize("name", ["t5", "clip"])
def test_every_known_word_is_few_pieces_and_spans_cover_words(tokenizers, name):
    words = sorted(word for word in vocabulary.KNOWN_WORDS if word.isalpha())
    lengths = [len(tokenizers[name].encode(word).ids) for word in words]
    assert max(lengths) == 1
    tokens = tokenizers[name].encode("A Red  fox,")
    assert ["A Red  fox,"[a:b] for a, b in tokens.spans] == ["A", "Red", "fox", ","]


def test_long_captions_fit_both_contexts(tokenizers):
    for _, long in caption_texts(500, 100):
        assert len(tokenizers["t5"].encode(long).ids) <= 112
        assert len(tokenizers["clip"].encode(long).ids) <= 75


def test_clips_end_is_its_highest_id(tokenizers):
    tokenizer = tokenizers["clip"].tokenizer
    assert tokenizer.token_to_id(CLIP_END) == tokenizer.get_vocab_size() - 1


@pytest.mark.parametrize("density", [0.1, 0.3, 0.9])
@pytest.mark.parametrize("n", [1, 2, 3, 17, 112])
def test_corruption_loses_nothing(n, density):
    rng = np.random.default_rng(n)
    ids = np.arange(100, 100 + n)
    sentinels = list(range(32))
    for mean in (1.0, 2.5):
        source, target = t5_training.corrupt(ids, sentinels, density, mean, rng)
        spans: dict[int, list[int]] = {}
        for token in target:
            if token < 32:
                spans[token] = []
            else:
                spans[max(spans)].append(token)
        rebuilt = [i for token in source for i in (spans[token] if token < 32 else [token])]
        assert rebuilt == ids.tolist()
        assert all(spans.values())
        assert not any(a < 32 and b < 32 for a, b in zip(source, source[1:], strict=False))
        if n > 2:
            cut = sum(map(len, spans.values()))
            assert cut == min(n - 1, max(1, round(n * density)))


def test_neighbours_of_a_column_are_the_ids_beside_it():
    model = t5_training.NeighbourlyT5(SMALL_T5, 40)
    ids = torch.tensor([[11, 12, 13, 14, 1, 0]])
    with torch.no_grad():
        model.neighbours.weight.zero_()
        model.t5.lm_head.weight.zero_()
    states = torch.zeros(1, 6, 16)
    uniform = model._naming(states, ids, asked=100)
    assert uniform.item() == pytest.approx(np.log(40), rel=1e-5)


def test_contrastive_loss_in_closed_form():
    eye = torch.eye(4)
    scale = torch.tensor(2.0).log()
    loss = clip_training.contrastive_loss(eye, eye, scale).item()
    assert loss == pytest.approx(-np.log(np.exp(2) / (np.exp(2) + 3)), rel=1e-5)
    same = torch.ones(4, 1)
    assert clip_training.contrastive_loss(same, same, scale).item() == pytest.approx(np.log(4))


def test_recall_in_closed_form_with_ties_lost():
    similar = torch.tensor([[3.0, 1, 2], [5, 4, 3], [1, 1, 1]])
    assert recall(similar, 1) == pytest.approx(1 / 3)
    assert recall(similar, 2) == pytest.approx(2 / 3)
    assert recall(similar, 3) == 1.0


def test_exports_are_read_by_our_code_and_by_their_libraries(trained):
    encoders = load_encoders(trained / "t5", trained / "clip")
    texts = [text for pair in caption_texts(10**6, 64, "validation") for text in pair]
    text = encoders.encode_text(texts)
    assert text.t5[text.t5_mask].square().mean().item() == pytest.approx(1, abs=0.02)
    assert text.clip[text.clip_mask].square().mean().item() == pytest.approx(1, abs=0.02)
    theirs = transformers.AutoTokenizer.from_pretrained(trained / "t5")
    model = transformers.T5EncoderModel.from_pretrained(trained / "t5", dtype=torch.float32)
    out = model(**theirs([texts[0]], return_tensors="pt")).last_hidden_state
    assert torch.allclose(out[0], text.t5[0][text.t5_mask[0]], atol=1e-4)
    model: Any = open_clip.create_model(f"local-dir:{trained / 'clip'}").eval()
    ids = open_clip.get_tokenizer(f"local-dir:{trained / 'clip'}")(texts[:1])
    pooled = model.encode_text(ids, normalize=True) * 8**0.5
    assert torch.allclose(pooled[0], text.clip_pooled[0], atol=1e-3)


def test_a_flipped_bit_is_noticed(trained, tmp_path):
    for name, file in (("t5", "model.safetensors"), ("clip", "open_clip_model.safetensors")):
        shutil.copytree(trained / name, tmp_path / name)
        data = bytearray((tmp_path / name / file).read_bytes())
        data[-1] ^= 1
        (tmp_path / name / file).write_bytes(data)
    with pytest.raises(ValueError, match="has changed since it was written"):
        load_encoders(tmp_path / "t5", trained / "clip")
    with pytest.raises(ValueError, match="has changed since it was written"):
        load_encoders(trained / "t5", tmp_path / "clip")


def test_the_shipped_encoders_load_and_have_the_presets_widths():
    weights = Path(ediffi.__file__).parent / "storybook" / "weights"
    encoders = load_encoders(weights / "t5", weights / "clip")
    assert encoders.dims == preset("storybook").base.encoders
    cond = encoders.condition(["a red fox left of a blue house"])
    tokens = (cond.t5[cond.t5_mask], cond.clip[cond.clip_mask])
    assert all(0.8 < stream.square().mean().item() < 1.25 for stream in tokens)
    models = (encoders.t5.model, encoders.clip.model)
    assert sum(p.numel() for model in models for p in model.parameters()) <= 6e6


def test_exported_weights_are_half_precision(trained):
    for file in ("t5/model.safetensors", "clip/open_clip_model.safetensors"):
        state = load_file(trained / file)
        assert {tensor.dtype for tensor in state.values()} == {torch.float16}


class Cut(Exception):
    pass


def test_a_run_that_was_killed_goes_on_to_the_same_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(encoder_run, "SAVE_EVERY", 0.0)

    def trained_to_the_end(name: str, killed_at: int | None) -> torch.Tensor:
        torch.manual_seed(0)
        module = torch.nn.Linear(6, 6)

        def loss_of(step: int, progress: float) -> torch.Tensor:
            if step == killed_at:
                raise Cut
            x = torch.randn(8, 6, generator=torch.Generator().manual_seed(step))
            return (module(x) - x.flip(1)).square().mean()

        saved = tmp_path / name / "checkpoint.safetensors"
        limit = Limit(steps=9)
        report = encoder_run.run(
            module, loss_of, lambda _, p: p.ndim == 2, t5_training.TRAINING, limit, saved
        )
        assert report.steps == 9
        return module.weight.detach()

    whole = trained_to_the_end("whole", None)
    with pytest.raises(Cut):
        trained_to_the_end("cut", 5)
    assert torch.equal(trained_to_the_end("cut", None), whole)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    module = torch.nn.Linear(2, 2)
    nan = torch.tensor(float("nan"))
    with pytest.raises(ValueError, match="the loss is no number"):
        encoder_run.run(
            module,
            lambda step, progress: module.weight.sum() * nan,
            lambda _, p: p.ndim == 2,
            t5_training.TRAINING,
            Limit(steps=40),
            tmp_path / "checkpoint.safetensors",
        )


def test_a_run_needs_one_limit():
    with pytest.raises(ValueError, match="either steps or seconds"):
        Limit()
    with pytest.raises(ValueError, match="either steps or seconds"):
        Limit(steps=1, seconds=1.0)


def test_nouns_stand_where_the_caption_says_and_have_the_colour_it_says():
    seen = 0
    for seed in range(200):
        scene = sample_scene(seed, split="test")
        caption = write_caption(scene, seed, length=("short", "long")[seed % 2])
        found = nouns(scene, caption)
        names = {n for k in scene.things for pair in vocabulary.KINDS[k.kind].nouns for n in pair}
        for noun in found:
            said = Prompt(caption.text).text[noun.span.start : noun.span.end]
            assert said.lower() in names
            assert vocabulary.COLOURS[noun.colour] in caption.text.lower().replace("gray", "grey")
        assert [noun.position for noun in found] == list(range(1, len(found) + 1))
        seen += len(found)
    assert seen > 150


def test_the_probe_tells_how_many_it_judged(trained):
    encoders = load_encoders(trained / "t5", trained / "clip")
    score = probe_colours(encoders.t5, train=60, held=40)
    assert score.n == sum(part.n for part in score.by_position) > 20
    assert 0 <= score.accuracy <= 1 and not score.passed
    assert isinstance(score.by_position[0], PositionScore)


def test_retrieval_of_untrained_towers_is_near_chance(trained):
    encoders = load_encoders(trained / "t5", trained / "clip")
    found = retrieve(encoders.clip, n=24)
    assert found.n == 24
    assert found.text_to_image_at_1 < 0.5 and found.image_to_text_at_5 < 0.8
