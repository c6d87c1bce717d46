"""Paintings in JSON: this format, the older one, newer ones, and every way to forge one."""

import copy
import json
import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ediffi.controls.paint_with_words import FORMAT, Painting

# Wounded paintings are large, and drawing them takes its time.
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)
PROMPT = "a rabbit and another rabbit under a tree"
NOISE = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)


def rich():
    painting = Painting(
        PROMPT, overlap="strongest", rule="std", elsewhere=0.25, pull=0.125, collage=True
    )
    painting = painting.add("rabbit", np.eye(64), 2, -0.5, (0.3, 9.0), 2.5)
    painting = painting.add("another rabbit", NOISE, window=(0.1, math.inf))
    return painting.add("tree", np.tri(64, dtype=bool))


RICH = rich().to_json()
OLD = {
    "format": 1,
    "prompt": "a fox",
    "regions": [
        {
            "phrase": "fox",
            "occurrence": 1,
            "weight": 2.0,
            "sigma_low": 0.0,
            "sigma_high": None,
            "runs": [255, 2048, 0, 2048],
        }
    ],
}


def test_nothing_is_lost():
    painting = rich()
    assert Painting.from_json(json.loads(json.dumps(painting.to_json()))) == painting
    assert Painting.from_json(Painting("").to_json()) == Painting("")


def test_only_plain_values_are_written():
    numbers: Any = (np.int64(1), np.float32(0.5), (np.float64(0.0), np.int32(9)), np.int8(3))
    painting = Painting(PROMPT).add("tree", NOISE, *numbers)
    text = json.dumps(painting.to_json(), allow_nan=False)
    assert Painting.from_json(json.loads(text)) == painting


def test_sixteen_noisy_masks_stay_small():
    painting = Painting(PROMPT)
    for _ in range(16):
        painting = painting.add("tree", NOISE)
    assert len(json.dumps(painting.to_json())) < 100_000


def test_format_1_is_read_as_what_it_meant():
    half = np.zeros((64, 64), bool)
    half[:32] = True
    assert Painting.from_json(OLD) == Painting("a fox", (), "all", "max", 0).add(
        "fox", half, weight=2.0
    )
    assert Painting.from_json(OLD).to_json()["format"] == FORMAT == 5


def test_format_2_held_nothing_back():
    told = RICH | {"format": 2}
    del told["elsewhere"], told["pull"], told["collage"]
    assert Painting.from_json(told) == replace(rich(), elsewhere=0, pull=0, collage=False)


def test_format_3_pulled_nothing():
    told = RICH | {"format": 3}
    with pytest.raises(ValueError, match="pull"):
        Painting.from_json(told)
    del told["pull"], told["collage"]
    assert Painting.from_json(told) == replace(rich(), pull=0, collage=False)


def test_format_4_began_as_no_collage():
    told = RICH | {"format": 4}
    with pytest.raises(ValueError, match="collage"):
        Painting.from_json(told)
    del told["collage"]
    assert Painting.from_json(told) == replace(rich(), collage=False)


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, "1", None, True])
def test_what_is_held_back_elsewhere_is_a_share(value):
    with pytest.raises(ValueError, match="how much a phrase is held back elsewhere"):
        Painting.from_json(RICH | {"elsewhere": value})


def test_a_later_format_is_refused_with_a_hint():
    with pytest.raises(ValueError, match="has format 6 and this version of ediffi reads 1 to 5"):
        Painting.from_json({**rich().to_json(), "format": 6, "layers": []})
    with pytest.raises(ValueError, match="format huge"):
        Painting.from_json({"format": 10**5000})


def changed(where, value):
    data = copy.deepcopy(RICH)
    *path, last = where
    inner = data
    for key in path:
        inner = inner[key]
    inner[last] = value
    return data


ONE = ("regions", 0)


@pytest.mark.parametrize(
    "where, value, message",
    [
        (("format",), True, "names its format"),
        (("format",), 2.0, "names its format"),
        (("format",), 0, "names its format"),
        (("prompt",), None, "prompt must be text, not null"),
        (("prompt",), "a fox", "not in the prompt"),
        (("prompt",), "x" * 3000, "3,000 characters"),
        (("overlap",), "sum", "overlap rule is 'sum'"),
        (("overlap",), ["all"], "must be text, not list"),
        (("rule",), "median", "'median', but must be one of max, std"),
        (("regions",), {}, "must be a list, not dict"),
        (("regions",), [{}] * 17, "17 entries, but at most 16"),
        (("regions",), [{}], "lacks the key 'phrase'"),
        (("regions",), [None], "must be an object, not null"),
        (("more",), 1, "the key 'more', which means nothing"),
        ((*ONE, "x" * 500), 1, "which means nothing"),
        ((*ONE, "phrase"), 7, "phrase must be text, not int"),
        ((*ONE, "phrase"), " ", "empty phrase"),
        ((*ONE, "occurrence"), 3, "stands 2 times"),
        ((*ONE, "occurrence"), 10**400, "is huge"),
        ((*ONE, "occurrence"), 1.0, "whole number, not float"),
        ((*ONE, "weight"), 10**400, "weight of 'rabbit' is huge"),
        ((*ONE, "weight"), math.nan, "is nan, but must lie within -10 to 10"),
        ((*ONE, "weight"), True, "must be a number, not bool"),
        ((*ONE, "weight"), "1", "must be a number, not str"),
        ((*ONE, "sigma_low"), -1, "is -1, but must lie within 0 to inf"),
        ((*ONE, "sigma_low"), 10.0, "low < high"),
        ((*ONE, "sigma_high"), 0, "low < high"),
        ((*ONE, "sigma_high"), False, "must be a number, not bool"),
        ((*ONE, "sigma_high"), 10**400, "is huge"),
        ((*ONE, "feather"), 17, "feather of 'rabbit' is 17, but must lie within 0 to 16"),
        ((*ONE, "runs"), [0, 4096], "'rabbit' is empty"),
        ((*ONE, "runs"), [0, 10**9], "1000000000"),
    ],
)
def test_forged_values_are_named(where, value, message):
    with pytest.raises(ValueError, match=message) as error:
        Painting.from_json(changed(where, value))
    assert "\n" not in str(error.value) and len(str(error.value)) < 300


@pytest.mark.parametrize("runs", [[1], [0, 4095], [300, 4096], [1, 10**9], "x", [1.0, 4096]])
def test_runs_that_are_no_mask(runs):
    with pytest.raises(ValueError, match="runs"):
        Painting.from_json({**OLD, "regions": [{**OLD["regions"][0], "runs": runs}]})


def test_what_is_nested_beyond_measure_is_refused():
    deep = []
    for _ in range(20_000):
        deep = [deep]
    for where in (("rule",), ("regions",), (*ONE, "weight"), (*ONE, "runs"), (*ONE, "phrase")):
        with pytest.raises(ValueError):
            Painting.from_json(changed(where, deep))
    while deep:  # taken apart by hand: the interpreter would recurse
        deep = deep.pop()


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-3, 300)
    | st.floats()
    | st.text(max_size=9)
    | st.sampled_from([10**400, -(10**400), 4096, "fox", "rabbit", "all", "std", "\ud800", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["format", "prompt", "overlap", "rule", "regions", "runs", "phrase"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
region_keys = st.sampled_from(
    ["phrase", "occurrence", "weight", "sigma_low", "sigma_high", "feather", "runs"]
)
wounds = st.lists(
    st.tuples(
        st.tuples(st.sampled_from(["format", "prompt", "overlap", "rule", "regions", "new"]))
        | st.tuples(st.just("regions"), st.integers(0, 2))
        | st.tuples(st.just("regions"), st.integers(0, 2), region_keys | st.text(max_size=3)),
        anything,
    ),
    min_size=1,
    max_size=3,
)


def wounded(changes):
    data: Any = copy.deepcopy(RICH)
    for path, value in changes:
        with suppress(KeyError, IndexError, TypeError):  # an earlier wound may have cut the path
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
    return data


def read(data):
    """Reading gives a painting that can be written again, or a ValueError and nothing else."""
    try:
        painting = Painting.from_json(data)
    except ValueError:
        return
    written = json.dumps(painting.to_json(), allow_nan=False)
    assert Painting.from_json(json.loads(written)) == painting
    painting.warnings(8)


@settings(max_examples=200, deadline=None, suppress_health_check=SLOW)
@given(anything | wounds.map(wounded))
def test_only_a_value_error_comes_out(data):
    read(data)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=10_000, deadline=None, suppress_health_check=SLOW)
@given(anything | wounds.map(wounded))
def test_only_a_value_error_comes_out_of_ten_thousand(data):
    read(data)
