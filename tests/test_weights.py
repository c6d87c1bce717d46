"""Network and model folders: what is written comes back, and nothing damaged ever does."""

import json
import struct
from dataclasses import dataclass

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from ediffi import files, weights
from ediffi.files import sha256_of
from ediffi.model_folder import read_model, write_model
from ediffi.weights import load_network, load_state, save_network


@dataclass(frozen=True)
class Size:
    """The config of the network under test."""

    width: int = 4


def build(config: Size) -> nn.Module:
    return nn.Sequential(nn.Linear(config.width, 3), nn.BatchNorm1d(3))


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    save_network(tmp_path / "net", build(Size()), Size(), {"pictures": 7})
    return tmp_path / "net"


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def resign(folder):
    """Makes the record vouch for the weights as they are now."""
    edit_json(folder / "record.json", sha256=sha256_of(folder / "model.safetensors"))


def test_a_network_comes_back_as_it_was_in_half_precision(folder):
    torch.manual_seed(0)
    expected = build(Size()).state_dict()
    module, config, state = load_network(folder, Size, build)
    assert config == Size(4)
    assert not module.training
    assert state.record["pictures"] == 7
    assert state.record["parameters"] == 21
    for name, tensor in module.state_dict().items():
        assert tensor.dtype == expected[name].dtype
        if tensor.is_floating_point():
            assert torch.equal(tensor, expected[name].half().float())
        else:
            assert torch.equal(tensor, expected[name])


def test_the_record_vouches_for_the_weights(folder):
    record = json.loads((folder / "record.json").read_text())
    assert record["sha256"] == sha256_of(folder / "model.safetensors")
    assert record["dtype"] == "float16"


@pytest.mark.parametrize("name", ["config.json", "record.json", "model.safetensors"])
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        load_state(folder)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_state(tmp_path / "nowhere")


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_truncated_weights_are_refused(folder, keep):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match="cut short"):
        load_state(folder)


def test_any_flipped_bit_is_noticed(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        broken = bytearray(whole)
        broken[position] ^= 1 << position % 8
        path.write_bytes(bytes(broken))
        with pytest.raises(ValueError, match="damaged|cut short") as error:
            load_state(folder)
        assert len(str(error.value)) < 400


def test_a_header_that_lies_about_its_tensors_is_refused(folder):
    header = json.dumps({"x": {"dtype": "F16", "shape": [9], "data_offsets": [0, 2]}}).encode()
    path = folder / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0")
    resign(folder)
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_state(folder)


def test_values_that_are_not_finite_are_refused_in_both_directions(folder, tmp_path):
    module = build(Size())
    with torch.no_grad():
        module[0].weight[0, 0] = 1e6  # pyright: ignore[reportIndexIssue]
    with pytest.raises(ValueError, match="not finite"):
        save_network(tmp_path / "other", module, Size(), {})
    assert not (tmp_path / "other" / "model.safetensors").exists()
    state = load_state(folder)
    save_file(
        {name: torch.full_like(t, torch.nan) if t.is_floating_point() else t
         for name, t in state.tensors.items()},
        folder / "model.safetensors",
    )  # fmt: skip
    resign(folder)
    with pytest.raises(ValueError, match="not finite"):
        load_state(folder)


def test_an_unknown_config_key_is_named(folder):
    edit_json(folder / "config.json", widht=5)
    with pytest.raises(ValueError, match="widht"):
        load_network(folder, Size, build)


def test_weights_of_another_shape_are_refused(folder):
    edit_json(folder / "config.json", width=5)
    with pytest.raises(ValueError, match=r"\(3, 4\) and needs \(3, 5\)"):
        load_network(folder, Size, build)


def test_weights_of_another_network_are_refused(folder):
    with pytest.raises(ValueError, match="lacks .* and has"):
        load_state(folder).fill(nn.PReLU())


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "last.ckpt"])
def test_pickles_are_never_opened(folder, name):
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(ValueError, match="pickled"):
        load_state(folder)


@pytest.mark.parametrize("text", ["", "[1]", "{", "\ud800".encode("utf-8", "surrogatepass")])
def test_unreadable_json_is_named(folder, text):
    path = folder / "record.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match="record.json"):
        load_state(folder)


def test_another_format_is_refused(folder):
    edit_json(folder / "record.json", format=2)
    with pytest.raises(ValueError, match="format 2"):
        load_state(folder)


def test_a_failed_save_leaves_the_old_network(folder, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full_disk(*arguments, **named):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(weights, "save_file", full_disk)
    with pytest.raises(ValueError, match="No space left"):
        save_network(folder, build(Size(5)), Size(5), {})
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"x": 1})
    with pytest.raises(ValueError, match="^Cannot write .*: no space left"):
        with files.written_whole(path):
            raise SafetensorError("no space left")
    with pytest.raises(KeyboardInterrupt), files.written_whole(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert files.read_json(path) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="Cannot write"):
        files.check_writable(tmp_path / "file" / "below.png")
    with pytest.raises(ValueError, match="a folder of that name"):
        files.check_writable(tmp_path)
    files.check_writable(tmp_path / "new" / "fine.png")
    assert list((tmp_path / "new").iterdir()) == []


@pytest.fixture
def model(tmp_path):
    for part in ("t5", "clip"):
        (tmp_path / part).mkdir()
        (tmp_path / part / "model.safetensors").write_bytes(part.encode())
        (tmp_path / part / "tokenizer.json").write_text("{}")
    write_model(tmp_path, "storybook", "baseline", {"baseline": "baseline"})
    return tmp_path


def test_a_model_folder_lists_its_parts(model):
    contents = read_model(model)
    assert contents.network() == contents.network("baseline") == model / "baseline"
    assert (contents.t5, contents.clip) == (model / "t5", model / "clip")
    contents.check_encoders()
    with pytest.raises(ValueError, match="'expert'.*baseline"):
        contents.network("expert")


def test_a_folder_without_its_table_is_no_model(tmp_path):
    with pytest.raises(FileNotFoundError, match="no model folder"):
        read_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_model(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["../t5", "/etc", "", ".", "..", "a/b", "a\\b", 5, None])
def test_a_name_that_leads_out_of_the_folder_is_refused(model, name):
    edit_json(model / "model.json", networks={"baseline": name})
    with pytest.raises(ValueError, match="no folder inside"):
        read_model(model)


@pytest.mark.parametrize(
    "changes", [{"format": 2}, {"extra": 1}, {"networks": {}}, {"networks": 3}, {"sha256": None}]
)
def test_an_unusable_table_is_refused(model, changes):
    edit_json(model / "model.json", **changes)
    with pytest.raises(ValueError, match="model.json"):
        read_model(model)


@pytest.mark.parametrize("name", ["t5/model.safetensors", "clip/tokenizer.json"])
def test_encoders_that_were_altered_or_lost_are_refused(model, name):
    contents = read_model(model)
    (model / name).write_text("other")
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        contents.check_encoders()
    (model / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        contents.check_encoders()
