"""Pictures that begin at the truth under noise: what each level loses, told in pairs."""

from dataclasses import replace

import numpy as np
import pytest

from analysis import lost_by_noise, plots_of_trade_offs, result_lines
from analysis.insisting import captions
from analysis.lost_by_noise import measure, sentences
from ediffi.config import as_json, from_json
from ediffi.storybook.drawing import render
from ediffi.storybook.inspector import Reading, Seen
from tests.fakes import tiny_pipeline

TASKS = captions(3, stated=("two_things",))
LEVELS = (0.5, 5.0)
TURNS = 4
"""The truth, one batch for each level, noise alone."""


class Sighted:
    """An inspector that sees all things of as many scenes as each turn of `seeing` says."""

    def __init__(self, *seeing):
        self.seeing, self.seen = list(seeing), []

    def features(self, images):
        return images.reshape(len(images), -1).astype(float)

    def read(self, images):
        sharp = self.seeing[len(self.seen)]
        self.seen.append(images)
        return [
            Reading(
                True,
                tuple(Seen(t.kind, t.colour, t.x, t.y, 0.2, 1.0) for t in task.scene.things),
            )
            if k < sharp
            else Reading(True, ())
            for k, task in enumerate(TASKS)
        ]


def usual(model, **changes):
    return replace(model.model.preset.sampling, **{"steps": 2, **changes})


def painted(*seeing, levels=LEVELS, model=None, **changes):
    model, reader = model or tiny_pipeline(), Sighted(*(seeing or (3,) * (len(levels) + 2)))
    return measure(model, reader, 3, levels, sampling=usual(model, **changes)), reader.seen


def test_what_a_stretch_of_noise_loses_is_told_in_pairs():
    found, _ = painted(3, 3, 1, 0)
    assert [each.sigma for each in found.begun] == [0.0, *LEVELS, None]
    rows = [row for each in found.begun if (row := each.score("two_things"))]
    assert [row.share[0] for row in rows] == [1, 1, pytest.approx(1 / 3, abs=1e-4), 0]
    assert [row.lost[0] for row in rows] == [0, 0, 0.6667, 0.3333]
    _, low, high = rows[1].lost
    assert rows[0].lost == (0, 0, 0) and low < 0 < high
    assert found.between(0.5, 5.0) == pytest.approx(2 / 3, abs=1e-3)
    assert found.between(0.0, None) == 1
    assert [row.n for row in rows] == [3] * TURNS


def test_where_nothing_is_lost_no_share_of_it_is():
    assert painted(3, 3, 3, 3)[0].between(0.0, None) is None
    found, _ = painted(3, 3, 1, 0)
    assert found.between(0.0, None, "word") is None
    with pytest.raises(ValueError, match=r"No picture began at sigma 7\.0; they did at"):
        found.between(0.0, 7.0)


def test_the_first_picture_is_the_truth_and_little_noise_keeps_it():
    model = tiny_pipeline()
    # It takes whatever stands there for clean.
    model.model = replace(model.model, denoiser=lambda x, sigma, cond: x)
    _, seen = painted(levels=(0.001, 5.0), model=model)
    side = model.model.config.resolution
    truth, kept, blurred = (own_pixels(pictures, side) for pictures in seen[:3])
    assert (truth == [np.asarray(render(task.scene, side)) for task in TASKS]).all()
    assert np.abs(kept - truth).max() <= 1 and np.abs(blurred - truth).mean() > 40


def own_pixels(pictures, side):
    assert pictures.shape == (3, 64, 64, 3)
    return pictures[:, :: 64 // side, :: 64 // side].astype(int)


def test_from_noise_alone_it_paints_what_the_front_door_paints():
    model = tiny_pipeline()
    _, seen = painted(model=model)
    requests = [model.request(t.caption.text, t.seed, steps=2) for t in TASKS]
    asked = np.stack([np.asarray(made.image) for made in model.generate_many(requests)])
    assert np.abs(own_pixels(seen[-1], asked.shape[1]) - asked).max() <= 2


def test_it_is_told_and_drawn():
    found, _ = painted(3, 3, 1, 0)
    found = replace(found, seams=(0.0757, 1.2))
    back = from_json(lost_by_noise.Lost, as_json(found))
    assert back == found
    first, second, last = sentences(back)
    assert first.startswith("Below σ = 0.5: 0 points of two things are lost (")
    assert second.startswith("From σ = 0.5 to 5: 67 points")
    assert last.startswith("Above σ = 5: 33 points") and last.endswith("0 % are left (n = 3).")
    assert result_lines.lost_lines(as_json(found)).count("\n- ") == 3
    (axes,) = plots_of_trade_offs.lost_by_noise(back).axes
    labels = [t.get_text() for t in axes.get_xticklabels()]
    assert labels == ["truth", "0.5", "5", "noise"]
    assert len(axes.lines) == 3 + 1  # one seam lies among the levels


@pytest.mark.parametrize("levels", [(), (0.0, 1.0), (2.0, 1.0), (1.0, 80.0), (1.0, 1.0)])
def test_levels_rise_within_the_samplers_noise(levels):
    with pytest.raises(ValueError, match="must rise from above 0 to below 80"):
        painted(levels=levels)


def test_too_few_captions_are_refused():
    with pytest.raises(ValueError, match="at least 1 caption"):
        measure(tiny_pipeline(), Sighted(), n=0)
