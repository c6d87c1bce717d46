"""What of a painting is let in: every limit on both of its sides, and arbitrary JSON."""

import json
import math
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from demo import regions
from demo.regions import CELLS, USUAL, Manner, Region
from ediffi.controls import overlaps, paint_with_words

from .paintings import HALF, painting, region

PROMPT = "a red fox and a fox"


def refusal(value: object, prompt: str = PROMPT) -> str:
    with pytest.raises(ValueError) as refused:
        regions.read(value, prompt)
    said = str(refused.value)
    assert said.endswith(".") and "\n" not in said and len(said) < 300
    return said


def test_a_good_painting_passes_and_travels_back_unchanged():
    value = painting(PROMPT, region("fox", 2, -2), region("a red fox", weight=4))
    kept, lost = regions.read(value, PROMPT)
    assert kept == (Region("fox", 2, -2.0, HALF), Region("a red fox", 1, 4.0, HALF))
    assert lost == () and regions.as_json(PROMPT, kept) == value


@pytest.mark.parametrize("value", [None, {"prompt": "", "regions": []}])
def test_no_painting_is_no_painting(value):
    assert regions.read(value, PROMPT) == ((), ())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], "an object of JSON, not list"),
        ({}, "exactly the fields prompt, regions"),
        ({**painting(PROMPT), "more": 1}, "exactly the fields prompt, regions"),
        (painting(None), "The sentence of the painting must be text, not NoneType"),
        (painting("a" * 801), "801 characters; the limit is 800"),
        ({"prompt": PROMPT, "regions": {}}, "are a list, not dict"),
        (painting(PROMPT, *[region("fox")] * 9), "at most 8 regions, and 9 were sent"),
        (painting(PROMPT, 3), "A painted region is an object of JSON, not int"),
        (painting(PROMPT, {"phrase": "fox"}), "fields phrase, occurrence, weight, runs"),
    ],
)
def test_what_is_no_painting_is_named(value, said):
    assert said in refusal(value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"phrase": 7}, "A painted phrase must be text, not int"),
        ({"phrase": " \x00 "}, "must have at least one word"),
        ({"phrase": "f" * 121}, "121 characters; the limit is 120"),
        ({"phrase": "owl"}, "The sentence of the painting does not have “owl”"),
        ({"phrase": "ox"}, "does not have “ox”: its words are "),
        ({"occurrence": 3}, "does not have “fox” 3 times"),
        ({"occurrence": 0}, "between 1 and 800, not 0"),
        ({"occurrence": 1.5}, "whole number"),
        ({"occurrence": True}, "must be a number"),
        ({"weight": -2.1}, "between -2 and 4, not -2.1"),
        ({"weight": 4.1}, "between -2 and 4, not 4.1"),
        ({"weight": math.nan}, "not nan"),
        ({"weight": "1"}, "must be a number"),
        ({"weight": None}, "must be a number"),
        ({"runs": None}, "a list of at most 4,096 pairs"),
        ({"runs": "255,4096"}, "a list of at most 4,096 pairs"),
        ({"runs": [255, 4096, 0]}, "a list of at most 4,096 pairs"),
        ({"runs": [1, 1] * 4097}, "a list of at most 4,096 pairs"),
        ({"runs": []}, "add up to 4,096 cells, not to 0"),
        ({"runs": [255, 4095]}, "add up to 4,096 cells, not to 4,095"),
        ({"runs": [255, 4097]}, "add up to 4,096 cells"),
        ({"runs": [255, 10**12]}, "add up to 4,096 cells"),
        ({"runs": [0, 4096]}, "Nothing is painted for “fox”"),
        ({"runs": [256, 4096]}, "not from 0 to 255"),
        ({"runs": [-1, 4096]}, "not from 0 to 255"),
        ({"runs": [1.0, 4096]}, "not from 0 to 255"),
        ({"runs": [True, 4096]}, "not from 0 to 255"),
        ({"runs": [255, -1, 255, 4097]}, "add up to 4,096 cells"),
        ({"runs": [255, 0, 255, 4096]}, "add up to 4,096 cells"),
        ({"runs": [[255], 4096]}, "not from 0 to 255"),
    ],
)
def test_a_bad_region_is_named_with_its_limit(changed, said):
    assert said in refusal(painting(PROMPT, {**region("fox"), **changed}))


@pytest.mark.parametrize("count", [1, 8])
@pytest.mark.parametrize("runs", [[255, CELLS], [1, 1] * CELLS, [0, CELLS - 1, 1, 1]])
def test_the_limits_themselves_are_let_in(count, runs):
    kept, _ = regions.read(painting(PROMPT, *[region("fox", runs=runs)] * count), PROMPT)
    assert len(kept) == count and {len(one.mask) for one in kept} == {CELLS}


def test_another_sentence_keeps_what_it_has_and_tells_the_rest():
    value = painting(PROMPT, region("a red fox"), region("fox", 2), region("and"))
    kept, lost = regions.read(value, "a blue fox and an owl")
    assert [one.phrase for one in kept] == ["and"]
    assert regions.left_out(lost) == (
        "The sentence does not have “a red fox”, “fox” 2 times, so the painting went without."
    )


@pytest.mark.parametrize("phrase", ["FOX", "a  red\tfox", "fox.", "(red)", "owl's", "🦊", "ثعلب"])
def test_phrases_are_found_as_whole_words_in_either_case(phrase):
    sentence = "A Red fox. (red) owl's 🦊 ثعلب"
    kept, lost = regions.read(painting(sentence, region(phrase)), sentence)
    assert len(kept) == 1 and lost == ()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5000)
    | st.floats()
    | st.sampled_from([PROMPT, "fox"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["prompt", "regions", "phrase", "occurrence", "weight", "runs"]), inner
        )
    ),
    max_leaves=20,
)
RUNS = st.lists(st.integers(-1, 300) | st.just(4096), max_size=8) | st.sampled_from(
    [[255, 4096], [0, 1, 9, 4095]]
)
NEARLY = st.builds(
    painting,
    st.sampled_from([PROMPT, "a fox", ""]) | JSON,
    st.builds(
        region,
        st.sampled_from(["fox", "a red fox", "owl", ""]) | st.text(max_size=4),
        st.sampled_from([1, 2]) | JSON,
        st.floats(-3, 5) | JSON,
        RUNS | JSON,
    )
    | JSON,
    overlap=st.sampled_from(regions.OVERLAPS) | JSON,
    elsewhere=st.floats(-0.5, 1.5) | JSON,
    pull=st.floats(-0.5, 1) | JSON,
    collage=st.booleans() | JSON,
)


@settings(max_examples=200)
@given(JSON | NEARLY | NEARLY)
def test_any_json_is_a_painting_or_refused_in_a_sentence(value):
    try:
        kept, _ = regions.read(value, PROMPT)
        manner = regions.read_manner(value)
    except ValueError as error:
        said = str(error)
        assert said.endswith(".") and "\n" not in said and len(said) < 300
    else:
        assert len(kept) <= 8
        for one in kept:
            assert len(one.mask) == CELLS and any(one.mask) and -2 <= one.weight <= 4
        sent = json.loads(json.dumps(regions.as_json(PROMPT, kept, manner)))
        assert regions.read(sent, PROMPT) == (kept, ())
        assert regions.read_manner(sent) == manner
        assert 0 <= manner.elsewhere <= 1 and 0 <= manner.pull <= regions.MOST_PULL


def test_how_regions_act_is_read_and_left_alone_where_nothing_is_said():
    told = {"overlap": "topmost", "elsewhere": 0.25, "pull": 0.1, "collage": True}
    value = painting(PROMPT, region("fox"), **told)
    manner = regions.read_manner(value)
    assert manner == Manner("topmost", 0.25, 0.1, True)
    kept, _ = regions.read(value, PROMPT)
    assert regions.as_json(PROMPT, kept, manner)["overlap"] == "topmost"
    for silent in (None, {}, {"prompt": PROMPT, "regions": [region("fox")]}):
        assert regions.read_manner(silent) == USUAL
    assert overlaps.OVERLAPS == regions.OVERLAPS
    assert Manner() == Manner("all", paint_with_words.ELSEWHERE)


@pytest.mark.parametrize(
    ("manner", "said"),
    [
        ({"overlap": "both"}, "follow all, strongest, topmost, and not 'both'."),
        ({"overlap": ["all"]}, "follow all, strongest, topmost"),
        ({"elsewhere": 1.5}, "between 0 and 1, not 1.5."),
        ({"elsewhere": -0.1}, "between 0 and 1"),
        ({"elsewhere": math.nan}, "How much is held back elsewhere"),
        ({"elsewhere": "much"}, "How much is held back elsewhere"),
        ({"pull": 0.6}, "between 0 and 0.5, not 0.6."),
        ({"pull": None}, "The pull to the places"),
        ({"collage": 1}, "A collage is true or false, and not '1'."),
        ({"collage": None}, "A collage is true or false"),
    ],
)
def test_another_way_to_act_is_refused(manner, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        regions.read_manner(painting(PROMPT, **manner))


def test_the_page_begins_with_the_models_own_strength():
    assert regions.WEIGHT == paint_with_words.WEIGHT
    page = (Path(regions.__file__).parent / "painter.html").read_text(encoding="utf-8")
    assert f'value="{regions.WEIGHT}" disabled><output>{regions.WEIGHT:.2f}<' in page
