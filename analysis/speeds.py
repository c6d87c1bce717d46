"""How long things take, told: the table of a bench record, and the short one of the README.

It reads bench records as they are kept; it measures nothing and judges nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FAR = (
    ("insisting", "that insists"),
    ("painted", "pulled to a painting"),
    ("collaged", "begun as a collage"),
)


def headline(records: Sequence[dict[str, Any]]) -> str:
    """Seconds of a picture of every size, a row for each machine and number format; "" for none."""
    if not records:
        return ""
    sizes = sorted({each["size"] for record in records for each in record["pictures"]})
    lines = [
        "**How long a picture takes** from a sentence: warm, medians; last, the whole command for"
        " the largest one with all that is loaded, and its peak memory.",
        "",
        f"| on | {' | '.join(f'{size} px' for size in sizes)} | whole command |",
        f"|---|{'---:|' * len(sizes)}---:|",
    ]
    for record in records:
        for dtype in dict.fromkeys(each["dtype"] for each in record["pictures"]):
            lines.append(_row(record, dtype, sizes))
    return "\n".join([*lines, ""])


def _row(record: dict[str, Any], dtype: str, sizes: Sequence[int]) -> str:
    place, whole = record["environment"], record.get("command")
    taken = {
        each["size"]: f"{each['seconds']:.2f} s"
        for each in record["pictures"]
        if each["dtype"] == dtype
    }
    seconds = (taken.get(size, "–") for size in sizes)
    on = f"{place['device']} ({place['processor']}, {place['threads']} threads), {dtype}"
    # The command takes the format that is fastest there, which is the first one timed.
    first = dtype == record["pictures"][0]["dtype"]
    last = f"{whole['seconds']:.1f} s, {whole['peak_memory']:.0f} MiB" if whole and first else "–"
    return f"| {on} | {' | '.join(seconds)} | {last} |"


def table(record: dict[str, Any]) -> str:
    """Seconds of a picture, and our U-Net beside diffusers' of the same shape."""
    place = record["environment"]
    lines = [
        f"**Speed** on {place['device']} ({place['processor']}, {place['threads']} threads, torch"
        f" {place['torch']}), warm, medians; loading takes {record['load_seconds']:.1f} s and the"
        f" peak memory is {record['peak_memory']:.0f} MiB.",
        "",
        "| what | median |",
        "|---|---:|",
    ]
    for picture in record["pictures"]:
        lines.append(
            f"| a picture of {picture['size']} px, {picture['dtype']}, {picture['steps']} steps,"
            f" guidance {picture['guidance']:g} | {picture['seconds']:.2f} s |"
        )
    for forward in record["forwards"]:
        lines.append(
            f"| one evaluation, batch {forward['batch']}, {forward['dtype']}"
            f" | {forward['ours']:.1f} ms |"
        )
        if forward["theirs"] is not None:
            lines.append(
                "| the same by diffusers' U-Net of this shape"
                f" | {forward['theirs']:.1f} ms (ratio {forward['ours'] / forward['theirs']:.2f}) |"
            )
    if both := record.get("ensemble"):
        lines.append(
            f"| one evaluation by three experts, {both['dtype']} | {both['ensemble']:.1f} ms (ratio"
            f" {both['ensemble'] / both['one']:.3f} to one network, {both['pairs']} pairs) |"
        )
    if step := record.get("controls"):
        for name, what in (("recorded", "that records attention"), ("painted", "that is painted")):
            lines.append(
                f"| a guided step {what}, {step['dtype']} | {step[name]:.1f} ms (ratio"
                f" {step[name] / step['plain']:.3f} to a plain one, {step['turns']} turns) |"
            )
    if far := record.get("pulled"):
        for name, what in FAR:
            lines.append(
                f"| the smallest picture {what}, {far['dtype']} | {far[name]:.2f} s (ratio"
                f" {far[name] / far['plain']:.2f} to a plain one, {far['n']} turns) |"
            )
    if whole := record.get("command"):
        lines.append(
            f"| the whole command for {whole['size']} px, loading too | {whole['seconds']:.1f} s,"
            f" at most {whole['peak_memory']:.0f} MiB |"
        )
    return "\n".join([*lines, ""])
