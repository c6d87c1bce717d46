"""The inspector's losses in closed form, its steps, and a short run."""

import math

import numpy as np
import pytest
import torch

from ediffi.storybook.inspector import Inspector, InspectorNet, Outputs, load_inspector
from ediffi.storybook.inspector_pictures import truth_of
from ediffi.storybook.scene import Scene, Thing, Wear
from ediffi.training import inspector as teaching
from ediffi.training.encoder_run import Limit

CONFIG = teaching.CONFIG
FOX = Thing("fox", "red", 0.3, 0.9, 0.4, wears=(Wear("hat", "blue"),))
SIGN = Thing("sign", "white", 0.72, 0.9, 0.4, word="TEA")
SCENE = Scene((FOX, SIGN), "snow", "night", "neon", 0)


def outputs_of(values, batch):
    """Outputs that are `values` where given (tensors or numbers) and zero elsewhere."""
    network = InspectorNet(CONFIG)
    cells = {name: torch.zeros(batch, n, 16, 16) for name, n in network.cell_splits.items()}
    page = {name: torch.zeros(batch, n) for name, n in network.page_splits.items()}
    return Outputs(**{**cells, **page, **values})


def certain(classes, target):
    """Logits (b, classes, ...) that are sure of `target` (b, ...)."""
    target = target.clamp(min=0)
    return 40.0 * torch.nn.functional.one_hot(target, classes).movedim(-1, 1).float()


def perfect(truth):
    owner, heat = teaching.ownership(truth, 16)

    def owned(name):
        return getattr(truth, name).gather(1, owner.flatten(1)).view(owner.shape)

    spots = torch.stack(
        [truth.centre[..., i].gather(1, owner.flatten(1)).view(owner.shape) for i in range(2)], 1
    )
    line = (torch.arange(16) + 0.5) / 16
    cells = torch.stack(torch.meshgrid(line, line, indexing="xy"))[None]
    wear = [
        certain(13, truth.wear[..., i].gather(1, owner.flatten(1)).view(owner.shape))
        for i in range(3)
    ]
    return {
        "present": torch.where(heat == 1, 20.0, -20.0)[:, None],
        "kind": certain(len(CONFIG.kinds), owned("kind")),
        "colour": certain(len(CONFIG.colours), owned("colour")),
        "offset": (spots - cells) * 16,
        "size": (owned("size") / 0.4).log()[:, None],
        "wear": torch.cat(wear, 1),
        "word": certain(len(CONFIG.words), owned("word")),
        "style": certain(len(CONFIG.styles), truth.style),
        "place": certain(len(CONFIG.places), truth.place),
        "sky": certain(len(CONFIG.skies), truth.sky),
        "readable": torch.full((len(owner), 1), 40.0),
    }


def test_a_perfect_reading_costs_nothing():
    truth = truth_of([SCENE], CONFIG)
    loss = teaching.reading_loss(outputs_of(perfect(truth), 1), truth, torch.ones(1))
    assert float(loss) == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize(
    ("head", "cost"),
    [
        ("colour", math.log(12)),
        ("kind", math.log(28)),
        ("style", 0.3 * math.log(9)),
        ("readable", 0.5 * math.log(2)),
        ("wear", 1.5 * 3 * math.log(13)),
    ],
)
def test_knowing_nothing_of_one_head_costs_the_entropy_of_its_classes(head, cost):
    truth = truth_of([SCENE], CONFIG)
    values = perfect(truth)
    values[head] = torch.zeros_like(values[head])
    loss = teaching.reading_loss(outputs_of(values, 1), truth, torch.ones(1))
    assert float(loss) == pytest.approx(cost, rel=1e-3)


def test_spoilt_pictures_teach_nothing_but_that_they_are_unreadable():
    truth = truth_of([SCENE], CONFIG)
    lost = outputs_of({"readable": torch.full((1, 1), -40.0)}, 1)
    assert float(teaching.reading_loss(lost, truth, torch.zeros(1))) == pytest.approx(0, abs=1e-6)
    fooled = outputs_of({"readable": torch.full((1, 1), 6.0)}, 1)
    assert float(teaching.reading_loss(fooled, truth, torch.zeros(1))) == pytest.approx(3, abs=0.01)


def test_every_thing_owns_the_cell_of_its_centre():
    owner, heat = teaching.ownership(truth_of([SCENE], CONFIG), 16)
    assert [(owner[0, 11, 4].item(), heat[0, 11, 4].item())] == [(0, 1.0)]
    assert [(owner[0, 11, 11].item(), heat[0, 11, 11].item())] == [(1, 1.0)]
    assert (heat == 1).sum() == 2
    assert heat[0, 11, 5].item() == pytest.approx(math.exp(-0.5))


def test_a_step_is_decided_by_its_number():
    images = np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), np.uint8)
    data = teaching.renders(images, [SCENE] * 4)
    one, other, next_one = (
        teaching.lesson(data, teaching.SETTINGS, step, torch.device("cpu")) for step in (5, 5, 6)
    )
    assert torch.equal(one[0], other[0]) and not torch.equal(one[0], next_one[0])
    assert one[2].sum() == teaching.SETTINGS.batch * (1 - 1 / teaching.SPOILT)


def test_a_short_run_is_saved_and_its_features_have_unit_variance(tmp_path):
    random = np.random.default_rng(0)
    plain = random.integers(0, 256, (12, 1, 1, 3), np.uint8)  # far apart, so that features spread
    images = np.broadcast_to(plain, (12, 64, 64, 3)).copy()
    data = teaching.renders(images, [SCENE] * 12)
    inspector, report = teaching.train_inspector(
        data, Limit(steps=2), tmp_path / "checkpoint.safetensors", tmp_path / "net"
    )
    assert report.steps == 2
    features = inspector.features(images)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-3)
    assert np.median(features.std(0, ddof=1)) == pytest.approx(1, abs=1e-3)
    loaded = load_inspector(tmp_path / "net")
    assert isinstance(loaded, Inspector) and loaded.config == CONFIG
    np.testing.assert_allclose(loaded.features(images[:2]), features[:2], atol=0.1)
