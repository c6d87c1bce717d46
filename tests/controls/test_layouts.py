"""Layouts on disk: exact masks back, pictures that read in grey, and colour maps from elsewhere."""

import io
import json
import math

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ediffi.controls import layouts
from ediffi.controls.layouts import PALETTE, from_colours, load, save
from ediffi.controls.paint_with_words import Painting
from ediffi.images import MOST_PIXELS

PROMPT = "a fox and a moon over a red house by a tree, a fox"
NOISE = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
RED, BLUE, WHITE = (230, 20, 30), (20, 40, 220), (255, 255, 255)


def block(top, left, size):
    mask = np.zeros((64, 64), bool)
    mask[top : top + size, left : left + size] = True
    return mask


def rich():
    painting = Painting(PROMPT, overlap="topmost", rule="std").add("fox", NOISE, feather=2.0)
    painting = painting.add("moon", block(3, 40, 9), weight=-0.5, window=(0.3, 9.0))
    return painting.add("fox", block(30, 30, 30), occurrence=2)


def blocks():
    painting = Painting(PROMPT).add("fox", block(0, 0, 20)).add("moon", block(40, 40, 24))
    return painting.add("fox", block(0, 44, 20), occurrence=2)


@pytest.mark.parametrize("given", ["", "house", "house.png", "a.b/house.PNG"])
def test_a_layout_comes_back_whole(tmp_path, given):
    png, exact = save(rich(), tmp_path / given)
    assert png.is_file() and exact.is_file() and exact.with_suffix(png.suffix) == png
    for path in (png, exact, tmp_path / given):
        assert load(path) == rich()
    assert {p.name for p in png.parent.iterdir()} == {png.name, exact.name}


def test_an_empty_layout_is_a_bare_page(tmp_path):
    png, _ = save(Painting(PROMPT), tmp_path)
    assert load(tmp_path) == Painting(PROMPT)
    assert Image.open(png).convert("RGB").getcolors() == [(512 * 512, WHITE)]


def test_the_picture_itself_can_be_read_back(tmp_path):
    png, _ = save(blocks(), tmp_path)
    again, unmatched = from_colours(Image.open(png), PROMPT, layouts.colours(blocks()))
    assert again == blocks() and not unmatched.any()


def test_a_faint_region_is_seen_in_the_picture():
    faint = np.zeros((64, 64), np.uint8)
    faint[10, 10] = 1
    shown = np.asarray(layouts.picture(Painting(PROMPT).add("tree", faint)))
    assert (shown[80:88, 80:88] == layouts.parsed(PALETTE[0])).all()
    assert (shown != 255).any(axis=2).sum() == 64


def test_colours_are_legible_in_grey_and_far_apart():
    greys = [Image.new("RGB", (1, 1), c).convert("L").getpixel((0, 0)) for c in PALETTE]
    assert len(PALETTE) == 16

    def gaps(values):
        return np.diff(sorted(values)).min()

    assert gaps([*greys, 255]) >= 12 and gaps([*greys[:8], 255]) >= 24
    colours = np.array([layouts.parsed(c) for c in (*PALETTE, layouts.BARE)], float)
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2)
    assert apart[~np.eye(17, dtype=bool)].min() > 2 * layouts.TOLERANCE


def test_a_failure_leaves_the_old_pair(tmp_path, monkeypatch):
    save(blocks(), tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def broken(self, *args, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", broken)
    with pytest.raises(ValueError, match="Cannot write .*No space left"):
        save(rich(), tmp_path)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_places_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(ValueError, match="ends in .png"):
        save(rich(), tmp_path / "layout.jpg")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="Cannot write"):
        save(rich(), tmp_path / "file" / "layout.png")


def test_files_that_are_no_layout_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="layout.json is missing"):
        load(tmp_path)
    path = tmp_path / "layout.json"
    whole = json.dumps(rich().to_json())
    for content, message in (
        (whole[: len(whole) // 2], "not readable JSON"),
        ("[" * 100_000, "not readable JSON"),
        ("\xff", "layout.json"),
        ("[]", "names its format"),
        (whole.replace('"format": 5', '"format": 9'), "has format 9"),
        (whole.replace('"topmost"', '"under"'), "'under', but must be one of"),
        (json.dumps({"format": 1}) + " " * 10_000_000, "10,000,013 bytes, but at most 1,000,000"),
        ('{"format": ' + "9" * 5000 + "}", "layout.json"),
    ):
        path.write_text(content, encoding="latin-1")
        with pytest.raises(ValueError, match=message) as error:
            load(tmp_path)
        assert str(error.value).count(str(path)) == 1 and len(str(error.value)) < 400


def colour_map(mode="RGB", scale=1, size=128):
    """A red disc left and a blue disc right on white, drawn `scale` times too large."""
    page = Image.new("RGB", (size * scale, size * scale), WHITE)
    draw, unit = ImageDraw.Draw(page), size * scale // 128
    draw.ellipse([8 * unit, 30 * unit, 68 * unit, 90 * unit], fill=RED)
    draw.ellipse([60 * unit, 30 * unit, 120 * unit, 90 * unit], fill=BLUE)
    page = page.resize((size, size), Image.Resampling.LANCZOS) if scale > 1 else page
    return page.quantize(64) if mode == "P" else page.convert(mode)


LISTED = {RED: ("fox", 1), "#1428dc": ("moon", 1), WHITE: None}


@pytest.mark.parametrize("mode", ["RGB", "P", "CMYK", "RGBA"])
def test_blurred_edges_are_snapped_and_nothing_is_left(mode):
    painting, unmatched = from_colours(colour_map(mode, 4), PROMPT, LISTED)
    assert unmatched.shape == (128, 128) and unmatched.dtype == bool and not unmatched.any()
    sharp, _ = from_colours(colour_map(), PROMPT, LISTED)
    for region, exact in zip(painting.regions, sharp.regions, strict=True):
        assert region.phrase == exact.phrase
        area = float(exact.tensor().mean())
        assert float((region.tensor() - exact.tensor()).abs().mean()) < 0.05 * area


def test_a_gif_is_read():
    buffer = io.BytesIO()
    colour_map(scale=4).save(buffer, format="GIF")
    painting, unmatched = from_colours(Image.open(buffer), PROMPT, LISTED)
    assert [r.phrase for r in painting.regions] == ["fox", "moon"]
    assert unmatched.mean() < 0.01


def test_what_no_colour_explains_is_reported_and_never_guessed():
    page = colour_map()
    page.paste((10, 200, 10), (100, 100, 120, 120))  # a green that nobody listed
    painting, unmatched = from_colours(page, PROMPT, LISTED)
    assert unmatched.sum() == 400 and unmatched[100:120, 100:120].all()
    assert painting == from_colours(colour_map(), PROMPT, LISTED)[0]
    without_white = {colour: meant for colour, meant in LISTED.items() if meant}
    bare = (np.asarray(colour_map()) == 255).all(axis=2)
    assert np.array_equal(from_colours(colour_map(), PROMPT, without_white)[1], bare)


def test_a_mixture_far_from_its_colours_is_not_an_edge():
    page = Image.new("RGB", (64, 64), RED)
    page.paste(BLUE, (0, 0, 10, 64))
    page.putpixel((40, 40), (125, 30, 125))  # half red, half blue, in the midst of red
    page.putpixel((10, 20), (125, 30, 125))  # the same on the border
    _, unmatched = from_colours(page, PROMPT, LISTED)
    assert unmatched.sum() == 1 and unmatched[40, 40]


def test_the_tolerance_is_a_distance():
    page = Image.new("RGB", (4, 4), (200, 20, 30))  # 30 from RED
    assert not from_colours(page, PROMPT, {RED: ("fox", 1)}, 30.0)[1].any()
    page.putpixel((0, 0), RED)
    assert from_colours(page, PROMPT, {RED: ("fox", 1)}, 29.9)[1].sum() == 15


def test_the_nearest_of_two_colours_within_reach_is_taken():
    page = Image.new("RGB", (4, 4), (100, 0, 0))
    page.paste((118, 0, 0), (0, 0, 2, 4))
    colours = {(90, 0, 0): ("fox", 1), (120, 0, 0): ("moon", 1)}
    fox, moon = from_colours(page, PROMPT, colours)[0].regions
    assert fox.tensor().argmax() == 32 and float(moon.tensor()[:, :32].mean()) == 1


def test_transparent_pixels_are_unpainted():
    page = Image.new("RGBA", (64, 64), (*RED, 0))
    page.paste((*RED, 255), (0, 0, 64, 16))
    page.paste((*RED, 90), (0, 16, 64, 17))
    painting, unmatched = from_colours(page, PROMPT, {RED: ("fox", 1)})
    assert not unmatched.any() and float(painting.regions[0].tensor().sum()) == 64 * 16


def test_deep_greys_keep_their_lightness():
    deep = np.zeros((8, 8), np.uint16)
    deep[:, :4] = 128 * 257
    painting, unmatched = from_colours(
        Image.fromarray(deep), PROMPT, {"#808080": ("fox", 1), "#000000": None}
    )
    assert not unmatched.any() and float(painting.regions[0].tensor().mean()) == 0.5


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (65, 3)])
def test_pictures_of_any_shape(size):
    painting, unmatched = from_colours(Image.new("RGB", size, RED), PROMPT, {RED: ("fox", 1)})
    assert unmatched.shape == size[::-1] and float(painting.regions[0].tensor().mean()) == 1


def test_bands_make_no_seam(monkeypatch):
    whole = from_colours(colour_map(scale=4), PROMPT, LISTED)[0]
    monkeypatch.setattr("ediffi.controls.colour_maps._BAND_PIXELS", 128 * 3)
    assert from_colours(colour_map(scale=4), PROMPT, LISTED)[0] == whole


class Huge(Image.Image):
    """Says that it is large, as the header of a small file can."""

    def __init__(self, size):
        super().__init__()
        self._size = size


def truncated():
    buffer = io.BytesIO()
    colour_map().save(buffer, format="PNG")
    return Image.open(io.BytesIO(buffer.getvalue()[:600]))


@pytest.mark.parametrize(
    "picture, colours, tolerance, message",
    [
        (Huge((20_000, 20_000)), LISTED, 40, f"20,000 x 20,000 pixels.*{MOST_PIXELS:,}"),
        (Image.new("1", (40_000, 1)), LISTED, 40, "40,000 pixels, but at most 32,768"),
        ("map.png", LISTED, 40, "PIL picture, not str"),
        (colour_map(), {"red": ("fox", 1)}, 40, "written #rrggbb, and 'red' is not"),
        (colour_map(), {(1, 2): ("fox", 1)}, 40, "three numbers"),
        (colour_map(), {(1, 2, 256): ("fox", 1)}, 40, "is 256, but must lie within 0 to 255"),
        (colour_map(), {RED: "fox"}, 40, "a phrase and its occurrence"),
        (colour_map(), {RED: ("fox", 1), "#E6141E": ("moon", 1)}, 40, "listed twice"),
        (colour_map(), {RED: ("cat", 1)}, 40, "'cat' is not in the prompt"),
        (colour_map(), {RED: ("fox", 3)}, 40, "stands 2 times"),
        (colour_map(), {RED: ("fox", "1")}, 40, "whole number, not str"),
        (colour_map(), {"#00ff00": ("fox", 1)}, 40, "#00ff00 of 'fox' is nowhere in the map"),
        (colour_map(), [RED], 40, "are a mapping"),
        (colour_map(), {(i, 0, 0): ("fox", 1) for i in range(17)}, 40, "17 phrases"),
        (colour_map(), {(i, 0, 0): None for i in range(65)}, 40, "at most 64"),
        (colour_map(), LISTED, -1, "tolerance is -1, but must lie within 0 to 442"),
        (colour_map(), LISTED, math.nan, "tolerance is nan"),
    ],
)
def test_maps_that_cannot_be_read(picture, colours, tolerance, message):
    with pytest.raises(ValueError, match=message):
        from_colours(picture, PROMPT, colours, tolerance)


def test_a_truncated_picture_is_refused():
    with pytest.raises(ValueError, match="the colour map cannot be read"):
        from_colours(truncated(), PROMPT, LISTED)


def test_a_map_of_bare_page_is_an_empty_painting():
    painting, unmatched = from_colours(Image.new("L", (9, 9), 255), PROMPT, {WHITE: None})
    assert painting == Painting(PROMPT) and not unmatched.any()
    assert from_colours(Image.new("L", (9, 9), 255), PROMPT, {})[1].all()
