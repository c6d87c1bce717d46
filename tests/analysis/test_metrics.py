"""Distances, CMMD, CLIP score and alignment where the answer is known in closed form."""

import math

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from analysis import metrics
from analysis.metrics import (
    CLIP_L14,
    INCEPTION,
    Features,
    alignment,
    clip_score,
    cmmd_distance,
    compare,
    mean_of,
    of_clip,
    of_inspector,
    resized,
)
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.scoring import Fact, Wanted


def with_moments(n, mean, deviations, seed=0):
    """Vectors whose mean and covariance are exactly these, not only on average."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x -= x.mean(0)
    root = np.linalg.cholesky(np.cov(x.T))
    return x @ np.linalg.inv(root).T * deviations + mean


def numbered(count, side=4):
    """Pictures that carry their own number."""
    pictures = np.zeros((count, side, side, 3), np.uint8)
    pictures[:, 0, 0, 0] = np.arange(count)
    return pictures


def looked_up(table, name="table", **more):
    return Features(name, lambda pictures: table[pictures[:, 0, 0, 0]], **more)


def test_two_gaussians_have_the_distance_that_the_formula_gives():
    one = with_moments(100, [0.0, 0.0, 0.0], [1.0, 2.0, 0.5])
    other = with_moments(100, [3.0, 0.0, -1.0], [1.0, 1.0, 0.5], seed=1)
    features = looked_up(np.concatenate([one, other]))
    pictures = numbered(200)
    (found,) = compare(features, pictures[:100], pictures[100:], ["frechet"])
    assert found.value == pytest.approx(3**2 + 1**2 + (2 - 1) ** 2, abs=1e-6)
    assert found.low < found.value < found.high
    assert (found.name, found.n, found.network, found.side) == ("frechet", 100, "table", None)


class Corners(torch.nn.Module):
    """Pictures uint8 (n, 3, h, w) -> the four corners' colours (n, 12), as torchmetrics asks."""

    num_features = 12

    def forward(self, pictures):
        return pictures[:, :, ::7, ::7].flatten(1).double() / 64


@pytest.mark.filterwarnings("ignore:Metric `Kernel Inception Distance`")
def test_torchmetrics_finds_the_same_distances():
    random = np.random.default_rng(3)
    ours = random.integers(0, 256, (150, 8, 8, 3), dtype=np.uint8)
    truth = random.integers(40, 200, (180, 8, 8, 3), dtype=np.uint8)

    def channels_first(pictures):
        return torch.from_numpy(pictures).permute(0, 3, 1, 2)

    corners = Features("corners", lambda p: Corners()(channels_first(p)).numpy(), width=12)
    found, unequal = compare(corners, ours, truth)
    rival = FrechetInceptionDistance(Corners())
    rival.update(channels_first(truth), real=True)
    rival.update(channels_first(ours), real=False)
    assert found.value == pytest.approx(float(rival.compute()), rel=1e-5)

    # It draws subsets of one size from both; subsets of everything are the sets themselves.
    (equal,) = compare(corners, ours, truth[:150], ["kernel"])
    subsets = KernelInceptionDistance(Corners(), subsets=1, subset_size=150)
    subsets.update(channels_first(truth[:150]), real=True)
    subsets.update(channels_first(ours), real=False)
    assert equal.value == pytest.approx(float(subsets.compute()[0]), rel=1e-5)
    assert equal.value != unequal.value


def test_cmmd_of_equal_sets_is_zero_and_of_two_points_what_the_kernel_says():
    x = np.random.default_rng(0).normal(size=(40, 8))
    assert cmmd_distance(x, x).value == pytest.approx(0, abs=1e-9)
    e1, e2 = np.tile([5.0, 0.0], (3, 1)), np.tile([0.0, 0.1], (4, 1))
    found = cmmd_distance(e1, e2)
    assert found.value == pytest.approx(1000 * (2 - 2 * math.exp(-2 / 200)))
    assert found.low == pytest.approx(found.high)
    moved = cmmd_distance(x, x + 1.0)
    assert moved.value > 0 and moved.low < moved.value < moved.high
    assert moved.value == pytest.approx(cmmd_distance(x + 1.0, x).value)


def test_cmmd_does_not_depend_on_the_blocks_it_is_summed_in(monkeypatch):
    x, y = np.random.default_rng(1).normal(size=(2, 30, 4))
    whole = cmmd_distance(x, y)
    monkeypatch.setattr(metrics, "ROWS", 7)
    assert cmmd_distance(x, y).value == pytest.approx(whole.value)
    assert cmmd_distance(x, y).high == pytest.approx(whole.high)


@pytest.mark.parametrize(
    "a, b", [(np.ones((1, 2)), np.ones((2, 2))), (np.ones((2, 2)), np.ones((2, 3)))]
)
def test_sets_that_have_no_distance_are_refused(a, b):
    with pytest.raises(ValueError, match="CMMD needs two sets"):
        cmmd_distance(a, b)
    with pytest.raises(ValueError, match="no direction"):
        cmmd_distance(np.zeros((2, 2)), np.ones((2, 2)))


def test_a_clip_score_is_the_cosine_of_matching_rows():
    e = np.eye(4)
    assert clip_score(3 * e, 7 * e, "clip").value == pytest.approx(100)
    assert clip_score(e, np.roll(e, 1, 0), "clip").value == 0
    assert clip_score(e, -e, "clip").value == 0
    half = clip_score(np.concatenate([e, e]), np.concatenate([e, -e]), "clip")
    assert half.value == pytest.approx(50) and half.n == 8 and half.low < 50 < half.high
    with pytest.raises(ValueError, match="do not match"):
        clip_score(e, e[:2], "clip")


def test_a_network_is_shown_its_size_and_gives_its_width():
    sides = []

    def encode(pictures):
        sides.append(pictures.shape[1:3])
        return np.zeros((len(pictures), 5))

    shown = np.full((70, 8, 8, 3), 200, np.uint8)
    assert Features("other", encode, width=5, side=12)(shown).shape == (70, 5)
    assert sides == [(12, 12)] * 2
    assert (resized(shown, 12) == 200).all() and resized(shown, 8) is shown
    with pytest.raises(ValueError, match=r"other gives vectors of shape \(5,\), not \(768,\)"):
        Features("other", encode, *reversed(CLIP_L14))(shown[:1])
    assert INCEPTION == (299, 2048)


def test_the_inspector_and_the_models_own_clip_are_networks_too():
    class Reader:
        def features(self, images):
            return images.reshape(len(images), -1)[:, :3].astype(float)

        def read(self, images):
            return [Reading(False)] * len(images)

    class Encoders:
        def encode_image(self, x):
            assert x.shape[1:] == (3, 4, 4) and x.min() >= -1
            return torch.ones(len(x), 2)

    assert of_inspector(Reader())(numbered(3)).shape == (3, 3)
    found = of_clip(Encoders())
    assert found(numbered(3)).shape == (3, 2) and "own" in found.name


def seen(kind, colour):
    return Seen(kind=kind, colour=colour, x=0.5, y=0.5, size=0.3, score=1.0)


def test_alignment_is_the_share_of_statements_that_are_shown():
    fox, red_fox = Wanted("fox"), Wanted("fox", "red")
    stated = [(Fact("thing", (fox,)), Fact("colour", (red_fox,)))] * 3 + [()]
    readings = [
        Reading(True, (seen("fox", "red"),)),
        Reading(True, (seen("fox", "blue"),)),
        Reading(False),
        Reading(True),
    ]
    shares = alignment(stated, readings)
    assert shares[:3].tolist() == [1.0, 0.5, 0.0] and math.isnan(shares[3])
    # A score that presupposes both things is no statement of its own.
    pair = (Fact("left_right_if_both", (fox, Wanted("owl")), "left of"),)
    assert math.isnan(alignment([pair], [Reading(True, (seen("fox", "red"),))])[0])


def test_a_mean_has_the_interval_of_its_standard_error():
    found = mean_of(np.array([0.0, 1.0] * 50))
    half = 1.96 * math.sqrt(0.25 * 100 / 99) / 10
    assert (found.value, found.high - found.value) == pytest.approx((0.5, half))
    assert mean_of(np.array([1.0, np.nan, 3.0])).value == 2
    with pytest.raises(ValueError, match="needs two numbers, but has 1"):
        mean_of(np.array([1.0, np.nan]))
