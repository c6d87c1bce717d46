"""Attention maps as `.npz` files: everything needed to read them, and nothing that can run.

A file holds `about` (UTF-8 JSON as bytes), `layer_0`, `layer_1`, ... (float16), `cross` and `own`
(float32), as `attention_maps` describes them. What comes from outside is checked before it is used,
its sizes before it is unfolded.
"""

from __future__ import annotations

import io
import json
import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from ediffi.config import as_json, from_json
from ediffi.controls.attention_maps import AttentionMaps, Heard
from ediffi.files import written_whole

FORMAT = 1
MOST_READ = 512 * 2**20
"""Bytes that a file may unfold to: twice what a recorder keeps."""
MOST_SHARE = 1.02
"""Shares that are computed in bfloat16 can add up to a little more than one."""


def npz_bytes(maps: AttentionMaps) -> bytes:
    """The maps as the bytes of a compressed `.npz` file."""
    about = json.dumps({"format": FORMAT, **as_json(maps.heard)}, ensure_ascii=False)
    layers = {f"layer_{k}": array for k, array in enumerate(maps.maps)}
    text = np.frombuffer(about.encode("utf-8"), np.uint8)
    held = {"about": text, "cross": maps.cross, "own": maps.own, **layers}
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **held)
    return file.getvalue()


def write_npz(maps: AttentionMaps, path: str | Path) -> None:
    """Writes the maps to a file, whole or not at all; ValueError where that cannot be done."""
    with written_whole(path) as temporary:
        temporary.write_bytes(npz_bytes(maps))


def read_npz(path: str | Path) -> AttentionMaps:
    """The maps that `write_npz` wrote.

    Raises FileNotFoundError, or ValueError in one sentence for a file that is none, is cut short,
    unfolds to more than 512 MiB, or says what its arrays do not hold.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing.") from None
    except KeyError as error:
        raise ValueError(f"{path} holds no attention maps: {error.args[0]}") from None
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,  # locked, or nested too deeply
        SyntaxError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        said = str(error).splitlines()[0].rstrip(".") if str(error) else "it is cut short"
        raise ValueError(f"{path} holds no readable attention maps: {said}.") from None


def _read(archive: zipfile.ZipFile) -> AttentionMaps:
    unfolded = sum(entry.file_size for entry in archive.infolist())
    if unfolded > MOST_READ:
        raise ValueError(
            f"it unfolds to {unfolded / 2**20:.0f} MiB, and at most {MOST_READ // 2**20} are read"
        )
    data = json.loads(_array(archive, "about", np.uint8).tobytes())
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"it does not say that it has format {FORMAT}")
    heard = from_json(Heard, {key: value for key, value in data.items() if key != "format"})
    maps = AttentionMaps(
        heard,
        tuple(_array(archive, f"layer_{k}", np.float16) for k in range(len(heard.layers))),
        _array(archive, "cross", np.float32),
        _array(archive, "own", np.float32),
    )
    for array, most in [(m, MOST_SHARE) for m in maps.maps] + [(maps.cross, math.inf)]:
        _check_values(array, most)
    _check_values(maps.own, math.inf)
    return maps


def _array(archive: zipfile.ZipFile, name: str, kind: Any) -> np.ndarray:
    """An array of this dtype, read without the library's own reader, which trusts the header."""
    data = archive.read(f"{name}.npy")
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name} is written in version {version} of the array format")
    shape, fortran, found = np.lib.format.read_array_header_1_0(file)
    if found != np.dtype(kind) or fortran:
        raise ValueError(f"{name} is of type {found}, but must be {np.dtype(kind)}, row by row")
    if math.prod(shape) * found.itemsize != len(data) - file.tell():
        raise ValueError(f"{name} has not as many numbers as its shape {shape} says")
    return np.frombuffer(data, found, offset=file.tell()).reshape(shape)


def _check_values(array: np.ndarray, most: float) -> None:
    told = array[~np.isnan(array)]
    if told.size and not (told.min() >= 0 and told.max() <= most and np.isfinite(told).all()):
        raise ValueError(f"it holds values outside 0 to {most:g}")
