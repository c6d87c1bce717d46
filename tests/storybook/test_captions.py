"""Captions: true to their scene, of the agreed lengths, in known words, reproducible."""

import json
import re
from collections import Counter
from statistics import mean

import pytest

from ediffi.storybook import phrases, vocabulary
from ediffi.storybook.captions import LONGEST, SIDEWAYS, Caption, write_caption
from ediffi.storybook.extents import holds
from ediffi.storybook.layout import Role
from ediffi.storybook.scene import compose, sample_scene

COUNT = 2000


@pytest.fixture(scope="module")
def scenes():
    return [sample_scene(seed, "validation") for seed in range(COUNT)]


@pytest.fixture(scope="module")
def short(scenes):
    return [write_caption(scene, 1) for scene in scenes]


@pytest.fixture(scope="module")
def long(scenes):
    return [write_caption(scene, 1, "long") for scene in scenes]


_NOUNS = {
    noun: kind.name for kind in vocabulary.KINDS.values() for pair in kind.nouns for noun in pair
}
_ANY_NOUN = re.compile(rf"\b({'|'.join(sorted(_NOUNS, key=len, reverse=True))})\b")


def without_signs(text):
    return re.sub(r'"?\b[A-Z]{2,}\b"?', " ", text).lower()


def said_nouns(text):
    """Kinds whose nouns occur in the text outside the words of signs."""
    return {_NOUNS[noun] for noun in _ANY_NOUN.findall(without_signs(text))}


def test_scene_and_seed_decide_a_caption(scenes):
    for scene in scenes[:50]:
        assert write_caption(scene, 3) == write_caption(scene, 3)
    texts = {write_caption(scenes[1], seed).text for seed in range(100)}
    assert len(texts) > 80


def test_sides_are_said_first_where_asked_for(scenes, short):
    asked = [write_caption(scene, 1, sides_first=True) for scene in scenes]
    assert all(one == other for one, other in zip(asked, short, strict=True) if not one.relation)
    sides = [
        (scene, caption.relation)
        for scene, caption in zip(scenes, asked, strict=True)
        if caption.relation and caption.relation[0] in SIDEWAYS
    ]
    assert all(holds(name, scene.things[i], scene.things[j]) for scene, (name, i, j) in sides)
    before = sum(bool(c.relation) and c.relation[0] in SIDEWAYS for c in short)
    assert len(sides) > 1.7 * before
    for scene, caption in zip(scenes, asked, strict=True):
        if caption.relation and caption.relation[0] not in SIDEWAYS and len(scene.things) == 2:
            one, other = (scene.things[k] for k in caption.relation[1:])
            assert not any(holds(name, one, other) for name in SIDEWAYS)


def test_lengths(short, long):
    assert 9 <= mean(len(caption.text.split()) for caption in short) <= 12
    counts = [len(caption.text.split()) for caption in long]
    assert 50 <= mean(counts) <= 72 and min(counts) >= 40
    tokens = [len(re.findall(r"\w+|[^\w\s]", caption.text)) for caption in long]
    assert max(tokens) <= LONGEST


def test_every_word_is_known(short, long):
    for caption in short + long:
        assert vocabulary.unknown_words(caption.text) == ()


def test_every_known_name_is_said(scenes, short, long):
    more = [write_caption(scene, 2) for scene in scenes]
    seen = {
        word.lower() for caption in short + long + more for word in re.findall(r"\w+", caption.text)
    }
    unseen = {word for word in vocabulary.KNOWN_WORDS if word.isalpha()} - seen
    assert len(unseen) <= 0.03 * len(vocabulary.KNOWN_WORDS), unseen


@pytest.mark.parametrize("length", ["short", "long"])
def test_nothing_absent_is_mentioned(scenes, length):
    for scene in scenes[:400]:
        caption = write_caption(scene, 5, length)
        assert said_nouns(caption.text) == {scene.things[k].kind for k in caption.things}


def test_colours_said_are_the_things_own(scenes, short, long):
    spelled = {"gray": "grey"}
    for scene, *captions in zip(scenes, short, long, strict=True):
        worn = [wear.colour for thing in scene.things for wear in thing.wears]
        for caption in captions:
            words = re.findall(r"\w+", without_signs(caption.text))
            words = {spelled.get(word, word) for word in words}
            things = {scene.things[k].colour for k in caption.colours}
            assert things <= words
            assert words & set(vocabulary.COLOURS) <= {
                *(thing.colour for thing in scene.things),
                *worn,
            }


def test_most_colours_are_said(short, long):
    for captions in (short, long):
        said = sum(len(caption.colours) for caption in captions)
        assert 0.88 < said / sum(len(caption.things) for caption in captions) < 0.99


def test_relations_said_hold_and_are_in_the_text(scenes, short, long):
    told = Counter()
    for scene, *captions in zip(scenes, short, long, strict=True):
        for caption in captions:
            if caption.relation is None:
                continue
            name, i, j = caption.relation
            told[name] += 1
            assert holds(name, scene.things[i], scene.things[j])
            assert any(words in caption.text.lower() for words in phrases.RELATIONS[name])
    assert min(told[name] for name in phrases.RELATIONS) > 20


def test_left_is_left_and_right_is_right(scenes):
    frames = {"left": 0, "right": 0}
    for seed, scene in enumerate(scenes):
        caption = write_caption(scene, seed)
        match = re.search(r"(left|right) of", caption.text)
        if match:
            frames[match[1]] += 1
            assert caption.relation is not None
            first, second = (scene.things[k].x for k in caption.relation[1:])
            assert first < second if match[1] == "left" else first > second
    assert min(frames.values()) > 50


def test_sides_are_true(scenes):
    for scene in scenes[:400]:
        if len(scene.things) == 1:
            text = write_caption(scene, 4, "long").text.lower()
            match = re.search(r"(?:on|at) the (left|right)\b(?! of)", text)
            if match:
                assert (scene.things[0].x < 0.5) == (match[1] == "left")


def test_counts_are_true(scenes):
    counted = 0
    for seed, scene in enumerate(scenes):
        kinds = Counter(thing.kind for thing in scene.things)
        text = write_caption(scene, seed).text.lower()
        for number, word in phrases.COUNTS.items():
            if number > 1 and re.search(rf"\b{word}\b", text):
                assert number in kinds.values()
                counted += 1
    assert counted > 100


def test_styles_are_named_when_asked(scenes):
    named = {style: set() for style in vocabulary.STYLES}
    for scene in scenes[:600]:
        with_style = write_caption(scene, 6, name_style=True)
        without = write_caption(scene, 6, name_style=False)
        assert with_style.names_style and not without.names_style
        named[scene.style].add(with_style.text)
        wordings = (
            *phrases.STYLES_BEFORE[scene.style],
            *phrases.STYLES_AFTER[scene.style],
            phrases.STYLE_NOUNS[scene.style],
        )
        assert any(words in with_style.text.lower() for words in wordings)
        assert not any(words in without.text.lower() for words in wordings)
    assert all(named.values())


def test_half_of_the_captions_name_the_style(short, long):
    for captions in (short, long):
        assert 0.45 < mean(caption.names_style for caption in captions) < 0.55


def test_place_and_sky_are_said_only_when_flagged(scenes, short):
    skies = {sky: {*wordings} for sky, wordings in phrases.SKIES.items()}
    for scene, caption in zip(scenes, short, strict=True):
        text = caption.text.lower()
        for sky, wordings in skies.items():
            if any(re.search(rf"\b{words}\b", text) for words in wordings):
                assert caption.names_sky and sky == scene.sky


def test_no_held_out_combination_is_said_outside_its_split(scenes):
    assert {scene.seed % 4 for scene in scenes} == {1}
    for scene in scenes[:250]:
        text = write_caption(scene, 8).text.lower()
        for colour, kind in vocabulary.HELD_OUT_COLOURS:
            for pair in vocabulary.KINDS[kind].nouns:
                assert not any(re.search(rf"\b{colour} {noun}\b", text) for noun in pair)


def test_signs_and_clothes_are_said():
    scene = compose([Role("sign", "brown", (), "HELLO")], "town")
    for seed in range(20):
        assert "HELLO" in write_caption(scene, seed).text
    dressed = next(scene for seed in range(100) if (scene := sample_scene(seed)).things[0].wears)
    wear = dressed.things[0].wears[0]
    caption = next(
        caption for seed in range(9) if 0 in (caption := write_caption(dressed, seed)).wears
    )
    assert re.search(rf"\b{wear.colour.replace('grey', 'gr[ae]y')} {wear.kind}\b", caption.text)


def test_captions_survive_json(short, long):
    for caption in short[:100] + long[:100]:
        assert Caption.from_json(json.loads(json.dumps(caption.to_json()))) == caption
    with pytest.raises(ValueError, match="no field 'mood'"):
        Caption.from_json({"text": "a fox", "names_style": False, "mood": "merry"})


def test_an_unknown_length_is_refused(scenes):
    with pytest.raises(ValueError, match="The length 'epic' is not one of short, long"):
        write_caption(scenes[0], 0, "epic")
