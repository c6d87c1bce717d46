"""What there is: a folder of pictures with captions, or a data set's captions file, as one list.

Captions come from a same-named `.txt` beside each picture (each line is one), from a
`captions.jsonl` or `metadata.jsonl` with file_name and text (Hugging Face's imagefolder), or from
the JSON that COCO and Visual Genome publish. It reads text and names; it refuses to open pictures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from ediffi.conditioning.prompt import MAX_CHARACTERS, clean_prompt
from ediffi.files import text_lines
from ediffi.shards.pictures import SUFFIXES
from ediffi.shards.published import MISSING, Dropped, captions_in, check_inside

TABLES = ("captions.jsonl", "metadata.jsonl")

NO_CAPTION, EMPTY_CAPTION = "no caption", "empty caption"
NOT_UTF8, NO_PICTURE = "caption not UTF-8", "not a picture file"


@dataclass(frozen=True)
class Entry:
    """A picture file, its name inside the collection, and at least one caption, cleaned."""

    name: str
    path: Path
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Listing:
    """Pictures in the order of their names, and what was left out so far and why."""

    entries: tuple[Entry, ...]
    dropped: Dropped


def list_pictures(source: str | Path, images: str | Path | None = None) -> Listing:
    """The pictures of a folder, or of a captions file as in `published` with its folder `images`.

    Raises FileNotFoundError or ValueError in one sentence: nothing there, broken JSON, no picture
    with a caption, `images` missing or too much.
    """
    path = Path(source)
    if not path.exists():
        raise FileNotFoundError(f"There is no folder and no file {path}.")
    if path.is_dir():
        if images is not None:
            raise ValueError(f"{path} is a folder; --images belongs to a captions file.")
        listing = _of_folder(path)
    elif images is None:
        raise ValueError(f"{path} is a file; name the folder of its pictures with --images.")
    elif not Path(images).is_dir():
        raise FileNotFoundError(f"There is no folder of pictures {images}.")
    else:
        listing = _of_file(path, Path(images))
    if not listing.entries:
        raise ValueError(f"{path} has no picture with a caption: {told(listing.dropped)}.")
    return listing


def told(dropped: Mapping[str, Iterable[Any]]) -> str:
    """Reasons and counts as words: "2 too small, 1 no caption"; "nothing dropped" for none."""
    counts = [f"{len(list(names)):,} {reason}" for reason, names in sorted(dropped.items())]
    return ", ".join(counts) or "nothing dropped"


def _of_folder(folder: Path) -> Listing:
    files = dict(sorted(_files(folder)))
    pictures = {name: path for name, path in files.items() if _is_picture(name)}
    if not pictures:
        raise ValueError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
    tables = [name for name in TABLES if name in files]
    if len(tables) > 1:
        raise ValueError(f"{folder} has captions in {tables[0]} and in {tables[1]}; keep one.")
    dropped: Dropped = {}
    beside = {str(PurePosixPath(name).with_suffix(".txt")) for name in pictures}
    for name in files.keys() - pictures.keys() - beside - set(tables):
        dropped.setdefault(NO_PICTURE, []).append(name)
    if not tables:
        return _listing(pictures, {n: _beside(path) for n, path in pictures.items()}, dropped)
    said = _table(files[tables[0]])
    for name in said.keys() - pictures.keys():
        dropped.setdefault(MISSING, []).append(name)
    return _listing(pictures, {name: said.get(name, NO_CAPTION) for name in pictures}, dropped)


def _of_file(path: Path, images: Path) -> Listing:
    said, dropped = captions_in(path, images)
    pictures = {name: images / name for name in said}
    return _listing(pictures, {name: said[name] or NO_CAPTION for name in said}, dropped)


def _listing(
    pictures: Mapping[str, Path], said: Mapping[str, Iterable[str] | str], dropped: Dropped
) -> Listing:
    """Pictures with what is said of each: captions, or the reason why there are none."""
    entries = []
    for name, path in pictures.items():
        texts = said[name]
        reason = texts if isinstance(texts, str) else EMPTY_CAPTION
        # Cleaned as a prompt is, so that training and sampling read the same characters.
        clean = () if isinstance(texts, str) else (clean_prompt(t[:MAX_CHARACTERS]) for t in texts)
        captions = tuple(dict.fromkeys(text for text in clean if text))
        if captions:
            entries.append(Entry(name, path, captions))
        else:
            dropped.setdefault(reason, []).append(name)
    return Listing(tuple(entries), {reason: sorted(dropped[reason]) for reason in sorted(dropped)})


def _beside(picture: Path) -> list[str] | str:
    """The lines of the text file beside a picture, or why there are none."""
    try:
        return text_lines(picture.with_suffix(".txt"))
    except UnicodeDecodeError:
        return NOT_UTF8
    except OSError:
        return NO_CAPTION


def _table(path: Path) -> dict[str, list[str]]:
    """Captions by file name; ValueError naming the first line that cannot be used."""
    captions: dict[str, list[str]] = {}
    try:
        lines = text_lines(path)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8: {error}.") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            name, text = row["file_name"], row["text"]
        except (json.JSONDecodeError, RecursionError) as error:
            raise ValueError(f"line {number} of {path} is not readable JSON: {error}.") from None
        except (KeyError, TypeError):
            raise ValueError(f"line {number} of {path} has no file_name and text.") from None
        texts = text if isinstance(text, list) else [text]
        if not isinstance(name, str) or not all(isinstance(one, str) for one in texts):
            raise ValueError(f"line {number} of {path} has a file_name or a text that is no text.")
        check_inside(name, f"line {number} of {path}")
        captions.setdefault(PurePosixPath(name).as_posix(), []).extend(texts)
    if not captions:
        raise ValueError(f"{path} is empty; each line needs file_name and text.")
    return captions


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is not hidden, by its path inside the folder."""
    for path in folder.rglob("*"):
        inside = path.relative_to(folder)
        if not any(part.startswith(".") for part in inside.parts) and path.is_file():
            yield inside.as_posix(), path


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES
