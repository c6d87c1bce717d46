"""Captions as published data sets write them: COCO's file, Visual Genome's paragraphs and regions.

A file is told by what it holds, not by its name. It reads names and texts; it refuses to open
pictures, and to judge captions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ediffi.files import read_json

MISSING = "picture missing"
STRAY = "annotation without a picture"
MUTE = "annotation without a text"
DOUBLE = "id that another picture has"
GENOME_FOLDERS = ("", "VG_100K", "VG_100K_2")
"""Where Visual Genome's two archives put their pictures."""

Dropped = dict[str, list[str]]
"""Names of what was left out, by reason."""

Captions = dict[str, list[str]]
"""Texts by the name of their picture inside the folder of pictures."""


def captions_in(path: Path, images: Path) -> tuple[Captions, Dropped]:
    """What a published file says of the pictures in `images`, and what cannot be used of it.

    COCO's file is an object of images and annotations. Visual Genome's are lists: each entry of
    `paragraphs_v1.json` is one long caption (the paper's 61.9 words on average fit these, which is
    our reading of Sec. 5.1), each of `region_descriptions.json` has a caption per region. Raises
    ValueError in one sentence for anything else.
    """
    data = read_json(path)
    said, amiss = _genome(path, data, images) if _is_genome(data) else _coco(path, data)
    for name in said:
        check_inside(name, str(path))
    found: Captions = {name: said[name] for name in sorted(said) if (images / name).is_file()}
    dropped: Dropped = {reason: names for reason, names in amiss.items() if names}
    missing = sorted(said.keys() - found.keys())
    if missing:
        dropped[MISSING] = missing
    return found, dropped


def check_inside(name: str, where: str) -> None:
    """Raises ValueError, naming `where` it stands, for a file name that leads out of its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{where} names {name[:100]!r}, which is no file inside the folder.")


def _is_genome(data: Any) -> bool:
    return isinstance(data, list) and bool(data)


def _coco(path: Path, data: Any) -> tuple[Captions, Dropped]:
    try:
        names: dict[Any, str] = {}
        doubles: list[str] = []
        for image in data["images"]:
            number, name = image["id"], str(image["file_name"])
            if number in names:
                doubles.append(name)  # the first one counts
            else:
                names[number] = name
        said = [(annotation["image_id"], annotation["caption"]) for annotation in _notes(data)]
        captions: Captions = {name: [] for name in names.values()}
        strays: list[str] = []
        mute: list[str] = []
        for number, text in said:
            if number not in names:
                strays.append(str(number))
            elif isinstance(text, str):
                captions[names[number]].append(text)
            else:
                mute.append(names[number])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is no COCO captions file: images need id and file_name, annotations image_id"
            f" and caption ({type(error).__name__}: {error})."
        ) from None
    return captions, {STRAY: strays, DOUBLE: doubles, MUTE: mute}


def _notes(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    notes = data["annotations"]
    if not isinstance(notes, list):
        raise TypeError("annotations are no list")
    return notes


def _genome(path: Path, data: list[Any], images: Path) -> tuple[Captions, Dropped]:
    captions: Captions = {}
    doubles: list[str] = []
    mute: list[str] = []
    try:
        for entry in data:
            name = _genome_name(entry, images)
            if name in captions:
                doubles.append(name)  # the first one counts
            else:
                said = _genome_said(entry)
                captions[name] = [text for text in said if isinstance(text, str)]
                mute += [name] * (len(said) - len(captions[name]))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no file of Visual Genome: entries need image_id or id, and a paragraph or"
            f" regions with a phrase ({type(error).__name__}: {error})."
        ) from None
    return captions, {DOUBLE: doubles, MUTE: mute}


def _genome_name(entry: Mapping[str, Any], images: Path) -> str:
    """The picture's name in `images`, which is either archive's folder or holds both."""
    named = PurePosixPath(urlsplit(str(entry.get("url", ""))).path).name
    # Regions carry no address; their pictures are named by their number.
    name = named or f"{int(entry['image_id'] if 'image_id' in entry else entry['id'])}.jpg"
    places = [f"{folder}/{name}" if folder else name for folder in GENOME_FOLDERS]
    return next((place for place in places if (images / place).is_file()), name)


def _genome_said(entry: Mapping[str, Any]) -> list[Any]:
    if "paragraph" in entry:
        return [entry["paragraph"]]
    return [region["phrase"] for region in entry["regions"]]
