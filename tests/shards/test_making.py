"""Shards: the same bytes however they were made, resumable, and nothing is left out silently."""

import errno
import json
import tarfile
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file
from webdataset.compat import WebDataset

from ediffi.__main__ import main
from ediffi.commands import shard
from ediffi.images import to_tensor
from ediffi.shards import making
from ediffi.shards.encoding import Embedder, load_head
from ediffi.shards.making import make_shards
from ediffi.shards.pictures import Square, read_square
from ediffi.shards.reading import open_shards
from ediffi.shards.tars import write_tar
from ediffi.shards.work import Settings
from tests.fakes import FakeEncoders
from tests.shards.collections_at_hand import DIMS, coco, collection, picture, shards, source, work


def quiet(text: str) -> None:
    pass


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_webdataset_reads_what_is_written(tmp_path):
    folder = shards(tmp_path)
    names = sorted(str(path) for path in folder.glob("*.tar"))
    assert len(names) == 3
    opened: Any = WebDataset(names, shardshuffle=False).decode("pil")
    found = list(opened)
    assert [sample["__key__"] for sample in found] == [f"{n:08d}" for n in range(12)]
    square = read_square(tmp_path / "pictures" / "003.png", 8)
    assert isinstance(square, Square)
    assert np.array_equal(np.asarray(found[3]["png"]), square.pixels)
    assert found[3]["txt"] == "a picture of 3"
    assert found[3]["json"]["captions"] == ["a picture of 3", "number 3"]
    assert found[3]["json"]["file_name"] == "003.png"
    assert (found[3]["json"]["width"], found[3]["json"]["height"]) == (20, 16)


def test_embeddings_are_those_of_the_encoders(tmp_path):
    opened = open_shards(shards(tmp_path))
    assert len(opened) == 12 and opened.resolution == 8 and opened.encoders.dims == DIMS
    tensors = load(opened.read(7, "safetensors"))
    texts = json.loads(opened.read(7, "json"))["captions"]
    encoders = FakeEncoders(DIMS)
    text = encoders.encode_text(texts)
    ends = tensors["t5_offsets"].tolist()
    for k in range(2):
        wanted = text.t5[k][text.t5_mask[k]].half()
        assert torch.equal(tensors["t5"][ends[k] : ends[k + 1]], wanted)
    assert torch.equal(tensors["clip_pooled"], text.clip_pooled.half())
    square = read_square(tmp_path / "pictures" / "007.png", 8)
    assert isinstance(square, Square)
    vector = encoders.encode_image(to_tensor(square.pixels)[None])
    assert torch.equal(tensors["clip_image"], vector.half())


def test_several_processes_make_the_same_bytes(tmp_path):
    pictures = collection(tmp_path / "pictures")
    (pictures / "004.txt").unlink()
    make_shards(work(pictures, tmp_path / "one"), 1, quiet)
    make_shards(work(pictures, tmp_path / "two"), 2, quiet)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_a_killed_run_goes_on_at_the_first_missing_shard(tmp_path, monkeypatch):
    pictures = collection(tmp_path / "pictures")
    make_shards(work(pictures, tmp_path / "whole"), say=quiet)
    out, made = tmp_path / "cut", []

    def stopped(path, samples):
        made.append(path.name)
        if len(made) == 2:
            raise KeyboardInterrupt
        return write_tar(path, samples)

    monkeypatch.setattr(making, "write_tar", stopped)
    with pytest.raises(KeyboardInterrupt):
        make_shards(work(pictures, out), say=quiet)
    assert sorted(contents(out)) == ["shard-00000.json", "shard-00000.tar"]
    with pytest.raises(FileNotFoundError, match="shards.json is missing"):
        open_shards(out)
    (out / ".part-0123.tar").write_bytes(b"left by a kill")
    told = []
    make_shards(work(pictures, out), say=told.append)
    assert told == ["1 of 3 shards are there already."]
    assert made[2:] == ["shard-00001.tar", "shard-00002.tar"]
    assert contents(out) == contents(tmp_path / "whole")


def test_a_damaged_shard_is_made_again(tmp_path):
    folder = shards(tmp_path)
    before = contents(folder)
    (folder / "shard-00001.tar").write_bytes(b"short")
    make_shards(work(tmp_path / "pictures", folder), say=quiet)
    assert contents(folder) == before


def test_everything_left_out_is_counted_with_its_reason(tmp_path):
    pictures = collection(tmp_path / "pictures")
    picture(0, (7, 30)).save(pictures / "001.png")
    picture(0, (1, 1)).save(pictures / "003.png")
    (pictures / "005.png").write_bytes((pictures / "005.png").read_bytes()[:300])
    (pictures / "006.txt").write_text("")
    (pictures / "007.txt").write_text("and " * 200)
    report = make_shards(work(pictures, tmp_path / "out"), say=quiet)
    assert report["kept"] == 8
    assert report["dropped"] == {"empty caption": 1, "too small": 2, "unreadable": 1}
    assert report["examples"]["too small"] == ["001.png", "003.png"]
    assert report["cut_captions"] == 1
    assert json.loads((tmp_path / "out" / "shards.json").read_text()) == report
    assert sum(shard["kept"] for shard in report["shards"]) == len(open_shards(tmp_path / "out"))


class Matching(FakeEncoders):
    """Encoders whose vectors say how well a caption fits: number 3 fits, pictures of do not."""

    def encode_text(self, texts):
        found = super().encode_text(texts)
        rows = [[1.0, 0.0] if text.startswith("number") else [0.0, 1.0] for text in texts]
        found.clip_pooled[:] = torch.tensor(rows).repeat(1, 5)
        return found

    def encode_image(self, x):
        return torch.tensor([1.0, 0.0]).repeat(len(x), 5)


def test_captions_that_do_not_fit_are_left_out(tmp_path):
    pictures = collection(tmp_path / "pictures", 4)
    (pictures / "002.txt").write_text("nothing that fits")
    asked = work(pictures, tmp_path / "out", min_clip_score=0.5)
    asked.embedder.encoders = Matching(DIMS)
    report = make_shards(asked, say=quiet)
    assert report["dropped"] == {"low CLIP score": 1}
    opened = open_shards(tmp_path / "out")
    facts = json.loads(opened.read(1, "json"))
    assert facts["captions"] == ["number 1"] and facts["clip_score"] == pytest.approx(1)
    assert len(load(opened.read(1, "safetensors"))["clip_pooled"]) == 1


def test_an_aesthetic_head_decides(tmp_path):
    weight = torch.zeros(1, 10)
    weight[0, 0] = 1
    save_file({"weight": weight, "bias": torch.tensor([0.25])}, tmp_path / "head.safetensors")
    head = load_head(tmp_path / "head.safetensors", 0.5)
    vectors = torch.zeros(2, 10)
    vectors[0, 0], vectors[1, 1] = 3, 3
    assert head.scores(vectors).tolist() == [1.25, 0.25]
    embedder = Embedder(FakeEncoders(DIMS), head=head)
    pixels = np.full((2, 8, 8, 3), 128, np.uint8)
    pixels[0, 0, 0], pixels[1, 0, 0] = (255, 128, 128), (0, 128, 128)
    kept, dropped = embedder.embed(pixels, [["a"], ["b"]])
    assert not isinstance(kept, str) and kept.aesthetic is not None and kept.aesthetic > 0.5
    assert dropped == "low aesthetic score"
    with pytest.raises(ValueError, match="vectors of 10 numbers, and these encoders give 4"):
        head.scores(torch.zeros(1, 4))
    (tmp_path / "bad.safetensors").write_bytes(b"bad")
    with pytest.raises(ValueError, match="no aesthetic head"):
        load_head(tmp_path / "bad.safetensors", 0.5)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"resolution": 9}, "resolution was 8 and is 9"),
        ({"min_clip_score": -1.0}, "min_clip_score was None and is -1.0"),
    ],
)
def test_a_folder_of_other_shards_is_refused(tmp_path, changes, said):
    folder = shards(tmp_path)
    before = contents(folder)
    with pytest.raises(ValueError, match=said):
        make_shards(work(tmp_path / "pictures", folder, **changes), say=quiet)
    (tmp_path / "pictures" / "000.txt").write_text("another caption")
    with pytest.raises(ValueError, match="pictures or captions have changed"):
        make_shards(work(tmp_path / "pictures", folder), say=quiet)
    assert contents(folder) == before


def test_a_folder_of_other_things_is_refused(tmp_path):
    pictures = collection(tmp_path / "pictures", 2)
    for out, said in ((pictures, "holds 000.jpg"), (pictures / "000.txt", "is a file")):
        with pytest.raises(ValueError, match=said):
            make_shards(work(pictures, out), say=quiet)


def test_nothing_remains_when_no_picture_is_left(tmp_path):
    pictures = collection(tmp_path / "pictures", 3)
    with pytest.raises(ValueError, match="no picture is left: 3 too small"):
        make_shards(work(pictures, tmp_path / "out", resolution=512), say=quiet)
    assert not (tmp_path / "out").exists()


def test_a_full_disk_is_one_sentence_and_keeps_what_is_whole(tmp_path, monkeypatch):
    pictures = collection(tmp_path / "pictures")
    add, added = tarfile.TarFile.addfile, []

    def full(self, info, file):
        added.append(info.name)
        if len(added) > 30:
            raise OSError(errno.ENOSPC, "No space left on device")
        add(self, info, file)

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(ValueError, match="shard-00001.tar: No space left") as error:
        make_shards(work(pictures, tmp_path / "out"), say=quiet)
    assert "\n" not in str(error.value)
    assert sorted(contents(tmp_path / "out")) == ["shard-00000.json", "shard-00000.tar"]


@pytest.mark.parametrize(
    "changes",
    [
        {"resolution": 7},
        {"resolution": 5000},
        {"shard_size": 0},
        {"min_clip_score": 1.5},
        {"min_clip_score": float("nan")},
        {"min_aesthetic": float("inf")},
    ],
)
def test_settings_out_of_range_are_refused(changes):
    (name, value), *_ = changes.items()
    with pytest.raises(ValueError, match=f"{name} is {value}, but must lie in"):
        Settings(**{"resolution": 8, **changes})


class KilledPool:
    """A pool whose processes are gone, as when the system runs out of memory."""

    def __init__(self, workers, context, initializer, initargs):
        self.workers = workers

    def submit(self, task, paths, resolution):
        raise BrokenProcessPool("gone")

    def shutdown(self, cancel_futures):
        assert cancel_futures


def test_a_killed_worker_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "ProcessPoolExecutor", KilledPool)
    with pytest.raises(ValueError, match="was killed.* 3 workers"):
        make_shards(work(collection(tmp_path / "pictures", 2), tmp_path / "out"), 3, quiet)
    assert not any((tmp_path / "out").iterdir())
    with pytest.raises(ValueError, match="workers must be at least 1, but is 0"):
        make_shards(work(tmp_path / "pictures", tmp_path / "out"), 0, quiet)


def test_the_command_takes_a_coco_file_and_tells_what_is_left_out(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shard, "open_encoders", lambda *asked: (FakeEncoders(DIMS), source()))
    path = coco(tmp_path)
    (tmp_path / "images" / "2.png").unlink()
    words = [str(path), "--images", str(tmp_path / "images"), "--out", str(tmp_path / "out")]
    assert main(["shard", *words, "--resolution", "8", "--shard-size", "2"]) == 0
    told = capsys.readouterr().out
    assert "kept 3 pictures of 8 px (shards: 2), left out 1 (1 picture missing)." in told


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["{tmp}/nowhere", "--out", "{tmp}/out"], "There is no folder"),
        (["{tmp}/empty", "--out", "{tmp}/out"], "holds no pictures"),
        (["{tmp}/pictures", "--out", "{tmp}/pictures/shards"], "lies inside"),
        (["{tmp}/pictures", "--out", "{tmp}/out", "--min-aesthetic", "5"], "go together"),
        (["{tmp}/pictures", "--out", "{tmp}/out", "--resolution", "1"], "resolution is 1"),
        (["{tmp}/pictures", "--out", "{tmp}/out", "--encoders", "{tmp}/empty"], "no encoders"),
        (["{tmp}/pictures", "--out", "{tmp}/out", "--encoders", "no one"], "no model"),
        (["{tmp}/pictures", "--out", "{tmp}/out", "--device", "toaster"], "device 'toaster'"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_nothing(tmp_path, capsys, words, said):
    collection(tmp_path / "pictures", 2)
    (tmp_path / "empty").mkdir()
    assert main(["shard", *(word.format(tmp=tmp_path) for word in words)]) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("ediffi: ") and len(told.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "pictures"]
