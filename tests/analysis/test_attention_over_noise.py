"""The study on a tiny random model: shares are whole, bands are where they belong, figures show."""

import json
from dataclasses import asdict

import numpy as np
import pytest

from analysis import attention_over_noise, plots_of_attention, results
from analysis.attention_over_noise import AttentionOverNoise, measure, sentences
from ediffi.attention_watch import attended
from ediffi.config import from_json
from ediffi.controls.attention_maps import PARTS
from tests.fakes import tiny_pipeline


@pytest.fixture(scope="module")
def model():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def found(model):
    return measure(model, n=3, steps=8)


def test_shares_add_up_to_one_in_every_row_and_band(found):
    assert np.array(found.parts).sum(1) == pytest.approx(np.ones(8), abs=2e-3)
    words = np.array(found.parts)[:, [PARTS.index("clip_words"), PARTS.index("t5_words")]]
    assert np.array(found.words).mean(1) == pytest.approx(words.sum(1), abs=1e-4)
    assert np.array(found.words).shape == (8, len(found.layers)) == np.array(found.cross).shape
    assert np.array(found.own).shape == (8, len(found.self_layers))
    assert [band.name for band in found.bands] == ["low", "middle", "high"]
    for band in found.bands:
        shares = [band.words, band.ends, band.image, band.null]
        assert sum(share or 0.0 for share in shares) == pytest.approx(1, abs=2e-3)
    high = [row for sigma, row in zip(found.sigmas, words.sum(1), strict=True) if sigma >= 9.61]
    assert found.band("high").words == pytest.approx(np.mean(high), abs=1e-3)
    assert found.band("high").image == 0 and all(half > 0 for half in found.spread)
    heard = [(found.band(name).words, found.band(name).cross) for name in ("high", "low")]
    assert found.fading[0] == pytest.approx(heard[0][0] - heard[1][0], abs=1e-3)
    assert found.fading[1] < found.fading[0] < found.fading[2]
    assert found.handover[1] < found.handover[0] < found.handover[2]


def test_a_caption_counts_the_same_in_a_batch_and_by_itself(model, found):
    tasks = attention_over_noise.make_tasks(3, 0, "test")
    alone = [
        attended(model, model.request(task.caption.text, task.seed, steps=8), ())[1].shares()
        for task in tasks
    ]
    assert found.parts == pytest.approx(np.concatenate(alone, 1).mean((1, 2)), abs=1e-3)


def test_the_record_says_where_it_was_made_and_comes_back_from_json(found):
    assert (found.n, found.seed, found.sampling.steps, found.experts) == (
        3,
        0,
        8,
        ("baseline",) * 8,
    )
    assert found.environment.dtype == "float32"
    again = from_json(AttentionOverNoise, json.loads(json.dumps(asdict(found), allow_nan=False)))
    assert again == found and sentences(again) == sentences(found)


def test_bands_without_a_noise_level_are_left_out_of_the_sentences(found, model):
    assert [said.split(":")[0] for said in sentences(found)] == [
        "σ ≥ 9.6",
        "0.076 ≤ σ < 9.6",
        "σ < 0.076",
    ]
    few = measure(model, n=2, steps=2)
    assert few.band("middle").words is None and len(sentences(few)) == 2
    assert few.fading is not None
    with pytest.raises(ValueError, match="no band 'top'; there are low, middle, high"):
        found.band("top")


@pytest.mark.parametrize("n", [0, 1, 1001])
def test_too_few_or_too_many_captions_are_refused(model, n):
    with pytest.raises(ValueError, match=f"needs 2 to 1000 captions, not {n}"):
        measure(model, n=n)


def test_the_readme_gets_a_line_for_every_band(found, tmp_path):
    (tmp_path / "attention.json").write_text(json.dumps(asdict(found)))
    text = results.tables(tmp_path)
    assert text.startswith("**Attention over the noise** (tiny/baseline, seed 0):")
    assert text.count("goes to words") == 3


def test_words_lie_over_the_picture(model):
    (result,), maps = attended(model, model.request("a fox by a tree", steps=4))
    picture = np.asarray(result.image)
    figure = plots_of_attention.attention_maps(
        maps, ["fox", "tree"], [picture] * 3, maps.heard.sigmas[:3]
    )
    titles = [axes.get_title() for axes in figure.axes[:3]]
    assert titles[0] == "σ = 80" and len(figure.axes) == 9
    assert figure.axes[3].get_ylabel().startswith("fox\nto ")


def test_heat_shows_where_it_is_and_the_picture_where_it_is_not():
    heat = np.zeros((4, 4))
    heat[:2] = 1
    picture = np.full((16, 16, 3), 200, np.uint8)
    laid = plots_of_attention.over(picture, heat)
    assert laid.shape == (64, 64, 3)
    assert np.ptp(laid[60], axis=-1).max() == 0 < np.ptp(laid[4], axis=-1).min()
    assert laid[4, 30, 0] > laid[60, 30, 0]
