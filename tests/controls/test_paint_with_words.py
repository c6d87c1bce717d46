"""Paintings as values: phrases, masks, JSON, and how they bind to columns."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from ediffi.conditioning.prompt import Span
from ediffi.controls.overlaps import resolved, signed
from ediffi.controls.paint_with_words import GRID, Painting, bind
from ediffi.presets import STORYBOOK_ENCODERS
from tests.fakes import FakeEncoders, apart, tiny_pipeline

PROMPT = "a rabbit and another rabbit under a tree"
ENCODERS = FakeEncoders(STORYBOOK_ENCODERS)


def top(size=64):
    mask = np.zeros((size, size), bool)
    mask[: size // 2] = True
    return mask


def test_adding_makes_another_painting():
    empty = Painting(PROMPT)
    one = empty.add("rabbit", top())
    assert not empty and one and one.regions[0].span == Span(2, 8)


def test_the_second_rabbit_is_another_rabbit():
    region = Painting(PROMPT).add("rabbit", top(), occurrence=2).regions[0]
    assert PROMPT[region.span.start : region.span.end] == "rabbit" and region.span.start > 8


def test_masks_of_any_kind_and_size_become_shares():
    bytes_ = top(128).astype(np.uint8) * 255
    for mask in (top(), top(512), bytes_, Image.fromarray(bytes_), torch.from_numpy(top()).float()):
        kept = Painting(PROMPT).add("tree", mask).regions[0].tensor()
        assert kept.shape == (GRID, GRID) and float(kept.mean()) == pytest.approx(0.5)


def test_one_pixel_of_a_large_canvas_is_not_lost():
    mask = np.zeros((1024, 1024), np.uint8)
    mask[500, 700] = 255
    kept = Painting(PROMPT).add("tree", mask).regions[0].tensor()
    assert float(kept[31, 43]) > 0 and int((kept > 0).sum()) == 1


def test_paintings_survive_json():
    painting = Painting(PROMPT).add("rabbit", top(), weight=-0.5, window=(0.3, 9.0))
    painting = painting.add("tree", np.linspace(0, 1, 64 * 64).reshape(64, 64))
    assert Painting.from_json(json.loads(json.dumps(painting.to_json()))) == painting


def test_binding_finds_the_phrase_in_both_streams():
    painting = Painting(PROMPT).add("another rabbit", top(), weight=2.0)
    text = ENCODERS.encode_text([painting.prompt])
    bound = bind([None, painting], [ENCODERS.encode_text(["a cat"]), text])
    assert bound is not None and bound.masks.shape == (2, 1, GRID, GRID)
    assert bound.t5_columns[1, 0].nonzero().flatten().tolist() == [3, 4]
    assert bound.clip_columns[1, 0].nonzero().flatten().tolist() == [3, 4]
    assert not bound.t5_columns[0].any() and not bound.masks[0].any()
    assert float(bound.weight[1, 0]) == 2.0 and math.isinf(float(bound.sigma_high[1, 0]))


def test_nothing_painted_binds_to_nothing():
    text = ENCODERS.encode_text([PROMPT])
    assert bind([None, Painting(PROMPT)], [text, text]) is None


def test_a_phrase_beyond_the_context_is_refused():
    prompt = " ".join(["word"] * 200) + " tree"
    painting = Painting(prompt).add("tree", top())
    with pytest.raises(ValueError, match="'tree' did not fit"):
        bind([painting], [ENCODERS.encode_text([prompt])])


@pytest.mark.parametrize(
    "options, message",
    [
        ({"phrase": "fox"}, "'fox' is not in the prompt"),
        ({"occurrence": 3}, "stands 2 times"),
        ({"weight": math.nan}, "nan, but must lie within"),
        ({"weight": 99.0}, "99.0, but must lie within"),
        ({"window": (2.0, 1.0)}, "low < high"),
        ({"mask": np.zeros((4, 4))}, "is empty"),
        ({"mask": np.full((4, 4), 2.0)}, "outside 0 to 1"),
        ({"mask": np.full((4, 4), np.nan)}, "outside 0 to 1"),
        ({"mask": np.ones(4)}, r"shape \(4,\)"),
    ],
)
def test_regions_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        Painting(PROMPT).add(**{"phrase": "rabbit", "mask": top(), **options})


def test_sixteen_regions_are_the_most():
    painting = Painting(PROMPT)
    for _ in range(16):
        painting = painting.add("tree", top())
    with pytest.raises(ValueError, match="at most 16"):
        painting.add("tree", top())


def test_values_of_a_wrong_kind_are_refused_in_a_sentence():
    painting = Painting(PROMPT)
    for options in (
        {"phrase": 3},
        {"occurrence": "2"},
        {"occurrence": True},
        {"weight": "1"},
        {"weight": 10**400},
        {"feather": -0.1},
        {"feather": 16.5},
        {"feather": math.nan},
        {"window": (0, 10**400)},
        {"window": (math.nan, 2.0)},
    ):
        with pytest.raises(ValueError, match="must "):
            painting.add(**{"phrase": "rabbit", "mask": top(), **options})
    with pytest.raises(ValueError, match="'sum', but must be one of all, strongest, topmost"):
        replace(painting, overlap="sum")
    with pytest.raises(ValueError, match="'mean', but must be one of max, std"):
        Painting(PROMPT, rule="mean")  # pyright: ignore[reportArgumentType]


def test_regions_of_another_prompt_are_refused():
    regions = Painting(PROMPT).add("tree", top()).regions
    with pytest.raises(ValueError, match="'tree' is of another prompt"):
        Painting("a tree", regions)
    with pytest.raises(ValueError, match="not in the prompt"):
        Painting("a fox", regions)


def three():
    painting = Painting(PROMPT, overlap="topmost", rule="std", elsewhere=0)
    painting = painting.add("rabbit", top())
    painting = painting.add("rabbit", ~top(), 2, -1.5, (0.5, 20.0), 3.0)
    return painting.add("tree", np.eye(64))


def test_taking_a_region_away_leaves_the_others():
    painting = three()
    assert painting.without(1).regions == (painting.regions[0], painting.regions[2])
    twins = painting.add("tree", np.eye(64))
    assert len(twins.without(2).regions) == 3 and twins.without(2).rule == "std"


def test_moving_loses_what_leaves_the_page_and_never_all():
    painting = three().moved(0, 0.25, -0.25)
    moved = painting.regions[0].tensor()
    assert bool((moved[:16, 16:] == 1).all()) and float(moved.sum()) == 16 * 48
    assert painting.regions[1:] == three().regions[1:]
    assert three().moved(2, 0.0, 0.0) == three()
    with pytest.raises(ValueError, match="'rabbit' by 0 and -0.5 would take all of it off"):
        three().moved(0, 0, -0.5)
    with pytest.raises(ValueError, match="is 1.5, but must lie within -1 to 1"):
        three().moved(0, 1.5, 0)


def test_inverting_and_what_has_no_inverse():
    painting = three()
    assert painting.inverted(1).regions[1].mask == painting.regions[0].mask
    assert painting.inverted(2).inverted(2) == painting
    with pytest.raises(ValueError, match="'tree' is empty"):
        Painting(PROMPT).add("tree", np.ones((4, 4))).inverted(0)


def test_a_copy_for_another_phrase_keeps_everything_else():
    painting = three().duplicated(1, "tree")
    copy, original = painting.regions[3], painting.regions[1]
    assert copy.phrase == "tree" and copy.occurrence == 1
    assert replace(copy, phrase=original.phrase, occurrence=2, span=original.span) == original
    with pytest.raises(ValueError, match="not in the prompt"):
        three().duplicated(0, "fox")


def test_weights_and_feathers_change_but_the_mask_stays():
    painting = three().reweighted(0, -2).feathered(0, 5)
    assert painting.regions[0] == replace(three().regions[0], weight=-2.0, feather=5.0)
    assert painting.feathered(0, 0.0).regions[0].softened().equal(three().regions[0].tensor())
    with pytest.raises(ValueError, match="weight of 'rabbit'"):
        three().reweighted(0, 11)


@pytest.mark.parametrize("index", [3, -1, True, 1.0, None])
def test_an_index_of_no_region_is_refused(index):
    for change in (Painting.without, Painting.inverted):
        with pytest.raises(ValueError, match="index of a region"):
            change(three(), index)
    with pytest.raises(ValueError, match="nothing is painted"):
        Painting(PROMPT).without(0)


def test_another_prompt_keeps_what_it_still_says():
    painting, dropped = three().with_prompt("  one rabbit beside\na TREE ")
    assert painting.prompt == "one rabbit beside a TREE" and dropped == ("rabbit (2)",)
    assert [r.phrase for r in painting.regions] == ["rabbit", "tree"]
    assert painting.regions[0].span == Span(4, 10) and painting.overlap == "topmost"
    assert painting.regions[1].mask == three().regions[2].mask
    assert three().with_prompt(PROMPT) == (three(), ())
    gone, dropped = three().with_prompt("")
    assert not gone and dropped == ("rabbit", "rabbit (2)", "tree")


def bound_alone(painting):
    bound = bind([painting], [ENCODERS.encode_text([painting.prompt])])
    assert bound is not None
    return bound


def test_binding_resolves_feathers_and_overlaps():
    painting = three()
    bound = bound_alone(painting)
    assert torch.equal(bound.masks[0], resolved(painting.regions, "topmost"))
    held = bound_alone(replace(painting, elsewhere=0.5))
    assert torch.equal(held.masks[0], signed(painting.regions, "topmost", 0.5))
    assert held.masks.min() == -0.5
    assert not torch.equal(bound.masks[0, 1], painting.regions[1].tensor())
    assert bound.by_spread.tolist() == [True]


def test_a_batch_may_mix_rules_and_numbers_of_regions():
    one = Painting("a fox", rule="max").add("fox", top())
    texts = [ENCODERS.encode_text([p]) for p in (PROMPT, "a fox", "a cat")]
    bound = bind([three(), one, None], texts)
    assert bound is not None and bound.by_spread.tolist() == [True, False, False]
    alone = bound_alone(three())
    for name in ("masks", "t5_columns", "weight", "sigma_low", "sigma_high"):
        assert torch.equal(getattr(bound, name)[:1], getattr(alone, name))
    assert not bound.masks[1, 1:].any() and not bound.t5_columns[1, 1:].any()


def test_end_and_padding_columns_belong_to_no_phrase():
    painting = Painting("a fox").add("a fox", top())
    texts = [ENCODERS.encode_text([PROMPT]), ENCODERS.encode_text(["a fox"])]
    bound = bind([None, painting], texts)
    assert bound is not None and bound.t5_columns.shape[2] > 3
    assert bound.t5_columns[1, 0].nonzero().flatten().tolist() == [0, 1]
    assert bound.clip_columns[1, 0].nonzero().flatten().tolist() == [0, 1]


def test_rules_overlaps_and_feathers_reach_the_picture_and_its_recipe():
    model = tiny_pipeline()
    plain = Painting(PROMPT, rule="max", elsewhere=0)
    plain = plain.add("rabbit", top(), weight=4.0).add("tree", np.tri(64), weight=4.0)
    first = model.generate(PROMPT, seed=3, steps=3, painting=plain)
    for changed in (
        replace(plain, rule="std"),
        replace(plain, elsewhere=0.5),
        replace(plain, overlap="topmost"),
        replace(plain, overlap="strongest"),
        plain.feathered(0, 8.0),
        plain.reweighted(1, -4.0),
    ):
        result = model.generate(PROMPT, seed=3, steps=3, painting=changed)
        assert apart(result.image, first.image) > 0
        assert apart(model.replay(result.recipe).image, result.image) == 0
    written = plain.to_json()
    old = {"format": 1, "prompt": PROMPT, "regions": written["regions"]}
    for region in old["regions"]:
        del region["feather"]
    recipe = replace(first.recipe, painting=old)
    assert apart(model.replay(recipe).image, first.image) == 0
