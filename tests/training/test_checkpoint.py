"""Checkpoints: any state round-trips, and one whole file survives everything."""

import pytest
import torch

from ediffi.training import checkpoint


def number(path):
    state = checkpoint.load(path)
    assert state is not None
    return state["n"]


def test_nested_state_round_trips(tmp_path):
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), 1e-3)
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    state = {
        "n": 3,
        "none": None,
        "names": ["a", "b"],
        "optimiser": optimiser.state_dict(),
        "shared": [layer.weight, layer.weight],
        "conv": torch.randn(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "empty": {},
    }
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, state)
    back = checkpoint.read(path)
    assert back["n"] == 3 and back["none"] is None and back["names"] == ["a", "b"]
    assert back["empty"] == {} and torch.equal(back["conv"], state["conv"])
    fresh = torch.optim.AdamW(layer.parameters(), 1e-3)
    fresh.load_state_dict(back["optimiser"])
    for a, b in zip(fresh.state.values(), optimiser.state.values(), strict=True):
        assert all(torch.equal(a[key], b[key]) for key in b)


def test_the_one_before_is_kept_and_used_when_the_last_is_broken(tmp_path):
    path = tmp_path / "c.safetensors"
    assert checkpoint.load(path) is None
    checkpoint.save(path, {"n": 1, "t": torch.zeros(2)})
    checkpoint.save(path, {"n": 2, "t": torch.ones(2)})
    assert number(path) == 2
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    assert number(path) == 1
    path.unlink()
    assert number(path) == 1
    checkpoint.previous(path).write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no whole checkpoint"):
        checkpoint.load(path)


def test_a_foreign_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, tmp_path / "c.safetensors")
    with pytest.raises(ValueError, match="no checkpoint of this version"):
        checkpoint.read(tmp_path / "c.safetensors")


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    checkpoint.save(path, {"n": 1, "t": torch.zeros(2)})

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(ValueError, match="No space left on device"):
        checkpoint.save(path, {"n": 2, "t": torch.zeros(2)})
    assert number(path) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


def test_what_cannot_be_stored_is_named(tmp_path):
    with pytest.raises(TypeError, match="set"):
        checkpoint.save(tmp_path / "c.safetensors", {"x": {1, 2}})
