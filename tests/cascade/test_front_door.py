"""From a sentence to 64 px through two tiny stages: sizes, recipes, replays, given pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ediffi import EDiffI
from ediffi.__main__ import main
from ediffi.cascade.given import fitted, read_picture_file
from ediffi.recipe import read_picture, read_png
from tests.fakes import tiny_cascade_folder, tiny_model_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_cascade_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def model(folder):
    return EDiffI.from_pretrained(folder)


def picture(width: int, height: int, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    return Image.fromarray(values).convert(mode)


def test_every_size_is_offered_and_every_stage_shows_itself(model):
    assert model.sizes == (16, 32, 64)
    request = model.request("a fox", size=64, steps=3, stage_steps={"sr32": 2, "sr64": 1})
    steps = list(model.steps(request))
    assert [step.stage for step in steps] == ["base"] * 3 + ["sr32"] * 2 + ["sr64"]
    assert [step.previews.shape[-1] for step in steps] == [16] * 3 + [32] * 2 + [64]
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6] and steps[0].total == 6
    assert [step.experts for step in steps[3:]] == [("sr32",), ("sr32",), ("sr64",)]
    assert sorted(steps[-1].result.images) == [16, 32, 64]
    assert steps[-1].result.image.size == (64, 64)


def test_stopping_after_a_stage_gives_what_going_on_begins_with(model):
    small = model.generate("a fox", seed=4)
    large = model.generate("a fox", seed=4, size=32)
    assert small.images[16].tobytes() == large.images[16].tobytes()
    told = {"sr32": 0.7}
    steps = model.upscale_steps(small.image, "a fox", 32, seed=4, stage_soften=told)
    results = list(steps)[-1].results
    assert results[0].image.tobytes() == large.image.tobytes()
    assert results[0].recipe.source and large.recipe.source is None


def test_a_stage_has_its_own_steps_and_guidance(model):
    plain = model.generate("a fox", size=32)
    guided = model.generate("a fox", size=32, stage_guidance={"sr32": 4.0})
    assert plain.images[16].tobytes() == guided.images[16].tobytes()
    assert plain.image.tobytes() != guided.image.tobytes()
    (choice,) = guided.recipe.stages
    assert (choice.stage, choice.sampling.guidance) == ("sr32", 4.0)


def test_what_was_sampled_is_softened_and_what_is_given_is_not(folder, model, tmp_path):
    def softened(path):
        return [choice.sampling.soften for choice in read_png(path).stages]

    made, given, out = (tmp_path / f"{name}.png" for name in ("made", "given", "out"))
    model.generate("a fox", seed=4).save(made)
    picture(16, 16).save(given)
    line = ["--model", str(folder), "--size", "64", "--out", str(out)]
    assert main(["generate", "a fox", *line]) == 0
    assert softened(out) == [0.7, 0.0]
    for source, own in ((made, 0.7), (given, 0.0)):
        assert main(["upscale", str(source), *line]) == 0
        assert softened(out) == [own, 0.0]
        assert main(["upscale", str(source), *line, "--stage-soften", "sr64=2"]) == 0
        assert softened(out) == [own, 2.0]
    told = {"stage_soften": {"sr32": 0.0}}
    sharper = model.generate("a fox", seed=4, size=32, **told)
    assert sharper.image.tobytes() != model.generate("a fox", seed=4, size=32).image.tobytes()


def test_a_recipe_whose_stages_end_elsewhere_is_refused(model):
    made = model.generate("a fox", size=32).recipe
    for stages, end in (((), 16), (made.stages, 32)):
        with pytest.raises(ValueError, match=f"asks for 64 pixels, but its last stage makes {end}"):
            model.replay(replace(made, size=64, stages=stages))


@pytest.mark.parametrize("far", [-0.1, 4.1, float("nan"), True, "1"])
def test_a_softening_that_means_nothing_is_refused(model, far):
    with pytest.raises(ValueError, match="softening (is|must be)"):
        model.request("a fox", size=32, stage_soften={"sr32": far})
    with pytest.raises(ValueError, match="softening (is|must be)"):
        model.upscale_steps(picture(16, 16), size=32, stage_soften={"sr32": far})


def test_the_base_has_nothing_to_soften(model):
    request = model.request("a fox")
    with pytest.raises(ValueError, match="shown no picture that could be softened"):
        replace(request, sampling=replace(request.sampling, soften=1.0))


def test_a_large_picture_replays_to_the_last_bit(folder, tmp_path, capsys):
    out, again = tmp_path / "fox.png", tmp_path / "again.png"
    line = ["generate", "a fox", "--model", str(folder), "--size", "64", "--out", str(out)]
    assert main([*line, "--stage-steps", "sr32=2", "sr64=2"]) == 0
    assert read_png(out).stages[1].sampling.steps == 2
    assert main(["replay", str(out), "--model", str(folder), "--out", str(again)]) == 0
    assert "to the last bit" in capsys.readouterr().out


def test_upscale_writes_a_recipe_that_needs_its_picture(folder, tmp_path, capsys):
    given, out, again = (tmp_path / f"{name}.png" for name in ("given", "big", "again"))
    picture(20, 33).save(given)
    line = ["upscale", str(given), "--model", str(folder), "--prompt", "a fox"]
    assert main([*line, "--size", "64", "--stage-steps", "sr64=1", "--out", str(out)]) == 0
    assert read_picture(out).size == (64, 96)
    assert [choice.sampling.steps for choice in read_png(out).stages] == [3, 1]
    replay = ["replay", str(out), "--model", str(folder), "--out", str(again)]
    assert main(replay) == 2
    assert "that picture is needed" in capsys.readouterr().err
    assert main([*replay, "--picture", str(given)]) == 0
    assert "to the last bit" in capsys.readouterr().out
    picture(16, 32, "L").save(given)
    assert main([*replay, "--picture", str(given)]) == 2
    assert "another picture" in capsys.readouterr().err


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16", "LA"])
def test_every_kind_of_picture_is_taken(mode):
    made = picture(40, 40) if mode == "I;16" else picture(40, 40, mode)
    if mode == "I;16":
        made = Image.fromarray(np.full((40, 40), 30_000, np.uint16))
    x = fitted(made, [16, 32])
    assert x.shape == (1, 3, 32, 32) and float(x.min()) >= -1 and float(x.max()) <= 1


def test_a_picture_goes_to_the_largest_stage_it_reaches():
    assert fitted(picture(1000, 700), [16, 32]).shape[2:] == (32, 40)
    assert fitted(picture(31, 40), [16, 32]).shape[2:] == (16, 16)
    assert fitted(picture(32, 64), [16, 32]).shape[2:] == (64, 32)
    assert fitted(picture(20, 20), [64]).shape[2:] == (64, 64)


def test_areas_are_kept_on_the_way_down():
    flat = Image.new("RGB", (320, 320), (10, 200, 90))
    x = fitted(flat, [32])
    torch.testing.assert_close(x, x[..., :1, :1].expand_as(x))


@pytest.mark.parametrize(
    ("size", "message"),
    [((1, 1), "1 x 1 pixels; its shorter side"), ((20, 41), "at most 2 times the shorter")],
)
def test_pictures_that_no_stage_can_take(size, message):
    with pytest.raises(ValueError, match=message):
        fitted(picture(*size), [16])


def test_files_that_are_no_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        read_picture_file(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ValueError, match="is not a picture"):
        read_picture_file(tmp_path / "text.png")
    whole = tmp_path / "whole.png"
    picture(64, 64).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(ValueError, match="cannot be read"):
        read_picture_file(tmp_path / "cut.png")
    for width in (20_000, 10_001):  # beyond the library's limit, and beyond ours alone
        Image.new("1", (width, 10_000)).save(tmp_path / "huge.png")
        with pytest.raises(ValueError, match="too many pixels; at most 100 million"):
            read_picture_file(tmp_path / "huge.png")


def test_what_a_model_does_not_offer_is_refused(model, folder, tmp_path):
    with pytest.raises(ValueError, match="size is 48 pixels and this model makes 16, 32, 64"):
        model.generate("a fox", size=48)
    with pytest.raises(ValueError, match="no stage 'sr99'; the model has sr32, sr64"):
        model.request("a fox", stage_steps={"sr99": 1})
    with pytest.raises(ValueError, match="no stage 'sr99'; the model has sr32, sr64"):
        model.request("a fox", stage_soften={"sr99": 1.0})
    with pytest.raises(ValueError, match="which no stage makes"):
        model.upscale_steps(picture(16, 16), size=16)
    assert main(["generate", "a", "--model", str(folder), "--stage-steps", "sr32"]) == 2
    alone = EDiffI.from_pretrained(tiny_model_folder(tmp_path / "alone"))
    with pytest.raises(ValueError, match="has no super-resolution stage"):
        alone.upscale_steps(picture(16, 16))


def test_a_stage_that_begins_where_nothing_ends_is_refused(tmp_path):
    folder = tiny_cascade_folder(tmp_path / "tiny")
    text = (folder / "model.json").read_text()
    assert '"sr32": [\n' in text
    cut = text.replace('"sr32": [\n   "sr32"\n  ],', "")
    (folder / "model.json").write_text(cut)
    with pytest.raises(ValueError, match="sr64 enlarges 32 px, and nothing makes them"):
        EDiffI.from_pretrained(folder)
