"""Sheets: pictures with captions that fit, files that keep their limit."""

import numpy as np
import pytest
from PIL import Image

from ediffi.storybook import sheets
from ediffi.storybook.sheets import Cell, milliseconds, sampled, save, sheet
from ediffi.storybook.vocabulary import STYLES


def test_a_sheet_holds_every_picture_pixel_by_pixel():
    cells = [Cell(np.full((8, 8, 3), 40 * i, np.uint8), "a word " * 9) for i in range(5)]
    page = np.asarray(sheet(cells, 3, 16, lines=1))
    shown = {tuple(colour) for colour in page.reshape(-1, 3)}
    assert {(40 * i,) * 3 for i in range(5)} <= shown
    assert page.shape[1] == 3 * (16 + sheets.GAP) + sheets.GAP


def test_a_sampled_cell_shows_its_scene():
    cell = sampled(3, 32)
    assert cell.picture.shape == (32, 32, 3) and cell.caption


def test_a_file_keeps_its_limit_or_is_refused(tmp_path):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    whole = save(noise, tmp_path / "whole.png", 10**6)
    small = save(noise, tmp_path / "small.png", whole // 2)
    with Image.open(tmp_path / "small.png") as shrunk:
        assert small <= whole // 2 and shrunk.size == (64, 64)
    with pytest.raises(ValueError, match="but may take 10."):
        save(noise, tmp_path / "none.png", 10)


def test_timings_name_every_style():
    assert list(milliseconds([16], scenes=1)) == list(STYLES)
