"""Where the ledger's numbers stand in the records of the studies.

Each function takes what a study found and gives one number, or None where the record does not have
it. Two ways to paint the same captions are compared in pairs. What a number would show, and whether
it does, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from analysis.ledger import Found, Number
from analysis.prompt_switching import USUAL
from ediffi.controls.style_transfer import STRENGTH
from ediffi.storybook.scoring import more_often, wilson

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
        for scored in found["scored"]:
            if scored["name"] == better and scored["saved"]:
                return _triple(scored["saved"], found["n"])
        return None

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
            lent["strength"]: lent["shown"][what]
            for lent in found["lent"]
            if lent["sigma_low"] == 0 and lent["sigma_high"] >= 80
        }
        return _more_often(everywhere.get(STRENGTH), everywhere.get(0.0))

    return read


def sided(rule: str, weight: float, elsewhere: float) -> Read:
    """How often a thing that was painted on one side stands there, by this setting."""

    def read(found: Found) -> Number | None:
        for each in found["sided"]:
            if (each["rule"], each["weight"], each["elsewhere"]) == (rule, weight, elsewhere):
                return _triple(each["asked"], each["captions"])
        return None

    return read


def painted(rule: str, weight: float, elsewhere: float) -> Read:
    """How much more of one painted thing lies in its square, by this setting, than by chance."""

    def read(found: Found) -> Number | None:
        for each in found["placed"]:
            asked = (each["things"], each["rule"], each["weight"], each["elsewhere"])
            if asked == (1, rule, weight, elsewhere):
                return _triple(each["beyond"], found["n"])
        return None

    return read


def painted_way(name: str) -> Read:
    """How much more of one thing lies in its square by this way than as painted by default."""

    def read(found: Found) -> Number | None:
        for way in found["painted"]:
            for each in way["squares"]:
                if (way["name"], each["things"]) == (name, 1):
                    return _triple(each["more"], found["n"])
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
        shown = {
            tuple(each["embeddings"]): each["shown"].get(name)
            for each in found["heard"]
            if each["length"] == length
        }
        return _more_often(shown.get(tuple(embeddings)), shown.get(tuple(rival)))

    return read


def written(embeddings: Sequence[str], rival: Sequence[str] = ()) -> Read:
    """In how many pictures a sign carries the word, or in how many more than with a rival."""

    def read(found: Found) -> Number | None:
        each = {tuple(row["embeddings"]): row for row in found["written"]}
        if rival:
            own, other = each[tuple(embeddings)], each[tuple(rival)]
            return _more_often(own["shown"], other["shown"])
        return _triple(each[tuple(embeddings)]["right"], found["n"])

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
                return _unanimous(_triple(each[f"drawn_{away}"], each["pairs"]))
        return None

    return read


def _scored(score: Found) -> Number:
    return Number(score["share"], score["low"], score["high"], score["n"])


def _triple(found: Sequence[float], n: int) -> Number:
    return Number(found[0], found[1], found[2], n)


def _unanimous(mean: Number) -> Number:
    """A mean of values in [0, 1] whose n pictures all agree: they still leave an interval.

    As far as that of a share of 0 of n reaches (Wilson, 95 %, two-sided as all others here).
    """
    if mean.low < mean.high:
        return mean
    reach = wilson(0, mean.n)[1]
    return Number(mean.value, max(0.0, mean.low - reach), min(1.0, mean.high + reach), mean.n)


def _distance(found: Found, n: int) -> Number:
    return Number(found["value"], found["low"], found["high"], n)


def _more_often(one: str | None, other: str | None) -> Number | None:
    """From the marks of two ways to paint the same captions."""
    more = more_often(one, other) if one and other else None
    return Number(more.value, more.low, more.high, more.n) if more else None
