"""The seam report on denoisers whose losses are known in closed form."""

import math

import pytest
import torch

from analysis import plots
from analysis.expert_seams import Gain, gain, levels_of, losses, measure, seam, sentences
from ediffi.experts.ensemble import Ensemble, Expert
from ediffi.experts.tree import by_hand


class Told:
    """A conditioning without content."""

    def rows(self, index):
        return self


def shrinking(factor: float):
    """The best linear denoiser of pictures of variance 1/4, its estimate times `factor`."""

    def denoise(x, sigma, cond):
        variance = sigma.reshape(-1, 1, 1, 1) ** 2
        return factor * 0.25 / (0.25 + variance) * x

    return denoise


@pytest.fixture(scope="module")
def pictures():
    return 0.5 * torch.randn(64, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def joined(low: float, high: float) -> Ensemble:
    below, above = by_hand([1.0])
    return Ensemble(
        [
            Expert("low", lambda: shrinking(low), below),
            Expert("high", lambda: shrinking(high), above),
        ]
    )


def test_the_best_denoiser_loses_one_at_every_level(pictures):
    found = losses(shrinking(1.0), pictures, Told(), [0.05, 1.0, 20.0], seed=0)
    torch.testing.assert_close(found.mean(1), torch.ones(3).double(), atol=0.03, rtol=0)


def test_the_same_noise_for_every_network(pictures):
    one, two = (losses(shrinking(1.0), pictures, Told(), [0.5], seed=3) for _ in range(2))
    assert torch.equal(one, two)
    assert not torch.equal(one, losses(shrinking(1.0), pictures, Told(), [0.5], seed=4))


def test_identical_networks_gain_nothing_and_have_no_seam(pictures):
    report = measure("same", joined(1, 1), {"baseline": shrinking(1.0)}, pictures, Told(), count=6)
    assert all(g.mean == 0 and g.verdict == "not told apart" for g in report.gains)
    assert [s.disagreement for s in report.seams] == [0]


def test_a_worse_expert_is_reported_as_such(pictures):
    report = measure("bad", joined(1, 0.5), {"baseline": shrinking(1)}, pictures, Told(), count=8)
    verdicts = {g.expert: g.verdict for g in report.gains}
    assert verdicts["low"] == "not told apart" and verdicts["high"] == "worse"
    text = " ".join(sentences(report))
    assert "high against baseline from sigma" in text and "worse" in text


def test_a_better_expert_gains_what_the_formula_says(pictures):
    report = measure("good", joined(1, 1), {"parent": shrinking(0.8)}, pictures, Told(), count=10)
    high = next(g for g in report.gains if g.expert == "high")
    at = [s for s in levels_of(joined(1, 1), 10) if s >= 1]
    # A factor f adds (1 - f)^2 of the estimate's variance to the error.
    rival = [1 + 0.04 * (0.25 / (0.25 + s**2)) * 0.25 * (s**2 + 0.25) / (s * 0.5) ** 2 for s in at]
    expected = sum(1 - 1 / r for r in rival) / len(rival)
    assert high.mean == pytest.approx(expected, abs=0.01) and high.verdict == "better"


def test_the_figure_shows_every_rival_and_every_boundary(pictures):
    rivals = {"baseline": shrinking(1.0), "parent": shrinking(0.9)}
    report = measure("both", joined(1, 1), rivals, pictures, Told(), count=6)
    (axes,) = plots.expert_seams(report).axes
    assert axes.get_legend_handles_labels()[1] == ["baseline", "parent"]
    assert len(axes.lines) == 1 + 2 + 1


def test_a_seam_is_measured_in_units_of_the_error(pictures):
    found = seam(joined(1.0, 0.5), 1.0, pictures, Told(), seed=0)
    # Half of an estimate of variance 0.25^2 / 1.25 beside an error of 0.25 / 1.25.
    expected = math.sqrt(0.25 * (0.25**2 / 1.25) / (0.25 / 1.25))
    assert found.disagreement == pytest.approx(expected, rel=0.05)
    assert (found.below, found.above) == ("low", "high")


def test_intervals_shrink_with_pictures_and_decide_the_verdict():
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 400, generator=generator).double()
    few = gain("a", "b", 1 + noise[:, :25], torch.ones(2, 25).double() + 1, [1.0, 2.0])
    many = gain("a", "b", 1 + noise, torch.ones(2, 400).double() + 1, [1.0, 2.0])
    width = [g.interval[1] - g.interval[0] for g in (few, many)]
    assert width[1] < 0.4 * width[0] and many.verdict == "better"
    assert Gain("a", "b", 0, 1, 1, -0.1, (-0.2, -0.05)).verdict == "worse"
