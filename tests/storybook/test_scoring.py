"""What a caption states, and what a reading must hold to show it."""

import pytest

from ediffi.storybook.captions import Caption
from ediffi.storybook.inspector import Reading, Seen
from ediffi.storybook.scene import Scene, Thing, Wear
from ediffi.storybook.scoring import SCORES, applies, facts, is_shown, score, wilson

FOX = Thing("fox", "red", 0.3, 0.9, 0.4, wears=(Wear("hat", "blue"),))
SIGN = Thing("sign", "white", 0.7, 0.9, 0.4, word="TEA")
SCENE = Scene((SIGN, FOX), "meadow", "night", "neon", 0)
CAPTION = Caption(
    "a red fox in a blue hat left of a sign that says TEA, in neon",
    names_style=True,
    things=(1, 0),
    colours=(1,),
    relation=("left of", 1, 0),
    wears=(1,),
)


def seen(thing, **changes):
    values = {
        "kind": thing.kind,
        "colour": thing.colour,
        "x": thing.x,
        "y": thing.y - thing.size / 2,
        "size": thing.size,
        "score": 0.9,
        "wears": thing.wears,
        "word": thing.word,
    }
    return Seen(**{**values, **changes})


def reading(*things, **page):
    return Reading(True, things, **{"place": "meadow", "sky": "night", "style": "neon", **page})


def shown(caption, found, scene=SCENE):
    return {f.score: is_shown(f, found) for f in facts(scene, caption) if applies(f, found)}


def test_a_true_reading_shows_everything_that_is_stated_and_nothing_else_is_asked():
    assert shown(CAPTION, reading(seen(FOX), seen(SIGN))) == dict.fromkeys(
        ["thing", "colour", "two_things", "left_right", "left_right_if_both"]
        + ["clothes", "word", "style"],
        True,
    )


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (
            reading(seen(FOX, kind="cat"), seen(SIGN)),
            {"thing", "colour", "two_things", "left_right", "clothes"},
        ),
        (reading(seen(FOX, colour="blue"), seen(SIGN)), {"colour"}),
        (reading(seen(FOX, wears=(Wear("hat", "red"),)), seen(SIGN)), {"clothes"}),
        (reading(seen(FOX, x=0.9), seen(SIGN)), {"left_right", "left_right_if_both"}),
        (reading(seen(FOX), seen(SIGN, word="TAXI")), {"word"}),
        (reading(seen(FOX), seen(SIGN), style="flat"), {"style"}),
        (reading(seen(FOX), seen(SIGN), place="sea"), set()),
        (reading(seen(FOX)), {"two_things", "left_right", "word"}),
    ],
)
def test_each_error_costs_its_own_scores(found, wrong):
    assert {name for name, right in shown(CAPTION, found).items() if not right} == wrong


def test_an_unreadable_picture_shows_nothing():
    assert not any(shown(CAPTION, Reading(False)).values())


def test_colours_must_sit_on_their_own_things():
    cat = Thing("cat", "green", 0.7, 0.9, 0.4)
    scene = Scene((FOX, cat), "meadow", "day", "flat", 0)
    caption = Caption("", False, things=(0, 1), colours=(0, 1))
    swapped = reading(seen(FOX, colour="green"), seen(cat, colour="red"))
    assert shown(caption, swapped, scene) == {
        "thing": True,
        "colour": False,
        "two_things": True,
        "two_colours": False,
    }


def test_counts_are_exact_and_one_is_not_counted():
    foxes = tuple(Thing("fox", "red", x, 0.9, 0.3) for x in (0.2, 0.5, 0.8))
    scene = Scene(foxes, "meadow", "day", "flat", 0)
    caption = Caption("three red foxes", False, things=(0, 1, 2), colours=(0, 1, 2))
    for count, right in ((2, False), (3, True), (4, False)):
        found = reading(*(seen(FOX, x=0.2 * i) for i in range(count)))
        assert shown(caption, found, scene)["count"] is right
    assert "two_things" not in shown(caption, reading(), scene)
    assert "count" not in shown(CAPTION, reading())


@pytest.mark.parametrize("relation", ["left of", "right of", "above", "below"])
def test_relations_compare_the_middles(relation):
    caption = Caption("", False, things=(0, 1), relation=(relation, 0, 1))
    scene = Scene((SIGN, FOX), "meadow", "day", "flat", 0)
    near, far = {"x": 0.2, "y": 0.2}, {"x": 0.8, "y": 0.8}
    name = "left_right" if relation in ("left of", "right of") else "above_below"
    first = relation in ("left of", "above")
    assert shown(caption, reading(seen(SIGN, **near), seen(FOX, **far)), scene)[name] is first
    assert shown(caption, reading(seen(SIGN, **far), seen(FOX, **near)), scene)[name] is not first


def test_two_of_a_kind_are_told_apart_by_colour():
    blue = Thing("fox", "blue", 0.7, 0.9, 0.4)
    scene = Scene((FOX, blue), "meadow", "day", "flat", 0)
    caption = Caption("", False, things=(0, 1), relation=("left of", 0, 1))
    right = reading(seen(FOX), seen(blue))
    assert shown(caption, right, scene)["left_right"]
    assert not shown(caption, reading(seen(FOX, x=0.9), seen(blue)), scene)["left_right"]


def test_scores_count_and_chance_is_that_of_other_captions():
    kinds = ("fox", "cat", "owl", "bear", "duck", "tent", "oak", "car", "kite", "house") * 4
    scenes = [
        Scene((Thing(k, "red", 0.5, 0.9, 0.4),), "meadow", "day", "flat", i)
        for i, k in enumerate(kinds)
    ]
    stated = [facts(scene, Caption("", False, things=(0,), colours=(0,))) for scene in scenes]
    found = [reading(seen(scene.things[0])) for scene in scenes]
    half = [*found[:20], *(Reading(False) for _ in found[20:])]
    thing, colour = score(stated, half, found)
    assert (thing.name, thing.n, thing.right, thing.inspector) == ("thing", 40, 20, 1.0)
    assert (thing.low, thing.high) == wilson(20, 40)
    # One picture in ten is of the same kind, and half of them show nothing.
    assert thing.chance == pytest.approx(0.5 * 3 / 39, abs=0.03)
    assert colour.name == "colour" and list(SCORES).index("colour") > 0


def test_the_wilson_interval_solves_its_equation():
    for right, n in ((0, 7), (3, 11), (11, 11), (485, 1000)):
        for end in wilson(right, n):
            distance = (right / n - end) ** 2
            assert distance == pytest.approx(1.959964**2 * end * (1 - end) / n, abs=1e-9)
    with pytest.raises(ValueError, match="3 of 2"):
        wilson(3, 2)
