"""The frame of the studies: records that are kept, replaced or left alone, and runs that go on."""

import json
import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from analysis import (
    plots,
    plots_of_attention,
    plots_of_shares,
    plots_of_trade_offs,
    register,
    studying,
)
from analysis.records import Record, Wanted, found_in, read_record
from analysis.samples import Samples
from analysis.studying import Lines, Setting, Study, check_n, redraw, run_studies
from ediffi.files import read_json, write_json
from tests.fakes import (
    tiny_cascade_folder,
    tiny_configs_folder,
    tiny_ensemble_folder,
    tiny_model_folder,
)


@dataclass(frozen=True)
class Count:
    n: int
    value: float


class Counting:
    """A study that counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self, given):
        self.calls += 1
        return Count(given.n, 0.5)


def drawn(found):
    figure = plots.pyplot.figure(figsize=(1, 1))
    plots.pyplot.close(figure)
    return figure


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def setting(folder, tmp_path):
    def make(n=4, seed=0, source=folder):
        return Setting(source, n, seed, Samples(tmp_path / "samples"))

    return make


def study(measure, name="counted", **more):
    return Study(name, "A claim.", measure, Count, drawn, **more)


def test_a_record_tells_how_long_measuring_took_and_older_ones_do_not(
    setting, tmp_path, monkeypatch
):
    clock = iter((10.0, 73.27))
    monkeypatch.setattr("analysis.studying.time.monotonic", lambda: next(clock))
    run_studies([study(Counting())], setting(), tmp_path)
    assert read_record(tmp_path / "counted.json").seconds == 63.3
    older = read_json(tmp_path / "counted.json")
    del older["seconds"]
    write_json(tmp_path / "counted.json", older)
    assert read_record(tmp_path / "counted.json").seconds is None


def test_a_study_leaves_a_record_and_a_figure_and_is_not_run_again(setting, tmp_path):
    counting, heard = Counting(), []
    for _ in range(2):
        run_studies([study(counting)], setting(), tmp_path / "out", heard.append)
    assert counting.calls == 1 and [o.state for o in heard] == ["measured", "kept"]
    record = read_record(tmp_path / "out/counted.json")
    assert (record.study, record.n, record.version, record.found) == (
        "counted",
        4,
        1,
        {"n": 4, "value": 0.5},
    )
    assert record.command.startswith("python -m ediffi study counted --n 4 --seed 0")
    assert (tmp_path / "out/counted.png").stat().st_size > 100
    assert found_in(tmp_path / "out/counted.json") == {"n": 4, "value": 0.5}


@pytest.mark.parametrize(
    "other, told",
    [
        ({"n": 5}, "n was 4, is 5"),
        ({"seed": 1}, "seed was 0, is 1"),
    ],
)
def test_other_settings_are_measured_anew_and_named(setting, tmp_path, other, told):
    counting = Counting()
    run_studies([study(counting)], setting(), tmp_path)
    (found,) = run_studies([study(counting)], setting(**other), tmp_path)
    assert counting.calls == 2 and found.state == "measured" and told in found.told


def test_a_record_of_another_version_is_named_with_what_changed(setting, tmp_path):
    counting = Counting()
    run_studies([study(counting)], setting(), tmp_path)
    later = study(counting, changes=("shares count pictures, not things",))
    (found,) = run_studies([later], setting(), tmp_path)
    assert "version was 1, is 2 (shares count pictures, not things)" in found.told
    (refused,) = run_studies([study(counting)], setting(), tmp_path)
    assert refused.state == "failed" and "version 2 and this ediffi knows up to 1" in refused.told
    assert read_record(tmp_path / "counted.json").version == 2, "it stays as it is"


def test_other_weights_are_another_record(setting, tmp_path, folder):
    one = setting().digest()
    assert one == setting().digest()
    assert one != setting(source=tiny_ensemble_folder(tmp_path / "other")).digest()
    record = Record("a", 1, "0.1", 4, 0, "m", "f" * 64, {}, "c", {})
    told = Wanted("a", 4, 0, one, "0.2").differences(record)
    assert [clause.split(" was ")[0] for clause in told] == ["weights", "ediffi"]


def test_other_stages_make_only_those_records_old_that_use_them(tmp_path):
    def digests(folder):
        given = Setting(folder, 4, 0, Samples(tmp_path / "samples"))
        return given.digest(), given.digest(stages=True)

    def replaced(network):
        record = read_json(network / "record.json")
        write_json(network / "record.json", record | {"sha256": "0" * 64})

    folder = tiny_configs_folder(tmp_path / "tiny")
    before = digests(folder)
    assert before[0] != before[1]
    replaced(folder / "sr32")
    staged = digests(folder)
    assert staged[0] == before[0] and staged[1] != before[1]
    replaced(folder / "high")
    assert digests(folder)[0] != before[0]


def test_another_inspector_makes_every_record_old(tmp_path, folder):
    other = tmp_path / "inspector"
    other.mkdir()
    sums = set()
    for content in (b"one", b"other"):
        (other / "model.safetensors").write_bytes(content)
        given = Setting(folder, 4, 0, Samples(tmp_path / "samples"), inspector=other)
        sums.add(given.digest())
    assert len(sums) == 2


@pytest.mark.parametrize(
    "content, told",
    [
        ('{"sigmas": [1]}', "counted.json is no record of a study"),
        ("{broken", "counted.json is not readable JSON"),
        ("[1, 2]", "is no record of a study"),
    ],
)
def test_a_file_that_is_no_record_stays_as_it_is(setting, tmp_path, content, told):
    (tmp_path / "counted.json").write_text(content)
    counting = Counting()
    (found,) = run_studies([study(counting)], setting(), tmp_path)
    assert found.state == "failed" and told in found.told and "another folder" in found.told
    assert counting.calls == 0 and (tmp_path / "counted.json").read_text() == content


def test_a_record_of_another_study_stays_too(setting, tmp_path):
    run_studies([study(Counting())], setting(), tmp_path)
    (tmp_path / "counted.json").rename(tmp_path / "named.json")
    (found,) = run_studies([study(Counting(), name="named")], setting(), tmp_path)
    assert found.state == "failed" and "a record of counted, not of named" in found.told


def test_one_that_fails_or_does_not_apply_stops_no_other(setting, tmp_path):
    def failing(given):
        raise RuntimeError("no luck")

    counting = Counting()
    asked = [
        study(failing, "unlucky"),
        study(counting, "many", smallest=9),
        study(counting, "split", needs=("experts", "CLIP image")),
        study(counting, "fine"),
    ]
    found = run_studies(asked, setting(), tmp_path)
    assert [o.state for o in found] == ["failed", "left out", "left out", "measured"]
    assert found[0].told == "RuntimeError: no luck"
    assert found[1].told == "it needs n of at least 9, not 4"
    assert found[2].told.startswith("it needs experts, which ")
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["fine.json"]


def test_what_a_model_lacks_is_known_without_opening_it(setting, tmp_path, folder, monkeypatch):
    assert setting().lacks() == ("experts", "stages")
    assert setting(source=tiny_ensemble_folder(tmp_path / "a")).lacks() == ("stages",)
    assert setting(source=tiny_cascade_folder(tmp_path / "b")).lacks() == ("experts",)
    blind = json.loads((folder / "baseline/config.json").read_text())

    real = studying.member

    def without_pictures(contents, name):
        one = real(contents, name)
        dims = replace(one.config.encoders, image=0, t5=0)
        return replace(one, config=replace(one.config, encoders=dims))

    monkeypatch.setattr(studying, "member", without_pictures)
    assert blind and setting().lacks() == ("experts", "stages", "T5", "CLIP image")
    (found,) = run_studies([study(Counting(), needs=("T5",))], setting(), tmp_path)
    assert found.state == "left out" and "it needs T5, which" in found.told


def test_networks_of_a_folder_are_opened_once_and_by_their_roles(setting, tmp_path):
    given = setting(source=tiny_ensemble_folder(tmp_path / "tiny"))
    assert (given.baseline, given.ensemble, given.network) == ("baseline", "experts", "experts")
    assert given.model() is given.model("experts")
    assert given.model("baseline").model.name == "tiny/baseline"
    with pytest.raises(ValueError, match="no network 'none'"):
        given.model("none")
    with pytest.raises(FileNotFoundError, match="no model"):
        setting(source=tmp_path / "nowhere")


def test_seams_are_measured_beside_the_folders_own_baseline(setting, tmp_path):
    given = setting(n=2, source=tiny_ensemble_folder(tmp_path / "tiny"))
    found = register.study("expert_seams").measure(given)
    assert found.n == 2 and set(found.losses) == {"ensemble", "baseline"}
    assert [seam.above for seam in found.seams] == ["middle", "high"]
    assert "experts" in setting().lacks()


def test_a_clip_judges_only_a_model_that_it_does_not_condition(
    setting, folder, tmp_path, monkeypatch
):
    own, other = folder / "clip", tmp_path / "judge"
    shutil.copytree(own, other)
    monkeypatch.setattr(studying, "JUDGE", other)
    assert setting().judge is None, "it is the model's own"
    file = other / studying.CLIP_WEIGHTS
    weights = {name: value + 1 for name, value in load_file(file).items()}
    save_file(weights, file)
    (other / "record.json").unlink(missing_ok=True)
    judge = setting().judge
    assert judge is not None
    pictures = np.zeros((2, 16, 16, 3), np.uint8)
    assert judge.scores(pictures, ["a red fox", "an owl"]).shape == (2,)
    file.unlink()
    assert setting().judge is None


def test_a_figure_is_drawn_again_from_its_record(setting, tmp_path):
    one = study(Counting())
    run_studies([one], setting(), tmp_path)
    (tmp_path / "counted.png").unlink()
    assert redraw(one, tmp_path) == tmp_path / "counted.png"
    assert (tmp_path / "counted.png").exists()
    with pytest.raises(FileNotFoundError, match=r"named\.json is missing"):
        redraw(study(Counting(), "named"), tmp_path)


def test_a_folder_that_cannot_be_written_is_refused_first(setting, tmp_path):
    (tmp_path / "file").write_text("")
    counting = Counting()
    with pytest.raises(ValueError, match="Cannot write"):
        run_studies([study(counting)], setting(), tmp_path / "file")
    assert counting.calls == 0


@pytest.mark.parametrize("n", [-1, 0, 1, 10_001])
def test_an_n_that_shows_nothing_is_refused(n):
    with pytest.raises(ValueError, match=f"n is {n} and must lie between 2 and 10000"):
        check_n(n)


def test_progress_is_a_line_every_ten_seconds(capsys):
    clock = iter([0.0, 4.0, 11.0, 12.0, 25.0])
    lines = Lines(lambda: next(clock))
    for done in (0, 64, 128, 192, 256):
        lines("sampling", done, 256)
    assert capsys.readouterr().err.splitlines() == ["sampling: 128 of 256", "sampling: 256 of 256"]


def test_every_study_has_a_figure_of_its_name_and_a_claim():
    names = [one.name for one in register.STUDIES]
    assert len(set(names)) == len(names) >= 12
    drawers = (plots, plots_of_attention, plots_of_shares, plots_of_trade_offs)
    for one in register.STUDIES:
        assert any(getattr(module, one.name, None) is one.figure for module in drawers), one.name
        assert one.claim.endswith(".") and one.smallest >= 2
    with pytest.raises(ValueError, match="no study 'fid'; there are expert_ranges, "):
        register.study("fid")


def test_nan_becomes_null(tmp_path):
    record = Record("a", 1, "0", 2, 0, "m", "w", {}, "c", {"share": float("nan")})
    record.write(tmp_path / "a.json")
    assert read_record(tmp_path / "a.json").found == {"share": None}
    write_json(tmp_path / "list.json", [1])
    with pytest.raises(ValueError, match="no object"):
        found_in(tmp_path / "list.json")
