"""Crops by position: on the small grid, with their small pictures, and a stage that learns."""

from dataclasses import replace

import pytest
import torch

from ediffi.build import build_denoiser
from ediffi.cascade.degradation import Degradation
from ediffi.cascade.diagnostics import shrunk
from ediffi.config import EncoderDims
from ediffi.presets import preset
from ediffi.training.cascade_data import CropSource
from ediffi.training.loop import fit
from tests.training.worlds import config, job, world

CLEAN = Degradation(strength=0.0)


def test_a_crop_and_its_small_picture_belong_together(tmp_path):
    source = world(tmp_path)
    positions = range(20)
    batch = CropSource(source, 2, crop=4, degradation=CLEAN).batch(positions)
    assert batch.x0.shape == (20, 3, 4, 4) and batch.cond.low_res.shape == (20, 3, 2, 2)
    assert torch.allclose(batch.cond.low_res, shrunk(batch.x0, (2, 2)))
    whole = source.batch(positions)
    assert torch.equal(batch.index, whole.index)
    assert torch.equal(batch.cond.clip_pooled, whole.cond.clip_pooled)
    small, places = shrunk(whole.x0, (4, 4)), set()
    for row in range(20):
        found = [
            (y, x)
            for y in range(3)
            for x in range(3)
            if torch.equal(whole.x0[row, :, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4], batch.x0[row])
        ]
        ((y, x),) = found
        places.add((y, x))
        part = small[row, :, y : y + 2, x : x + 2]
        assert torch.allclose(part, batch.cond.low_res[row], atol=1e-6)
    assert len(places) > 4


def test_samples_depend_on_seed_and_position_alone(tmp_path):
    source = world(tmp_path)
    whole = CropSource(source, 2, crop=4).batch(range(8))
    part = CropSource(source, 2, crop=4).batch(range(5, 8))
    assert torch.equal(whole.x0[5:], part.x0)
    assert torch.equal(whole.cond.low_res[5:], part.cond.low_res)
    other = CropSource(source, 2, crop=4, seed=1).batch(range(8))
    assert not torch.equal(whole.cond.low_res, other.cond.low_res)
    again = CropSource(source, 2).batch([0, 9])
    assert len(CropSource(source, 2)) == 9 and again.x0.shape == (2, 3, 8, 8)


def test_what_cannot_be_cropped(tmp_path):
    source = world(tmp_path)
    with pytest.raises(ValueError, match="factor is 1"):
        CropSource(source, 1)
    with pytest.raises(ValueError, match="crop is 6, but must be a multiple of 4"):
        CropSource(source, 4, crop=6)
    with pytest.raises(ValueError, match="8 x 8, smaller than the crop of 12"):
        CropSource(source, 4, crop=12).batch([0])
    with pytest.raises(ValueError, match="8 x 8, but must be multiples of 3"):
        CropSource(source, 3).batch([0])


def test_the_loop_trains_a_stage_with_the_loss_of_the_base(tmp_path):
    dims = EncoderDims(t5=2, clip=3, pooled=2, image=3)
    of = replace(preset("tiny").stages[0].denoiser, encoders=dims, resolution=8)
    torch.manual_seed(0)
    module = build_denoiser(of)
    assert not any(p.any() for p in module.unet.head.parameters())
    source = world(tmp_path / "shards")
    given = job(tmp_path / "run", source, module=module, config=config(pictures=16))
    done = fit(replace(given, source=CropSource(source, 2)))
    assert done.finished and done.steps == 4
    assert all(p.any() for p in module.unet.head.parameters())
