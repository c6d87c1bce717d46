"""Plans are numbers that fit together; phases can be replaced one at a time."""

import math
from dataclasses import replace
from statistics import NormalDist

import pytest

from ediffi.config import NoiseConfig, as_json, from_json
from ediffi.presets import preset
from ediffi.training import plans
from ediffi.training.jobs import stage_of, training_of


@pytest.mark.parametrize("name", list(plans.PLANS))
def test_every_plan_ends_at_the_resolution_of_its_preset(name):
    plan = plans.plan(name)
    of = preset(plan.preset)
    base = [phase for phase in plan.phases if phase.stage is None]
    assert base[-1].resolution == of.base.resolution and base[-1].decay_share > 0
    for phase in base:
        assert of.base.resolution % phase.resolution == 0
        assert phase.resolution % of.base.network.smallest_side == 0
    for phase in plan.phases:
        stage = stage_of(phase, of)
        if stage is not None:
            assert phase.resolution == stage.denoiser.resolution
            assert phase.resolution in dict(plan.large_scenes)
            assert phase.remade is None or stage.low == of.base.resolution
            assert (phase.crop or phase.resolution) % stage.denoiser.network.smallest_side == 0
    assert {phase.stage for phase in plan.phases} == {None, *(s.denoiser.name for s in of.stages)}
    assert from_json(plans.StorybookPlan, as_json(plan)) == plan


def test_unknown_plans_phases_and_keys_are_refused():
    with pytest.raises(ValueError, match="'paper': there are"):
        plans.plan("paper")
    tiny = plans.plan("tiny")
    with pytest.raises(ValueError, match="'base7'; it has base8, base16"):
        tiny.phase("base7")
    with pytest.raises(ValueError, match="scnes"):
        from_json(plans.StorybookPlan, {**as_json(tiny), "scnes": 3})


def test_one_phase_is_replaced_and_the_rest_stays():
    tiny = plans.plan("tiny")
    changed = tiny.with_phase(replace(tiny.phase("base16"), seconds=9.0))
    assert changed.phase("base16").seconds == 9.0
    assert changed.phase("base8") == tiny.phase("base8")


def test_noise_scales_with_the_resolution():
    of, plan = preset("storybook"), plans.plan("storybook-cpu")
    half = training_of(plan.phase("base32"), 0, of)
    full = training_of(plan.phase("pairs64"), 1, of)
    assert full.noise == of.training.noise
    assert half.noise.P_mean == pytest.approx(full.noise.P_mean - math.log(2))
    assert half.noise.P_std == full.noise.P_std
    assert half.seed != full.seed


def test_the_base_is_trained_most_where_sentences_are_lost_and_its_branches_as_usual():
    plan = plans.plan("storybook-cpu")
    drawn = []
    for name in ("base64", "baseline"):
        noise = training_of(plan.phase(name), 0, preset("storybook")).noise
        level = NormalDist(noise.P_mean, noise.P_std)
        drawn.append(level.cdf(math.log(4.8)) - level.cdf(math.log(0.6)))
    assert drawn[0] > 1.3 * drawn[1]
    assert all(phase.noise is None for phase in plan.phases if phase.branch)


def test_a_phase_may_draw_other_noise_which_scales_as_the_presets_does():
    of, half = preset("storybook"), plans.plan("storybook-cpu").phase("base32")
    own = training_of(replace(half, noise=NoiseConfig(0.4, 0.9)), 0, of).noise
    assert own.P_mean == pytest.approx(0.4 - math.log(2))
    assert own.P_std == 0.9


def test_a_phase_may_go_on_at_a_share_of_the_presets_rates():
    of, phase = preset("storybook"), plans.plan("storybook-cpu").phase("sr256")
    usual, gentle = (training_of(each, 0, of) for each in (phase, replace(phase, rate=0.3)))
    assert (usual.rate, usual.adamw_rate) == (of.training.rate, of.training.adamw_rate)
    assert gentle.rate == pytest.approx(0.3 * usual.rate)
    assert gentle.adamw_rate == pytest.approx(0.3 * usual.adamw_rate)


def test_only_long_phases_are_compiled():
    """Kernels take minutes to build: a branch of a minute or two would never earn them."""
    for plan in plans.PLANS.values():
        compiled = [phase for phase in plan.phases if phase.compiled]
        assert all(p.branch is None and p.stage is None for p in compiled)
        assert all((p.seconds or 0) >= 300 for p in compiled)
    assert plans.plan("storybook").phase("base64").compiled


def test_what_others_start_from_keeps_its_rate():
    """A quarter would start from its half before the rate fell, and miss what it learnt then."""
    plan = plans.plan("storybook-cpu-configs")
    rates = {phase.name: phase.decay_share for phase in plan.phases if phase.branch is not None}
    assert rates["half0"] == rates["half1"] == 0
    assert rates["quarter3"] == rates["rest"] == rates["baseline"] == 0.6


@pytest.mark.parametrize("name", ["storybook-configs", "storybook-cpu-configs"])
def test_four_experts_see_together_what_the_baseline_goes_on_for(name):
    plan = plans.plan(name)
    baseline = plan.phase("baseline").pictures
    four = [phase for phase in plan.phases if phase.name[:-1] in ("half", "quarter")]
    assert len({phase.pictures for phase in four}) == 1
    assert baseline - 6 < sum(phase.pictures for phase in four) <= baseline
    assert [phase.branch.start for phase in four if phase.branch] == [
        *("base64", "base64"),
        *("half0", "half0", "half1", "half1"),
    ]


def test_only_the_first_stage_learns_from_what_the_base_makes_and_only_where_it_is_asked():
    remade = [plan for plan in plans.PLANS.values() if any(p.remade for p in plan.phases)]
    assert [plan.name for plan in remade] == ["storybook-cpu-remade", "tiny"]
    for plan in remade:
        first = preset(plan.preset).stages[0].denoiser.name
        assert [p.stage == first for p in plan.phases] == [bool(p.remade) for p in plan.phases]
