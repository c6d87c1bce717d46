"""Where the ledger's numbers stand in the records of the studies.

Each function takes what a study found and gives one number, or None where the record does not have
it. Two ways to paint the same captions are compared in pairs; records from before that kept no
pairs, and their errors are taken as independent, which is too wide. What a number would show, and
whether it does, is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from analysis.ledger import Found, Number
from analysis.prompt_switching import USUAL
from ediffi.controls.style_transfer import STRENGTH
from ediffi.storybook.scoring import more_often

Read = Callable[[Found], Number | None]


def layout_first(found: Found) -> Number | None:
    """How many pictures have half of their coarse part decided before half of their detail."""
    return _triple(found["first"], found["n"]) if found.get("first") else None


def share_of_steps(found: Found) -> Number | None:
    """The share of the base's steps that Config D's high-noise expert answers."""
    for seat in found["seats"]:
        if (seat["config"], seat["network"], seat["expert"]) == ("D", "base", "high"):
            return _triple([seat["steps"] / found["n"]] * 3, found["n"])
    return None


def seam_gain(expert: str) -> Read:
    """The loss that an expert, or "ensemble", saves beside the continued baseline."""

    def read(found: Found) -> Number | None:
        for gain in found["gains"]:
            if (gain["expert"], gain["rival"]) == (expert, "baseline"):
                low, high = gain["interval"]
                return Number(gain["mean"], low, high, found["n"])
        return None

    return read


def curve_gain(what: str) -> Read:
    """What the first ensemble gains over the baseline, mean of the scales.

    "frechet", "aligned", or "clip" where a second CLIP judged.
    """

    def read(found: Found) -> Number | None:
        gain = found["gains"][0].get(what) if found["gains"] else None
        return _distance(gain, found["n"]) if gain else None

    return read


def config_gain(better: str) -> Read:
    """The Fréchet distance that a configuration saves beside Config A."""

    def read(found: Found) -> Number | None:
        by_name = {scored["name"]: scored for scored in found["scored"]}
        if not {"A", better} <= by_name.keys():
            return None
        if by_name[better].get("saved"):
            return _triple(by_name[better]["saved"], found["n"])
        far = [_triple(by_name[name]["distances"]["frechet"], found["n"]) for name in ("A", better)]
        return _less(*far)

    return read


def cost_ratio(way: str, factor: int) -> Read:
    """Time of an evaluation with the network `factor` times larger this `way`, over as it is."""

    def read(found: Found) -> Number | None:
        for cost in found["costs"]:
            if (cost["way"], cost["factor"]) == (way, factor):
                return _triple(cost["ratio"], found["n"])
        return None

    return read


def guided(found: Found) -> Number | None:
    """How many more of the statements are shown at the middle scale than at the least."""
    return _distance(found["guided"], found["n"])


def diversity(found: Found) -> Number | None:
    """How unlike the pictures of one caption are, over how unlike those of several are."""
    return _distance(found["ratio"], found["n"])


def lent(what: str) -> Read:
    """With a reference at the usual strength and every noise level, against none."""

    def read(found: Found) -> Number | None:
        everywhere = {
            lent["strength"]: (lent.get("shown", {}).get(what), _triple(lent[what], found["n"]))
            for lent in found["lent"]
            if lent["sigma_low"] == 0 and lent["sigma_high"] >= 80
        }
        return _more_often(everywhere.get(STRENGTH), everywhere.get(0.0))

    return read


def sided(rule: str, weight: float, elsewhere: float) -> Read:
    """How often a thing that was painted on one side stands there, by this setting."""

    def read(found: Found) -> Number | None:
        for each in found.get("sided", ()):
            if (each["rule"], each["weight"], each["elsewhere"]) == (rule, weight, elsewhere):
                return _triple(each["asked"], each["captions"])
        return None

    return read


def painted(rule: str, weight: float, elsewhere: float) -> Read:
    """How much more of one painted thing lies in its square, by this setting, than by chance."""

    def read(found: Found) -> Number | None:
        for each in found["placed"]:
            asked = (each["things"], each["rule"], each["weight"], each.get("elsewhere", 0.0))
            if asked == (1, rule, weight, elsewhere):
                apart = [value - each["chance"] for value in each["inside"]]
                return _triple(each.get("beyond") or apart, found["n"])
        return None

    return read


def shown(name: str, length: str) -> Read:
    """How many pictures for captions of this length show what they say, by this score."""

    def read(found: Found) -> Number | None:
        for row in found["rows"]:
            if (row["name"], row["length"]) == (name, length):
                return _scored(row)
        return None

    return read


def heard(name: str, length: str, embeddings: Sequence[str], rival: Sequence[str]) -> Read:
    """How much oftener a statement comes out with these embeddings than with their rivals."""

    def read(found: Found) -> Number | None:
        scores = {
            tuple(each["embeddings"]): (each.get("shown", {}).get(name), _scored(score))
            for each in found["heard"]
            for score in each["scores"]
            if (each["length"], score["name"]) == (length, name)
        }
        return _more_often(scores.get(tuple(embeddings)), scores.get(tuple(rival)))

    return read


def over_noise(what: str) -> Read:
    """How far attention shifts between high and low noise: "fading" or "handover"."""
    return lambda found: _triple(found[what], found["n"]) if found.get(what) else None


def switched(at: float, away: str, by: tuple[str, int] = USUAL) -> Read:
    """The distance of pictures whose words changed at this share of the steps, "first" or "last".

    It is that of what is drawn, in [0, 1], to the picture of the first or of the last words alone.
    """

    def read(found: Found) -> Number | None:
        for each in found["switched"]:
            if (each["solver"], each["steps"], each["share"]) == (*by, at):
                n = each.get("pairs") or found["n"]
                return _unanimous(_triple(each[f"drawn_{away}"], n))
        return None

    return read


def _scored(score: Found) -> Number:
    return Number(score["share"], score["low"], score["high"], score["n"])


def _triple(found: Sequence[float], n: int) -> Number:
    return Number(found[0], found[1], found[2], n)


def _unanimous(mean: Number) -> Number:
    """A mean of values in [0, 1] whose n pictures all agree: they still leave an interval.

    At most 3/n of all pictures can then be expected to differ (the rule of three, 95 %).
    """
    if mean.low < mean.high:
        return mean
    reach = min(1.0, 3 / mean.n)
    return Number(mean.value, max(0.0, mean.low - reach), min(1.0, mean.high + reach), mean.n)


def _distance(found: Found, n: int) -> Number:
    return Number(found["value"], found["low"], found["high"], n)


Way = tuple[str | None, Number]
"""One way to paint some captions: its marks, where they were kept, and its share."""


def _more_often(one: Way | None, other: Way | None) -> Number | None:
    if one is None or other is None:
        return None
    if not one[0] or not other[0]:
        return _less(one[1], other[1])
    more = more_often(one[0], other[0])
    return Number(more.value, more.low, more.high, more.n) if more else None


def _less(one: Number, other: Number) -> Number:
    """`one` minus `other`, their errors taken as independent."""
    reach = math.hypot(one.high - one.low, other.high - other.low) / 2
    value = one.value - other.value
    return Number(value, value - reach, value + reach, min(one.n, other.n))
