"""The mutations still fit the code, and what is said of each follows from its test's exit."""

import ast
from dataclasses import replace

import pytest

from tests.mutations import BROKEN, CAUGHT, MISSED, MUTATIONS, ROOT, verdict


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_every_mutation_still_fits_the_code_and_names_a_test(mutation):
    text = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert text.count(mutation.before) == 1, "its text must stand exactly once"
    assert mutation.after != mutation.before
    ast.parse(text.replace(mutation.before, mutation.after))
    path, _, name = mutation.test.partition("::")
    body = ast.parse((ROOT / path).read_text(encoding="utf-8")).body
    assert name in {node.name for node in body if isinstance(node, ast.FunctionDef)}


def test_there_are_ten_and_none_twice():
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 10
    assert len({(mutation.file, mutation.before) for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.fixture
def one(tmp_path):
    (tmp_path / "a.py").write_text("x = 1 + 2\n")
    return replace(MUTATIONS[0], file="a.py", before="1 + 2", after="1 - 2", test="t.py::test")


@pytest.mark.parametrize("status, state", [(0, MISSED), (1, CAUGHT), (2, BROKEN), (124, BROKEN)])
def test_a_failing_test_catches_and_the_tree_is_as_it_was(tmp_path, one, status, state):
    def run(tree, tests):
        assert (tree / "a.py").read_text() == "x = 1 - 2\n" and tests == ["t.py::test"]
        return status

    assert verdict(tmp_path, one, run) == state
    assert (tmp_path / "a.py").read_text() == "x = 1 + 2\n"


def test_the_tree_is_as_it_was_after_an_error_too(tmp_path, one):
    def run(tree, tests):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        verdict(tmp_path, one, run)
    assert (tmp_path / "a.py").read_text() == "x = 1 + 2\n"
    with pytest.raises(ValueError, match="stands 0 times in a.py, but must stand once"):
        verdict(tmp_path, replace(one, before="3"), run)
