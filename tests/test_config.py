"""Records survive JSON, and what is unknown or wrong is named."""

import json
from dataclasses import dataclass, replace

import pytest

from ediffi.config import (
    DenoiserConfig,
    EfficientUNetConfig,
    Preset,
    StageConfig,
    UNetConfig,
    as_json,
    from_json,
)
from ediffi.presets import PRESETS, preset
from ediffi.training.ema import decay


@pytest.mark.parametrize("name", PRESETS)
def test_presets_survive_json(name):
    text = json.dumps(as_json(preset(name)))
    assert from_json(Preset, json.loads(text)) == preset(name)


def base():
    return as_json(preset("tiny").base)


def test_unknown_and_missing_keys_are_named():
    with pytest.raises(ValueError, match="DenoiserConfig.network has no key 'chanels'"):
        from_json(DenoiserConfig, {**base(), "network": {**base()["network"], "chanels": 3}})
    short = base()
    del short["resolution"]
    with pytest.raises(ValueError, match="lacks the key 'resolution'"):
        from_json(DenoiserConfig, short)


@pytest.mark.parametrize("value", ["64", 64.0, True, None, [64]])
def test_values_of_another_kind_are_refused(value):
    with pytest.raises(ValueError, match="resolution is .* of type int"):
        from_json(DenoiserConfig, {**base(), "resolution": value})


def test_records_check_themselves_when_read():
    with pytest.raises(ValueError, match="resolution is 18, but must be a multiple of 4"):
        from_json(DenoiserConfig, {**base(), "resolution": 18})
    with pytest.raises(ValueError, match="must be an object"):
        from_json(DenoiserConfig, [1])
    with pytest.raises(ValueError, match="must be a list"):
        from_json(DenoiserConfig, {**base(), "network": {**base()["network"], "blocks": 2}})


def test_the_kind_of_a_network_is_said_or_is_the_base():
    stage = as_json(preset("tiny").stages[0].denoiser)
    assert stage["network"]["kind"] == "efficient" and "kind" not in base()["network"]
    assert type(from_json(DenoiserConfig, stage).network) is EfficientUNetConfig
    assert type(from_json(DenoiserConfig, base()).network) is UNetConfig
    with pytest.raises(ValueError, match="network.kind is 'vit', .* left out or one of .*efficien"):
        from_json(DenoiserConfig, {**stage, "network": {**stage["network"], "kind": "vit"}})
    with pytest.raises(ValueError, match="network has no key 'chanels'"):
        from_json(DenoiserConfig, {**stage, "network": {**stage["network"], "chanels": 3}})


@dataclass(frozen=True)
class Odd:
    """What the records of the library leave open: something optional, and a tuple of two kinds."""

    network: UNetConfig | None = None
    place: tuple[str, int] | None = None


def test_optional_records_and_tuples_of_several_kinds():
    given = Odd(preset("tiny").base.network, ("left", 2))
    assert from_json(Odd, json.loads(json.dumps(as_json(given)))) == given
    assert from_json(Odd, {"network": None}) == Odd()
    with pytest.raises(ValueError, match="Odd.place has 1 entries, but must have 2"):
        from_json(Odd, {"place": ["left"]})
    with pytest.raises(ValueError, match="Odd.place is 'right', but must be of type int"):
        from_json(Odd, {"place": ["left", "right"]})


def test_stages_that_cannot_be():
    first = preset("tiny").stages[0]
    with pytest.raises(ValueError, match="sr32 makes 32 px, which is no multiple of its low 24"):
        StageConfig(24, first.denoiser, first.sampling)
    blind = replace(first.denoiser, network=replace(first.denoiser.network, image_channels=3))
    with pytest.raises(ValueError, match="image_channels must be 6"):
        StageConfig(16, blind, first.sampling)
    with pytest.raises(ValueError, match="image_channels is 4, but must be 3 or 6"):
        replace(first.denoiser.network, image_channels=4)
    with pytest.raises(ValueError, match="kind is 'adm'"):
        EfficientUNetConfig(8, (1,), (1,), (False,), (False,), kind="adm")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("channels", -16, "channels is -16 and must lie between 1 and 16384"),
        ("channels", 10**7, "channels is 10000000"),
        ("stem_patch", 0, "stem_patch is 0"),
        ("head_channels", 0, "head_channels is 0"),
        ("blocks", [1, -1], "blocks is -1 and must lie between 1 and 64"),
    ],
)
def test_a_network_that_cannot_be_is_refused(key, value, said):
    with pytest.raises(ValueError, match=said):
        from_json(DenoiserConfig, {**base(), "network": {**base()["network"], key: value}})


def test_a_network_without_levels_is_refused():
    levels = ("multipliers", "blocks", "self_attention", "cross_attention")
    empty = {**base()["network"], **{name: [] for name in levels}}
    with pytest.raises(ValueError, match="every level needs one entry"):
        from_json(DenoiserConfig, {**base(), "network": empty})


@pytest.mark.parametrize("value", [0.0, -0.5, float("nan"), float("inf")])
def test_data_without_a_spread_are_refused(value):
    with pytest.raises(ValueError, match="sigma_data is"):
        from_json(DenoiserConfig, {**base(), "sigma_data": value})


def test_the_papers_average_keeps_what_is_usual_at_the_end():
    told = preset("paper").training
    kept = decay(told.pictures, told.batch, told.ema_share)
    assert kept == pytest.approx(0.9999, abs=2e-6)


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match="'huge': there are tiny, storybook, paper"):
        preset("huge")


def test_only_records_become_json():
    with pytest.raises(TypeError, match="int is no configuration record"):
        as_json(3)
