"""Records of measurements as JSON, and the tables of the README that are made of them.

A number in the README comes from a committed record under `docs/results/` or it is not there. This
file neither measures nor judges.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from ediffi.files import write_json, written_whole

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "results"
BEGIN, END = "<!-- measured -->", "<!-- /measured -->"


def write(path: str | Path, record: Any) -> None:
    """Write a frozen record as JSON, whole or not at all; TypeError for what is no record."""
    if not is_dataclass(record) or isinstance(record, type):
        raise TypeError(f"a record is a dataclass instance, not {type(record).__name__}")
    write_json(path, asdict(record))


def filled(readme: str) -> str:
    """The README with its measured section made anew; ValueError where the markers are missing."""
    before, opening, rest = readme.partition(BEGIN)
    _, closing, after = rest.partition(END)
    if not (opening and closing):
        raise ValueError(f"README.md needs the markers {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{tables(FOLDER)}{END}{after}"


def tables(folder: Path) -> str:
    """Every table that the records of a folder allow, as Markdown."""
    return ""


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
