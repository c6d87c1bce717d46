"""The real engine around a tiny random network: records in, records out, nothing lost between."""

import inspect
import io
import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from demo import engine
from demo.attended import Attended
from demo.engine import Painted, Progress
from demo.recalled import painting_of
from demo.steering import INSIST, Steering
from demo.storybook import StorybookEngine, begin, load
from demo.walls import Walled
from ediffi.controls.paint_with_words import Painting
from ediffi.networks.taps import Tap
from ediffi.pipeline import EDiffI
from ediffi.presets import preset
from ediffi.recipe import FORMAT, Recipe, read_png, write_png
from tests.fakes import tiny_cascade_folder, tiny_ensemble_folder, tiny_pipeline

from .fake_engine import FakeEngine
from .paintings import HALF, painting, region

ASKED = engine.request("a red fox", 7, 3, 2.0, 2)


def read_png_of(painted: Painted, folder: Path) -> Recipe:
    path = folder / painted.pictures[0].name
    path.write_bytes(painted.pictures[0].png)
    return read_png(path)


@pytest.fixture(scope="module")
def tiny() -> StorybookEngine:
    return StorybookEngine.of(tiny_pipeline())


def test_the_fake_and_the_real_engine_have_the_same_verbs():
    verbs = [name for name in vars(engine.Engine) if not name.startswith("_")]
    told = ["defaults", "shelves", "unknown"]
    assert verbs == [*told, "paint", "schedule", "networks", "look_inside", "recall"]
    kinds: tuple[type, ...] = (engine.Engine, FakeEngine, StorybookEngine, Walled)
    for verb in verbs:
        asks = {tuple(inspect.signature(getattr(kind, verb)).parameters) for kind in kinds}
        assert len(asks) == 1


def test_steps_come_as_previews_and_end_with_pictures_that_carry_recipes(tiny, tmp_path):
    *steps, last = tiny.paint(ASKED)
    assert isinstance(last, Painted) and all(isinstance(step, Progress) for step in steps)
    assert [(step.step, step.of) for step in steps] == [(1, 3), (2, 3), (3, 3)]
    assert [step.sigma for step in steps] == sorted((s.sigma for s in steps), reverse=True)
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)
    assert {step.previews.dtype for step in steps} == {np.dtype(np.uint8)}
    assert steps[0].previews.shape[0] == 2 and steps[0].previews.shape[3] == 3
    for picture, seed in zip(last.pictures, (7, 8), strict=True):
        path = tmp_path / picture.name
        path.write_bytes(picture.png)
        recipe = read_png(path)
        assert (recipe.prompt, recipe.seed, recipe.sampling.steps) == ("a red fox", seed, 3)
        again = tiny.model.replay(recipe).image
        assert np.array_equal(np.asarray(again), np.asarray(picture.image))


def test_seeds_begin_again_after_the_largest(tiny):
    *_, last = tiny.paint(engine.request("a fox", engine.MAX_SEED, 1, 1.0, 2))
    assert [picture.seed for picture in last.pictures] == [engine.MAX_SEED, 0]


def test_an_empty_sentence_and_unknown_words_are_said(tiny):
    *_, last = tiny.paint(engine.request("", 7, 1, 1.0, 1))
    assert "Empty prompt" in last.notes[0]
    *_, last = tiny.paint(engine.request("a zebra", 7, 1, 1.0, 2))
    assert len(last.notes) == 1 and "zebra" in last.notes[0]


def test_a_picture_is_recalled_as_it_was_asked_for(tiny, tmp_path):
    asked = engine.request("a blue owl", 3, 2, 2.0, 1)
    *_, last = tiny.paint(asked)
    path = tmp_path / last.pictures[0].name
    path.write_bytes(last.pictures[0].png)
    assert tiny.recall(path) == engine.Recalled(replace(asked, size=16), ())


def test_what_this_page_cannot_set_is_said(tiny, tmp_path):
    result = tiny.model.generate("a blue owl", seed=3, steps=2, solver="euler")
    path = tmp_path / "owl.png"
    write_png(result.image, result.recipe, path)
    assert "solver euler" in tiny.recall(path).notes[0]
    far = tiny.model.generate("a blue owl", seed=2**40, steps=2)
    write_png(far.image, far.recipe, path)
    with pytest.raises(ValueError, match="between 0 and 4294967295, not 1099511627776"):
        tiny.recall(path)


def test_a_painting_reaches_the_model_and_comes_back_with_the_picture(tiny, tmp_path):
    soft = bytes(range(256)) * 16
    value = painting(
        "a fox and a fox", region("a fox", occurrence=2, weight=-0.5), region("fox", mask=soft)
    )
    value |= {"overlap": "topmost", "elsewhere": 0.5, "pull": 0.25, "collage": True}
    asked = engine.request("a fox and a fox", 3, 2, 2.0, 1, 16, value)
    *steps, last = tiny.paint(asked)
    assert isinstance(last, Painted)
    # The sketches of the collage are shown before the first step.
    first, *_, final = steps
    assert (first.step, first.who) == (0, "sketching what is painted")
    assert (final.step, final.of) == (2, 2) and final.who != first.who
    path = tmp_path / "fox.png"
    path.write_bytes(last.pictures[0].png)
    painted = Painting.from_json(read_png(path).painting)
    assert (painted.overlap, painted.elsewhere, painted.pull) == ("topmost", 0.5, 0.25)
    assert painted.collage
    first, second = painted.regions
    assert (first.phrase, first.occurrence, first.weight) == ("a fox", 2, -0.5)
    assert bytes(first.mask) == HALF and bytes(second.mask) == soft
    assert tiny.recall(path) == engine.Recalled(asked, ())
    *_, plain = tiny.paint(replace(asked, painting=()))
    assert read_png_of(plain, tmp_path).painting is None
    assert plain.pictures[0].png != last.pictures[0].png


def test_a_painting_that_this_page_cannot_show_is_said(tiny, tmp_path):
    mask = np.full((8, 8), 255, np.uint8)
    strong = Painting("a blue owl").add("owl", mask, weight=9)
    late = Painting("a blue owl").add("owl", mask, window=(0.0, 1.0))
    for made, said, kept in (
        (strong, "The weight of “owl” must lie between -2 and 4, not 9.", 0),
        (late, "Its painted regions had settings that this page does not have.", 1),
    ):
        result = tiny.model.generate("a blue owl", seed=3, steps=2, painting=made)
        path = tmp_path / "owl.png"
        write_png(result.image, result.recipe, path)
        recalled = tiny.recall(path)
        assert said in recalled.notes[0] and len(recalled.notes) == 1
        assert len(recalled.request.painting) == kept


def test_a_picture_without_a_recipe_is_refused_without_naming_the_servers_files(tiny, tmp_path):
    path = tmp_path / "x.png"
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, format="PNG")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="no recipe") as refusal:
        tiny.recall(path)
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (
            {"format": 99},
            f"format 99 and this version of ediffi reads up to {FORMAT}: a newer ediffi",
        ),
        ({"format": "x"}, "names no format"),
        ({"seed": -1}, "The seed must lie between 0 and 4294967295, not -1"),
        ({"prompt": "a" * 801}, "801 characters; the limit is 800"),
        ({"prompt": 7}, "The recipe is not usable"),
        ({"sampling": {"steps": 10**6}}, "between 1 and 50, not 1000000|not usable"),
        ({"weights": []}, "The recipe is not usable"),
        ({"surprise": 1}, "The recipe is not usable"),
    ],
)
def test_a_forged_or_later_recipe_is_refused_in_a_sentence(tiny, tmp_path, changed, said):
    result = tiny.model.generate("a blue owl", seed=3, steps=2)
    path, info = tmp_path / "owl.png", PngInfo()
    recipe = result.recipe.to_json()
    if isinstance(changed.get("sampling"), dict):
        changed = {"sampling": {**recipe["sampling"], **changed["sampling"]}}
    info.add_text("ediffi", json.dumps({**recipe, **changed}))
    result.image.save(path, pnginfo=info)
    with pytest.raises(ValueError, match=said) as refusal:
        tiny.recall(path)
    assert str(tmp_path) not in str(refusal.value) and "\n" not in str(refusal.value)


def test_words_and_defaults_are_there_before_the_model():
    coming: Future[EDiffI] = Future()
    early = StorybookEngine(coming, preset("storybook").sampling, (64,))
    assert early.defaults().steps > 1
    assert early.unknown("a zebra") == (engine.Unknown(2, 7, "zebra"),)
    assert len(early.shelves()) > 5
    coming.set_result(tiny_pipeline())
    *_, last = early.paint(ASKED)
    assert isinstance(last, Painted)


def test_a_model_that_does_not_come_says_why(monkeypatch):
    def refuse(source: str) -> EDiffI:
        raise FileNotFoundError(f"There is no model {source!r}.")

    monkeypatch.setattr(EDiffI, "from_pretrained", refuse)
    with pytest.raises(FileNotFoundError, match="no model 'storybook/x'"):
        _ = begin("storybook/x").model


def test_a_model_with_stages_offers_its_sizes_and_names_who_is_at_work(tmp_path):
    painter = load(str(tiny_cascade_folder(tmp_path / "tiny")))
    assert painter.defaults().sizes == (16, 32, 64)
    *steps, last = painter.paint(engine.request("a red fox", 7, 2, 2.0, 1, 32))
    assert isinstance(last, Painted) and last.pictures[0].image.size == (32, 32)
    told = [(step.who, step.previews.shape[1]) for step in steps if isinstance(step, Progress)]
    assert told[:2] == [("baseline", 16)] * 2 and set(told[2:]) == {("sr32", 32)}


def test_a_given_picture_is_enlarged_by_the_stages(tmp_path):
    painter = load(str(tiny_cascade_folder(tmp_path / "tiny")))
    small = tmp_path / "small.png"
    Image.effect_noise((16, 16), 80).save(small)
    asked = replace(engine.request("a red fox", 7, 2, 2.0, 1, 64), source=small)
    *steps, last = painter.paint(asked)
    assert isinstance(last, Painted) and last.pictures[0].image.size == (64, 64)
    assert {step.who for step in steps if isinstance(step, Progress)} == {"sr32", "sr64"}
    recipe = read_png_of(last, tmp_path)
    assert recipe.source is not None
    with pytest.raises(ValueError, match="no super-resolution stage"):
        list(StorybookEngine.of(tiny_pipeline()).paint(asked))
    Image.new("1", (12_000, 12_000)).save(small)
    with pytest.raises(ValueError, match="at most 8 million pixels"):
        list(painter.paint(asked))
    Image.new("RGB", (8, 8)).save(small)
    with pytest.raises(ValueError, match="its shorter side must have at least 16"):
        list(painter.paint(asked))


def test_a_size_that_the_model_does_not_make_is_said(tiny, tmp_path):
    large = load(str(tiny_cascade_folder(tmp_path / "tiny")))
    *_, last = large.paint(engine.request("a red fox", 7, 1, 2.0, 1, 64))
    assert isinstance(last, Painted)
    path = tmp_path / "large.png"
    path.write_bytes(last.pictures[0].png)
    recalled = tiny.recall(path)
    assert recalled.request.size == 16
    assert "It has 64 pixels, which this model does not make." in recalled.notes


def test_a_painted_run_says_where_the_model_looked_and_changes_no_pixel(tiny):
    value = painting("a fox and a fox", region("a fox", occurrence=2), region("a fox"))
    asked = engine.request("a fox and a fox", 3, 3, 2.0, 2, 16, value)
    *_, last = tiny.paint(asked)
    assert isinstance(last, Painted)
    said = last.notes[-1]
    assert said.startswith("Attention that fell on its painted place: “a fox” (number 2) ")
    assert said.count("by chance 50%") == 2 and said.endswith("not what it drew.")
    *_, plain = tiny.paint(replace(asked, painting=()))
    assert not [note for note in plain.notes if "Attention" in note]
    places = painting_of(asked)
    unheard = tiny.model.generate("a fox and a fox", 3, 16, 3, 2.0, places, insist=INSIST).image
    *_, single = tiny.paint(replace(asked, pictures=1))
    assert np.array_equal(np.asarray(single.pictures[0].image), np.asarray(unheard))


def test_only_the_first_words_are_listened_to(tiny):
    value = painting("a fox", region("a fox"))
    turned = Steering(turn=(0.5, "an owl"))
    asked = engine.request("a fox", 3, 4, 2.0, 1, 16, value, turned)
    (request,) = tiny._asked(tiny.model, asked)
    heard = Attended(tiny.model, [request])
    assert heard.last == 2
    *_, last = tiny.paint(asked)
    assert "Attention" in last.notes[-1]
    assert Attended(tiny.model, tiny._asked(tiny.model, replace(asked, painting=()))).last == 2


def test_nobody_listens_on_after_a_run_that_was_stopped(tiny):
    value = painting("a fox", region("a fox"))
    events = tiny.paint(engine.request("a fox", 3, 4, 2.0, 1, 16, value))
    next(events)
    assert any(tap.heard for tap in tiny.model.model.denoiser.modules() if isinstance(tap, Tap))
    events.close()
    assert not any(tap.heard for tap in tiny.model.model.denoiser.modules() if isinstance(tap, Tap))


def test_the_steps_name_their_levels_and_the_later_words_their_step(tiny):
    schedule = tiny.schedule(5, 0.4)
    assert schedule.sigmas[0] == 80 and list(schedule.sigmas) == sorted(schedule.sigmas)[::-1]
    assert schedule.who == ("baseline",) * 5 and schedule.begins == 2
    assert tiny.schedule(1).begins is None and tiny.schedule(1, 0.5).begins == 1
    steps = [e for e in tiny.paint(ASKED) if isinstance(e, Progress)]
    assert [step.sigma for step in steps] == list(tiny.schedule(3).sigmas)


def test_an_ensemble_stands_beside_its_baseline(tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    painter = load(str(folder))
    assert painter.networks() == ("experts", "baseline")
    assert load(f"{folder}/baseline").networks() == ("baseline", "experts")
    who = painter.schedule(18).who
    assert list(dict.fromkeys(who)) == ["high", "middle", "low"]
    asked = engine.request("a red fox", 7, 2, 2.0, 1)
    made = {
        name: next(e for e in painter.paint(replace(asked, network=name)) if isinstance(e, Painted))
        for name in (*painter.networks(), None)
    }
    pictures = {name: painted.pictures[0].image.tobytes() for name, painted in made.items()}
    assert pictures["experts"] == pictures[None] != pictures["baseline"]
    value = painting("a red fox", region("a red fox"))
    *_, last = painter.paint(engine.request("a red fox", 7, 6, 2.0, 1, None, value))
    assert isinstance(last, Painted) and "Attention" in last.notes[-1]
    with pytest.raises(ValueError, match="no network 'sr32'"):
        list(painter.paint(replace(asked, network="sr32")))


def test_a_model_without_a_folder_has_one_network(tiny):
    assert tiny.networks() == ("baseline",)
