"""The files of a Hugging Face Space say what the project says: licence, port, versions, start."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
import yaml

from demo import app
from ediffi.__main__ import build_parser

ROOT = Path(__file__).parents[1]
SPACE = ROOT / "docs" / "space"
TEXT = (SPACE / "README.md").read_text(encoding="utf-8")
DOCKER = (SPACE / "Dockerfile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}


@pytest.fixture(scope="module")
def front() -> dict:
    _, matter, _ = TEXT.split("---\n", 2)
    return yaml.safe_load(matter)


def test_the_front_matter_repeats_the_project(front):
    assert front["title"] == app.TITLE
    assert front["license"] == PROJECT["license"].lower()


def test_the_front_matter_is_what_the_host_takes(front):
    assert front["sdk"] == "docker"
    assert {front["colorFrom"], front["colorTo"]} <= COLOURS
    assert len(front["short_description"]) <= 60


def test_every_file_that_is_copied_exists():
    (line,) = re.findall(r"^cp (.+)$", TEXT, flags=re.MULTILINE)
    *sources, top = line.split()
    assert top == "." and {Path(name) for name in sources} == {
        path.relative_to(ROOT) for path in SPACE.iterdir()
    }


def test_it_opens_the_studio_at_the_port_of_the_space(front):
    started = shlex.split(DOCKER.split("exec python -m ediffi ")[1].split('"')[0])
    given = build_parser().parse_args(started)
    assert given.run.__module__ == "ediffi.commands.demo"
    assert given.port == str(front["app_port"]) and given.host == "0.0.0.0"
    assert f"EXPOSE {given.port}\n" in DOCKER and f"ENV {given.queue[1:]}=16\n" in DOCKER
    app._parser().parse_args(["--host=0.0.0.0", f"--port={given.port}", "--queue=16"])


def test_it_installs_the_studio_at_its_tested_versions():
    assert "-c constraints.txt '.[demo]'" in DOCKER
    assert "demo" in PROJECT["optional-dependencies"]
    (version,) = re.findall(r"^FROM python:(3\.\d+)-slim$", DOCKER, flags=re.MULTILINE)
    assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]
    assert f"python={version}" in (ROOT / "environment.yml").read_text()
