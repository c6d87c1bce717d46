"""Scenes: one seed decides them, splits stay apart, and the rules of the page hold."""

import json
from collections import Counter
from itertools import combinations

import pytest

from ediffi.storybook import casting, vocabulary
from ediffi.storybook.casting import Curriculum, Dress, has_held_out
from ediffi.storybook.extents import CONVERSE, RELATIONS, box, holds
from ediffi.storybook.layout import Role
from ediffi.storybook.scene import SPLITS, Scene, Thing, Wear, compose, sample_scene


@pytest.fixture(scope="module")
def scenes():
    return [sample_scene(seed) for seed in range(3000)]


def test_one_seed_decides_a_scene():
    assert [sample_scene(seed) for seed in range(20)] == [sample_scene(seed) for seed in range(20)]
    known = sample_scene(7)
    assert known != sample_scene(8)


def test_splits_share_no_scene(scenes):
    seen = {scene.seed for scene in scenes}
    for split in SPLITS[1:]:
        others = {sample_scene(seed, split).seed for seed in range(200)}
        assert len(others) == 200 and not seen & others
        assert {seed % len(SPLITS) for seed in others} == {SPLITS.index(split)}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_held_out_combinations_never_occur_in(split):
    assert not any(has_held_out(sample_scene(seed, split).things) for seed in range(1200))


def test_held_out_scenes_all_have_one():
    drawn = [sample_scene(seed, "held_out") for seed in range(600)]
    assert all(has_held_out(scene.things) for scene in drawn)
    colours = {(thing.colour, thing.kind) for scene in drawn for thing in scene.things}
    assert set(vocabulary.HELD_OUT_COLOURS) <= colours
    pairs = {tuple(sorted(thing.kind for thing in scene.things)) for scene in drawn}
    assert set(vocabulary.HELD_OUT_PAIRS) <= pairs


def test_everything_in_the_vocabulary_occurs(scenes):
    things = [thing for scene in scenes for thing in scene.things]
    for names, known in (
        ({thing.kind for thing in things}, vocabulary.THINGS),
        ({thing.colour for thing in things}, vocabulary.COLOURS),
        ({thing.word for thing in things if thing.word}, vocabulary.WORDS),
        ({wear.kind for thing in things for wear in thing.wears}, vocabulary.WEARABLES),
        ({scene.place for scene in scenes}, vocabulary.PLACES),
        ({scene.sky for scene in scenes}, vocabulary.SKIES),
        ({scene.style for scene in scenes}, vocabulary.STYLES),
    ):
        assert names == set(known)


def test_how_often_things_happen(scenes):
    crowds = Counter(len(scene.things) for scene in scenes)
    assert 0.32 < crowds[1] / len(scenes) < 0.42
    assert 0.4 < crowds[2] / len(scenes) < 0.5
    flat = sum(scene.style == "flat" for scene in scenes) / len(scenes)
    assert 0.4 < flat < 0.48
    dressed = sum(any(thing.wears for thing in scene.things) for scene in scenes) / len(scenes)
    assert 0.1 < dressed < 0.2
    home = [
        scene.place in vocabulary.KINDS[thing.kind].homes
        for scene in scenes
        for thing in scene.things
    ]
    assert 0.85 < sum(home) / len(home) < 0.97


def test_sizes_keep_things_readable(scenes):
    for scene in scenes:
        for thing in scene.things:
            assert vocabulary.MIN_SIZE <= thing.size <= 0.68
            assert thing.size >= vocabulary.MIN_WEARER or not thing.wears
            assert thing.size >= vocabulary.MIN_SIGN or thing.kind != "sign"
            assert (thing.word is not None) == (thing.kind == "sign")


def test_everything_is_on_the_page_and_visible(scenes):
    for scene in scenes:
        boxes = [box(thing) for thing in scene.things]
        for one in boxes:
            assert 0 <= one.left < one.right <= 1 and 0 <= one.top < one.bottom <= 1
        for one, two in combinations(boxes, 2):
            wide = min(one.right, two.right) - max(one.left, two.left)
            high = min(one.bottom, two.bottom) - max(one.top, two.top)
            if wide > 0 and high > 0:
                assert wide * high <= 0.15 * max(one.area, two.area)
            else:
                assert min(wide, high) <= -0.01


def test_facing_and_places_vary(scenes):
    foxes = [thing for scene in scenes for thing in scene.things if thing.kind == "fox"]
    assert 0.35 < sum(fox.flip for fox in foxes) / len(foxes) < 0.65
    assert min(fox.x for fox in foxes) < 0.28 and max(fox.x for fox in foxes) > 0.72


def test_relations_have_converses():
    things = [thing for seed in range(300) for thing in [sample_scene(seed).things]]
    found = Counter()
    for one, two in (pair for group in things for pair in combinations(group, 2)):
        for relation in RELATIONS:
            if holds(relation, one, two):
                found[relation] += 1
                assert holds(CONVERSE[relation], two, one)
    assert set(found) == set(RELATIONS)


def test_left_and_above_mean_what_they_say():
    fox = Thing("fox", "red", 0.3, 0.9, 0.35)
    house = Thing("house", "blue", 0.7, 0.8, 0.42)
    kite = Thing("kite", "pink", 0.72, 0.18, 0.28)
    assert holds("left of", fox, house) and not holds("left of", house, fox)
    assert holds("above", kite, house) and holds("below", house, kite)
    assert not holds("in front of", fox, house)
    assert holds("in front of", Thing("fox", "red", 0.5, 0.93, 0.35), house)
    with pytest.raises(ValueError, match="'inside' is not one of"):
        holds("inside", fox, house)


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("place", ["meadow", "sea"])
def test_a_requested_relation_holds(relation, place):
    aloft, grounded = Role("kite", "red"), Role("duck", "blue")
    one, two = Role("cat", "green", (Dress("hat", "pink"),)), grounded
    if relation == "above":
        one, two = aloft, grounded
    elif relation == "below":
        one, two = grounded, aloft
    elif relation == "behind":
        one, two = grounded, Role("cat", "green")
    for seed in range(12):
        scene = compose([one, two], place, seed=seed, relation=(relation, 0, 1))
        assert holds(relation, *scene.things)
        assert [thing.kind for thing in scene.things] == [one.kind, two.kind]


def test_held_out_combinations_can_be_requested():
    scene = compose([Role("owl", "red"), Role("car", "teal")], "town", "storm", "neon", seed=3)
    assert has_held_out(scene.things) and scene.style == "neon"


@pytest.mark.parametrize(
    ("roles", "relation", "message"),
    [
        ([Role("castle", "red"), Role("fox", "blue")], ("above", 0, 1), "no room for castle, fox"),
        ([Role("castle", "red")] * 9, None, "no room for"),
        ([Role("dragon", "red")], None, "The kind 'dragon' is not one of"),
        ([Role("fox", "mauve")], None, "The colour 'mauve' is not one of"),
        ([Role("fox", "red", (), "HELLO")], None, "A fox cannot carry the word 'HELLO'"),
        ([Role("whale", "red", (Dress("scarf", "blue"),))], None, "cannot wear the 'scarf'"),
    ],
)
def test_what_no_page_can_show_is_refused(roles, relation, message):
    with pytest.raises(ValueError, match=message):
        compose(roles, "meadow", relation=relation)


def test_a_curriculum_narrows_the_world():
    small = Curriculum(("fox", "house", "duck"), ("red", "blue"), ("flat",), 2, 0.3)
    for seed in range(200):
        scene = sample_scene(seed, curriculum=small)
        assert len(scene.things) <= 2 and scene.style == "flat"
        assert {thing.kind for thing in scene.things} <= set(small.kinds)
        assert all(thing.size >= 0.3 for thing in scene.things)
    assert casting.WHOLE_WORLD == Curriculum()
    with pytest.raises(ValueError, match="no held-out combination"):
        sample_scene(0, "held_out", Curriculum(("fox",), ("red",)))


def test_a_curriculum_fills_its_pages():
    pairs = Curriculum(("fox", "house", "sign"), min_things=2, max_things=2)
    assert {len(sample_scene(seed, curriculum=pairs).things) for seed in range(200)} == {2}


@pytest.mark.parametrize(
    "dressed, least, most", [(1.0, 0.8, 0.95), (0.3, 0.2, 0.4), (0.0, 0, 0.06)]
)
def test_a_curriculum_says_how_often_an_animal_is_dressed(dressed, least, most):
    world = Curriculum(("fox", "owl", "cat"), dressed=dressed)
    pages = [sample_scene(seed, curriculum=world).things for seed in range(300)]
    # Several of one kind wear nothing, and three in a hundred pages dress whatever is there.
    share = sum(any(thing.wears for thing in things) for things in pages) / len(pages)
    assert least <= share <= most


def test_scenes_survive_json(scenes):
    for scene in scenes[:200]:
        assert Scene.from_json(json.loads(json.dumps(scene.to_json()))) == scene


@pytest.mark.parametrize("path", [(), ("things", 0), ("things", 0, "wears", 0)])
def test_unknown_keys_are_refused(path):
    thing = Thing("fox", "red", 0.4, 0.9, 0.4, wears=(Wear("hat", "blue"),))
    data = json.loads(json.dumps(Scene((thing,), "meadow", "day", "flat", 1).to_json()))
    inner = data
    for step in path:
        inner = inner[step]
    inner["flavour"] = "mint"
    with pytest.raises(ValueError, match="flavour"):
        Scene.from_json(data)


def test_bad_requests_are_refused():
    with pytest.raises(ValueError, match="seed -1 is negative"):
        sample_scene(-1)
    with pytest.raises(ValueError, match="The split 'dev' is not one of"):
        sample_scene(0, "dev")
    with pytest.raises(ValueError, match="mirrored word"):
        Thing("sign", "red", 0.5, 0.9, 0.4, flip=True)
    with pytest.raises(ValueError, match="The place 'moon' is not one of"):
        Scene((), "moon", "day", "flat", 0)
