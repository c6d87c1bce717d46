"""Distances against closed forms of Gaussians."""

import numpy as np
import pytest

from ediffi.storybook.distances import (
    frechet,
    frechet_distance,
    frechet_saved,
    gaussian_frechet,
    kernel,
    kernel_distance,
)


def normal(seed, n, d=3, shift=0.0, scale=1.0):
    return np.random.default_rng(seed).normal(shift, scale, (n, d))


def test_of_diagonal_gaussians_is_the_sum_of_squared_differences_of_their_deviations():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 0.5])
    found = gaussian_frechet(np.zeros(3), np.diag(a**2), np.array([3.0, 0, 4]), np.diag(b**2))
    assert found == pytest.approx(25 + np.sum((a - b) ** 2))


def test_turning_both_gaussians_changes_nothing():
    turn = np.linalg.qr(normal(0, 3))[0]
    a, b = np.diag([1.0, 4.0, 9.0]), np.array([[2.0, 1, 0], [1, 2, 0], [0, 0, 1]])
    plain = gaussian_frechet(np.zeros(3), a, np.ones(3), b)
    turned = gaussian_frechet(np.zeros(3), turn @ a @ turn.T, turn @ np.ones(3), turn @ b @ turn.T)
    assert turned == pytest.approx(plain) and plain > 3


def test_samples_approach_the_closed_form():
    found = frechet(normal(1, 40_000), normal(2, 40_000, shift=1.0, scale=2.0))
    assert found == pytest.approx(3 * 1 + 3 * (2 - 1) ** 2, rel=0.03)


def test_a_set_lies_at_no_frechet_distance_from_itself():
    a = normal(3, 50)
    assert frechet(a, a) == pytest.approx(0, abs=1e-8)


def test_kernel_distance_of_points_is_that_of_their_kernels():
    # Two points each: E k(a,a') = 1, E k(b,b') = (1/1 + 1)^3 = 8, E k(a,b) = 1.
    a, b = np.zeros((2, 1)), np.ones((2, 1))
    assert kernel(a, b) == pytest.approx(1 + 8 - 2 * 1)


def test_kernel_distance_is_unbiased():
    same = [kernel(normal(i, 30), normal(1000 + i, 30)) for i in range(200)]
    assert abs(np.mean(same)) < 4 * np.std(same) / np.sqrt(200)
    assert min(same) < 0 < max(same)


@pytest.mark.parametrize("distance", [frechet_distance, kernel_distance])
def test_intervals_hold_the_value_shrink_with_n_and_repeat_with_the_seed(distance):
    few = distance(normal(1, 100), normal(2, 100, shift=0.5))
    many = distance(normal(1, 1600), normal(2, 1600, shift=0.5))
    assert few.low < few.value < few.high
    assert many.high - many.low < 0.5 * (few.high - few.low)
    assert distance(normal(1, 100), normal(2, 100, shift=0.5)) == few


def test_the_interval_has_about_the_width_that_repeated_draws_have():
    draws = [kernel(normal(i, 200), normal(5000 + i, 200, shift=0.5)) for i in range(60)]
    claimed = kernel_distance(normal(1, 200), normal(2, 200, shift=0.5))
    assert (claimed.high - claimed.low) / (2 * 1.96) == pytest.approx(np.std(draws), rel=0.5)


def test_refuses_sets_that_cannot_be_compared():
    with pytest.raises(ValueError, match="3 and 4"):
        frechet(normal(1, 5, 3), normal(1, 5, 4))
    with pytest.raises(ValueError, match="two vectors"):
        kernel(normal(1, 1), normal(1, 5))


def test_what_is_saved_is_the_difference_of_the_distances():
    truth, rival = normal(1, 60), normal(2, 60, shift=1.0)
    own = 0.5 * rival
    found = frechet_saved([own, truth], [rival, rival], truth)
    far = frechet(rival, truth)
    assert found.value == pytest.approx((far - frechet(own, truth) + far) / 2)
    assert 0 < found.low < found.value < found.high
    back = frechet_saved([rival, rival], [own, truth], truth)
    assert (back.value, back.low) == (pytest.approx(-found.value), pytest.approx(-found.high))


def test_the_same_vectors_save_nothing_for_certain():
    truth, own = normal(1, 40), normal(2, 40, shift=1.0)
    found = frechet_saved([own], [own], truth)
    assert found.value == found.low == found.high == 0


def test_pairs_tell_what_two_distances_alone_do_not():
    truth, rival = normal(1, 100, d=8), normal(2, 100, d=8, shift=0.5)
    own = rival - 0.05
    found = frechet_saved([own], [rival], truth)
    one, other = frechet_distance(own, truth), frechet_distance(rival, truth)
    assert one.high > other.low, "alone they overlap"
    assert found.low > 0


@pytest.mark.parametrize("own, rivals", [((), ()), ((9,), (8,)), ((9, 8), (9, 8))])
def test_sets_that_are_not_of_the_same_captions_are_refused(own, rivals):
    ours, theirs = ([normal(n, n) for n in counts] for counts in (own, rivals))
    with pytest.raises(ValueError, match="equally many vectors"):
        frechet_saved(ours, theirs, normal(0, 9))
