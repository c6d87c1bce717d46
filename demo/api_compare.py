"""The named endpoint that compares: one sentence, one noise, several pictures, one thing changed.

Thin over `demo.comparing` and `demo.sheet`, as `demo.api` is over the engine, and checked as there.

Annotations are not postponed here, because gradio reads the type of a result as it stands.
"""

from collections.abc import Iterator
from typing import Literal, TypedDict, cast

from demo import comparing, sheet
from demo.api import Api, RegionJson, read_regions
from demo.tabs.asking import refusals


class TileJson(TypedDict, total=False):
    """One finished picture: `png` as base64 with its recipe, `words` that tell it, and a note."""

    png: str
    name: str
    seed: int
    words: str
    note: str


class SheetJson(TypedDict, total=False):
    """Pictures side by side: `phase` is "painting" after every step and "done" at the end.

    `labels` say what is different in each; `order` holds their indices as the page shows them.
    """

    phase: str
    run: str
    seconds: float
    step: int
    of: int
    index: int
    png: str
    tile: TileJson | None
    labels: list[str]
    order: list[int]
    tiles: list[TileJson]
    notes: list[str]


class Comparison:
    """The endpoint around the other ones' engine."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def compare(
        self,
        prompt: str,
        kind: Literal["encoders", "words", "painting", "insist", "networks"] = "encoders",
        later: str = "",
        regions: list[RegionJson] | None = None,
        seed: int = 7,
        steps: int | None = None,
        guidance: float | None = None,
        size: int | None = None,
    ) -> Iterator[SheetJson]:
        """Pictures of one sentence and one noise, side by side, with one thing changed.

        kind says what: "encoders" (the eight choices of T5, CLIP text and CLIP image), "words" (the
        later sentence takes over at several shares of the steps), "painting" (with and without the
        regions), "insist" (with and without insisting on all that is named) or "networks" (the
        experts and the baseline, where the model has both).
        """
        with refusals():
            chosen = comparing.chosen(kind)
            painting = None
            if regions is not None:
                painting = {"prompt": prompt, "regions": read_regions(regions)}
            asked = self.api.asked(prompt, seed, steps, guidance, 1, size, painting)
            put = comparing.variants(chosen, asked, self.api.model, later)
            found = sheet.values(chosen, asked, put, self.api.model)
            yield from cast(Iterator[SheetJson], found)
