"""Records that are told in sentences: a title and a line for each, as the model card shows them.

What the sentences say their studies know; this measures nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis import (
    attention_over_noise,
    expert_seams,
    insisting,
    lost_by_noise,
    painted_reach,
    prompt_switching,
    ways_to_paint,
    written_words,
)
from ediffi.config import from_json


def seam_lines(record: dict[str, Any]) -> str:
    """Did the split help: a line for each gain and each boundary."""
    report = from_json(expert_seams.Seams, record)
    return _listed(
        f"**Experts** ({report.model}), loss on unseen scenes at equal noise:",
        expert_seams.sentences(report),
    )


def switching_lines(record: dict[str, Any]) -> str:
    """From when on other words change nothing: a line for each solver and number of steps."""
    found = from_json(prompt_switching.Switches, record)
    return _listed(
        f"**Other words on the way** ({found.model}):", prompt_switching.sentences(found)
    )


def reach_lines(record: dict[str, Any]) -> str:
    """How much of a thing any page can have in its square: a line for each number of things."""
    found = from_json(painted_reach.Reach, record)
    return _listed("**What a painted square can hold**:", painted_reach.sentences(found))


def ways_lines(record: dict[str, Any]) -> str:
    """What other ways of painting do: lines for each way, on squares and on the sides."""
    found = from_json(ways_to_paint.WaysToPaint, record)
    return _listed(f"**Other ways to paint** ({found.model}):", ways_to_paint.sentences(found))


def insisted_lines(record: dict[str, Any]) -> str:
    """What every strength of insisting adds: a line for each."""
    found = from_json(insisting.Insistence, record)
    told = f"{found.captions} captions of two things, sides or numbers, seed {found.seed}"
    return _listed(
        f"**Insisting on the sentence** ({found.model}, {told}):", insisting.sentences(found)
    )


def lost_lines(record: dict[str, Any]) -> str:
    """At which noise two things are lost: a line for each stretch."""
    found = from_json(lost_by_noise.Lost, record)
    told = f"{found.n} captions of two things, seed {found.seed}"
    return _listed(
        f"**Begun at the truth under noise** ({found.model}, {told}):",
        lost_by_noise.sentences(found),
    )


def written_lines(record: dict[str, Any]) -> str:
    """How many signs carry their word: a line for each choice of encoders."""
    found = from_json(written_words.WrittenWords, record)
    told = f"{found.n} captions that state a word, seed {found.seed}"
    return _listed(f"**Written words** ({found.model}, {told}):", written_words.sentences(found))


def attention_lines(record: dict[str, Any]) -> str:
    """Where attention goes in the range of each of Config D's experts."""
    found = from_json(attention_over_noise.AttentionOverNoise, record)
    return _listed(
        f"**Attention over the noise** ({found.model}, seed {found.seed}):",
        attention_over_noise.sentences(found),
    )


def _listed(title: str, said: Sequence[str]) -> str:
    lines = "\n".join(f"- {each}" for each in said)
    return f"{title}\n\n{lines}\n"
