"""Records of measurements as JSON, and the tables of the README that are made of them.

A number in the README comes from a committed record under `docs/results/` or it is not there. This
file neither measures nor judges.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analysis import (
    configs,
    embedding_ablation,
    held_out,
    ledger,
    parts,
    seam_history,
    upscaling,
)
from analysis.claims import CLAIMS
from analysis.denoising_walk import Walk
from analysis.records import found_in
from analysis.result_lines import (
    attention_lines,
    collaged_lines,
    insisted_lines,
    lost_lines,
    pulled_lines,
    seam_lines,
    switching_lines,
    written_lines,
)
from ediffi.config import from_json
from ediffi.files import written_whole
from ediffi.storybook.scoring import SCORES, more_often, more_shown

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"
EVALUATION = {"split", "length", "n", "seed", "scores", "distances"}
BENCH = {"load_seconds", "pictures", "forwards", "peak_memory"}
WALK = {"sigmas", "coarse", "fine"}
SEAMS = {"losses", "gains", "seams"}
HISTORY = {"kept", "begun_anew"}
UPSCALING = {"stage", "ways"}
CONFIGS = {"scored"}
SWITCHES = {"switched", "tolerance"}
PULLED = {"pull", "squares"}
COLLAGED = {"least", "squares"}
INSISTED = {"insisted", "captions"}
LOST = {"begun", "seams"}
WRITTEN = {"written", "lengths"}
HEARD = {"heard", "strength"}
ATTENTION = {"bands", "parts", "spread"}
FAR = (
    ("insisting", "that insists"),
    ("painted", "pulled to a painting"),
    ("collaged", "begun as a collage"),
)
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
CLAIMED, JUDGED = "<!-- claims -->", "<!-- /claims -->"
LEDGER = ROOT / "docs" / "claims.md"
CARD = ROOT / "docs" / "model-card.md"
WEIGHTS = ROOT / "ediffi" / "storybook" / "weights"


def filled(readme: str) -> str:
    """The README with its measured parts made anew; ValueError where the markers are missing."""
    told = _between(readme, BEGIN, END, tables(FOLDER))
    return _between(told, CLAIMED, JUDGED, ledger.summary(CLAIMS, FOLDER))


def filled_card(card: str) -> str:
    """The model card likewise, with the parts of the shipped model above the measurements."""
    return _between(card, BEGIN, END, f"{parts.table(WEIGHTS)}\n{tables(FOLDER)}")


def _between(text: str, begin: str, end: str, content: str) -> str:
    before, opening, rest = text.partition(begin)
    _, closing, after = rest.partition(end)
    if not (opening and closing):
        raise ValueError(f"The text needs the markers {begin} and {end}")
    return f"{before}{begin}\n{content}{end}{after}"


def tables(folder: Path) -> str:
    """Every table that the records of a folder allow, as Markdown; a record is told by its keys."""
    records = [found_in(path) for path in sorted(folder.glob("*.json"))]
    evaluations = [record for record in records if EVALUATION <= set(record)]
    drawn = [
        draw(record)
        for keys, draw in (
            (BENCH, bench_table),
            (SEAMS, seam_lines),
            (HISTORY, history_sentence),
            (CONFIGS, configs_table),
            (UPSCALING, upscaling_table),
            (WALK, walk_sentence),
            (SWITCHES, switching_lines),
            (PULLED, pulled_lines),
            (COLLAGED, collaged_lines),
            (INSISTED, insisted_lines),
            (LOST, lost_lines),
            (WRITTEN, written_lines),
            (HEARD, heard_table),
            (ATTENTION, attention_lines),
        )
        for record in records
        if keys <= set(record)
    ]
    told = [
        *map(evaluation_table, evaluations),
        *beside_tables(evaluations),
        *unmet_lists(evaluations),
        *drawn,
    ]
    return "".join(f"{text}\n" for text in told)


def evaluation_table(record: dict[str, Any]) -> str:
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
        if usual["split"] == "test" and _settings(usual) == _settings(record)
    ]


def _settings(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(key) for key in ("model", "length", "n", "insist"))


def _stands_by(record: dict[str, Any], base: dict[str, Any]) -> bool:
    """Whether a plain record is the one that another of the same captions is held against."""
    if record is base or any(record[key] != base[key] for key in ("split", "length", "n", "seed")):
        return False
    if record.get("insist"):
        return record["model"] == base["model"]
    return base["model"].endswith("/baseline")


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


def heard_table(record: dict[str, Any]) -> str:
    """Which encoder brings what."""
    return embedding_ablation.table(from_json(embedding_ablation.Ablation, record))


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f} %"


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def main() -> int:
    """`python -m analysis.results --readme`: write the numbers into README, card and ledger."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--readme", action="store_true", help="rewrite all three; else only print")
    if parser.parse_args().readme:
        for path, fill in ((ROOT / "README.md", filled), (CARD, filled_card)):
            _write(path, fill(path.read_text(encoding="utf-8")))
        _write(LEDGER, ledger.document(CLAIMS, FOLDER))
    else:
        print(tables(FOLDER))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
