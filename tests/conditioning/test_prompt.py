"""Cleaning, phrases and columns, on texts alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ediffi.conditioning.prompt import MAX_CHARACTERS, Prompt, Span, clean_prompt


def test_blanks_and_control_characters_become_single_blanks():
    assert clean_prompt("  a\tred\n\nfox\x00\x1b[2J ") == "a red fox [2J"


def test_a_lone_surrogate_is_a_blank_and_an_emoji_stays():
    assert clean_prompt("fox\ud800 🦊") == "fox 🦊"


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_leaves_utf8(text):
    clean = clean_prompt(text)
    assert clean_prompt(clean) == clean
    clean.encode("utf-8")


def test_the_limit_is_on_what_is_read():
    assert len(clean_prompt("x" * MAX_CHARACTERS + " " * 500)) == MAX_CHARACTERS
    with pytest.raises(ValueError, match=r"100,000 characters and at most 2,000"):
        clean_prompt("x" * 100_000)


def test_a_phrase_is_found_as_whole_words_in_either_case():
    prompt = Prompt("Two foxes, a Red fox and a red fox")
    span = prompt.phrase("red fox")
    assert prompt.text[span.start : span.end] == "Red fox"
    assert prompt.phrase("red  fox", occurrence=2) == Span(27, 34)


def test_an_absent_phrase_names_itself_and_the_words():
    with pytest.raises(ValueError, match=r"'rabbit' is not in the prompt.*a, red, fox\."):
        Prompt("a red fox.").phrase("rabbit")


def test_an_occurrence_too_many_says_how_many_there_are():
    with pytest.raises(ValueError, match=r"stands 1 times in the prompt, and occurrence 2"):
        Prompt("a red fox").phrase("fox", occurrence=2)


@pytest.mark.parametrize(("phrase", "occurrence"), [("", 1), ("  ", 1), ("fox", 0)])
def test_phrases_without_words_and_zeroth_occurrences_are_refused(phrase, occurrence):
    with pytest.raises(ValueError):
        Prompt("a fox").phrase(phrase, occurrence)


def test_a_phrase_is_no_pattern():
    prompt = Prompt("is this (a) fox?")
    assert prompt.phrase("(a)") == Span(8, 11)
    with pytest.raises(ValueError):
        prompt.phrase(".*")


def test_columns_overlap_the_span_and_empty_spans_never_do():
    prompt = Prompt("a red fox")
    offsets = [(0, 0), (0, 1), (2, 5), (6, 8), (8, 9), (0, 0)]
    assert prompt.columns(prompt.phrase("fox"), offsets) == [3, 4]
    assert prompt.columns(prompt.phrase("a"), offsets) == [1]
    assert prompt.columns(prompt.phrase("red fox"), offsets) == [2, 3, 4]


def test_columns_of_a_phrase_that_did_not_fit_are_none():
    prompt = Prompt("a red fox")
    assert prompt.columns(prompt.phrase("fox"), [(0, 1), (2, 5)]) == []


def test_a_span_beyond_the_prompt_is_refused():
    with pytest.raises(ValueError, match=r"0\.\.9 leaves a prompt of 3"):
        Prompt("fox").columns(Span(0, 9), [])
    with pytest.raises(ValueError, match="not 3 and 3"):
        Span(3, 3)


def test_blank_prompts_are_empty():
    assert Prompt(" \n\x00").empty
    assert not Prompt("fox").empty
    assert Prompt("don't, a hot-air balloon!").words == ("don't", "a", "hot-air", "balloon")


@pytest.mark.parametrize(
    ("text", "phrase", "whole"),
    [
        ("A red whale on the sea", "whale", "A red whale"),
        ("By day, an orange mushroom.", "mushroom", "an orange mushroom"),
        ("a fox and two big red boats", "boats", "two big red boats"),
        ("red fox", "fox", "red fox"),
        ("red fox", "red", "red"),
        ("an owl in a desert", "desert", "a desert"),
        ("There is a red flower", "a red flower", "a red flower"),
        ("grey-blue fox", "fox", "grey-blue fox"),
        ("the child’s fox", "fox", "the child’s fox"),
        ("very big old tall wide red fox", "fox", "fox"),
        ("a tree.fox", "fox", "fox"),
        ("fox", "fox", "fox"),
    ],
)
def test_a_phrase_knows_the_words_that_describe_it(text, phrase, whole):
    prompt = Prompt(text)
    span = prompt.described(prompt.phrase(phrase))
    assert text[span.start : span.end] == whole


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("a red fox and a blue boat", ["a red fox", "a blue boat"]),
        (
            "A flat drawing of a grey cat with a teal mushroom.",
            ["A flat drawing", "a grey cat", "a teal mushroom"],
        ),
        ("pink sign, train", ["pink sign", "train"]),
        ("in the snow, a yellow pine", ["the snow", "a yellow pine"]),
        ("three owls two foxes", ["three owls", "two foxes"]),
        ("the a fox", ["a fox"]),
        ("fox", ["fox"]),
        ("and of the", []),
        ("", []),
    ],
)
def test_a_text_speaks_of_its_phrases(text, phrases):
    prompt = Prompt(text)
    assert [prompt.text[span.start : span.end] for span in prompt.phrases] == phrases


@given(st.text(max_size=60))
def test_phrases_stand_in_order_and_share_no_character(text):
    spans = Prompt(text).phrases
    assert all(a.end <= b.start for a, b in zip(spans, spans[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("three red foxes", 3),
        ("Ten owls", 10),
        ("one fox", 1),
        ("a fox", 1),
        ("4 foxes", 4),
        ("0 foxes", 1),
        ("11 foxes", 1),
        ("² foxes", 1),
        ("several foxes", 1),
    ],
)
def test_a_phrase_counts_what_it_begins_with(text, number):
    assert Prompt(text).counted(Span(0, len(text))) == number


@pytest.mark.parametrize(
    ("text", "phrases", "rest"),
    [
        ("a fox and a tree in the snow", ["a fox", "a tree"], "in the snow"),
        ("a fox and a tree in the snow", ["a tree"], "a fox, in the snow"),
        ("A grey pine together with a kite, a linocut.", ["A grey pine", "a kite"], "a linocut"),
        ('A sign that reads "FARM" and a fish', ["a fish"], 'A sign that reads "FARM"'),
        ("in the snow, a pine on the left stands", ["a pine"], "in the snow, on the left stands"),
        ("a fox to the left of a tree", ["a tree"], "a fox"),
        ("a fox to the left of a tree", ["a fox"], "a tree"),
        ("a fox in front of a tree", ["a fox", "a tree"], ""),
        ("a red fox", ["a red fox"], ""),
        ("a red fox", [], "a red fox"),
    ],
)
def test_what_is_left_of_a_text_without_some_phrases(text, phrases, rest):
    prompt = Prompt(text)
    assert prompt.rest(prompt.phrase(phrase) for phrase in reversed(phrases)) == rest


def test_spans_that_overlap_are_taken_out_once():
    prompt = Prompt("a red fox in the snow")
    assert prompt.rest([prompt.phrase("a red fox"), prompt.phrase("fox")]) == "in the snow"
