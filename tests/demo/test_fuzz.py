"""Any JSON in any place of a request: a checked record, or a refusal of one sentence.

200 cases in every run; `pytest -m slow tests/demo/test_fuzz.py` makes 10,000 of them.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from demo import api, engine, steering
from demo.engine import MAX_GUIDANCE, MAX_PICTURES, MAX_SEED, MAX_SIZE, MAX_STEPS
from demo.regions import CELLS

PROMPT = "a red fox and a fox"
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5000)
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["t5", "a fox", PROMPT, "a" * 801, "\ud800\x00"])
)
FIELDS = ["prompt", "regions", "phrase", "occurrence", "weight", "runs", "box", "path", "meta"]
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4)
    ),
    max_leaves=12,
)
BOXES = st.lists(st.floats(-0.1, 1.1) | st.sampled_from([0, 1]), min_size=4, max_size=4)
RUNS = st.sampled_from([[255, CELLS], [0, 1, 9, CELLS - 1], [1, 10**9]]) | JSON
REGIONS = st.lists(
    st.fixed_dictionaries(
        {"phrase": st.sampled_from(["fox", "a red fox", "owl"]) | SCALARS},
        optional={
            "occurrence": st.sampled_from([1, 2]) | SCALARS,
            "weight": st.floats(-3, 5) | SCALARS,
            "runs": RUNS,
            "box": BOXES | JSON,
        },
    )
    | JSON,
    max_size=9,
)
CASES = st.fixed_dictionaries(
    {
        "prompt": st.sampled_from([PROMPT, ""]) | JSON,
        "seed": st.integers(0, MAX_SEED) | JSON,
        "steps": st.integers(1, MAX_STEPS) | JSON,
        "guidance": st.floats(0, MAX_GUIDANCE) | JSON,
        "pictures": st.integers(1, MAX_PICTURES) | JSON,
        "size": st.sampled_from([None, 64, 256]) | JSON,
        "regions": REGIONS | JSON,
        "steering": st.tuples(
            st.none() | JSON,
            st.floats(0, 15) | JSON,
            st.lists(st.sampled_from(["t5", "clip_text"])) | JSON,
            st.none() | JSON,
            st.integers(1, 99) | JSON,
        ),
    }
)


def read(case: dict[str, Any]) -> engine.Request:
    values = dict(case)
    entries = api.read_regions(values.pop("regions"))
    painting = {"prompt": case["prompt"], "regions": entries}
    steered = steering.read(*values.pop("steering"))
    return engine.request(**values, painting=painting, steering=steered)


def check(case: dict[str, Any]) -> None:
    try:
        asked = read(case)
    except ValueError as error:
        said = str(error)
        assert said.endswith(".") and "\n" not in said and 10 < len(said) < 400, said
        return
    assert len(asked.prompt) <= 800 and asked.prompt == " ".join(asked.prompt.split())
    asked.prompt.encode("utf-8")
    assert 0 <= asked.seed <= MAX_SEED and 1 <= asked.steps <= MAX_STEPS
    assert 0 <= asked.guidance <= MAX_GUIDANCE and 1 <= asked.pictures <= MAX_PICTURES
    assert asked.size is None or 1 <= asked.size <= MAX_SIZE
    assert len(asked.painting) <= 8 and asked.lost == ()
    for one in asked.painting:
        assert len(one.mask) == CELLS and any(one.mask) and -2 <= one.weight <= 4
    assert len(asked.steering.style) <= 4 and 0 <= asked.steering.strength <= 15


OFTEN = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@settings(OFTEN, max_examples=200)
@given(CASES)
def test_any_request_is_checked_or_refused_in_a_sentence(case):
    check(case)


@pytest.mark.slow
@settings(OFTEN, max_examples=10_000)
@given(CASES)
def test_ten_thousand_requests_are_checked_or_refused_in_a_sentence(case):
    check(case)
