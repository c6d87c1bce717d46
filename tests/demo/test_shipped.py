"""The studio as a visitor gets it: the shipped model, a real browser, one sentence, one picture.

Missing weights or a missing browser fail here; neither is a reason to skip.
"""

import base64

import numpy as np
import pytest
from gradio_client import Client
from PIL import Image

from demo.api import read_regions
from demo.app import build_app, launch
from demo.comparing import KINDS, Tile, paint, variants
from demo.engine import Painted, Progress, request
from demo.steering import Steering
from demo.storybook import StorybookEngine, load
from ediffi.loading import shipped_folder
from ediffi.model_folder import read_model
from ediffi.recipe import read_picture, read_png

from .visiting import started, visiting

SENTENCE = "an orange fox in the meadow"


@pytest.fixture(scope="module")
def shipped() -> StorybookEngine:
    return load("storybook")


def test_the_shipped_model_paints_before_ones_eyes(shipped, chromium, tmp_path):
    app = build_app(shipped)
    address = launch(app, "127.0.0.1", None)
    try:
        with started(chromium) as browser, visiting(browser, address) as visit:
            visit.page.fill("#prompt textarea", SENTENCE)
            visit.page.click("#paint")
            visit.phase("painting")
            visit.see_it_change(times=2)
            visit.phase("done")
            path = visit.download(tmp_path)
            assert visit.complaints == []
            assert visit.hosts <= {"127.0.0.1", ""}
    finally:
        app.close(verbose=False)
    recipe = read_png(path)
    assert recipe.prompt == SENTENCE
    again = shipped.model.replay(recipe).image
    assert np.array_equal(np.asarray(again), np.asarray(read_picture(path)))


@pytest.mark.parametrize("kind", KINDS)
def test_everything_that_can_be_compared_is_painted_by_the_shipped_model(shipped, kind):
    place = read_regions([{"phrase": "orange fox", "box": [0.1, 0.4, 0.6, 0.9]}])
    look = Image.new("RGB", (64, 64), "teal")
    steering = Steering(look=look, turn=(0.4, "a white owl in the snow"))
    painting = {"prompt": SENTENCE, "regions": place}
    asked = request(SENTENCE, 3, 3, 3.0, 1, 64, painting, steering)
    put = variants(kind, asked, shipped)
    tiles = [event for event in paint(kind, put, shipped) if isinstance(event, Tile)]
    assert len(tiles) == len(put) >= 2
    assert len({tile.picture.image.tobytes() for tile in tiles}) > 1, "something was changed"


def test_experts_and_baseline_are_what_stands_side_by_side(shipped):
    default = read_model(shipped_folder()).default
    assert shipped.networks() == tuple(dict.fromkeys((default, "experts", "baseline")))


def test_programs_paint_with_the_shipped_model(shipped, tmp_path):
    app = build_app(shipped)
    address = launch(app, "127.0.0.1", None)
    try:
        studio = Client(address, verbose=False, download_files=str(tmp_path))
        place = [{"phrase": "orange fox", "box": [0.1, 0.4, 0.6, 0.9]}]
        painted = studio.predict(SENTENCE, place, 3, 4, api_name="/paint")
        (picture,) = painted["pictures"]
        borrowed = studio.predict(SENTENCE, picture["png"], steps=4, api_name="/style")
        large = studio.predict(picture["png"], 256, SENTENCE, api_name="/upscale")
        settings = studio.predict(picture["png"], api_name="/recall")
        studio.close()
    finally:
        app.close(verbose=False)
    (note,) = painted["notes"]
    assert "“orange fox”" in note and borrowed["phase"] == "done"
    assert settings["prompt"] == SENTENCE and settings["regions"] == painted["regions"]
    assert (settings["seed"], settings["steps"], settings["size"]) == (3, 4, 64)
    path = tmp_path / "large.png"
    path.write_bytes(base64.b64decode(large["pictures"][0]["png"]))
    assert read_picture(path).size == (256, 256) and read_png(path).source is not None


def test_the_picture_forms_from_a_blur(shipped):
    defaults = shipped.defaults()
    asked = request(SENTENCE, 7, defaults.steps, defaults.guidance, 2)
    *steps, last = shipped.paint(asked)
    assert isinstance(last, Painted) and all(isinstance(step, Progress) for step in steps)
    assert [picture.seed for picture in last.pictures] == [7, 8]
    final = np.asarray(last.pictures[0].image, dtype=float)
    away = [np.abs(step.previews[0] - final).mean() for step in steps]
    assert away[-1] < 8 < away[0] and away[len(away) // 2] < away[0]
    assert [step.sigma for step in steps] == sorted((s.sigma for s in steps), reverse=True)
