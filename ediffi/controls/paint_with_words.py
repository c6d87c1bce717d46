"""Paint-with-words: phrases of a prompt and the places painted for them (paper Sec. 4.3).

A painting is a value: it knows its prompt, its regions, how they share the page, and how to bind
them to token columns. The attention that reads it lives in `networks.attention`; no network is ever
changed or hooked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import torch

from ediffi.conditioning.embeddings import PaintedRegions
from ediffi.conditioning.encoders import EncodedText
from ediffi.conditioning.prompt import DETERMINERS, Prompt
from ediffi.controls import masks, overlaps
from ediffi.controls.limits import brief, choice, entries, keyed, number, shown, text, whole
from ediffi.controls.masks import GRID, Mask
from ediffi.controls.overlaps import OVERLAPS, Overlap
from ediffi.controls.regions import Region, found

MOST_REGIONS = 16
FORMAT = 5

Rule = Literal["max", "std"]
RULES: tuple[Rule, ...] = ("max", "std")
RULE: Rule = "max"
WEIGHT, ELSEWHERE = 0.25, 1.0
"""Chosen from the curve of `analysis.paint_with_words`: more places two things better and costs
things; "std" 1 does as well, but needs a pass over all scores. The paper has "max", an unknown w',
and nothing held back."""
MOST_PULL = 0.5


@dataclass(frozen=True)
class Painting:
    """A prompt's painted regions; every method returns another painting.

    `overlap` says what counts where regions overlap: "all" (the paper), "strongest" or "topmost",
    as in `overlaps.resolved`. `rule` says what scales the bonus: "max" (the paper) the largest
    score of query and key, which keeps w' free of their scale but hangs on a single outlier; "std"
    the standard deviation of the scores, as public implementations came to do: it follows their
    bulk, so it is steadier, and several times weaker at the same weight. `elsewhere`, 0 (the paper)
    to 1, is the share of a phrase's bonus that is taken from it where it is not painted: without it
    a phrase that is heard everywhere stays where it was. `pull`, 0 (the paper) to 0.5, moves the
    picture itself towards its places while the noise is high (`controls.pulling`): it places
    better and takes up to twice as long; 0.1 was measured, and 0.3 costs things. With `collage`
    what is painted is sketched on its own, moved to its place and painted over
    (`controls.collage`): places one thing best, and takes about three times as long. A
    region is named by its index, from 0 on, in the order in which they were added.

    Raises ValueError for a region whose phrase is not in the prompt, an unreadable mask, or
    settings beyond their limits, naming the value and the limit.
    """

    prompt: str
    regions: tuple[Region, ...] = ()
    overlap: Overlap = "all"
    rule: Rule = RULE
    elsewhere: float = ELSEWHERE
    pull: float = 0.0
    collage: bool = False

    def __post_init__(self) -> None:
        """Clean the prompt, so that spans and tokens speak of the same characters."""
        prompt = Prompt(text("a painting's prompt", self.prompt))
        object.__setattr__(self, "prompt", prompt.text)
        choice("the overlap rule", self.overlap, OVERLAPS)
        choice("the rule for the strength", self.rule, RULES)
        held = number("how much a phrase is held back elsewhere", self.elsewhere, 0.0, 1.0)
        object.__setattr__(self, "elsewhere", held)
        pull = number("how far a picture is pulled to its places", self.pull, 0.0, MOST_PULL)
        object.__setattr__(self, "pull", pull)
        if not isinstance(self.collage, bool):
            raise ValueError(
                f"whether it is a collage is True or False, not {shown(self.collage)}."
            )
        if not isinstance(self.regions, tuple) or len(self.regions) > MOST_REGIONS:
            raise ValueError(f"a painting holds at most {MOST_REGIONS} regions, as a tuple.")
        for region in self.regions:
            if region.span != found(prompt, region.phrase, region.occurrence):
                raise ValueError(f"the region of {brief(region.name)} is of another prompt.")

    def __bool__(self) -> bool:
        """Whether anything is painted."""
        return bool(self.regions)

    @property
    def collaged(self) -> bool:
        """Whether a picture begins as a collage, which a region that draws its phrase needs."""
        return self.collage and any(region.weight > 0 for region in self.regions)

    def add(
        self,
        phrase: str,
        mask: Mask,
        occurrence: int = 1,
        weight: float = WEIGHT,
        window: tuple[float, float] = (0.0, math.inf),
        feather: float = 0.0,
    ) -> Painting:
        """The painting with `phrase` (its n-th `occurrence`) put where `mask` is set.

        `mask` is (h, w) of bool, of 0..255 bytes, or of floats in [0, 1], any size; or a PIL
        picture, whose lightness counts. It is kept as 64 x 64 shares of painted area. `window` is
        the (low, high) range of sigma in which the region acts; `feather` (0 to 16 cells of the 64)
        softens its edges.
        """
        if len(self.regions) >= MOST_REGIONS:
            raise ValueError(f"a painting holds at most {MOST_REGIONS} regions.")
        low, high = window
        span = found(Prompt(self.prompt), phrase, occurrence)
        cells = masks.shares(mask, f"the mask of {brief(phrase)}")
        region = Region(phrase, int(occurrence), span, cells, weight, low, high, feather)
        return self._adding(region)

    def without(self, index: int) -> Painting:
        """The painting without a region."""
        gone = self._region(index)
        return replace(self, regions=tuple(r for r in self.regions if r is not gone))

    def moved(self, index: int, dx: float, dy: float) -> Painting:
        """A region moved by shares of the page, -1 to 1, to the right and down, in whole cells.

        What leaves the page is lost; ValueError where that would be all of it.
        """
        region = self._region(index)
        whose = f"the move of {brief(region.name)}"
        right = round(number(f"{whose} to the right", dx, -1, 1) * GRID)
        down = round(number(f"{whose} down", dy, -1, 1) * GRID)
        cells = masks.moved(region.mask, right, down)
        if not any(cells):
            raise ValueError(f"{whose} by {dx:g} and {dy:g} would take all of it off the page.")
        return self._with(index, replace(region, mask=cells))

    def inverted(self, index: int) -> Painting:
        """A region that is painted where it was not; ValueError where it fills the page."""
        region = self._region(index)
        return self._with(index, replace(region, mask=masks.inverted(region.mask)))

    def duplicated(self, index: int, phrase: str, occurrence: int = 1) -> Painting:
        """The painting with the same place, strength and window added for another phrase."""
        if len(self.regions) >= MOST_REGIONS:
            raise ValueError(f"a painting holds at most {MOST_REGIONS} regions.")
        span = found(Prompt(self.prompt), phrase, occurrence)
        copy = replace(self._region(index), phrase=phrase, occurrence=int(occurrence), span=span)
        return self._adding(copy)

    def reweighted(self, index: int, weight: float) -> Painting:
        """A region with another weight, within ±10."""
        return self._with(index, replace(self._region(index), weight=weight))

    def feathered(self, index: int, feather: float) -> Painting:
        """A region with edges of another softness, 0 to 16 cells; its mask stays as painted."""
        return self._with(index, replace(self._region(index), feather=feather))

    def with_prompt(self, prompt: str) -> tuple[Painting, tuple[str, ...]]:
        """The painting on another prompt, and the names of the regions that it has no place for.

        A region stays where the same occurrence of its phrase is in the new prompt: the second
        rabbit is never taken for the first.
        """
        words = Prompt(text("a painting's prompt", prompt))
        kept: list[Region] = []
        dropped: list[str] = []
        for region in self.regions:
            try:
                span = words.phrase(region.phrase, region.occurrence)
            except ValueError:
                dropped.append(region.name)
            else:
                kept.append(replace(region, span=span))
        return replace(self, prompt=words.text, regions=tuple(kept)), tuple(dropped)

    def warnings(self, coarsest_grid: int) -> tuple[str, ...]:
        """What the painter should know, one sentence each; nothing of it is an error.

        `coarsest_grid` is how many cells a side the network's coarsest cross-attention has.
        """
        told = overlaps.warnings(self.regions, self.overlap, coarsest_grid)
        return (*told, *self._undescribed())

    def to_json(self) -> dict[str, Any]:
        """The painting as plain JSON, every mask exact."""
        return {
            "format": FORMAT,
            "prompt": self.prompt,
            "overlap": self.overlap,
            "rule": self.rule,
            "elsewhere": self.elsewhere,
            "pull": self.pull,
            "collage": self.collage,
            "regions": [region.to_json() for region in self.regions],
        }

    @classmethod
    def from_json(cls, data: Any) -> Painting:
        """The painting that `to_json` wrote, in this format or an older one.

        Raises ValueError in one sentence, naming the value and the limit, for anything else.
        """
        version = data.get("format") if isinstance(data, dict) else None
        if type(version) is not int or version < 1:
            raise ValueError(f"a painting is an object that names its format, 1 to {FORMAT}.")
        if version > FORMAT:
            raise ValueError(
                f"the painting has format {shown(version)} and this version of ediffi reads 1 to"
                f" {FORMAT}: a newer ediffi may read it."
            )
        rules = () if version == 1 else ("overlap", "rule")
        rules = rules if version <= 2 else (*rules, "elsewhere")
        rules = rules if version <= 3 else (*rules, "pull")
        rules = rules if version <= 4 else (*rules, "collage")
        told = keyed("a painting", data, ("format", "prompt", "regions", *rules))
        prompt = Prompt(text("a painting's prompt", told["prompt"]))
        regions = entries("the list of painted regions", told["regions"], MOST_REGIONS)
        return cls(
            prompt.text,
            tuple(Region.from_json(region, prompt, version) for region in regions),
            cast(Overlap, told.get("overlap", "all")),
            cast(Rule, told.get("rule", "max")),
            told.get("elsewhere", 0.0),
            told.get("pull", 0.0),
            told.get("collage", False),
        )

    def _undescribed(self) -> list[str]:
        """A sentence for every region whose phrase lacks the words that describe it."""
        prompt, said = Prompt(self.prompt), []
        for region in self.regions:
            span = prompt.described(region.span)
            before = Prompt(prompt.text[span.start : region.span.start]).words
            if any(word.lower() not in DETERMINERS for word in before):
                whole_phrase = prompt.text[span.start : span.end]
                said.append(
                    f"{region.name!r} is painted without the words that describe it, which carry"
                    f" it as well: paint {whole_phrase!r} to place all of it."
                )
        return said

    def _adding(self, region: Region) -> Painting:
        return replace(self, regions=(*self.regions, region))

    def _with(self, index: int, region: Region) -> Painting:
        before, after = self.regions[:index], self.regions[index + 1 :]
        return replace(self, regions=(*before, region, *after))

    def _region(self, index: int) -> Region:
        if not self.regions:
            raise ValueError("nothing is painted, so there is no region to change.")
        return self.regions[whole("the index of a region", index, 0, len(self.regions) - 1)]


def bind(
    paintings: Sequence[Painting | None], texts: Sequence[EncodedText]
) -> PaintedRegions | None:
    """The paintings of a batch on the columns of both token streams; None when nothing is painted.

    Feathers and overlaps are resolved here, once. Each text encodes one prompt, alone; columns are
    padded to the longest of the batch. Pictures with fewer regions get empty ones. Raises
    ValueError when a phrase has no token in either stream, because it did not fit into the context.
    """
    most = max((len(p.regions) for p in paintings if p), default=0)
    if most == 0:
        return None
    n = max(told.t5.shape[1] for told in texts)
    m = max(told.clip.shape[1] for told in texts)
    b = len(paintings)
    bound = PaintedRegions(
        masks=torch.zeros(b, most, GRID, GRID),
        t5_columns=torch.zeros(b, most, n),
        clip_columns=torch.zeros(b, most, m),
        weight=torch.zeros(b, most),
        sigma_low=torch.zeros(b, most),
        sigma_high=torch.full((b, most), math.inf),
        by_spread=torch.tensor([bool(p) and p.rule == "std" for p in paintings]),
        pull=torch.tensor([p.pull if p else 0.0 for p in paintings]),
    )
    for row, (painting, told) in enumerate(zip(paintings, texts, strict=True)):
        if painting:
            scaled = overlaps.signed(painting.regions, painting.overlap, painting.elsewhere)
            bound.masks[row, : len(scaled)] = scaled
            for place, region in enumerate(painting.regions):
                _bind_region(bound, row, place, region, Prompt(painting.prompt), told)
    return bound


def _bind_region(
    bound: PaintedRegions, row: int, place: int, region: Region, prompt: Prompt, told: EncodedText
) -> None:
    t5 = prompt.columns(region.span, told.t5_offsets[0])
    clip = prompt.columns(region.span, told.clip_offsets[0])
    if not t5 and not clip:
        raise ValueError(f"the phrase {region.phrase!r} did not fit into the encoders' context.")
    bound.t5_columns[row, place, t5] = 1
    bound.clip_columns[row, place, clip] = 1
    bound.weight[row, place] = region.weight
    bound.sigma_low[row, place] = region.sigma_low
    bound.sigma_high[row, place] = region.sigma_high
