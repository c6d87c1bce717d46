"""Exact nulls by embedding and row, stacking."""

import pytest
import torch

from ediffi.conditioning.embeddings import EMBEDDINGS, Conditioning, PaintedRegions, stack
from ediffi.config import DropoutRates, EncoderDims

DIMS = EncoderDims(t5=6, clip=4, pooled=5, image=3)


def random_cond(b=2, n=4, m=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    return Conditioning(
        t5=torch.randn(b, n, 6, generator=g),
        t5_mask=torch.ones(b, n, dtype=torch.bool),
        clip=torch.randn(b, m, 4, generator=g),
        clip_mask=torch.ones(b, m, dtype=torch.bool),
        clip_pooled=torch.randn(b, 5, generator=g),
        clip_image=torch.randn(b, 3, generator=g),
        clip_image_mask=torch.ones(b, dtype=torch.bool),
    )


def painting(b=2, n=4, m=3):
    return PaintedRegions(
        torch.ones(b, 1, 8, 8),
        torch.ones(b, 1, n),
        torch.ones(b, 1, m),
        torch.ones(b, 1),
        torch.zeros(b, 1),
        torch.full((b, 1), 99.0),
        torch.zeros(b, dtype=torch.bool),
        torch.zeros(b),
    )


def test_nothing_is_null_in_every_embedding():
    nothing = Conditioning.nothing(2, DIMS)
    assert nothing.batch == 2 and nothing.t5.shape == (2, 0, 6)
    assert not nothing.clip_pooled.any() and not nothing.clip_image_mask.any()


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_a_null_is_zero_and_masked_and_leaves_the_others(name):
    cond = random_cond()
    nulled = cond.null(name)
    gone = {
        "t5": (nulled.t5, nulled.t5_mask),
        "clip_text": (nulled.clip, nulled.clip_mask, nulled.clip_pooled),
        "clip_image": (nulled.clip_image, nulled.clip_image_mask),
    }
    for which, tensors in gone.items():
        assert all(not t.any() for t in tensors) == (which == name)


def test_no_names_drop_everything_and_the_painting():
    painted = Conditioning(**{**vars(random_cond()), "painting": painting(), "_nulls": {}})
    assert painted.null().painting is None and not painted.null().clip_pooled.any()
    assert painted.null("clip_image").painting is None


def test_the_null_is_made_once():
    cond = random_cond()
    assert cond.null() is cond.null() and cond.null("t5") is cond.null("t5")
    assert cond.null("t5") is not cond.null()


def test_unknown_embedding():
    with pytest.raises(ValueError, match="'clip'.*clip_text"):
        random_cond().null("clip")


def test_rows_are_kept_or_nulled_by_embedding():
    cond = random_cond(b=3)
    t5, text, image = (torch.tensor(rows) for rows in ([1, 0, 1], [0, 1, 1], [1, 1, 0]))
    kept = cond.keep({"t5": t5.bool(), "clip_text": text.bool(), "clip_image": image.bool()})
    assert torch.equal(kept.t5_mask.any(1), t5.bool())
    assert torch.equal(kept.clip_mask.any(1), text.bool())
    assert torch.equal(kept.clip_pooled.any(1), text.bool())
    assert torch.equal(kept.clip_image_mask, image.bool())
    assert torch.equal(kept.t5[0], cond.t5[0]) and not kept.t5[1].any()
    assert torch.equal(kept.clip_image[1], cond.clip_image[1]) and not kept.clip_image[2].any()


def test_rates_are_shares():
    with pytest.raises(ValueError, match="dropout of t5 is 1.5 and must lie between 0 and 1"):
        DropoutRates(1.5, 0, 0)


def test_stacking_pads_and_rows_come_back():
    first, second = random_cond(2, 4, 3, seed=1), random_cond(1, 6, 2, seed=2)
    both = stack([first, second])
    assert both.t5.shape == (3, 6, 6) and both.clip.shape == (3, 3, 4)
    assert not both.t5_mask[0, 4:].any() and not both.t5[0, 4:].any()
    assert torch.equal(both.rows([2]).t5, second.t5)
    assert torch.equal(both.rows([2]).trimmed().clip, second.clip)


def test_repeat_keeps_the_rows_of_a_prompt_together():
    assert torch.equal(random_cond().repeat(2).clip_pooled[1], random_cond().clip_pooled[0])


def test_a_painting_follows_its_rows_and_is_not_stacked():
    painted = Conditioning(**{**vars(random_cond()), "painting": painting(), "_nulls": {}})
    chosen = painted.rows([1])
    assert chosen.painting is not None and chosen.painting.masks.shape == (1, 1, 8, 8)
    with pytest.raises(ValueError, match="cannot be stacked"):
        stack([painted, random_cond()])


def test_dtype_does_not_touch_masks():
    half = random_cond().to(dtype=torch.float16)
    assert half.t5.dtype == torch.float16 and half.t5_mask.dtype == torch.bool


def low_res(b=2, side=4):
    return torch.rand(b, 3, side, side, generator=torch.Generator().manual_seed(7)) * 2 - 1


def test_a_low_resolution_picture_goes_wherever_its_row_goes():
    picture = low_res()
    cond = random_cond().with_low_res(picture)
    keep = {"t5": torch.tensor([True, False])}
    for same in (cond.null(), cond.null("t5"), cond.keep(keep), cond.trimmed(), cond.to("cpu")):
        assert same.low_res is not None and torch.equal(same.low_res, picture)
    chosen, twice = cond.rows([1]).low_res, cond.repeat(2).low_res
    assert chosen is not None and torch.equal(chosen, picture[1:])
    assert twice is not None and torch.equal(twice, picture[[0, 0, 1, 1]])
    half = cond.to(dtype=torch.float16)
    assert half.low_res is not None and half.low_res.dtype == torch.float32
    assert random_cond().rows([0]).low_res is None


def test_low_resolution_pictures_are_stacked_for_all_or_none():
    cond = random_cond().with_low_res(low_res())
    both = stack([cond, cond.null()]).low_res
    assert both is not None and torch.equal(both, torch.cat([low_res(), low_res()]))
    assert stack([random_cond(), random_cond()]).low_res is None
    for other in (random_cond(), random_cond().with_low_res(low_res(side=6))):
        with pytest.raises(ValueError, match="for all or none, in one size"):
            stack([cond, other])


def test_a_new_low_resolution_picture_leaves_no_stale_null():
    cond = random_cond().with_low_res(low_res())
    cond.null()
    other = cond.with_low_res(-low_res()).null().low_res
    assert other is not None and torch.equal(other, -low_res())


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (2, 1, 4, 4), (3, 4, 4)])
def test_low_resolution_pictures_of_another_shape(shape):
    with pytest.raises(ValueError, match="must be .2, 3, h, w"):
        random_cond().with_low_res(torch.zeros(shape))
