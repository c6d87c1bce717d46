"""Diversity over seeds and over captions, where the answer is known."""

import numpy as np
import pytest

from analysis import plots_of_trade_offs
from analysis.samples import Samples
from analysis.variations import Variations, diversity, measure, sentences
from ediffi.config import as_json, from_json
from ediffi.storybook.inspector import Reading
from tests.fakes import tiny_pipeline


def made(captions, seeds, own, shared, width=30):
    """Features of `seeds` pictures for each caption: a common part and one of their own."""
    random = np.random.default_rng(0)
    common = random.normal(0, shared, (captions, 1, width)) if shared else 0
    return (
        common + random.normal(0, own, (captions, seeds, width))
        if own
        else (common + np.zeros((captions, seeds, width)))
    )


def test_gaussians_differ_as_much_as_their_variances_say():
    inside, across, ratio = diversity(made(300, 4, own=1.0, shared=2.0))
    assert inside.value == pytest.approx(2 * 1 * 30, rel=0.05)
    assert across.value == pytest.approx(2 * (1 + 4) * 30, rel=0.05)
    assert ratio.value == pytest.approx(1 / 5, rel=0.05)
    assert ratio.low < 1 / 5 < ratio.high and ratio.high - ratio.low < 0.05


def test_one_picture_for_each_caption_has_no_diversity_and_deaf_pictures_have_all():
    assert diversity(made(20, 3, own=0.0, shared=1.0))[2].value == pytest.approx(0)
    deaf = diversity(made(200, 3, own=1.0, shared=0.0))[2]
    assert deaf.value == pytest.approx(1, abs=0.03)


def test_pairs_are_counted_once_and_never_with_themselves():
    vectors = np.array([[[0.0], [2.0]], [[4.0], [4.0]]])
    inside, across, _ = diversity(vectors)
    assert inside.value == pytest.approx((4 + 0) / 2)
    assert across.value == pytest.approx((4**2 + 2**2) / 2)


class Reader:
    """Sees nothing, and its features are the picture's mean colour."""

    def features(self, images):
        return images.mean((1, 2)).astype(float)

    def read(self, images):
        assert images.shape[1:] == (64, 64, 3)
        return [Reading(False)] * len(images)


def test_a_model_is_measured_and_drawn_from_its_record(tmp_path):
    samples = Samples(tmp_path)
    found = measure(tiny_pipeline(), Reader(), samples, n=4, seeds=3, steps=1)
    assert samples.sampled == 12 and (found.n, found.seeds) == (4, 3)
    assert found.over_seeds.value > 0 and found.aligned.value == 0
    again = measure(tiny_pipeline(), Reader(), Samples(tmp_path), n=4, seeds=3, steps=1)
    assert again == found
    back = from_json(Variations, as_json(found))
    (axes,) = plots_of_trade_offs.variations(back).axes
    assert [label.get_text() for label in axes.get_yticklabels()][0] == "two captions"
    assert "4 captions, 3 seeds each" in sentences(back)[0]


@pytest.mark.parametrize("n, seeds", [(1, 4), (4, 1)])
def test_one_of_anything_shows_no_variety(tmp_path, n, seeds):
    with pytest.raises(ValueError, match=f"2 captions and 2 seeds, not {n} and {seeds}"):
        measure(tiny_pipeline(), Reader(), Samples(tmp_path), n=n, seeds=seeds)
