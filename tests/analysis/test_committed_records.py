"""The committed records tell of the shipped weights: numbers of others must be measured again.

Times do not depend on weights and enlarging not on the base, so their records are left alone here.
"""

import pytest
from PIL import Image

from analysis import register, results
from analysis.records import read_record
from analysis.samples import Samples
from analysis.studying import RECORD, Setting
from ediffi.files import read_json, sha256_of
from ediffi.pipeline import EDiffI

STALE = "of other weights: run `make records`"
EVALUATIONS = (
    "evaluation",
    "evaluation-held-out",
    "evaluation-high+baseline",
    "evaluation-experts-insisting",
    "evaluation-experts",
)
OF_THE_BASE = [study for study in register.STUDIES if study.name != "upscaling"]


@pytest.mark.parametrize("study", OF_THE_BASE, ids=lambda study: study.name)
def test_every_study_has_a_record_of_the_shipped_weights(study, tmp_path):
    record = read_record(results.FOLDER / f"{study.name}.json")
    setting = Setting(record.model, record.n, record.seed, Samples(tmp_path))
    assert record.weights == setting.digest("stages" in study.needs), STALE
    assert record.version == 1 + len(study.changes)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_every_evaluation_is_of_the_shipped_weights(name):
    record = read_json(results.FOLDER / f"{name}.json")
    assert record["weights"] == EDiffI.from_pretrained(record["model"]).model.weights, STALE


@pytest.mark.parametrize("study", OF_THE_BASE, ids=lambda study: study.name)
def test_every_figure_is_drawn_from_the_record_beside_it(study):
    record = results.FOLDER / f"{study.name}.json"
    with Image.open(record.with_suffix(".png")) as figure:
        drawn_from = figure.info.get(RECORD)
    assert drawn_from == sha256_of(record), f"study {study.name} --redraw --out docs/results"


def test_a_record_is_read_as_its_studys_own_class(tmp_path):
    for study in OF_THE_BASE:
        assert isinstance(register.recorded(study.name), study.kind)
    with pytest.raises(ValueError, match="There is no study 'nothing'"):
        register.recorded("nothing")
    with pytest.raises(FileNotFoundError, match="variations"):
        register.recorded("variations", tmp_path)
