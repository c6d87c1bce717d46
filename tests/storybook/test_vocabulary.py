"""The storybook's names, its held-out combinations and the words it does not know."""

from collections import Counter

import pytest

from ediffi.storybook import vocabulary


def test_the_world_has_the_agreed_size():
    assert len(vocabulary.THINGS) == 28
    assert len(vocabulary.COLOURS) == 12
    assert (len(vocabulary.PLACES), len(vocabulary.SKIES), len(vocabulary.STYLES)) == (7, 6, 9)
    assert len(vocabulary.WEARABLES) == 3
    assert 45 <= len(vocabulary.WORDS) == len(set(vocabulary.WORDS))


def test_signs_say_short_words_in_plain_capitals():
    assert all(1 <= len(word) <= 5 for word in vocabulary.WORDS)
    letters = set("".join(vocabulary.WORDS))
    assert letters == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def test_every_kind_is_at_home_somewhere_and_has_room():
    for kind in vocabulary.KINDS.values():
        assert kind.homes and kind.homes <= set(vocabulary.PLACES)
        assert vocabulary.MIN_SIZE <= kind.low < kind.high <= 0.62


def test_nouns_name_one_kind_only():
    nouns = [
        noun for kind in vocabulary.KINDS.values() for pair in kind.nouns for noun in set(pair)
    ]
    assert max(Counter(nouns).values()) == 1


def test_held_out_combinations_are_spread():
    colours = Counter(colour for colour, _ in vocabulary.HELD_OUT_COLOURS)
    kinds = Counter(kind for _, kind in vocabulary.HELD_OUT_COLOURS)
    assert set(colours) == set(vocabulary.COLOURS) and max(colours.values()) <= 2
    assert max(kinds.values()) == 1 and set(kinds) <= set(vocabulary.THINGS)
    pairs = Counter(kind for pair in vocabulary.HELD_OUT_PAIRS for kind in pair)
    assert max(pairs.values()) == 1 and set(pairs) <= set(vocabulary.THINGS)


def test_held_out_pairs_hold_in_both_orders():
    for one, other in vocabulary.HELD_OUT_PAIRS:
        assert vocabulary.is_pair_held_out(one, other) and vocabulary.is_pair_held_out(other, one)
    assert not vocabulary.is_pair_held_out("fox", "house")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("A red fox left of two BLUE houses, at night.", []),
        ("a hot-air balloon over the sailing boat", []),
        ("the fox's hat", []),
        ("", []),
        (" \n\t ", []),
        ("a unicorn on Mars", ["unicorn", "Mars"]),
        ("une renarde ✨ rouge", ["une", "renarde", "✨", "rouge"]),
        ("fox\x00dragon", ["\x00", "dragon"]),
        ("שועל red", ["שועל"]),
    ],
)
def test_unknown_words_are_found_where_they_stand(text, words):
    found = vocabulary.unknown_words(text)
    assert [word for _, _, word in found] == words
    assert all(text[start:end] == word for start, end, word in found)


def test_unknown_words_of_a_very_long_text():
    assert len(vocabulary.unknown_words("fox zebra " * 10_000)) == 10_000
