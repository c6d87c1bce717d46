"""Records of measurements as JSON, and the tables of the README that are made of them.

A number in the README comes from a committed record under `docs/results/` or it is not there. This
file neither measures nor judges.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis import configs, expert_seams, seam_history, upscaling
from analysis.denoising_walk import Walk
from ediffi.config import from_json
from ediffi.files import read_json, written_whole
from ediffi.storybook.scoring import SCORES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"
EVALUATION = {"split", "length", "n", "seed", "scores", "distances"}
BENCH = {"load_seconds", "pictures", "forwards", "peak_memory"}
WALK = {"sigmas", "coarse", "fine"}
SEAMS = {"losses", "gains", "seams"}
HISTORY = {"kept", "begun_anew"}
UPSCALING = {"stage", "ways"}
CONFIGS = {"scored"}
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def filled(readme: str) -> str:
    """The README with its measured section made anew; ValueError where the markers are missing."""
    before, opening, rest = readme.partition(BEGIN)
    _, closing, after = rest.partition(END)
    if not (opening and closing):
        raise ValueError(f"README.md needs the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{tables(FOLDER)}{END}{after}"


def tables(folder: Path) -> str:
    """Every table that the records of a folder allow, as Markdown; a record is told by its keys."""
    records = [read_json(path) for path in sorted(folder.glob("*.json"))]
    drawn = [
        draw(record)
        for keys, draw in (
            (EVALUATION, evaluation_table),
            (BENCH, bench_table),
            (SEAMS, seam_lines),
            (HISTORY, history_sentence),
            (CONFIGS, configs_table),
            (UPSCALING, upscaling_table),
            (WALK, walk_sentence),
        )
        for record in records
        if keys <= set(record)
    ]
    return "".join(f"{text}\n" for text in drawn)


def evaluation_table(record: dict[str, Any]) -> str:
    """Scores of an evaluation with interval, chance and the inspector's own score."""
    unseen = "held-out combinations" if record["split"] == "held_out" else "unseen scenes"
    lines = [
        f"**{record['model']}, {record['n']} {record['length']} captions of {unseen}**, one"
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


def bench_table(record: dict[str, Any]) -> str:
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
    if whole := record.get("command"):
        lines.append(
            f"| the whole command for {whole['size']} px, loading too | {whole['seconds']:.1f} s,"
            f" at most {whole['peak_memory']:.0f} MiB |"
        )
    return "\n".join([*lines, ""])


def seam_lines(record: dict[str, Any]) -> str:
    """Did the split help: a line for each gain and each boundary."""
    report = from_json(expert_seams.Seams, record)
    lines = "\n".join(f"- {said}" for said in expert_seams.sentences(report))
    return f"**Experts** ({report.model}), loss on unseen scenes at equal noise:\n\n{lines}\n"


def history_sentence(record: dict[str, Any]) -> str:
    """Whether the solver should keep its history where the next expert takes over."""
    return f"- {seam_history.sentence(from_json(seam_history.History, record))}\n"


def configs_table(record: dict[str, Any]) -> str:
    """Table 1's counterpart."""
    found = from_json(configs.Configs, record)
    title = f"**Configurations A to D** at {found.size} px, {found.n} captions, seed {found.seed}:"
    return f"{title}\n\n{configs.table(found)}\n"


def upscaling_table(record: dict[str, Any]) -> str:
    """A stage beside plain enlargement."""
    return f"{upscaling.table(from_json(upscaling.Upscaling, record))}\n"


def walk_sentence(record: dict[str, Any]) -> str:
    """One sentence on when layout and detail are decided."""
    walk = Walk(**record)
    return (
        f"On the way down the noise the layout of {walk.n} pictures was half decided at"
        f" σ = {walk.half_decided('coarse'):.2g} and their detail at"
        f" σ = {walk.half_decided('fine'):.2g} (medians; notebook 01 shows the curves).\n"
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def main() -> int:
    """`python -m analysis.results --readme`: write the measured numbers into README.md."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--readme", action="store_true", help="rewrite README.md; else only print")
    if parser.parse_args().readme:
        readme = ROOT / "README.md"
        text = filled(readme.read_text(encoding="utf-8"))
        with written_whole(readme) as temporary:
            temporary.write_text(text, encoding="utf-8")
    else:
        print(tables(FOLDER))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
