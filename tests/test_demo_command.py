"""`python -m ediffi demo`: hands its words over to the studio, or says that there is none."""

import sys

import pytest

from demo import app
from ediffi.__main__ import main


@pytest.fixture
def handed(monkeypatch) -> list[list[str]]:
    given: list[list[str]] = []

    def record(arguments: list[str]) -> int:
        given.append(arguments)
        return 0

    monkeypatch.setattr(app, "main", record)
    return given


def test_what_is_left_out_is_left_to_the_studio(handed):
    assert main(["demo"]) == 0
    assert handed == [[]]


def test_every_option_is_handed_over(handed):
    line = "demo --host 0.0.0.0 --port 7900 --model storybook/baseline --queue 4"
    assert main(line.split()) == 0
    assert handed == [["--host=0.0.0.0", "--port=7900", "--model=storybook/baseline", "--queue=4"]]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--queue", "0"], "give a number from 1 to 500"),
        (["--queue", "501"], "give a number from 1 to 500"),
        (["--queue=-3"], "give a number from 1 to 500"),
        (["--port", "70000"], "give one from 1 to 65535"),
    ],
)
def test_the_studio_refuses_values_beyond_its_limits(option, said, capsys):
    with pytest.raises(SystemExit) as left:
        main(["demo", *option])
    assert left.value.code == 2 and said in capsys.readouterr().err


def test_a_missing_studio_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "demo.app", None)
    assert main(["demo"]) == 2
    said = capsys.readouterr().err
    assert said == "ediffi: The studio is not installed here: pip install 'ediffi[demo]'.\n"


def test_a_missing_gradio_is_one_sentence(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo"]) == 1
    said = capsys.readouterr().err
    assert said == "demo: gradio is missing: pip install 'ediffi[demo]'\n"


def test_a_missing_model_is_one_sentence(capsys):
    assert main(["demo", "--model", "/no/such/model"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("demo: ") and said.count("\n") == 1
