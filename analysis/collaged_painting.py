"""Does a picture that begins as a collage have more of a thing in its place, and at what cost?

The captions, squares and sides of `analysis.paint_with_words`, painted by the default setting and
begun as a collage, from the same noise, and read by the inspector in pairs. It knows the front door
and the inspector; no network and no attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

from analysis.intervals import Share
from analysis.paint_with_words import Sided
from analysis.painted_tasks import SETTINGS
from analysis.pulled_painting import in_pairs, told
from analysis.samples import Samples
from ediffi.controls.collage import LEAST
from ediffi.pipeline import EDiffI
from ediffi.storybook.evaluation import Reader


@dataclass(frozen=True)
class Squares:
    """Captions of `things` things, each painted on a square: means with 95 % intervals.

    `inside` is the share of a thing's box inside its square, 0 where the thing is absent; `present`
    how often it is there. `more` and `more_present` are what a collage adds to them, in pairs.
    """

    things: int
    inside: Share
    collaged: Share
    more: Share
    present: Share
    present_collaged: Share
    more_present: Share


@dataclass(frozen=True)
class CollagedPlaces:
    """The study on `n` captions of every number of things; `sided` without and with a collage.

    Nothing was laid down smaller than `least`, as a share of the page.
    """

    model: str
    n: int
    seed: int
    least: float
    squares: tuple[Squares, ...]
    sided: tuple[Sided, Sided]


def measure(
    model: EDiffI,
    reader: Reader,
    n: int = 64,
    seed: int = 0,
    things: Sequence[int] = (1, 2),
    steps: int | None = None,
    samples: Samples | None = None,
) -> CollagedPlaces:
    """Paints every caption twice. Raises ValueError for fewer than 8 captions."""
    plain = SETTINGS[0]
    ways = plain, replace(plain, collage=True)
    rows, sided = in_pairs(model, reader, ways, n, seed, things, steps, samples)
    squares = tuple(Squares(*row) for row in rows)
    return CollagedPlaces(model.model.name, n, seed, LEAST, squares, sided)


def sentences(found: CollagedPlaces) -> list[str]:
    """One sentence for every number of things, and one for the sides."""
    return told("As a collage", found.n, [astuple(each) for each in found.squares], found.sided)
