"""A painted region: one phrase of a prompt, the place painted for it, and how strongly it acts.

A region is a value, checked when it is made; how several of them share a page is the overlap
rule's business (`overlaps`). Knows characters and cells, neither tokens nor networks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ediffi.conditioning.prompt import MAX_CHARACTERS, Prompt, Span, clean_prompt
from ediffi.controls import masks
from ediffi.controls.limits import brief, keyed, number, text, whole

STRONGEST = 10.0

_KEYS = ("phrase", "occurrence", "weight", "sigma_low", "sigma_high", "runs")


@dataclass(frozen=True)
class Region:
    """One phrase and where it goes.

    `span` is where the phrase's n-th `occurrence` stands in the prompt; `mask` is a flat tuple of
    64 x 64 values 0..255 in reading order; `weight` within ±10 scales the paper's w' (negative
    pushes the phrase away); it acts where sigma_low <= sigma <= sigma_high. `feather`, 0 to 16
    cells, softens the edges when the region is bound: the mask itself stays as it was painted.
    Raises ValueError for values beyond these limits, and for a mask that paints nothing.
    """

    phrase: str
    occurrence: int
    span: Span
    mask: masks.Cells
    weight: float = 1.0
    sigma_low: float = 0.0
    sigma_high: float = math.inf
    feather: float = 0.0

    def __post_init__(self) -> None:
        """Clean the phrase, and make plain floats of all numbers."""
        phrase = clean_prompt(text("a phrase", self.phrase))
        whose = f"of {brief(phrase)}"
        weight = number(f"the weight {whose}", self.weight, -STRONGEST, STRONGEST)
        feather = number(f"the feather {whose}", self.feather, 0.0, masks.WIDEST_FEATHER)
        low = number(f"the lower end of the window {whose}", self.sigma_low, 0.0, math.inf)
        high = number(f"the upper end of the window {whose}", self.sigma_high, 0.0, math.inf)
        if not low < high:
            raise ValueError(f"the window {whose} needs 0 <= low < high, not {low} and {high}.")
        masks.checked(self.mask, f"the mask {whose}")
        plain = {"phrase": phrase, "weight": weight, "feather": feather}
        for name, value in {**plain, "sigma_low": low, "sigma_high": high}.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """The phrase, with its number from the second occurrence on: `rabbit (2)`."""
        return self.phrase if self.occurrence == 1 else f"{self.phrase} ({self.occurrence})"

    def tensor(self) -> Tensor:
        """The mask as it was painted, float32 (64, 64) in [0, 1]."""
        return masks.as_tensor(self.mask)

    def softened(self) -> Tensor:
        """The mask with its feather, float32 (64, 64) in [0, 1]."""
        return masks.feathered(self.tensor(), self.feather)

    def to_json(self) -> dict[str, Any]:
        """The region as plain JSON; an open end of the window is null."""
        return {
            "phrase": self.phrase,
            "occurrence": self.occurrence,
            "weight": self.weight,
            "sigma_low": self.sigma_low,
            "sigma_high": None if math.isinf(self.sigma_high) else self.sigma_high,
            "feather": self.feather,
            "runs": masks.packed(self.mask),
        }

    @classmethod
    def from_json(cls, data: Any, prompt: Prompt, version: int) -> Region:
        """The region that `to_json` wrote, on `prompt`; format 1 knew no feather.

        Raises ValueError in one sentence for anything else.
        """
        keys = _KEYS if version == 1 else (*_KEYS, "feather")
        entry = keyed("a painted region", data, keys)
        phrase, occurrence = entry["phrase"], entry["occurrence"]
        return cls(
            phrase=phrase,
            occurrence=occurrence,
            span=found(prompt, phrase, occurrence),
            mask=masks.unpacked(entry["runs"]),
            weight=entry["weight"],
            sigma_low=entry["sigma_low"],
            sigma_high=math.inf if entry["sigma_high"] is None else entry["sigma_high"],
            feather=entry.get("feather", 0.0),
        )


def found(prompt: Prompt, phrase: Any, occurrence: Any) -> Span:
    """Where the phrase's n-th occurrence stands in the prompt; ValueError where it does not."""
    words = text("a phrase", phrase)
    count = whole(f"the occurrence of {brief(words)}", occurrence, 1, MAX_CHARACTERS)
    return prompt.phrase(words, count)
