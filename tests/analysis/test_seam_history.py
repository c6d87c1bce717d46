"""The study of a solver's history on denoisers that are known in closed form."""

import pytest

from analysis.seam_history import History, measure, sentence
from ediffi.config import SamplingConfig
from ediffi.diffusion.noise import edm_grid, seeded_noise
from ediffi.diffusion.samplers import dpmpp_2m, heun
from tests.exact import GaussianDenoiser, MixtureDenoiser

SAMPLING = SamplingConfig(steps=40)


class Told:
    """A conditioning without content."""

    def rows(self, index):
        return self


def study(denoiser, *seams: float) -> History:
    return measure("exact", denoiser, seams, Told(), 8, 12, SAMPLING)


def test_where_the_estimate_bends_the_history_is_worth_keeping():
    found = study(MixtureDenoiser(), 0.3)
    assert found.verdict == "keep" and found.kept < found.begun_anew
    assert found.n == 12 and found.seams == (0.3,)
    assert "keep (nearer by" in sentence(found)


def test_a_step_of_first_order_can_undo_the_error_of_the_others():
    found = study(GaussianDenoiser(), 1.0)
    assert found.verdict == "begin anew" and found.gain < 0


def test_without_a_seam_nothing_differs():
    found = study(GaussianDenoiser())
    assert found.gain == 0 and found.verdict == "not told apart"
    assert found.kept == found.begun_anew


def test_the_distance_is_that_of_the_solvers_run_by_hand():
    noise = seeded_noise(list(range(12)), (3, 8, 8))
    grids = [edm_grid(steps, SAMPLING.sigma_min, SAMPLING.sigma_max, 7.0) for steps in (100, 40)]
    fine = list(heun(GaussianDenoiser(), noise, grids[0], None))[-1].x
    coarse = list(dpmpp_2m(GaussianDenoiser(), noise, grids[1], None))[-1].x
    apart = (coarse - fine).square().mean((1, 2, 3)).sqrt().mean()
    assert study(GaussianDenoiser()).kept == pytest.approx(float(apart), abs=2e-5)
