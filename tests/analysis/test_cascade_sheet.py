"""Sheets show every size of a model, in equal tiles, next to the truth."""

import sys

import numpy as np
import pytest
from PIL import Image

from analysis import cascade_sheet
from analysis.cascade_sheet import GAP, TILE, enlarged, painted, sampled, sheet
from analysis.true_renders import true_renders
from ediffi import images
from ediffi.pipeline import EDiffI
from tests.fakes import tiny_cascade_folder, tiny_model_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_cascade_folder(tmp_path_factory.mktemp("models") / "tiny")


def test_every_size_and_the_truth_stand_in_a_row(folder):
    model = EDiffI.from_pretrained(folder)
    assert painted(model, 2).size == (4 * (TILE + GAP) - GAP, 2 * (TILE + GAP) - GAP)
    assert enlarged(model, 1).size == (4 * (TILE + GAP) - GAP, TILE)


def test_small_pictures_stand_under_their_true_scenes(folder):
    model = EDiffI.from_pretrained(folder)
    step = TILE // 2 + GAP
    assert sampled(model, 1).size == (4 * step - GAP, 2 * step - GAP)
    page = sampled(model, 3)
    assert page.size == (8 * step - GAP, 4 * step - GAP)
    truth, captions = true_renders(model.sizes[0], 10)
    made = model.generate(captions[9], 9, size=model.sizes[0]).image
    for row, picture in ((2, images.to_pil(truth[9])), (3, made)):
        shown = np.asarray(page, np.int16)[row * step, step]
        assert np.abs(shown - np.asarray(picture, np.int16)[0, 0]).max() <= 2


def test_small_pictures_are_shown_pixel_by_pixel():
    small = Image.new("RGB", (2, 2), "red")
    small.putpixel((0, 0), (0, 0, 255))
    page = sheet([[small]])
    assert page.getpixel((TILE // 2 - 1, TILE // 2 - 1)) == (0, 0, 255)
    assert page.getpixel((TILE // 2, TILE // 2)) == (255, 0, 0)


def test_the_command_writes_all_or_says_why_not(folder, tmp_path, monkeypatch):
    words = ["cascade_sheet", "--n", "1", "--out", str(tmp_path), "--model"]
    monkeypatch.setattr(sys, "argv", [*words, str(folder)])
    assert cascade_sheet.main() == 0
    assert {path.name for path in tmp_path.iterdir()} == {
        "cascade.jpg",
        "enlarged.jpg",
        "samples.jpg",
    }
    monkeypatch.setattr(sys, "argv", [*words, str(tiny_model_folder(tmp_path / "plain"))])
    with pytest.raises(SystemExit, match="no super-resolution stage to show"):
        cascade_sheet.main()
