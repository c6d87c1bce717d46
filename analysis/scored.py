"""What an evaluation found, told: scores with intervals, two models in pairs, a short table.

It reads evaluation records as they are kept; it measures nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis import held_out
from ediffi.storybook.scoring import PRESUMING, SCORES, more_often, more_shown

TEST = "test"
"""The split of unseen scenes, of which the headline tells."""


def headline(records: Sequence[dict[str, Any]]) -> str:
    """One table of unseen scenes: the models that insist, the same plainly, their baselines.

    Only records of the same captions as the first stand in it; "" where there are none.
    """
    told = _compared([each for each in records if each["split"] == TEST])
    if not told:
        return ""
    first = told[0]
    lines = [
        f"**What its pictures show**: {first['n']:,} {first['length']} captions of unseen scenes,"
        f" one picture each, seed {first['seed']}, read by the inspector; in brackets the 95 %"
        " interval.",
        "",
        f"| the picture shows | asked | {' | '.join(map(_named, told))} | true scenes |",
        f"|---|---:|{'---:|' * len(told)}---:|",
    ]
    for rows in zip(*(each["scores"] for each in told), strict=True):
        if rows[0]["name"] in PRESUMING:
            continue  # asked of each model's own pictures, so of as many as it has
        cells = (
            f"{_percent(row['share'])} ({100 * row['low']:.0f} to {100 * row['high']:.0f})"
            for row in rows
        )
        lines.append(
            f"| {SCORES[rows[0]['name']]} | {rows[0]['n']} | {' | '.join(cells)} "
            f"| {_percent(rows[0]['inspector'])} |"
        )
    for found in zip(*(each["distances"] for each in told), strict=True):
        cells = (f"{each['value']:.3g} ({each['low']:.3g} to {each['high']:.3g})" for each in found)
        lines.append(
            f"| {found[0]['name']} distance in its features, lower is better | {first['n']} "
            f"| {' | '.join(cells)} | {found[0]['floor']:.3g} |"
        )
    return "\n".join([*lines, ""])


def _compared(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    insisting = [each for each in records if each.get("insist")]
    names = {each["model"] for each in insisting}
    plain = [each for each in records if not each.get("insist")]
    same = [each for each in plain if each["model"] in names]
    baselines = [each for each in plain if each["model"] not in names and _is_baseline(each)]
    told = [*insisting, *same, *baselines]
    return [each for each in told if _captions(each) == _captions(told[0])]


def _captions(record: dict[str, Any]) -> tuple[Any, ...]:
    """What decides which captions a record tells of."""
    return tuple(record[key] for key in ("split", "length", "n", "seed"))


def _is_baseline(record: dict[str, Any]) -> bool:
    return record["model"].endswith("/baseline")


def table(record: dict[str, Any]) -> str:
    """Scores of an evaluation with interval, chance and the inspector's own score."""
    unseen = "held-out combinations" if record["split"] == "held_out" else "unseen scenes"
    lines = [
        f"**{_named(record)}, {record['n']} {record['length']} captions of {unseen}**, one"
        f" picture each, seed"
        f" {record['seed']}; {_percent(record['unreadable'])} of the pictures were unreadable.",
        "",
        "| the picture shows | right | 95 % interval | asked | by chance | true scenes |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for score in record["scores"]:
        lines.append(
            f"| {SCORES[score['name']]} | **{_percent(score['share'])}** "
            f"| {_percent(score['low'])} to {_percent(score['high'])} | {score['n']} "
            f"| {_percent(score['chance'])} | {_percent(score['inspector'])} |"
        )
    distances = ", ".join(
        f"{found['name']} {found['value']:.3g} ({found['low']:.3g} to {found['high']:.3g};"
        f" {found['floor']:.3g} between true pictures)"
        for found in record["distances"]
    )
    return "\n".join([*lines, "", f"Distances in inspector features: {distances}.", ""])


def beside_tables(records: Sequence[dict[str, Any]]) -> list[str]:
    """A table for each model whose pictures can be held against the baseline's, caption by caption.

    One that insists is held against itself, not insisting. Records from before marks were kept, or
    of other captions, are left out.
    """
    marked = [record for record in records if record.get("shown")]
    plain = [record for record in marked if not record.get("insist")]
    return [
        _beside(record, base) for record in marked for base in plain if _stands_by(record, base)
    ]


def unmet_lists(records: Sequence[dict[str, Any]]) -> list[str]:
    """Each model's held-out combinations beside its usual captions, where both were evaluated."""
    marked = [record for record in records if record.get("shown")]
    unmet = [record for record in marked if record["split"] == "held_out"]
    return [
        f"**Combinations that no training scene has** ({_named(record)}):\n\n"
        + "".join(f"- {line}\n" for line in held_out.lines(usual, record))
        for record in unmet
        for usual in marked
        if usual["split"] == TEST and _settings(usual) == _settings(record)
    ]


def _settings(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(key) for key in ("model", "length", "n", "insist"))


def _stands_by(record: dict[str, Any], base: dict[str, Any]) -> bool:
    """Whether a plain record is the one that another of the same captions is held against."""
    if record is base or _captions(record) != _captions(base):
        return False
    if record.get("insist"):
        return record["model"] == base["model"]
    return _is_baseline(base)


def _named(record: dict[str, Any]) -> str:
    far = record.get("insist")
    return f"{record['model']}, insisting by {far:g}" if far else record["model"]


def _beside(record: dict[str, Any], base: dict[str, Any]) -> str:
    lines = [
        f"**{_named(record)}, beside {_named(base)}**, the same {record['n']} captions and noise,"
        " caption by caption:",
        "",
        "| the picture shows | more often, points | 95 % interval | asked of both |",
        "|---|---:|---:|---:|",
    ]
    pairs = {"all that its caption states": more_shown(record["shown"], base["shown"])}
    pairs |= {
        told: more_often(record["shown"][name], base["shown"][name])
        for name, told in SCORES.items()
    }
    for told, more in pairs.items():
        if more is None:
            continue
        value, low, high = (f"{100 * each:+.1f}" for each in (more.value, more.low, more.high))
        lines.append(f"| {told} | **{value}** | {low} to {high} | {more.n} |")
    return "\n".join([*lines, ""])


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"
