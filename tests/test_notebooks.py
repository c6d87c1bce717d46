"""Guards what running a notebook does not: that its checks check, and that its cells stay thin."""

import ast
import base64
import io
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

CHECKED = "nbval-check-output"
ALLOWED_TAGS = {CHECKED, "nbval-raises-exception"}  # skipping and ignoring are not
LONGEST_CELL = 12
LARGEST_FILE = 500_000


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def tags(cell) -> set[str]:
    return set(cell.metadata.get("tags", ()))


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_the_file_is_valid_small_and_numbered(path, notebook):
    nbformat.validate(notebook)
    assert path.stat().st_size <= LARGEST_FILE
    assert re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem)


def test_it_opens_with_its_claim_and_ends_with_what_would_refute_it(notebook):
    prose = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert prose[0].startswith("# ")
    assert notebook.cells[0].cell_type == notebook.cells[-1].cell_type == "markdown"
    assert "refute" in prose[-1]


def test_every_cell_was_run_in_order(code):
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))


def test_checks_compare_with_something(code):
    checked = [cell for cell in code if CHECKED in tags(cell)]
    assert checked, "nothing in this notebook is compared"
    for cell in checked:
        assert cell.outputs, "a checked cell without stored output passes whatever it prints"
        for output in cell.outputs:
            assert output.output_type == "stream", "a checked cell prints and shows nothing else"
            assert not re.search(r"\d\.\d{4,}", output.text), "print rounded facts"


def test_no_cell_is_skipped_and_none_failed(code):
    for cell in code:
        assert tags(cell) <= ALLOWED_TAGS
        assert not re.search(r"NBVAL_(SKIP|IGNORE)", cell.source)
        if "nbval-raises-exception" not in tags(cell):
            assert not [output for output in cell.outputs if output.output_type == "error"]


def test_cells_are_short_and_define_nothing(code):
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    for cell in code:
        assert len(cell.source.splitlines()) <= LONGEST_CELL
        tree = ast.parse(cell.source)  # a shell or magic line is no Python
        assert not any(isinstance(node, definitions) for node in ast.walk(tree))


def test_imports_stand_in_one_cell_and_reach_into_no_tests(code):
    importing = [
        index
        for index, cell in enumerate(code)
        if any(
            isinstance(node, ast.Import | ast.ImportFrom) for node in ast.parse(cell.source).body
        )
    ]
    assert importing == [0]
    assert not re.search(r"\b(tests|matplotlib|sys\.path)\b", code[0].source)


def test_no_output_names_a_machine(path):
    assert not re.search(r"/(home|root|Users|tmp|work)/", path.read_text(encoding="utf-8"))


def test_stored_pictures_show_something(code):
    for cell in code:
        for output in cell.outputs:
            png = output.get("data", {}).get("image/png")
            if png:
                pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"))
                assert pixels.std() > 5
