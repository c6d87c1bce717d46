"""Which of two models is worse, told from intervals that are known."""

import math

import numpy as np
import pytest

from ediffi.model_folder import choose_default, read_model
from ediffi.pipeline import EDiffI
from ediffi.scores import chosen, painter, readable, record, recorded, worse
from ediffi.storybook.evaluation import Evaluation, SetDistance
from ediffi.storybook.scoring import Score
from tests.fakes import tiny_ensemble_folder, tiny_pipeline


def found(
    *shares: float, distance: float = 1.0, half: float = 0.05, shown: dict[str, str] | None = None
) -> Evaluation:
    scores = [
        Score(f"score {k}", 100, 0, share, share - half, share + half, None, None)
        for k, share in enumerate(shares)
    ]
    apart = SetDistance("frechet", distance, distance - half, distance + half, 0.1)
    return Evaluation(
        "test", "short", 100, 0, 0.0, tuple(scores), (apart,), (), 1.0, 1.0, shown or {}
    )


def test_worse_is_what_lies_apart_on_the_wrong_side():
    baseline = found(0.5, 0.5)
    assert worse(found(0.45, 0.7), baseline) == ()
    assert worse(found(0.39, 0.7), baseline) == ("score 0",)
    assert worse(found(0.5, 0.5, distance=1.2), baseline) == ("frechet",)
    assert worse(found(0.5, 0.5, distance=0.5), baseline) == ()


def test_captions_that_lose_more_than_they_gain_are_told_where_intervals_overlap():
    baseline = found(0.5, shown={"thing": "1" * 50 + "0" * 50})
    loses = found(0.45, shown={"thing": "1" * 45 + "0" * 55})
    trades = found(0.45, shown={"thing": "0" * 15 + "1" * 45 + "0" * 40})
    assert worse(loses, baseline) == ("all statements",)
    assert worse(trades, baseline) == () == worse(baseline, loses)
    assert chosen({"baseline": baseline, "trades": trades, "loses": loses}) == "trades"


def test_an_ensemble_is_chosen_unless_it_is_worse_in_something():
    baseline = found(0.5, 0.5)
    assert chosen({"baseline": baseline, "experts": found(0.48, 0.5)}) == "experts"
    assert chosen({"baseline": baseline, "experts": found(0.9, 0.3)}) == "baseline"
    assert chosen({"baseline": baseline}) == "baseline"


def test_pictures_are_large_enough_to_be_read_and_numbers_are_numbers():
    model = tiny_pipeline()
    made = painter(model, steps=2)(["a fox", "an owl"], [1, 2])
    assert made.shape == (2, 64, 64, 3) and made.dtype == np.uint8
    assert np.array_equal(made[:, ::4, ::4].repeat(4, 1).repeat(4, 2), made)
    told = record(model, found(math.nan))
    assert told["scores"][0]["share"] is None and told["scores"][0]["n"] == 100
    assert told["weights"] == dict(model.model.weights)
    whole = found(0.5, 0.25, shown={"thing": "10-"})
    assert recorded(record(model, whole)) == whole


def test_the_default_of_a_folder_is_one_that_it_has(tmp_path):
    folder = tiny_ensemble_folder(tmp_path / "tiny")
    for name in ("baseline", "high+baseline", "experts"):
        choose_default(folder, name)
        assert read_model(folder).default == name
    choose_default(folder, "high+baseline")
    assert EDiffI.from_pretrained(folder).model.ran((60.0, 0.01)) == ("high", "baseline")
    with pytest.raises(ValueError, match="no network 'best'; it has baseline, experts"):
        choose_default(folder, "best")
    with pytest.raises(ValueError, match="no network 'middel'"):
        choose_default(folder, "middel+baseline")
    assert read_model(folder).default == "high+baseline"


def test_a_record_says_what_was_insisted_on_and_the_pictures_are_made_so():
    model, evaluation = tiny_pipeline(), found(0.5)
    assert "insist" not in record(model, evaluation)
    told = record(model, evaluation, steps=1, guidance=2.0)
    assert (told["size"], told["stages"]) == (16, [])
    assert (told["sampling"]["steps"], told["sampling"]["guidance"]) == (1, 2.0)
    assert recorded(told) == evaluation
    told = record(model, evaluation, insist=0.1)
    assert told["insist"] == 0.1 and recorded(told) == evaluation
    said = "a red fox and an owl"
    pictures = painter(model, steps=3, insist=0.1)([said], [3])
    made = model.generate(said, 3, steps=3, insist=0.1).image
    assert np.array_equal(pictures[0], readable(np.asarray(made)[None])[0])
    assert not np.array_equal(pictures, painter(model, steps=3)([said], [3]))
