"""The inspector's reading of known logits, its truth, and the pictures it learns from."""

import math

import numpy as np
import pytest
import torch

from ediffi.storybook import vocabulary
from ediffi.storybook.evaluation import blurred, draw, make_tasks
from ediffi.storybook.inspector import (
    TYPICAL_SIZE,
    Inspector,
    InspectorConfig,
    InspectorNet,
    Outputs,
    decode,
    load_inspector,
)
from ediffi.storybook.inspector_pictures import centre, mar, spoil, truth_of
from ediffi.storybook.scene import Scene, Thing, Wear
from ediffi.storybook.scoring import facts, score

CONFIG = InspectorConfig(
    kinds=vocabulary.THINGS,
    colours=vocabulary.COLOURS,
    wearables=vocabulary.WEARABLES,
    words=vocabulary.WORDS,
    places=vocabulary.PLACES,
    skies=vocabulary.SKIES,
    styles=vocabulary.STYLES,
    stem=8,
    width=16,
    deep=16,
)
FOX = Thing("fox", "red", 0.3, 0.9, 0.4, wears=(Wear("hat", "blue"),))
KITE = Thing("kite", "teal", 0.72, 0.25, 0.3)
SCENE = Scene((FOX, KITE), "snow", "night", "neon", 0)


def silent(batch=1):
    """Outputs that see nothing, and call the picture readable."""
    network = InspectorNet(CONFIG)
    cells = {name: torch.zeros(batch, n, 16, 16) for name, n in network.cell_splits.items()}
    page = {name: torch.zeros(batch, n) for name, n in network.page_splits.items()}
    cells["present"] -= 10
    page["readable"] += 10
    return Outputs(**cells, **page)


def put(outputs, row, column, kind, colour, sure=10.0, wear=(), dx=0.0, dy=0.0, size=TYPICAL_SIZE):
    at = (0, slice(None), row, column)
    outputs.present[at] = sure
    outputs.kind[at] = 20.0 * torch.eye(len(CONFIG.kinds))[CONFIG.kinds.index(kind)]
    outputs.colour[at] = 20.0 * torch.eye(len(CONFIG.colours))[CONFIG.colours.index(colour)]
    outputs.offset[at] = torch.tensor([dx, dy])
    outputs.size[at] = math.log(size / TYPICAL_SIZE)
    odds = outputs.wear[at].view(len(CONFIG.wearables), -1)
    odds[:, -1] = 9.0
    for piece, shade in wear:
        odds[CONFIG.wearables.index(piece), CONFIG.colours.index(shade)] = 20.0


def test_reads_what_the_cells_say_where_they_say_it():
    outputs = silent()
    put(outputs, 11, 4, "fox", "red", wear=[("hat", "blue")], dx=0.25, dy=-0.5, size=0.5)
    put(outputs, 3, 12, "kite", "teal")
    outputs.sky[0, CONFIG.skies.index("night")] = 5
    (reading,) = decode(outputs, CONFIG)
    fox, kite = sorted(reading.things, key=lambda seen: seen.x)
    assert (fox.kind, fox.colour, fox.wears) == ("fox", "red", (Wear("hat", "blue"),))
    assert (fox.x, fox.y, fox.size) == pytest.approx((4.75 / 16, 11 / 16, 0.5))
    assert (kite.kind, kite.colour, kite.wears, kite.word) == ("kite", "teal", (), None)
    assert reading.sky == "night" and reading.readable


def test_a_neighbouring_cell_is_the_same_thing_and_a_doubtful_one_is_none():
    outputs = silent()
    put(outputs, 8, 8, "bear", "brown", sure=8.0)
    put(outputs, 8, 9, "bear", "brown", sure=7.0)
    put(outputs, 9, 6, "dog", "brown", sure=6.0, dx=1.5)  # says its centre is inside the bear
    put(outputs, 2, 2, "cat", "grey", sure=-3.0)
    (reading,) = decode(outputs, CONFIG)
    assert [seen.kind for seen in reading.things] == ["bear"]


def test_three_of_a_kind_are_three():
    outputs = silent()
    for column in (2, 7, 13):
        put(outputs, 10, column, "mushroom", "red", size=0.26)
    assert len(decode(outputs, CONFIG)[0].things) == 3


def test_an_unreadable_picture_shows_nothing():
    outputs = silent()
    put(outputs, 8, 8, "bear", "brown")
    outputs.readable[:] = -1
    (reading,) = decode(outputs, CONFIG)
    assert not reading.readable and reading.things == () and reading.style is None


def pictures(n, size=64, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), np.uint8)


def test_reading_and_features_do_not_depend_on_the_batch():
    torch.manual_seed(0)
    inspector = Inspector(InspectorNet(CONFIG), CONFIG)
    images = pictures(53)
    features = inspector.features(images)
    assert features.shape == (53, 32)
    alone = np.concatenate([inspector.features(images[i : i + 1]) for i in (0, 51, 52)])
    np.testing.assert_allclose(features[[0, 51, 52]], alone, atol=1e-4)
    assert inspector.read(images)[52:] == inspector.read(images[52:])


def test_larger_pictures_are_averaged_down():
    inspector = Inspector(InspectorNet(CONFIG), CONFIG)
    small = pictures(2)
    np.testing.assert_allclose(
        inspector.features(small.repeat(4, 1).repeat(4, 2)), inspector.features(small), atol=1e-4
    )


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((1, 64, 64, 3), np.float32),
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((1, 64, 128, 3), np.uint8),
        np.zeros((1, 96, 96, 3), np.uint8),
    ],
)
def test_refuses_what_it_cannot_read(images):
    with pytest.raises(ValueError, match="The inspector reads"):
        Inspector(InspectorNet(CONFIG), CONFIG).read(images)


def test_the_truth_puts_standing_things_half_a_size_above_their_feet():
    truth = truth_of([SCENE, Scene((KITE,), "sea", "day", "flat", 1)], CONFIG)
    assert truth.kind.tolist() == [
        [CONFIG.kinds.index("fox"), CONFIG.kinds.index("kite")],
        [CONFIG.kinds.index("kite"), -1],
    ]
    np.testing.assert_allclose(truth.centre[0], [[0.3, 0.7], [0.72, 0.25]], atol=1e-6)
    blue, none = CONFIG.colours.index("blue"), len(CONFIG.colours)
    assert truth.wear[0].tolist() == [[blue, none, none], [none] * 3]
    assert centre(KITE) == (0.72, 0.25)


def test_marring_moves_the_truth_with_the_picture():
    """A bright spot stays where the truth says it is, however the picture is bent."""
    spots = [(0.3, 0.4), (0.6, 0.7)]
    scenes = [Scene((Thing("kite", "red", x, y, 0.3),), "sea", "day", "flat", 0) for x, y in spots]
    x = torch.full((64, 3, 64, 64), -1.0)
    for i in range(64):
        column, row = (round(v * 64) for v in spots[i % 2])
        x[i, :, row - 2 : row + 2, column - 2 : column + 2] = 1.0
    truth = truth_of(scenes, CONFIG).rows(torch.arange(64) % 2)
    marred, moved = mar(x, truth, torch.Generator().manual_seed(0))
    light = (marred.mean(1) + 0.5).clamp(min=0)
    line = (torch.arange(64) + 0.5) / 64
    found = torch.stack([(light.sum(1) * line).sum(1), (light.sum(2) * line).sum(1)], 1)
    found = found / light.sum((1, 2))[:, None]
    assert (found - moved.centre[:, 0]).abs().max() < 1.5 / 64
    assert (moved.centre - truth.centre).abs().max() > 2 / 64


def test_spoiling_repeats_with_its_generator_and_leaves_no_picture_as_it_was():
    x = torch.from_numpy(pictures(16)).permute(0, 3, 1, 2).float() / 127.5 - 1
    spoilt = spoil(x, torch.Generator().manual_seed(3))
    assert torch.equal(spoilt, spoil(x, torch.Generator().manual_seed(3)))
    assert (spoilt - x).abs().mean((1, 2, 3)).min() > 0.1
    assert spoilt.abs().max() <= 1


def test_the_shipped_network_stays_within_two_million_parameters():
    full = InspectorNet(InspectorConfig(*(getattr(CONFIG, n) for n in NAMES)))
    assert sum(parameter.numel() for parameter in full.parameters()) <= 2_000_000


def test_the_shipped_inspector_reads_new_renders_and_believes_no_blur():
    tasks = make_tasks(24, 7, "test")
    truth = draw([task.scene for task in tasks], workers=1)
    inspector = load_inspector()
    scores = score([facts(t.scene, t.caption) for t in tasks], inspector.read(truth))
    shares = {found.name: found.share for found in scores}
    assert shares["thing"] >= 0.85 and shares["colour"] >= 0.8, shares
    assert sum(reading.readable for reading in inspector.read(blurred(truth, 5.0))) <= 2


NAMES = ("kinds", "colours", "wearables", "words", "places", "skies", "styles")
