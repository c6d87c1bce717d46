"""Any picture file becomes a square as training wants it, or a reason; nothing is raised."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from ediffi.shards.pictures import (
    TOO_LARGE,
    TOO_SMALL,
    UNREADABLE,
    Square,
    read_square,
)
from tests.shards.collections_at_hand import picture


def found_in(path, resolution=8) -> Square:
    found = read_square(path, resolution)
    assert isinstance(found, Square)
    return found


def square(path, resolution=8) -> np.ndarray:
    found = found_in(path, resolution)
    assert found.pixels.shape == (resolution, resolution, 3)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.png))), found.pixels)
    return found.pixels


def test_the_middle_is_kept_and_the_shorter_side_scaled(tmp_path):
    pixels = np.zeros((40, 120, 3), np.uint8)
    pixels[:, 40:80] = (200, 100, 50)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert (square(tmp_path / "wide.png")[:, 2:-2] == (200, 100, 50)).all()
    Image.fromarray(pixels.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    assert (square(tmp_path / "tall.png")[2:-2] == (200, 100, 50)).all()
    assert found_in(tmp_path / "tall.png").source == (40, 120)


def test_fine_stripes_become_grey_and_no_pattern(tmp_path):
    stripes = np.zeros((90, 90, 3), np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert np.ptp(square(tmp_path / "stripes.png")[1:-1, 1:-1].astype(int)) < 12


def test_the_camera_is_believed(tmp_path):
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[:8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    Image.fromarray(pixels).save(tmp_path / "turned.png", exif=exif)
    turned = square(tmp_path / "turned.png")
    assert turned[:, -1].min() > 240 and turned[:, 0].max() < 15


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "LA", "RGBA", "I;16", "I", "F"])
def test_every_mode_becomes_colour(tmp_path, mode):
    grey = Image.new("L", (10, 10), 128)
    if mode in ("I;16", "I"):
        grey = Image.fromarray(np.full((10, 10), 128 * 257, np.uint16 if ";" in mode else np.int32))
    elif mode == "1":
        grey = Image.new("1", (10, 10), 1)
    else:
        grey = grey.convert(mode)
    path = tmp_path / ("a.tif" if mode in ("CMYK", "F", "I") else "a.png")
    grey.save(path)
    wanted = 255 if mode == "1" else 128
    assert abs(square(path).astype(int) - wanted).max() <= 1


def test_transparency_lies_on_white(tmp_path):
    clear = Image.new("RGBA", (10, 10), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    assert (square(tmp_path / "clear.png") == 255).all()
    palette = Image.new("P", (10, 10), 0)
    palette.putpalette([10, 20, 30])
    palette.save(tmp_path / "palette.png", transparency=0)
    assert (square(tmp_path / "palette.png") == 255).all()


def test_a_large_jpeg_is_decoded_coarsely_and_looks_the_same(tmp_path):
    large = picture(3, (12, 9)).resize((1200, 900), Image.Resampling.BICUBIC)
    large.save(tmp_path / "large.jpg", quality=95)
    large.save(tmp_path / "large.png")
    fast, exact = square(tmp_path / "large.jpg", 16), square(tmp_path / "large.png", 16)
    assert abs(fast.astype(int) - exact).mean() < 3
    assert found_in(tmp_path / "large.jpg", 16).source == (1200, 900)


def claimed(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it is this large."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        sum_ = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + sum_

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (claimed(20_000, 10_000), TOO_LARGE),
        (claimed(12_000, 9_000), TOO_LARGE),
        (claimed(2**31 - 1, 2**31 - 1), TOO_LARGE),
        (claimed(1, 1), TOO_SMALL),
        (claimed(7, 5000), TOO_SMALL),
        (claimed(0, 9), UNREADABLE),
        (claimed(100, 100), UNREADABLE),
        (b"", UNREADABLE),
        (b"GIF89a", UNREADABLE),
        (b"no picture at all", UNREADABLE),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)}",
)
def test_what_is_no_good_has_a_reason(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    assert read_square(tmp_path / "a.png", 8) == reason


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "gif", "tif", "bmp"])
def test_a_picture_cut_short_is_unreadable(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    picture(1, (64, 64)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert read_square(path, 8) == UNREADABLE
    assert read_square(tmp_path / "nowhere.png", 8) == UNREADABLE
