"""The study of a stage: its measures in closed form, and stages whose quality is known."""

import math
import sys
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from analysis import upscaling
from analysis.true_renders import true_renders
from analysis.upscaling import gmsd, measure, plainly, psnr, seam, small_ones, table
from ediffi.cascade.stages import Stage
from ediffi.conditioning.embeddings import Conditioning
from ediffi.config import EncoderDims, SamplingConfig
from ediffi.diffusion.samplers import dpmpp_2m
from ediffi.files import read_json
from ediffi.loading import open_model
from tests.fakes import tiny_cascade_folder

DIMS = EncoderDims(t5=2, clip=2, pooled=2, image=2)


def blocks(x, sigma, cond):
    """Answers the small picture as blocks: right where the truth is made of blocks."""
    factor = x.shape[2] / cond.low_res.shape[2]
    return F.interpolate(cond.low_res, scale_factor=factor)


def centred(x, sigma, cond):
    """As `blocks`, but for the mean of the whole picture, which depends on the crop."""
    answer = blocks(x, sigma, cond)
    return answer - answer.mean((1, 2, 3), keepdim=True)


def stage(denoiser=blocks) -> Stage:
    sampling = SamplingConfig(steps=3, guidance=1.0)
    return Stage("sr32", 8, 32, denoiser, dpmpp_2m, sampling)


def truth(n: int = 4) -> torch.Tensor:
    small = torch.randint(0, 256, (n, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return F.interpolate(small / 127.5 - 1, scale_factor=4.0)


def studied(of: Stage, pictures: torch.Tensor) -> upscaling.Upscaling:
    cond = Conditioning.nothing(len(pictures), DIMS)
    return measure(of, pictures, cond, small_ones(pictures, of.low))


def test_psnr_and_gmsd_in_closed_form():
    x = truth(2)
    assert psnr(x, x).tolist() == [math.inf] * 2
    assert psnr(x + 0.2, x).tolist() == pytest.approx([20.0, 20.0])
    assert gmsd(x, x).tolist() == pytest.approx([0, 0], abs=1e-6)
    blurred = F.avg_pool2d(x, 5, 1, 2)
    assert bool((gmsd(blurred, x) > gmsd(x + 0.05, x) + 0.01).all())


def test_a_perfect_stage_beats_both_filters_by_far():
    found = studied(stage(), truth())
    perfect, bicubic = found.way("sr32", "clean"), found.way("bicubic", "clean")
    assert perfect.gmsd[0] < 1e-3 < bicubic.gmsd[0]
    assert perfect.psnr[0] > bicubic.psnr[0] + 10
    assert perfect.consistency[0] < 0.005 and perfect.sharp[0] == pytest.approx(1, abs=1e-3)
    assert found.way("sr32", "flawed").psnr[0] < perfect.psnr[0]
    assert table(found).count("\n| ") == 1 + 6
    assert found.seam == 0
    nearer = found.beside("bicubic", "clean")
    assert nearer.gmsd[0] == pytest.approx(perfect.gmsd[0] - bicubic.gmsd[0], abs=1e-4)
    assert nearer.gmsd[2] < 0


def test_only_what_the_base_made_is_softened():
    soft = stage()
    soft = replace(soft, sampling=replace(soft.sampling, soften=1.0))
    clean, cond = truth()[..., ::4, ::4], Conditioning.nothing(4, DIMS)
    found = measure(soft, truth(), cond, {"clean": clean, upscaling.REMADE: clean})
    assert found.way("sr32", "clean").gmsd[0] < 1e-3 < found.way("sr32", "remade").gmsd[0]
    assert found.way("bicubic", "clean").gmsd == found.way("bicubic", "remade").gmsd


def test_pairs_tell_apart_what_two_intervals_do_not():
    def pale(x, sigma, cond):
        return blocks(x, sigma, cond) * 0.8

    pictures = truth(8) * torch.linspace(0.05, 1, 8).view(8, 1, 1, 1)
    found = studied(stage(pale), pictures)
    mine, theirs = found.way("sr32", "clean"), found.way("bicubic", "clean")
    assert abs(mine.psnr[0] - theirs.psnr[0]) < mine.psnr[1] + theirs.psnr[1]
    assert found.beside("bicubic", "clean").psnr[1] > 5


def test_a_stage_that_shifts_colours_is_caught():
    def tinted(x, sigma, cond):
        return blocks(x, sigma, cond) * 0.5 + torch.tensor([0.2, 0, 0]).view(1, 3, 1, 1)

    found = studied(stage(tinted), truth())
    assert found.way("sr32", "clean").drift[0] > 0.04 > found.way("lanczos", "clean").drift[0]


def test_a_stage_whose_answer_depends_on_the_crop_has_a_seam():
    small, cond = truth(1)[..., ::4, ::4], Conditioning.nothing(1, DIMS)
    assert seam(stage(), small, cond, margin=1) == 0
    assert seam(stage(centred), small, cond, margin=1) > 0.01


def test_plain_filters_keep_a_flat_page_flat():
    from PIL import Image

    flat = torch.full((1, 3, 8, 8), 0.2)
    made = plainly(Image.Resampling.LANCZOS, flat, 4)
    assert made.shape == (1, 3, 32, 32) and float(made.std()) == 0


def test_truth_is_drawn_at_the_size_that_is_asked():
    drawn, captions = true_renders(64, 2)
    assert drawn.shape == (2, 3, 64, 64) and len(captions) == 2
    assert replace(stage(), low=16).high == 32


def test_small_pictures_are_made_anew_by_the_base_and_the_same_again(tmp_path):
    model = open_model(tiny_cascade_folder(tmp_path / "tiny"), torch.device("cpu"), torch.float32)
    clean, cond = (
        small_ones(true_renders(32, 2)[0], 16)["clean"],
        model.encoders.condition(["a"] * 2),
    )
    made = upscaling.remade(model, clean, cond)
    assert made.shape == clean.shape and bool((made != clean).flatten(1).any(1).all())
    assert torch.equal(upscaling.remade(model, clean, cond), made)
    alone = upscaling.remade(model, clean[1:], cond.rows([1]), seed=1)
    assert torch.equal(alone[0], made[1])


def test_the_command_measures_one_stage_of_a_model(tmp_path, capsys, monkeypatch):
    def run(*words):
        monkeypatch.setattr(sys, "argv", ["upscaling", *map(str, words)])
        return upscaling.main()

    folder, out = tiny_cascade_folder(tmp_path / "tiny"), tmp_path / "sr32.json"
    assert run("--model", folder, "--stage", "sr32", "--n", 2, "--out", out) == 0
    assert len(read_json(out)["ways"]) == 9
    told = capsys.readouterr().out
    assert "| lanczos | flawed |" in told and "| sr32 | remade |" in told
    assert run("--model", folder, "--stage", "sr64", "--n", 2, "--out", out) == 0
    assert {way["small"] for way in read_json(out)["ways"]} == {"clean", "flawed"}
    with pytest.raises(SystemExit, match="no stage 'sr256'; it has sr32, sr64"):
        run("--model", folder)
