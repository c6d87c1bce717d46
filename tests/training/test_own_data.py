"""One's own shards as a source: every picture once an epoch, and damage named."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from ediffi.images import to_tensor
from ediffi.shards.pictures import Square, read_square
from ediffi.training.own_data import OwnPictures
from tests.fakes import FakeEncoders
from tests.shards.collections_at_hand import DIMS, shards


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return shards(tmp_path_factory.mktemp("own"))


def test_each_epoch_meets_every_picture_once_in_an_order_by_seed(whole):
    source = OwnPictures(whole, DIMS, seed=1)
    assert len(source) == 12 and source.resolution == 8
    first, second = source.pictures(range(12)), source.pictures(range(12, 24))
    assert sorted(first) == sorted(second) == list(range(12)) and first != second
    assert OwnPictures(whole, DIMS, seed=2).pictures(range(12)) != first
    assert source.pictures([3, 15, 4]) == [first[3], second[3], first[4]]


def test_a_batch_depends_on_its_positions_and_nothing_else(whole):
    one = OwnPictures(whole, DIMS).batch(range(4, 10))
    source = OwnPictures(whole, DIMS)
    source.batch(range(30, 33))
    halves = [source.batch(range(4, 7)), source.batch(range(7, 10))]
    assert torch.equal(torch.cat([half.x0 for half in halves]), one.x0)
    assert torch.equal(torch.cat([h.cond.clip_pooled for h in halves]), one.cond.clip_pooled)
    assert torch.equal(one.index, torch.arange(4, 10))


def test_pictures_captions_and_embeddings_belong_together(whole):
    source = OwnPictures(whole, DIMS)
    positions = range(24)
    batch, texts, met = source.batch(positions), source.texts(positions), source.pictures(positions)
    encoders = FakeEncoders(DIMS)
    files = {p.stem: p for p in (whole.parent / "pictures").iterdir() if p.suffix != ".txt"}
    for row, (sample, text) in enumerate(zip(met, texts, strict=True)):
        square = read_square(files[f"{sample:03d}"], 8)
        assert isinstance(square, Square)
        assert torch.equal(batch.x0[row], to_tensor(square.pixels))
        assert text in (f"a picture of {sample}", f"number {sample}")
        said = encoders.encode_text([text])
        assert torch.equal(batch.cond.clip_pooled[row], said.clip_pooled[0].half().float())
        columns = said.t5.shape[1]
        assert torch.equal(batch.cond.t5[row, :columns], said.t5[0].half().float())
        assert batch.cond.t5_mask[row].sum() == columns
    assert len({text.split()[0] for text in texts}) == 2, "every caption has its turn"
    assert batch.cond.clip_image_mask.all()


def test_embeddings_of_other_encoders_are_refused_with_both_widths(whole):
    with pytest.raises(ValueError, match="t5 embeddings of 12 numbers and the network takes 192"):
        OwnPictures(whole, replace(DIMS, t5=192))


def cut(folder):
    path = folder / "shard-00001.tar"
    path.write_bytes(path.read_bytes()[:-512])


def remove(name):
    return lambda folder: (folder / name).unlink()


def rewritten(name, change):
    def harm(folder):
        data = json.loads((folder / name).read_text())
        change(data)
        (folder / name).write_text(json.dumps(data))

    return harm


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (cut, "shard-00001.tar is cut short"),
        (remove("shard-00001.tar"), "shard-00001.tar is missing"),
        (remove("shard-00001.json"), "shard-00001.json is missing"),
        (remove("shards.json"), "shards.json is missing; run"),
        (rewritten("shards.json", lambda d: d.pop("encoders")), "no report of shards"),
        (rewritten("shards.json", lambda d: d.update(format=9)), "format is 9"),
        (rewritten("shards.json", lambda d: d.update(kept=99)), "holds 12 pictures and .* 99"),
        (rewritten("shard-00000.json", lambda d: d.pop("samples")), "no index of a shard"),
    ],
)
def test_damage_is_found_when_opened(tmp_path, harm, said):
    folder = shards(tmp_path)
    harm(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=said) as error:
        OwnPictures(folder, DIMS)
    assert "\n" not in str(error.value)


def test_a_changed_byte_is_found_when_read(tmp_path):
    folder = shards(tmp_path)
    path = folder / "shard-00000.tar"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 6] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match="shard-00000.tar is damaged: 00000000.png"):
        OwnPictures(folder, DIMS).batch(np.arange(12).tolist())


def test_no_folder_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere"):
        OwnPictures("/nowhere", DIMS)
