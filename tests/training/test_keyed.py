"""Randomness by position: the same however the run is cut, even, and uncorrelated."""

import numpy as np
import torch

from ediffi.training import keyed


def test_draws_depend_on_the_position_and_not_on_the_batch():
    whole = keyed.uniform(3, "t5", np.arange(100))
    assert np.array_equal(whole[40:60], keyed.uniform(3, "t5", np.arange(40, 60)))
    noise = keyed.noise(3, range(10), (2, 4))
    assert torch.equal(noise[7:], keyed.noise(3, range(7, 10), (2, 4)))


def test_streams_and_seeds_are_independent():
    n = np.arange(20_000)
    a, b = keyed.uniform(0, "t5", n), keyed.uniform(0, "clip_text", n)
    c = keyed.uniform(1, "t5", n)
    for other in (b, c, np.roll(a, 1)):
        assert abs(np.corrcoef(a, other)[0, 1]) < 0.03


def test_draws_are_uniform():
    draws = np.sort(keyed.uniform(5, "sigma", np.arange(20_000)))
    assert draws[0] >= 0 and draws[-1] < 1
    assert np.abs(draws - np.arange(20_000) / 20_000).max() < 0.015


def test_every_batch_is_stratified():
    for start, size in ((0, 32), (1000, 32), (12_345, 64)):
        draws = keyed.stratified(0, "sigma", np.arange(start, start + size))
        filled = np.histogram(draws, bins=8, range=(0, 1))[0]
        assert filled.min() >= size / 8 - 2 and filled.max() <= size / 8 + 2


def test_noise_is_normal():
    noise = keyed.noise(0, range(64), (3, 8, 8))
    assert abs(noise.mean()) < 0.03 and abs(noise.std() - 1) < 0.03
    assert not torch.equal(noise[0], noise[1])


def test_an_epoch_meets_every_picture_once():
    first, second = keyed.permutation(0, 0, 50), keyed.permutation(0, 1, 50)
    assert sorted(first) == sorted(second) == list(range(50))
    assert not np.array_equal(first, second)
