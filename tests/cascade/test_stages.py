"""Stages and chains: sizes, seeds, going on, ending early, leaving out."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from ediffi import images
from ediffi.build import build_denoiser, build_stage, parameter_count
from ediffi.cascade.degradation import softened
from ediffi.cascade.stages import Stage, as_kept, chained, upscaled
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import DenoiserConfig, EncoderDims, SamplingConfig
from ediffi.diffusion.guidance import Guided, Window
from ediffi.diffusion.noise import seeded_noise
from ediffi.diffusion.samplers import dpmpp_2m, stochastic
from ediffi.networks.layers import enlarged
from ediffi.presets import PRESETS, preset
from ediffi.stacked_guidance import PairedGuidance
from ediffi.weights import load_network, save_network
from tests.exact import GaussianDenoiser

DIMS = EncoderDims(t5=2, clip=2, pooled=2, image=2)
SAMPLING = SamplingConfig(steps=4, sigma_max=20.0, guidance=1.0)


class Believer:
    """Answers the low-resolution picture, enlarged; remembers what it was asked."""

    def __init__(self):
        self.asked = []

    def __call__(self, x, sigma, cond):
        self.asked.append((x, float(sigma[0]), cond))
        return enlarged(cond.low_res, x.shape[2:])


def stage(low=8, high=32, denoiser=None, name=None, **sampling):
    settings = replace(SAMPLING, **sampling)
    solver = stochastic if settings.solver == "stochastic" else dpmpp_2m
    return Stage(name or f"sr{high}", low, high, denoiser or Believer(), solver, settings)


def tiny_stages():
    torch.manual_seed(0)
    configs = preset("tiny").stages
    made = [build_stage(c, build_denoiser(c.denoiser).eval()) for c in configs]
    for each in made:
        for parameter in each.denoiser.parameters():  # pyright: ignore
            if not parameter.any():
                torch.nn.init.normal_(parameter, std=0.05)
    return made


def nothing(b=2, dims=DIMS):
    return Conditioning.nothing(b, dims)


def picture(b=2, h=8, w=8, seed=1):
    return torch.rand(b, 3, h, w, generator=torch.Generator().manual_seed(seed)) * 1.8 - 0.9


def last(steps):
    *_, step = steps
    return step


@pytest.mark.parametrize("size", [(8, 8), (8, 12), (16, 8)])
def test_a_stage_enlarges_any_aspect_step_by_step(size):
    given = picture(2, *size)
    steps = list(upscaled(stage(), given, nothing(), [1, 2]))
    assert [step.index for step in steps] == [0, 1, 2, 3]
    assert steps[-1].x.shape == (2, 3, 4 * size[0], 4 * size[1])
    larger = enlarged(as_kept(given), (4 * size[0], 4 * size[1]))
    assert torch.allclose(steps[-1].x, larger, atol=1e-5)


def test_what_a_stage_is_shown_can_be_softened():
    told, given = Believer(), picture()
    made = last(upscaled(stage(denoiser=told, soften=1.0), given, nothing(), [1, 2])).x
    blurred = as_kept(softened(as_kept(given), 1.0))
    assert all(torch.equal(cond.low_res, blurred) for _, _, cond in told.asked)
    assert float((blurred - given).abs().max()) > 0.1, "noise of one pixel does not survive it"
    assert torch.allclose(made, enlarged(blurred, (32, 32)), atol=1e-5)
    plain = Believer()
    last(upscaled(stage(denoiser=plain), given, nothing(), [1, 2]))
    assert torch.equal(plain.asked[0][2].low_res, as_kept(given))


@pytest.mark.parametrize("top", [0.5, 2.0, 20.0])
def test_a_stage_begins_with_its_picture_under_noise(top):
    told, given = Believer(), picture()
    last(upscaled(stage(denoiser=told, sigma_max=top), given, nothing(), [1, 2]))
    first, sigma, _ = told.asked[0]
    noise = (first - enlarged(as_kept(given), (32, 32)).clamp(-1, 1)) / top
    assert sigma == top and float(noise.std()) == pytest.approx(1, abs=0.05)
    usual = Believer()
    last(upscaled(stage(denoiser=usual), given, nothing(), [1, 2]))
    same = (usual.asked[0][0] - enlarged(as_kept(given), (32, 32)).clamp(-1, 1)) / 20
    assert torch.allclose(noise, same, atol=1e-4)


def test_where_nothing_is_to_be_added_beginning_low_changes_nothing():
    """Of Gaussian pictures around the enlarged one, a low start ends where a high one does."""
    given = picture(1)
    mean = enlarged(as_kept(given), (32, 32)).clamp(-1, 1)

    def known(x, sigma, cond):
        share = 0.1**2 / (0.1**2 + sigma.view(-1, 1, 1, 1) ** 2)
        return mean + share * (x - mean)

    ends = []
    for top in (1.0, 20.0):
        ends.append(
            last(
                upscaled(stage(denoiser=known, steps=400, sigma_max=top), given, nothing(1), [3])
            ).x
        )
    assert float((ends[0] - ends[1]).abs().max()) < 0.01
    assert float((ends[0] - mean).std()) == pytest.approx(0.1, rel=0.05)


def test_the_denoiser_is_shown_what_a_file_would_keep():
    told = Believer()
    given = picture() * 1.5
    last(upscaled(stage(denoiser=told), given, nothing(), [1, 2]))
    saved = torch.stack([images.to_tensor(images.to_pil(each)) for each in given])
    assert torch.equal(as_kept(given), saved)
    assert all(torch.equal(cond.low_res, saved) for _, _, cond in told.asked)
    assert len({id(cond) for _, _, cond in told.asked}) == 1


def test_noise_follows_the_seed_and_differs_from_stage_to_stage_and_from_the_base():
    def start(seeds, **settings):
        told = Believer()
        b, black = len(seeds), torch.zeros(len(seeds), 3, 8, 8)
        next(upscaled(stage(denoiser=told, **settings), black, nothing(b), seeds))
        return told.asked[0][0] / 20.0

    both = start([1, 2])
    assert torch.equal(both[1:], start([2])) and not torch.equal(both[:1], both[1:])
    assert not torch.equal(both, start([1, 2], name="other"))
    base = seeded_noise([1], (3, 8, 8)).flatten()
    assert not torch.allclose(both[0].flatten()[: len(base)], base)
    assert float(both.std()) == pytest.approx(1, abs=0.05)


def test_the_stochastic_solver_takes_its_noise_from_the_seeds():
    def end(seed):
        churning = stage(denoiser=GaussianDenoiser(), solver="stochastic")
        return last(upscaled(churning, picture(1), nothing(1), [seed])).x

    assert torch.equal(end(5), end(5)) and not torch.equal(end(5), end(6))


def test_unguided_unless_asked():
    plain, guided, window = Believer(), Believer(), Believer()
    last(upscaled(stage(denoiser=plain), picture(), nothing(), [1, 2]))
    last(upscaled(stage(denoiser=guided, guidance=2.0), picture(), nothing(), [1, 2]))
    closed = stage(denoiser=window, guidance=2.0, guidance_low=1.0, guidance_high=1.0)
    last(upscaled(closed, picture(), nothing(), [1, 2]))
    assert [len(d.asked) for d in (plain, guided, window)] == [4, 8, 4]


def test_stopping_is_not_asking():
    told = Believer()
    steps = upscaled(stage(denoiser=told), picture(), nothing(), [1, 2])
    next(steps)
    next(steps)
    del steps
    assert len(told.asked) == 2


def test_a_chain_is_its_stages_one_by_one_through_saved_pictures():
    stages = tiny_stages()
    cond, given = nothing(2, preset("tiny").base.encoders), picture(2, 16, 24)
    whole = list(chained(stages, given, cond, [3, 4]))
    assert [s.stage for s in whole] == ["sr32"] * 3 + ["sr64"] * 2
    assert whole[-1].step.x.shape == (2, 3, 64, 96)
    middle = last(chained(stages[:1], given, cond, [3, 4])).step.x
    assert torch.equal(middle, whole[2].step.x)
    saved = torch.stack([images.to_tensor(images.to_pil(each)) for each in middle])
    resumed = last(chained(stages[1:], saved, cond, [3, 4]))
    assert torch.equal(resumed.step.x, whole[-1].step.x)


def test_a_skipped_stage_enlarges_plainly_and_asks_nobody():
    first, second = Believer(), Believer()
    chain = [stage(8, 16, first), stage(16, 32, second)]
    steps = list(chained(chain, picture(), nothing(), [1, 2], skip={"sr16"}))
    assert [s.stage for s in steps] == ["sr16"] + ["sr32"] * 4
    assert first.asked == [] and steps[0].step.evaluations == ()
    bicubic = enlarged(as_kept(picture()), (16, 16)).clamp(-1, 1)
    assert torch.equal(steps[0].step.x, bicubic)
    assert torch.equal(second.asked[0][2].low_res, as_kept(bicubic))
    neither = last(chained(chain, picture(), nothing(), [1, 2], skip={"sr16", "sr32"}))
    assert neither.step.x.shape == (2, 3, 32, 32)


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ((8, 17), "8 x 17: its shorter side must be 8 px and its longer side at most 16"),
        ((6, 8), "6 x 8: its shorter side must be 8 px"),
        ((16, 16), "16 x 16: its shorter side must be 8 px"),
    ],
)
def test_sizes_that_a_stage_does_not_take(size, why):
    with pytest.raises(ValueError, match=f"^sr32 cannot enlarge a picture of {why}"):
        next(upscaled(stage(), picture(2, *size), nothing(), [1, 2]))


def test_what_does_not_fit_is_named():
    with pytest.raises(ValueError, match="2 pictures need as many prompts and seeds, not 3 and 2"):
        next(upscaled(stage(), picture(), nothing(3), [1, 2]))
    with pytest.raises(ValueError, match=r"takes pictures \(b, 3, h, w\), not \(3, 8, 8\)"):
        next(upscaled(stage(), picture()[0], nothing(), [1, 2]))
    with pytest.raises(ValueError, match="no stage is called 'sr9': there are sr32"):
        next(chained([stage()], picture(), nothing(), [1, 2], skip=["sr9"]))
    with pytest.raises(ValueError, match="sr33 makes 33 px of 8 px"):
        stage(8, 33)
    broken = stage(denoiser=lambda x, sigma, cond: x * float("nan"))
    with pytest.raises(ValueError, match="not finite"):
        list(chained([broken], picture(), nothing(), [1, 2]))


def test_paired_guidance_shows_both_branches_the_same_picture():
    config = preset("tiny").stages[0]
    denoiser = tiny_stages()[0].denoiser
    low = picture(2, 16, 16)
    cond = replace(nothing(2, config.denoiser.encoders), clip_pooled=torch.ones(2, 128))
    cond = cond.with_low_res(low)
    stage = build_stage(config, denoiser)
    x, sigma = picture(2, 32, 32), torch.ones(2)
    paired = PairedGuidance(denoiser, 2.0, Window(), cond)(x, sigma, cond)
    assert torch.allclose(paired, Guided(denoiser, 2.0)(x, sigma, cond), atol=1e-5)
    assert stage.name == "sr32" and stage.sampling == config.sampling


def test_a_stage_survives_its_folder(tmp_path):
    config, made = preset("tiny").stages[0].denoiser, tiny_stages()[0]
    save_network(tmp_path, made.denoiser, config, {}, torch.float32)  # pyright: ignore
    read, found, _ = load_network(tmp_path, DenoiserConfig, build_denoiser)
    assert found == config
    x, sigma = picture(1, 32, 32), torch.ones(1)
    cond = nothing(1, config.encoders).with_low_res(picture(1, 16, 16))
    assert torch.equal(read(x, sigma, cond), made.denoiser(x, sigma, cond))


@pytest.fixture(scope="module")
def counts():
    with torch.device("meta"):
        return {
            (name, of.denoiser.name): parameter_count(build_denoiser(of.denoiser))
            for name, system in PRESETS.items()
            for of in system.stages
        }


def test_parameter_budgets(counts):
    assert counts["tiny", "sr32"] < 1e5 and counts["tiny", "sr64"] < 1e5
    assert counts["storybook", "sr256"] <= 4e6 and counts["storybook", "sr1024"] <= 3e6
    assert counts["paper", "sr256"] == pytest.approx(0.3e9, rel=0.05)
    assert counts["paper", "sr1024"] == pytest.approx(0.3e9, rel=0.05)


def test_an_evaluation_at_1024_px_stays_in_its_budget():
    of = preset("storybook").stages[-1]
    dims = of.denoiser.encoders
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        words = replace(
            Conditioning.nothing(1, dims),
            t5=torch.zeros(1, 64, dims.t5),
            t5_mask=torch.ones(1, 64, dtype=torch.bool),
        )
        cond = words.with_low_res(torch.zeros(1, 3, 256, 256))
        build_denoiser(of.denoiser)(torch.zeros(1, 3, 1024, 1024), torch.ones(1), cond)
    assert counter.get_total_flops() <= 160e9
    assert of.sampling.steps <= 10 and of.sampling.guidance == 1
    assert not any(of.denoiser.network.self_attention) and of.denoiser.network.stem_patch == 4


def test_stages_follow_one_another_from_the_base_up():
    for system in PRESETS.values():
        side = system.base.resolution
        for of in system.stages:
            assert of.low == side and of.denoiser.encoders == system.base.encoders
            side = of.denoiser.resolution
    assert [of.denoiser.resolution for of in preset("storybook").stages] == [256, 1024]
    assert [of.denoiser.resolution for of in preset("paper").stages] == [256, 1024]
