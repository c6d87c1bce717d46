"""The curve of quality against alignment: equal models, better ones, and what is said openly."""

import numpy as np
import pytest

from analysis import plots_of_trade_offs
from analysis.guidance_tradeoff import NO_SECOND_CLIP, Tradeoff, measure, sentences
from analysis.samples import Samples
from ediffi.config import as_json, from_json
from ediffi.storybook.evaluation import make_tasks
from ediffi.storybook.inspector import Reading
from tests.fakes import tiny_pipeline

N = 8
TASKS = make_tasks(N, 0, "test", "short")


def renders(scenes):
    return np.random.default_rng(0).integers(0, 256, (len(scenes), 64, 64, 3), np.uint8)


class Reader:
    """Sees the true page in every picture of a model whose turn is in `sighted`."""

    def __init__(self, sighted=()):
        self.sighted, self.turn = set(sighted), -1

    def features(self, images):
        return images.reshape(len(images), -1)[:, ::3000].astype(float)

    def read(self, images):
        self.turn += 1
        if self.turn not in self.sighted:
            return [Reading(False)] * len(images)
        scenes = [task.scene for task in TASKS]
        return [Reading(True, (), s.place, s.sky, s.style) for s in scenes]


def run(
    tmp_path,
    reader,
    names=("baseline", "experts"),
    seeds=(0, 0),
    scales=(1.0, 3.0),
    judge=None,
):
    models = {name: tiny_pipeline(seed) for name, seed in zip(names, seeds, strict=True)}
    for name, seed in zip(names, seeds, strict=True):
        models[name].model.weights["baseline"] = str(seed) * 64
    samples = Samples(tmp_path)
    found = measure(
        models, reader, samples, N, scales=scales, steps=1, renders=renders, judge=judge
    )
    return found, samples


def test_equal_models_gain_nothing_and_are_painted_once(tmp_path):
    found, samples = run(tmp_path, Reader())
    assert samples.sampled == 2 * N, "the same weights and requests are the same pictures"
    (gain,) = found.gains
    assert (gain.network, gain.rival) == ("experts", "baseline")
    assert gain.frechet.value == gain.aligned.value == 0
    assert gain.frechet.low == gain.frechet.high == 0, "paired, the same pictures leave no doubt"
    assert [point.guidance for point in found.curves[0].points] == [1.0, 3.0]
    assert found.curves[0].points == found.curves[1].points


def test_a_model_that_shows_more_is_aligned_better_by_so_much(tmp_path):
    # The turns are: baseline at both scales, then experts at both.
    found, _ = run(tmp_path, Reader(sighted=(2, 3)), seeds=(0, 1))
    baseline, experts = found.curves
    assert all(point.aligned.value == 0 and point.unreadable == 1 for point in baseline.points)
    shown = experts.points[0].aligned.value
    assert 0 < shown < 1 and experts.points[0].unreadable == 0
    assert found.gains[0].aligned.value == pytest.approx(shown)
    assert found.gains[0].frechet.value != 0 and found.guided.value == 0


def test_guidance_is_compared_within_the_first_curve(tmp_path):
    found, _ = run(tmp_path, Reader(sighted=(1,)), names=("baseline",), seeds=(0,))
    least, middle = found.curves[0].points
    assert found.guided.value == pytest.approx(middle.aligned.value - least.aligned.value)
    assert found.guided.value > 0 and found.gains == ()


def test_the_record_is_drawn_and_says_what_is_missing(tmp_path):
    found, _ = run(tmp_path, Reader(), seeds=(0, 1))
    back = from_json(Tradeoff, as_json(found))
    (axes,) = plots_of_trade_offs.guidance_tradeoff(back).axes
    assert axes.get_legend_handles_labels()[1] == ["baseline", "experts"]
    assert {"1", "3"} <= {text.get_text() for text in axes.texts}
    told = sentences(back)
    assert told[-1] == NO_SECOND_CLIP and len(told) == 4 + 1 + 1


def value(distance):
    assert distance is not None
    return distance.value


class ByCaption:
    """A judge whose score is the length of the caption, and one less from its fifth call on."""

    def __init__(self):
        self.calls = 0

    def scores(self, pictures, captions):
        self.calls += 1
        assert len(pictures) == len(captions)
        return np.array([len(caption) for caption in captions], float) - (self.calls > 2)


def test_a_second_clip_judges_every_picture_with_its_own_caption(tmp_path):
    found, _ = run(tmp_path, Reader(), seeds=(0, 1), judge=ByCaption())
    lengths = np.mean([len(task.caption.text) for task in TASKS])
    # Its turns are: baseline at both scales, experts at both, then the true renders.
    assert [value(point.clip) for point in found.curves[0].points] == [lengths] * 2
    (gain,) = found.gains
    assert gain.clip and gain.clip.value == gain.clip.low == pytest.approx(-1)
    assert value(found.clip_true) == pytest.approx(lengths - 1) and found.missing == ()
    back = from_json(Tradeoff, as_json(found))
    first, second = plots_of_trade_offs.guidance_tradeoff(back).axes
    assert second.get_xlabel() == "score by a second CLIP" and first.get_legend()
    assert "CLIP score by -1 (-1 to -1)." in sentences(back)[4]
    assert sentences(back)[-1].startswith("The judge gives true renders a CLIP score of ")


@pytest.mark.parametrize("n, scales", [(7, (1.0, 2.0)), (8, (1.0,))])
def test_too_little_for_a_curve_is_refused(tmp_path, n, scales):
    with pytest.raises(ValueError, match="The curve needs 8 captions, 2 scales and a model"):
        measure({"a": tiny_pipeline()}, Reader(), Samples(tmp_path), n, scales=scales)
