"""Means of differences with their intervals."""

import pytest

from analysis.intervals import paired


def test_differences_of_either_sign_have_a_normal_interval():
    assert paired([1.0, -1.0]) == (0.0, pytest.approx(-1.96), pytest.approx(1.96))
    assert paired([0.5] * 9) == (0.5, 0.5, 0.5)
    with pytest.raises(ValueError, match="at least 2 pictures, not 1"):
        paired([0.5])
