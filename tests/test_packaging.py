"""What is declared is what is used: dependencies, versions, package data, commands, licence."""

import ast
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path, PurePosixPath

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = PROJECT["project"]["dependencies"]
EXTRAS = PROJECT["project"]["optional-dependencies"]
PACKAGES = ("ediffi", "analysis", "demo")
LARGEST_FILE = 16 * 2**20

# Named although no line imports them: what they serve imports them itself.
USED_UNSEEN = {
    "ftfy",  # open_clip's tokenizer
}


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pairs}


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def imported(package: str) -> set[str]:
    """The distributions behind every third-party import of one of our packages."""
    providers = packages_distributions()
    found = set()
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    outside = found - set(sys.stdlib_module_names) - set(PACKAGES)
    return {canonicalize_name(providers.get(name, [name])[0]) for name in outside}


def test_every_direct_dependency_has_one_tested_version_within_its_bounds():
    wanted = [Requirement(line) for line in [*CORE, *sum(EXTRAS.values(), [])]]
    assert {canonicalize_name(need.name) for need in wanted} == set(pins())
    for need in wanted:
        assert pins()[canonicalize_name(need.name)] in need.specifier, need.name


def test_the_conda_environment_pins_the_same_versions():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *base, pip = environment["dependencies"]
    assert base == ["python=3.12", "pip"]
    listed = [line for line in pip["pip"] if line != "-e ."]
    assert "-e ." in pip["pip"]
    pairs = [line.split("==") for line in listed]
    assert {canonicalize_name(name): version for name, version in pairs} == pins()


@pytest.mark.parametrize(
    ("package", "extras"),
    [
        ("ediffi", ("training", "test")),  # training and `bench` say what to install
        ("analysis", ("notebooks",)),
        ("demo", ("demo",)),
    ],
)
def test_every_import_is_declared(package, extras):
    declared = names(CORE).union(*(names(EXTRAS[extra]) for extra in extras))
    assert imported(package) <= declared


def test_every_core_dependency_is_used():
    assert names(CORE) - USED_UNSEEN == names(CORE) & imported("ediffi")


def test_data_files_travel_with_the_package():
    globs = PROJECT["tool"]["setuptools"]["package-data"]
    for name in tracked():
        package, _, inside = name.partition("/")
        if package not in PACKAGES or inside.endswith(".py"):
            continue
        path = PurePosixPath(inside)
        carried = any(
            inside.startswith(glob.removesuffix("**")) if glob.endswith("**") else path.match(glob)
            for glob in globs.get(package, [])
        )
        assert carried, f"{name} would not be installed"


def test_no_file_is_larger_than_a_host_takes():
    large = [name for name in tracked() if (ROOT / name).stat().st_size > LARGEST_FILE]
    assert not large


def test_the_command_leads_somewhere():
    module, _, name = PROJECT["project"]["scripts"]["ediffi"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_make_installs_extras_that_exist():
    makefile = (ROOT / "Makefile").read_text()
    asked = {
        part for line in makefile.split("-e '.[")[1:] for part in line.split("]")[0].split(",")
    }
    assert asked == set(EXTRAS)


def test_ci_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci/run").read_text()
    assert "make test" in script and "set -euo pipefail" in script
    assert "make test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_the_licence_is_the_one_declared():
    assert PROJECT["project"]["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text and "Version 2.0, January 2004" in text
