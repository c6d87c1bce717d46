"""The studio's named endpoints, for programs: generate, paint, style, upscale, words and recall.

Thin over the engine: an endpoint checks what it is given as the page does, waits in the page's
queue and answers with the page's values. Pictures travel as base64 inside the JSON, both ways, so
none becomes a file that another visitor could ask for.

Annotations are not postponed here, because gradio reads the type of a result as it stands.
"""

import base64
import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypedDict, cast

from demo import easel, engine, regions, steering
from demo.checks import clean, finite
from demo.engine import Engine, Request
from demo.regions import GRID, USUAL, WEIGHT
from demo.steering import INSIST, STRENGTH, Steering
from demo.tabs.asking import refusals

MAX_PICTURE = 5_000_000  # bytes of a picture that is sent, as for the page's uploads


class PictureJson(TypedDict, total=False):
    """A picture: `png` as base64; a finished one has a file name, and its recipe in the PNG."""

    png: str
    seed: int
    name: str


class RegionJson(TypedDict, total=False):
    """Where a phrase goes: `runs` over 64 x 64 cells, or a `box` in shares of the page.

    `box` is left, top, right, bottom from 0 to 1; `runs` is value, count, ... row by row.
    """

    phrase: str
    occurrence: int
    weight: float
    runs: list[int]
    box: list[float]


class AnswerJson(TypedDict, total=False):
    """What the easel is sent: `phase` is "painting" after every step and "done" at the end."""

    phase: str
    run: str
    prompt: str
    seconds: float
    step: int
    of: int
    sigma: float
    who: str
    pictures: list[PictureJson]
    notes: list[str]
    regions: list[RegionJson]


class WordJson(TypedDict):
    """A word that the model never met, and its characters in the sentence."""

    word: str
    start: int
    end: int


class SettingsJson(TypedDict):
    """What made a picture, as far as the studio can do it again; `notes` say what it cannot."""

    prompt: str
    seed: int
    steps: int
    guidance: float
    size: int | None
    regions: list[RegionJson]
    overlap: str
    elsewhere: float
    pull: float
    collage: bool
    insist: float
    without: list[str]
    later_words: str | None
    later_from: float | None
    notes: list[str]


class Api:
    """The endpoints around one engine; a None is the model's own setting."""

    def __init__(self, model: Engine) -> None:
        self.model = model

    def generate(
        self,
        prompt: str,
        seed: int = 7,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        size: int | None = None,
        insist: float = INSIST,
    ) -> Iterator[AnswerJson]:
        """Pictures of a sentence, up to 4, from seed, seed + 1 and so on.

        The sentence says in English what the picture shows, such as "a red fox in the snow": its
        things, their colours, a place, a weather, a style. steps (1 to 50) and guidance (0 to 15)
        are the model's own if left out, and so is the size in pixels. insist (0 to 0.5) is how far
        the early steps go until every phrase is heard: 0 is faster and shows less of a sentence of
        several things; one thing, neither painted nor put on a side, is not insisted on.
        """
        with refusals():
            steered = steering.read(insist=insist)
            asked = self.asked(prompt, seed, steps, guidance, pictures, size, steered=steered)
            yield from self._run(asked)

    def paint(
        self,
        prompt: str,
        regions: list[RegionJson],
        seed: int = 7,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        size: int | None = None,
        overlap: Literal["all", "strongest", "topmost"] = "all",
        elsewhere: float = USUAL.elsewhere,
        pull: float = USUAL.pull,
        collage: bool = USUAL.collage,
        insist: float = INSIST,
    ) -> Iterator[AnswerJson]:
        """Pictures of a sentence in which phrases have their places: paint with words.

        regions is a list of up to 8 such as {"phrase": "a red fox", "box": [0, 0.5, 0.4, 1]}. The
        phrase stands in the sentence as it is, with all the words that describe the thing; the box
        is left, top, right and bottom in shares of the page from 0 to 1, and runs may stand in its
        place: value, count, ... over 64 x 64 cells, row by row. A weight (-2 to 4, 0.25 if left
        out) says how strongly; occurrence 2 is the second place of the phrase in the sentence.
        overlap says which count where regions overlap, and elsewhere (0 to 1) how much a phrase is
        held back where it is not painted; 0 is the paper's formula. A pull (0 to 0.5) moves the
        picture itself to the places while they are decided: 0.1 is a good one, and takes longer.
        A collage sketches every phrase by itself first and lays it on its place, which places
        one thing best and is about three times as slow. insist as in generate.
        """
        with refusals():
            painting = {
                "prompt": prompt,
                "regions": read_regions(regions),
                "overlap": overlap,
                "elsewhere": elsewhere,
                "pull": pull,
                "collage": collage,
            }
            steered = steering.read(insist=insist)
            asked = self.asked(prompt, seed, steps, guidance, pictures, size, painting, steered)
            yield from self._run(asked)

    def style(
        self,
        prompt: str,
        look: str,
        strength: float = STRENGTH,
        seed: int = 7,
        steps: int | None = None,
        guidance: float | None = None,
        pictures: int = 1,
        size: int | None = None,
        insist: float = INSIST,
    ) -> Iterator[AnswerJson]:
        """Pictures of a sentence that borrow the look of a given picture.

        look is a PNG, JPEG or WebP of up to 5 MB as base64; strength (0 to 15) says how much of its
        look is taken. insist as in generate.
        """
        with refusals(), as_file(look, "The look") as path:
            lent = steering.read([str(path)], strength, insist=insist)
            asked = self.asked(prompt, seed, steps, guidance, pictures, size, steered=lent)
            yield from self._run(asked)

    def upscale(
        self, picture: str, size: int, prompt: str = "", seed: int = 7
    ) -> Iterator[AnswerJson]:
        """A given picture enlarged until its shorter side has size pixels.

        picture is a PNG, JPEG or WebP of up to 5 MB as base64; a prompt that says what it shows
        helps the detail.
        """
        with refusals(), as_file(picture, "The picture") as path:
            asked = self.asked(prompt, seed, None, None, 1, size)
            yield from self._run(replace(asked, source=path))

    def unknown_words(self, prompt: str) -> list[WordJson]:
        """The words of a sentence that the model never met, from left to right."""
        with refusals():
            found = self.model.unknown(clean(prompt))
        return [{"word": each.word, "start": each.start, "end": each.end} for each in found]

    def recall(self, png: str) -> SettingsJson:
        """The settings that made a picture, from the recipe in its PNG.

        png is the file of up to 5 MB as base64.
        """
        with refusals(), as_file(png, "The PNG") as path:
            found = self.model.recall(path)
        made = found.request
        share, words = made.steering.turn or (None, None)
        return {
            "prompt": made.prompt,
            "seed": made.seed,
            "steps": made.steps,
            "guidance": made.guidance,
            "size": made.size,
            "regions": regions.as_json(made.prompt, made.painting)["regions"],
            "overlap": made.manner.overlap,
            "elsewhere": made.manner.elsewhere,
            "pull": made.manner.pull,
            "collage": made.manner.collage,
            "insist": made.steering.insist,
            "without": list(made.steering.without),
            "later_words": words,
            "later_from": share,
            "notes": list(found.notes),
        }

    def _run(self, asked: Request) -> Iterator[AnswerJson]:
        return cast(Iterator[AnswerJson], easel.values(self.model, asked))

    def asked(
        self,
        prompt: object,
        seed: object,
        steps: object,
        guidance: object,
        pictures: object,
        size: object,
        painting: object = None,
        steered: Steering | None = None,
    ) -> Request:
        """The checked request; a None is the model's own setting. ValueError otherwise."""
        own = self.model.defaults()
        steps = own.steps if steps is None else steps
        guidance = own.guidance if guidance is None else guidance
        return engine.request(prompt, seed, steps, guidance, pictures, size, painting, steered)


def read_regions(given: object) -> list[dict[str, Any]]:
    """Regions as `demo.regions.read` knows them: a box becomes runs, what is left out is filled in.

    What is no list of objects is left for it to refuse; ValueError for a box that is none.
    """
    if not isinstance(given, list):
        raise ValueError(f"The regions are a list, not {type(given).__name__}.")
    return [_filled(entry) if isinstance(entry, dict) else entry for entry in given]


def _filled(entry: dict[Any, Any]) -> dict[str, Any]:
    filled = {"occurrence": 1, "weight": WEIGHT, **entry}
    if "box" in filled and "runs" not in filled:
        filled["runs"] = _runs(filled.pop("box"))
    return filled


def _runs(box: object) -> list[int]:
    """The runs of a box (left, top, right, bottom) in shares of the page, at least one cell."""
    if not isinstance(box, list) or len(box) != 4:
        raise ValueError("A box is a list of four numbers: left, top, right, bottom.")
    shares = [finite(share, "A side of a box", 0, 1) for share in box]
    left, top, right, bottom = (round(share * GRID) for share in shares)
    if not (left < right and top < bottom):
        raise ValueError("A box must be at least 1/64 of the page wide and high.")
    row = [0, left, 255, right - left, 0, GRID - right]
    runs = [0, top * GRID, *row * (bottom - top), 0, (GRID - bottom) * GRID]
    pairs = zip(runs[::2], runs[1::2], strict=True)
    return [number for value, count in pairs if count for number in (value, count)]


@contextmanager
def as_file(text: object, name: str) -> Iterator[Path]:
    """A picture that came as base64, as a file that is gone afterwards; ValueError for no base64.

    Whether it is a picture is seen by whoever opens it.
    """
    if not isinstance(text, str):
        raise ValueError(f"{name} must be base64 text, not {type(text).__name__}.")
    plain = text.partition(",")[2] if text.startswith("data:") else text
    if len(plain) > MAX_PICTURE * 4 // 3 + 4:
        raise ValueError(f"{name} has more than {MAX_PICTURE // 10**6} million bytes.")
    try:
        data = base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} is no base64 text.") from None
    with TemporaryDirectory(prefix="studio-") as folder:
        path = Path(folder) / "sent"
        path.write_bytes(data)
        yield path
