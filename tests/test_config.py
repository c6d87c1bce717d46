"""Records survive JSON, and what is unknown or wrong is named."""

import json

import pytest

from ediffi.config import DenoiserConfig, Preset, as_json, from_json
from ediffi.presets import PRESETS, preset


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


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match="'huge': there are tiny, storybook, paper"):
        preset("huge")


def test_only_records_become_json():
    with pytest.raises(TypeError, match="int is no configuration record"):
        as_json(3)
