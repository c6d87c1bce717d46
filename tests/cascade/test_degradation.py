"""Degradation: nothing where nothing is asked for, the same from one seed, always a picture."""

import json
from dataclasses import replace

import pytest
import torch

from ediffi.cascade.degradation import Degradation, Pass, degrade
from ediffi.cascade.diagnostics import colour_drift, gradient_energy
from ediffi.config import as_json, from_json

OFF = Pass(blur=False, resize=False, noise=False, jpeg=False)
MILD = Degradation()
ONLY = {
    "blur": replace(OFF, blur=True, blur_probability=1.0, blur_sigma=(1.0, 1.5)),
    "resize": replace(OFF, resize=True, up=0.0, down=1.0, resize_factor=(0.5, 0.6)),
    "noise": replace(OFF, noise=True, gaussian_sigma=(2.0, 3.0)),
    "poisson": replace(OFF, noise=True, gaussian=0.0, poisson_scale=(1.0, 2.0)),
    "jpeg": replace(OFF, jpeg=True, jpeg_quality=(30.0, 40.0)),
}


def pictures(b=3, h=16, w=24):
    return torch.rand(b, 3, h, w, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_strength_zero_or_every_switch_off_keeps_every_bit():
    x = pictures()
    assert torch.equal(degrade(x, replace(MILD, strength=0.0), [1, 2, 3]), x)
    assert torch.equal(degrade(x, Degradation(OFF, OFF), [1, 2, 3]), x)


@pytest.mark.parametrize("name", ONLY)
def test_each_switch_does_something_and_keeps_shape_and_range(name):
    x = pictures()
    changed = degrade(x, Degradation(ONLY[name], OFF), [1, 2, 3])
    assert changed.shape == x.shape and not torch.equal(changed, x)
    assert float(changed.abs().max()) <= 1
    weaker = degrade(x, Degradation(ONLY[name], OFF, strength=0.1), [1, 2, 3])
    assert float((weaker - x).square().mean()) < float((changed - x).square().mean())


def test_blur_softens_noise_roughens_and_neither_changes_the_colour():
    x = pictures() * 0.5
    soft = degrade(x, Degradation(ONLY["blur"], OFF), [1, 2, 3])
    rough = degrade(x * 0, Degradation(ONLY["noise"], OFF), [1, 2, 3])
    assert bool((gradient_energy(soft) < 0.5 * gradient_energy(x)).all())
    deviation = rough.flatten(1).std(1) * 127.5
    assert bool(((deviation > 1.8) & (deviation < 3.2)).all())
    assert float(colour_drift(soft, x).abs().max()) < 0.05


def test_one_seed_one_result_whatever_the_batch():
    x = pictures()
    whole = degrade(x, MILD, [4, 5, 6])
    assert torch.equal(whole, degrade(x, MILD, [4, 5, 6]))
    assert torch.equal(whole[1:2], degrade(x[1:2], MILD, [5]))
    assert not torch.equal(whole, degrade(x, MILD, [4, 5, 7]))


def test_a_switch_does_not_change_what_the_others_draw():
    grey = torch.zeros(1, 3, 12, 12)
    noisy = replace(ONLY["noise"], resize=False)
    with_blur = replace(noisy, blur=True, blur_probability=1.0)
    first = degrade(grey, Degradation(noisy, OFF), [3])
    assert torch.allclose(first, degrade(grey, Degradation(with_blur, OFF), [3]), atol=1e-6)


def test_small_and_empty_batches():
    assert degrade(pictures(2, 2, 2), MILD, [0, 1]).shape == (2, 3, 2, 2)
    always = Degradation(ONLY["blur"], ONLY["resize"])
    assert degrade(pictures(1, 3, 3), always, [0]).shape == (1, 3, 3, 3)
    assert degrade(pictures(0), MILD, []).shape == (0, 3, 16, 24)


def test_the_record_survives_json():
    assert from_json(Degradation, json.loads(json.dumps(as_json(MILD)))) == MILD


def test_what_cannot_be():
    with pytest.raises(ValueError, match="3 pictures need as many seeds, not 1"):
        degrade(pictures(), MILD, [1])
    with pytest.raises(ValueError, match="strength is 1.5, outside 0 to 1"):
        Degradation(strength=1.5)
    with pytest.raises(ValueError, match="gaussian is -1"):
        Pass(gaussian=-1)
    with pytest.raises(ValueError, match=r"up \+ down is 1.2"):
        Pass(up=0.6, down=0.6)
    with pytest.raises(ValueError, match=r"jpeg_quality is \(0, 95\).* within 1 to 100"):
        Pass(jpeg_quality=(0, 95))
    with pytest.raises(ValueError, match=r"blur_sigma is \(2.0, 1.0\)"):
        Pass(blur_sigma=(2.0, 1.0))
