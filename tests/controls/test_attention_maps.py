"""Attention that is known: uniform, of all words together, of two at once, and read back."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import torch

from ediffi.conditioning.embeddings import stack
from ediffi.conditioning.prompt import Prompt, Span
from ediffi.config import as_json
from ediffi.controls import attention_files
from ediffi.controls.attention_files import npz_bytes, read_npz, write_npz
from ediffi.controls.attention_maps import PARTS, AttentionMaps, Heard, Layer, Word
from ediffi.controls.attention_recorder import AttentionRecorder, Watched
from ediffi.networks.attention import CrossAttention
from ediffi.networks.taps import Tap
from ediffi.presets import preset
from tests.fakes import FakeEncoders, tiny_denoiser

ENCODERS = FakeEncoders(preset("tiny").base.encoders)
PROMPT = "a fox by a tree"


def watched(prompt=PROMPT, spans=None):
    text, read = ENCODERS.encode_text([prompt]), Prompt(prompt)
    spans = read.word_spans if spans is None else spans
    clip, t5 = (
        tuple(tuple(read.columns(span, offsets[0])) for span in spans)
        for offsets in (text.clip_offsets, text.t5_offsets)
    )
    words = tuple(Word(read.text[s.start : s.end], s.start, s.end) for s in spans)
    said = tuple(range(len(read.words)))
    return Watched(prompt, 0, words, clip, t5, said, said)


def uniform(network):
    """Queries of zero look at every column that is not masked alike."""
    for module in network.modules():
        if isinstance(module, CrossAttention):
            torch.nn.init.zeros_(module.q.weight)
            torch.nn.init.zeros_(module.q.bias)
    return network


def heard(network, told, cond, sigmas=(9.0,), size=(16, 16), **limits):
    recorder = AttentionRecorder("tiny", told, lambda sigma: f"at {sigma:g}", **limits)
    noise = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    x = noise.expand(cond.batch, -1, -1, -1)
    with torch.no_grad(), recorder.listening(network):
        for sigma in sigmas:
            network(x * sigma, torch.full((len(x),), sigma), cond)
    return recorder.maps()


def test_uniform_attention_gives_each_token_the_same_share():
    maps = heard(uniform(tiny_denoiser()), [watched()], ENCODERS.condition([PROMPT]))
    tokens = 2 * (5 + 1) + 1  # five words and an end in both streams, and the null token
    assert maps.heat("fox") == pytest.approx(np.full((4, 4), 2 / tokens), abs=1e-3)
    assert maps.heat("fox", stream="t5") == pytest.approx(1 / tokens, abs=1e-3)
    expected = dict(zip(PARTS, (5, 5, 2, 0, 1), strict=True))
    for name, count in expected.items():
        assert maps.part(name) == pytest.approx(np.full((4, 4), count / tokens), abs=1e-3)


def test_words_in_their_places_and_all_maps_sum_to_one_everywhere():
    maps = heard(tiny_denoiser(), [watched()], ENCODERS.condition([PROMPT]), (9.0, 0.5))
    words = [maps.heat(k) for k in range(5)]
    rest = [maps.part(name) for name in ("ends", "clip_image", "null")]
    assert sum(words) + sum(rest) == pytest.approx(np.ones((4, 4)), abs=5e-3)
    assert sum(maps.part(name) for name in PARTS) == pytest.approx(np.ones((4, 4)), abs=5e-3)
    assert maps.shares().sum(-1) == pytest.approx(np.ones((2, 1, len(maps.heard.layers))), abs=5e-3)
    # These encoders know no order, so both "a" are looked at alike, and every other word is not.
    assert np.array_equal(maps.heat("a", occurrence=2), words[3])
    assert len({float(each.mean()) for each in words}) == 4


def test_two_pictures_at_once_are_heard_as_two_alone():
    network, prompts = tiny_denoiser(), [PROMPT, "two owls"]
    conds = [ENCODERS.condition([prompt]) for prompt in prompts]
    alone = [heard(network, [watched(p)], cond) for p, cond in zip(prompts, conds, strict=True)]
    both = heard(network, [watched(p) for p in prompts], stack(conds))
    for picture, (one, word) in enumerate(zip(alone, ("fox", "owls"), strict=True)):
        assert both.heat(word, picture) == pytest.approx(one.heat(word), abs=1e-3)
        assert both.part("null", picture) == pytest.approx(one.part("null"), abs=1e-3)
        assert both.cross[0, 0, picture] == pytest.approx(one.cross[0, 0, 0], rel=1e-4)
        assert both.own[0, 0, picture] == pytest.approx(one.own[0, 0, 0], rel=1e-4)
    with pytest.raises(ValueError, match="'fox' was not recorded; recorded are: two, owls"):
        both.heat("fox", 1)


@pytest.mark.parametrize(("size", "grid"), [((16, 32), (4, 8)), ((48, 16), (12, 4))])
def test_grids_have_the_shape_of_the_picture(size, grid):
    maps = heard(tiny_denoiser(), [watched()], ENCODERS.condition([PROMPT]), size=size)
    assert maps.heat("fox").shape == grid
    assert maps.heat("fox", size=(2, 2)).shape == (2, 2)
    assert maps.heat("fox", size=(2, 2)).mean() == pytest.approx(maps.heat("fox").mean(), rel=1e-4)


def test_the_branches_are_told_by_what_the_rows_were_told():
    cond = ENCODERS.condition([PROMPT])
    shown = replace(cond, clip_image=torch.ones(1, 128), clip_image_mask=torch.tensor([True]))
    paired = stack([shown, cond, cond.null()])
    network = tiny_denoiser()
    maps = heard(network, [watched()], paired, (9.0, 0.5))
    assert maps.heard.branches == ("words and picture", "words", "nothing")
    assert maps.part("clip_image").mean() > 0 == maps.part("clip_image", branch="words").max()
    assert maps.part("null", branch="nothing") == pytest.approx(np.ones((4, 4)))
    alone = heard(network, [watched()], cond, (9.0, 0.5))
    assert maps.heat("fox", branch="words") == pytest.approx(alone.heat("fox"), abs=1e-3)
    with pytest.raises(ValueError, match="no branch 'picture'; there are words and picture, words"):
        maps.heat("fox", branch="picture")


def test_branches_in_calls_of_their_own_belong_to_one_evaluation():
    cond, network = ENCODERS.condition([PROMPT]), tiny_denoiser()
    recorder = AttentionRecorder("tiny", [watched()], str)
    x, sigma = torch.zeros(1, 3, 16, 16), torch.ones(1)
    with torch.no_grad(), recorder.listening(network):
        for each in (cond.null(), cond, cond):
            network(x, sigma, each)
        network(x, sigma / 2, cond)
    maps = recorder.maps()
    assert maps.heard.sigmas == (1.0, 1.0, 0.5)
    assert maps.heard.branches == ("words", "nothing")
    assert np.isnan(maps.shares("nothing")[1:]).all() and not np.isnan(maps.shares()).any()
    with pytest.raises(ValueError, match="'nothing' was not asked there"):
        maps.part("null", sigma=0.5, branch="nothing")
    assert maps.at(1.0) == [0, 1] and maps.at((0.1, 0.7)) == [2] and maps.at(0.4) == [2]
    assert maps.at(None, "1.0") == [0, 1]
    with pytest.raises(ValueError, match="no expert 'high'; there are 1.0, 0.5"):
        maps.at(None, "high")
    with pytest.raises(ValueError, match="levels go from 1 to 0.5"):
        maps.at((2.0, 3.0))


def test_the_strength_is_what_a_layer_adds_over_what_it_is_given():
    network, cond = tiny_denoiser(), ENCODERS.condition([PROMPT])
    before = heard(network, [watched()], cond)
    block = network.get_submodule("unet.middle.cross_attention")
    assert isinstance(block, CrossAttention)
    with torch.no_grad():
        for parameter in block.out.parameters():
            parameter.mul_(2)
    after = heard(network, [watched()], cond)
    at = [layer.name for layer in before.heard.layers].index("middle")
    assert after.cross[0, 0, 0, at] == pytest.approx(2 * before.cross[0, 0, 0, at], rel=1e-4)
    assert after.own[0, 0, 0, :at] == pytest.approx(before.own[0, 0, 0, :at], rel=1e-4)


def test_listening_changes_nothing_and_leaves_nothing_behind():
    network, cond = tiny_denoiser(), ENCODERS.condition([PROMPT])
    x, sigma = torch.ones(1, 3, 16, 16), torch.ones(1)
    recorder = AttentionRecorder("tiny", [watched()], str)
    with torch.no_grad():
        before = network(x, sigma, cond)
        with recorder.listening(network):
            during = network(x, sigma, cond)
    assert torch.equal(before, during)
    hooks = [m for m in network.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert not hooks and not any(m.heard for m in network.modules() if isinstance(m, Tap))


def test_what_is_kept_is_bounded_and_told_after_the_first_evaluation():
    network, cond = tiny_denoiser(), ENCODERS.condition([PROMPT])
    one = heard(network, [watched()], cond)
    size = sum(m.nbytes for m in one.maps)
    few = heard(network, [watched(spans=[Span(2, 5)])], cond)
    assert sum(m.nbytes for m in few.maps) / size == pytest.approx((2 + 5) / (10 + 5))
    heard(network, [watched()], cond, (9.0, 1.0), most=2 * size)
    with pytest.raises(ValueError, match="of 3 evaluations take 0.0 MiB and at most 0.0 are kept"):
        heard(network, [watched()], cond, (9.0, 1.0, 0.1), most=2 * size)
    with pytest.raises(ValueError, match="of 50 evaluations"):
        heard(network, [watched()], cond, (9.0, 1.0), most=2 * size, evaluations=50)


def test_other_rows_and_silence_are_refused():
    with pytest.raises(ValueError, match="3 rows are not made of the 2 pictures"):
        heard(tiny_denoiser(), [watched()] * 2, stack([ENCODERS.condition([PROMPT])] * 3))
    with pytest.raises(ValueError, match="Nothing was heard"):
        AttentionRecorder("tiny", [watched()], str).maps()
    with pytest.raises(ValueError, match="no tap is chosen"):
        with AttentionRecorder("tiny", [watched()], str).listening(torch.nn.Linear(1, 1)):
            pass


@pytest.fixture(scope="module")
def kept():
    paired = stack([cond := ENCODERS.condition([PROMPT]), cond.null()])
    return heard(tiny_denoiser(), [watched()], paired, (9.0, 0.5))


def test_a_file_gives_the_same_maps_back(kept, tmp_path):
    write_npz(kept, tmp_path / "fox.npz")
    again = read_npz(tmp_path / "fox.npz")
    assert again.heard == kept.heard
    assert np.array_equal(again.heat("tree"), kept.heat("tree"))
    assert np.array_equal(again.cross, kept.cross) and np.array_equal(again.own, kept.own)
    assert json.loads(bytes(np.load(tmp_path / "fox.npz")["about"]))["prompts"] == [PROMPT]


def forged(kept, tmp_path, **changed):
    """The file with some of its arrays exchanged, or left out where they are None."""
    arrays = dict(np.load(io.BytesIO(npz_bytes(kept)))) | changed
    path = tmp_path / "forged.npz"
    with path.open("wb") as file:
        np.savez_compressed(file, **{k: v for k, v in arrays.items() if v is not None})
    return path


def about(kept, **changed):
    data = {"format": 1, **as_json(kept.heard), **changed}
    return np.frombuffer(json.dumps(data).encode(), np.uint8)


def test_a_file_that_is_cut_short_or_none_at_all_is_refused_in_a_sentence(kept, tmp_path):
    whole = npz_bytes(kept)
    for data in (b"", b"PK", b"not a zip at all", whole[: len(whole) // 2], whole[:-10]):
        (tmp_path / "cut.npz").write_bytes(data)
        with pytest.raises(ValueError, match=r"cut\.npz holds no readable attention maps: .*\.$"):
            read_npz(tmp_path / "cut.npz")
    bent = bytearray(whole)
    bent[len(bent) // 3] ^= 255
    (tmp_path / "bent.npz").write_bytes(bent)
    with pytest.raises(ValueError, match="holds no readable attention maps"):
        read_npz(tmp_path / "bent.npz")
    with pytest.raises(FileNotFoundError, match=r"none\.npz is missing"):
        read_npz(tmp_path / "none.npz")


def test_a_file_that_says_what_it_does_not_hold_is_refused(kept, tmp_path):
    layer = kept.maps[0]
    longer = about(kept, sigmas=[9.0, 1.0, 0.5], experts=["a", "b", "c"])
    cases = [
        ({"about": None}, "no item named 'about.npy'"),
        ({"layer_0": None}, "no item named 'layer_0.npy'"),
        ({"about": about(kept, format=2)}, "format 1"),
        ({"about": about(kept, sigmas=[1.0])}, "1 noise levels need as many experts"),
        ({"about": about(kept, sigmas=[9.0, float("nan")])}, "finite number above 0"),
        ({"about": about(kept, branches=["all"])}, "branches out of words and picture"),
        ({"about": about(kept, spell=1)}, "has no key 'spell'"),
        ({"about": longer}, "the arrays have the shapes"),
        ({"about": np.frombuffer(b"[" * 100_000, np.uint8)}, "holds no readable"),
        ({"layer_0": layer.astype(np.float32)}, "of type float32, but must be float16"),
        ({"layer_0": np.array([{}], object)}, "of type object"),
        ({"layer_0": layer + np.float16(2)}, "values outside 0 to 1.02"),
        ({"cross": -kept.cross}, "values outside 0 to inf"),
        ({"own": np.full_like(kept.own, np.inf)}, "values outside 0 to inf"),
    ]
    for changed, said in cases:
        with pytest.raises(ValueError, match=said):
            read_npz(forged(kept, tmp_path, **changed))


def test_a_header_that_asks_for_the_moon_gets_no_memory(kept, tmp_path, monkeypatch):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f2", "fortran_order": False, "shape": (10**14,)}
    )
    path = forged(kept, tmp_path, layer_0=None)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("layer_0.npy", header.getvalue())
    with pytest.raises(ValueError, match="has not as many numbers as its shape"):
        read_npz(path)
    monkeypatch.setattr(attention_files, "MOST_READ", 2**20)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("more", bytes(3 * 2**20))
    with pytest.raises(ValueError, match="unfolds to 3 MiB, and at most 1 are read"):
        read_npz(path)


def test_records_that_contradict_themselves_are_refused():
    good = Heard("m", ("a",), (0,), ((),), (1.0,), ("x",), ("words",), (Layer("l", 2, 2),), ())
    maps = np.zeros(good.shape(good.layers[0]), np.float16)
    cross, own = np.zeros((1, 1, 1, 1), np.float32), np.zeros((1, 1, 1, 0), np.float32)
    assert AttentionMaps(good, (maps,), cross, own).part("null").shape == (2, 2)
    with pytest.raises(ValueError, match="1 prompts need as many seeds"):
        replace(good, seeds=())
    with pytest.raises(ValueError, match="there must be a layer"):
        replace(good, layers=())
    with pytest.raises(ValueError, match="the arrays have the shapes"):
        AttentionMaps(good, (maps[:, :, :, 1:],), cross, own)
    with pytest.raises(ValueError, match="no picture 1: they count from 0 to 0"):
        AttentionMaps(good, (maps,), cross, own).part("null", picture=1)
