"""Ensembles from files: the front door, mix and match, per-expert guidance, damaged members."""

import json
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch

from ediffi import EDiffI
from ediffi.__main__ import main
from ediffi.config import ExpertGuidance, as_json, from_json
from ediffi.diffusion.noise import Interval
from ediffi.experts.records import Descent
from ediffi.experts.tree import Node, Part
from ediffi.files import write_json
from ediffi.loading import shipped_folder
from ediffi.model_folder import read_model
from ediffi.request import Request
from tests.fakes import tiny_ensemble_folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_ensemble_folder(tmp_path_factory.mktemp("models") / "tiny")


def pixels(model: EDiffI, **settings) -> np.ndarray:
    return np.asarray(model.generate("a fox", seed=3, **settings).image).astype(int)


def test_the_default_is_the_ensemble_and_every_step_says_who_ran(folder):
    model = EDiffI.from_pretrained(folder)
    steps = list(model.steps(model.request("a fox", steps=12)))
    ran = [name for step in steps for name in step.experts]
    assert ran == sorted(ran, key=["high", "middle", "low"].index)
    assert set(ran) == {"high", "middle", "low"}
    assert model.model.name == "tiny/experts"
    assert {"low", "middle", "high"} < steps[-1].result.recipe.weights.keys()


def test_an_expert_here_and_the_baseline_there(folder):
    mixed = EDiffI.from_pretrained(f"{folder}/high+baseline")
    steps = list(mixed.steps(mixed.request("a fox", steps=12)))
    assert {name for step in steps for name in step.experts} == {"high", "baseline"}
    with_both = EDiffI.from_pretrained(f"{folder}/high+low+baseline").model.ensemble
    assert with_both is not None
    assert [e.name for e in with_both.experts] == ["low", "baseline", "high"]


def test_two_gaps_give_the_baseline_two_seats(folder):
    between = EDiffI.from_pretrained(f"{folder}/middle+baseline").model.ensemble
    assert between is not None
    assert [e.name for e in between.experts] == ["baseline-1", "middle", "baseline-2"]
    assert between.denoiser("baseline-1") is between.denoiser("baseline-2")


def test_what_does_not_tile_is_refused_and_a_lone_expert_warns(folder):
    with pytest.raises(ValueError, match="nobody serves sigma from 0.0757 to 9.61"):
        EDiffI.from_pretrained(f"{folder}/high+low")
    with pytest.raises(ValueError, match="no network 'highest'; it has baseline, experts"):
        EDiffI.from_pretrained(f"{folder}/highest")
    with pytest.warns(UserWarning, match="high serves sigma < 9.61, which it was not trained on"):
        EDiffI.from_pretrained(f"{folder}/high")


def test_one_expert_at_a_time_gives_the_same_picture(folder):
    assert (
        pixels(EDiffI.from_pretrained(folder)) == pixels(EDiffI.from_pretrained(folder, resident=1))
    ).all()


def test_guidance_of_one_expert_changes_only_from_there_on(folder):
    model = EDiffI.from_pretrained(folder)
    plain = model.request("a fox", steps=10)
    own = (ExpertGuidance("low", 9.0),)
    other = replace(plain, sampling=replace(plain.sampling, per_expert=own))
    for one, two in zip(model.steps(plain), model.steps(other), strict=True):
        same = torch.equal(one.denoised, two.denoised)
        assert same == (one.experts != ("low",))
    with pytest.raises(ValueError, match="no expert 'lowest'"):
        sampling = replace(plain.sampling, per_expert=(ExpertGuidance("lowest", 9.0),))
        list(model.steps(replace(plain, sampling=sampling)))


def test_guidance_of_experts_is_checked_and_travels(folder):
    model = EDiffI.from_pretrained(folder)
    plain = model.request("a fox")
    own = (ExpertGuidance("low", 2.0, 0.01, 1.0),)
    sampling = replace(plain.sampling, per_expert=own)
    assert from_json(type(sampling), json.loads(json.dumps(as_json(sampling)))) == sampling
    with pytest.raises(ValueError, match="guidance of low is 99"):
        Request("a", 0, 16, replace(sampling, per_expert=(ExpertGuidance("low", 99),)))
    with pytest.raises(ValueError, match="given twice"):
        Request("a", 0, 16, replace(sampling, per_expert=own + own))


def test_history_can_stop_at_a_seam(folder):
    model = EDiffI.from_pretrained(folder)
    plain = model.request("a fox", steps=10)
    cut = replace(plain, sampling=replace(plain.sampling, solver="dpmpp_2m", seam_history=False))
    kept = replace(plain, sampling=replace(plain.sampling, solver="dpmpp_2m"))
    pairs = list(zip(model.steps(kept), model.steps(cut), strict=True))
    same = [torch.equal(one.denoised, two.denoised) for one, two in pairs]
    seam = next(k for k, (one, _) in enumerate(pairs) if one.experts == ("middle",))
    assert same[: seam + 1] == [True] * (seam + 1) and not any(same[seam + 1 :])


def test_a_network_that_is_left_nothing_to_serve_is_refused(folder):
    with pytest.raises(ValueError, match="baseline is left nothing to serve: high, middle, low"):
        EDiffI.from_pretrained(folder / "high+middle+low+baseline")


def test_the_command_lists_them(folder, capsys):
    assert main(["experts", str(folder), "--steps", "6"]) == 0
    told = capsys.readouterr().out
    assert "-(9, 511) -(3, 0)" in told and "0.0757 <= sigma < 9.61" in told
    assert "boundaries: 0.0757, 9.61" in told and "baseline > high" in told
    assert told.count("high\n") >= 2
    assert main(["experts", str(folder), "--steps", "1000000000"]) == 2
    assert "must lie between 1 and 200" in capsys.readouterr().err
    assert main(["experts"]) == 0
    assert (
        f"{read_model(shipped_folder()).default} is used; boundaries: " in capsys.readouterr().out
    )
    assert main(["experts", "storybook/experts"]) == 0
    assert "experts is used; boundaries: 0.0757, 9.61" in capsys.readouterr().out


def test_a_damaged_member_is_refused_when_it_is_visited(tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    weights = folder / "low" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\1\0\1")
    model = EDiffI.from_pretrained(folder)
    with pytest.raises(ValueError, match=r"low/model.safetensors is damaged"):
        model.generate("a fox")


def test_another_base_is_refused(tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    record = json.loads((folder / "low" / "record.json").read_text())
    write_json(folder / "low" / "record.json", {**record, "base": "another"})
    with pytest.raises(ValueError, match="cannot work together: their base is another"):
        EDiffI.from_pretrained(folder)


def test_a_descent_comes_back_from_json():
    descent = Descent(
        Part(excluded=(Node(9, 511),)), (Interval(0, 9.5), Interval(12, 20)), Interval(0, 9.5)
    )
    assert Descent.from_json(json.loads(json.dumps(descent.to_json()))) == descent
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Descent.from_json({}) == Descent()


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"trained_on": []}, "list of ranges"),
        ({"serves": [1]}, "low, high or null"),
        ({"serves": [True, None]}, "low, high or null"),
        ({"serves": [3, 2]}, "0 <= low < high"),
        ({"node": "root"}, "is no node"),
        ({"lineage": "baseline"}, "list of names"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(record, message):
    with pytest.raises(ValueError, match=message):
        Descent.from_json(record)
