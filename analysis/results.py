"""Records of measurements as JSON, and what README, model card and ledger show of them.

A measured number there comes from a committed record under `docs/results/` or it is not there. The
README has the shortest tables, the card all of them. This file neither measures nor judges.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from analysis import (
    configs,
    embedding_ablation,
    ledger,
    parts,
    scored,
    seam_history,
    speeds,
    steered,
    upscaling,
)
from analysis.claims import CLAIMS
from analysis.denoising_walk import Walk
from analysis.records import found_in
from analysis.result_lines import (
    attention_lines,
    insisted_lines,
    lost_lines,
    reach_lines,
    seam_lines,
    switching_lines,
    ways_lines,
    written_lines,
)
from ediffi.config import from_json
from ediffi.files import written_whole

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
REACH = {"filled", "draws"}
WAYS = {"painted"}
PLACES = {"placed", "sided"}
LENT = {"lent", "chance"}
INSISTED = {"insisted", "captions"}
LOST = {"begun", "seams"}
WRITTEN = {"written", "lengths"}
HEARD = {"heard", "strength"}
ATTENTION = {"bands", "parts", "spread"}
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"
CLAIMED, JUDGED = "<!-- claims -->", "<!-- /claims -->"
LEDGER = ROOT / "docs" / "claims.md"
CARD = ROOT / "docs" / "model-card.md"
WEIGHTS = ROOT / "ediffi" / "storybook" / "weights"


def filled(readme: str) -> str:
    """The README with its measured parts made anew; ValueError where the markers are missing."""
    told = _between(readme, BEGIN, END, headlines(FOLDER))
    return _between(told, CLAIMED, JUDGED, ledger.summary(CLAIMS, FOLDER))


def filled_card(card: str) -> str:
    """The model card likewise: the parts of the shipped model, then all that was measured."""
    return _between(card, BEGIN, END, f"{parts.table(WEIGHTS)}\n{tables(FOLDER)}")


def _between(text: str, begin: str, end: str, content: str) -> str:
    before, opening, rest = text.partition(begin)
    _, closing, after = rest.partition(end)
    if not (opening and closing):
        raise ValueError(f"The text needs the markers {begin} and {end}")
    return f"{before}{begin}\n{content}{end}{after}"


def headlines(folder: Path) -> str:
    """What its pictures show, alone and steered, what the experts save, and how long it takes.

    Only what there are records of is told.
    """
    records = _records(folder)
    evaluations = _kind(records, EVALUATION)
    told = [
        scored.headline(evaluations),
        *scored.unmet_lists(evaluations),
        *steered_tables(records),
        *map(seam_lines, _kind(records, SEAMS)),
        speeds.headline(_kind(records, BENCH)),
    ]
    return "".join(f"{text}\n" for text in told if text)


def steered_tables(records: list[dict[str, Any]]) -> list[str]:
    """A table of painted places, where all that it is made of is there, and one of lent looks."""
    painted = [_kind(records, kind) for kind in (PLACES, WAYS, REACH)]
    places = [steered.placed_table(*each) for each in zip(*painted, strict=False)]
    return [*places, *map(steered.lent_table, _kind(records, LENT))]


def _records(folder: Path) -> list[dict[str, Any]]:
    return [found_in(path) for path in sorted(folder.glob("*.json"))]


def _kind(records: list[dict[str, Any]], keys: set[str]) -> list[dict[str, Any]]:
    """The records of one kind, which is told by its keys."""
    return [record for record in records if keys <= set(record)]


def tables(folder: Path) -> str:
    """Every table that the records of a folder allow, as Markdown."""
    records = _records(folder)
    evaluations = _kind(records, EVALUATION)
    drawn = [
        draw(record)
        for keys, draw in (
            (BENCH, speeds.table),
            (SEAMS, seam_lines),
            (HISTORY, history_sentence),
            (CONFIGS, configs_table),
            (UPSCALING, upscaling_table),
            (WALK, walk_sentence),
            (SWITCHES, switching_lines),
            (REACH, reach_lines),
            (WAYS, ways_lines),
            (INSISTED, insisted_lines),
            (LOST, lost_lines),
            (WRITTEN, written_lines),
            (HEARD, heard_table),
            (ATTENTION, attention_lines),
        )
        for record in _kind(records, keys)
    ]
    told = [
        *map(scored.table, evaluations),
        *scored.beside_tables(evaluations),
        *scored.unmet_lists(evaluations),
        *steered_tables(records),
        *drawn,
    ]
    return "".join(f"{text}\n" for text in told)


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
