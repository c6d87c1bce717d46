"""The README is true: its map names every file, its commands exist, its numbers are records."""

import re
import shlex
from pathlib import Path

import pytest

from analysis import results
from ediffi.__main__ import build_parser

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PACKAGES = ("ediffi", "analysis", "demo")
CODE = {".py", ".js", ".css", ".html"}


def section(title: str) -> str:
    start = README.index(f"\n## {title}\n")
    end = README.find("\n## ", start + 1)
    return README[start : end if end > 0 else None]


def files_on_disk() -> set[str]:
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.suffix in CODE and path.name != "__init__.py"
    }
    return {name for name in found if "/weights/" not in name}


def test_the_map_names_every_file_and_no_other():
    rows = re.findall(r"^- `([^`]+)`: (.*)$", section("The map"), flags=re.MULTILINE)
    named = [name for name, _ in rows if Path(name).suffix in CODE and "/" in name]
    assert len(named) == len(set(named)), "a file has one purpose"
    named = {name for name in named if name.split("/")[0] in PACKAGES}
    assert named == files_on_disk()
    assert all(len(purpose) > 10 for _, purpose in rows)


def test_every_path_of_the_map_exists():
    rows = re.findall(r"^- `([^`]+)`: ", section("The map"), flags=re.MULTILINE)
    assert not [name for name in rows if not (ROOT / name).exists()]


def test_every_link_and_picture_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    local = [link for link in links if not link.startswith("https://")]
    assert local
    assert not [link for link in local if not (ROOT / link).exists()]


def test_every_make_command_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    asked = set(re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE))
    assert {"demo", "test", "lab"} <= asked <= targets


def test_every_command_line_is_one_that_the_parser_takes():
    lines = re.findall(r"^python -m ediffi (.+)$", README, flags=re.MULTILINE)
    named = {build_parser().parse_args(shlex.split(line)).run.__module__ for line in lines}
    parts = {path.stem for path in (ROOT / "ediffi/commands").glob("[a-z]*.py")}
    assert named == {f"ediffi.commands.{part}" for part in parts}


def test_the_numbers_are_those_of_the_committed_records():
    assert results.filled(README) == README, "run `make readme`"


@pytest.mark.parametrize(
    "word", ["revolutionary", "blazing", "state-of-the-art", "seamless", "TODO"]
)
def test_the_readme_does_not_advertise(word):
    assert word.lower() not in README.lower()
