"""A tiny folder in COCO's format, whole and with everything amiss that such folders have."""

import json

import numpy as np
import pytest

from analysis import coco
from analysis.coco import collection, measure, sentences
from analysis.metrics import Features
from analysis.samples import Samples
from ediffi.__main__ import main
from ediffi.files import read_json
from ediffi.shards.listing import list_pictures
from tests.fakes import tiny_model_folder, tiny_pipeline
from tests.shards.collections_at_hand import coco as coco_file
from tests.shards.collections_at_hand import picture

COLOURS = Features("colours", lambda pictures: pictures.mean((1, 2)).astype(float), width=3)


@pytest.fixture
def folder(tmp_path):
    coco_file(tmp_path / "coco", count=10)
    return tmp_path / "coco"


def amiss(folder):
    """The same with a picture gone, one that does not open, a small one, an id used twice."""
    path = folder / "captions.json"
    data = json.loads(path.read_text())
    data["images"] += [
        {"id": 70, "file_name": "gone.png"},
        {"id": 71, "file_name": "broken.png"},
        {"id": 72, "file_name": "small.png"},
        {"id": 0, "file_name": "twice.png"},
    ]
    data["annotations"] += [{"image_id": n, "caption": "more"} for n in (70, 71, 72, 99)]
    path.write_text(json.dumps(data))
    (folder / "images/broken.png").write_bytes(b"no picture")
    for name, size in (("small", (9, 9)), ("twice", (20, 16))):
        picture(5, size).save(folder / f"images/{name}.png")
    return folder


def test_captions_are_drawn_painted_and_compared(folder, tmp_path):
    asked = []

    def texts(captions):
        asked.extend(captions)
        return np.ones((len(captions), 3))

    samples = Samples(tmp_path / "samples")
    found = measure(
        tiny_pipeline(), folder, COLOURS, samples, n=8, steps=1, texts=texts, metrics=["frechet"]
    )
    assert (found.n, found.asked, found.size, found.words) == (8, 8, 16, 4)
    assert samples.sampled == 8 and len(set(asked)) == 8
    distance, score = found.measured
    assert distance.value > 0 and (distance.network, distance.n) == ("colours", 8)
    assert 0 < score.value <= 100 and found.left_out == {}
    again = measure(tiny_pipeline(), folder, COLOURS, samples, n=8, steps=1, metrics=["frechet"])
    assert again.measured == (distance,) and samples.sampled == 8


def test_pictures_beside_themselves_are_at_no_distance(folder, tmp_path, monkeypatch):
    listing = list_pictures(*collection(folder))
    truth = {}
    for entry in listing.entries:
        square = coco.read_square(entry.path, 16)
        assert not isinstance(square, str)
        pixels = square.pixels
        truth.update(dict.fromkeys(entry.captions, pixels))
    samples = Samples(tmp_path / "samples")
    painted = lambda model, requests: [np.stack([truth[r.prompt] for r in requests])]  # noqa: E731
    monkeypatch.setattr(samples, "blocks", painted)
    found = measure(tiny_pipeline(), folder, COLOURS, samples, n=10, metrics=["frechet", "cmmd"])
    assert [each.value for each in found.measured] == pytest.approx([0, 0], abs=1e-6)


def test_what_is_amiss_is_counted_and_named_and_the_rest_goes_on(folder, tmp_path):
    found = measure(tiny_pipeline(), amiss(folder), COLOURS, Samples(tmp_path / "s"), 30, steps=1)
    assert (found.n, found.asked) == (10, 30)
    assert found.left_out == {
        "annotation without a picture": ("99",),
        "id that another picture has": ("twice.png",),
        "picture missing": ("gone.png",),
        "too small": ("small.png",),
        "unreadable": ("broken.png",),
    }
    told = " ".join(sentences(found))
    assert "30 pictures were asked for and 10 could be used." in told
    assert "Left out, unreadable: 1 (broken.png)." in told
    assert "shown at 16 px, n = 10" in told


def test_the_folder_may_be_laid_out_as_cocos_own(folder, tmp_path):
    (folder / "annotations").mkdir()
    (folder / "captions.json").rename(folder / "annotations/captions_val2014.json")
    (folder / "images").rename(folder / "val2014")
    assert collection(folder) == (
        folder / "annotations/captions_val2014.json",
        folder / "val2014",
    )
    (folder / "captions_train2014.json").write_text("{}")
    with pytest.raises(ValueError, match=r"needs one file .*, but has captions_\w+.json, captions"):
        collection(folder)


def test_the_folder_may_be_visual_genomes(folder, tmp_path):
    path = folder / "captions.json"
    path.rename(folder / "region_descriptions.json")
    assert collection(folder) == (folder / "region_descriptions.json", folder / "images")
    rows = [
        {"url": f"https://example.org/VG_100K/{n}.png", "paragraph": f"It is number {n}. So long."}
        for n in range(10)
    ]
    (folder / "paragraphs_v1.json").write_text(json.dumps(rows))
    (folder / "images").rename(folder / "VG_100K")
    assert collection(folder) == (folder / "paragraphs_v1.json", folder)
    samples = Samples(tmp_path / "samples")
    found = measure(tiny_pipeline(), folder, COLOURS, samples, n=8, steps=1, metrics=["frechet"])
    assert (found.n, found.words, found.left_out) == (8, 6, {})


def test_folders_that_are_none_are_refused(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        collection(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="but has none"):
        collection(folder / "images")
    (folder / "images").rename(folder / "elsewhere")
    with pytest.raises(FileNotFoundError, match="no folder images of pictures"):
        collection(folder)
    with pytest.raises(ValueError, match="n is 1, but a distance needs at least 8"):
        measure(tiny_pipeline(), folder, COLOURS, Samples(tmp_path), 1)


def test_too_few_pictures_and_broken_json_are_one_sentence(folder, tmp_path):
    with pytest.raises(ValueError, match="has 0 pictures of 64 px; 8 are needed"):
        measure(tiny_pipeline(), folder, COLOURS, Samples(tmp_path / "s"), 8, size=64)
    (folder / "captions.json").write_text("{broken")
    with pytest.raises(ValueError, match=r"captions\.json is not readable JSON"):
        measure(tiny_pipeline(), folder, COLOURS, Samples(tmp_path / "s"), 8)


def test_the_command_reports_and_counts(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model, out = tiny_model_folder(tmp_path / "tiny"), tmp_path / "out.json"
    words = ["evaluate", "--coco", amiss(folder), "--n", 8, "--model", model, "--steps", 1]
    words += ["--features", model / "clip", "--json", out]
    assert main([str(word) for word in words]) == 0
    told = capsys.readouterr().out
    assert "frechet" in told and "cmmd" in told and "clip score" in told and "CLIP clip" in told
    record = read_json(out)
    assert record["n"] == 8 and record["left_out"]["picture missing"] == ["gone.png"]
    assert main(["evaluate", "--coco", str(tmp_path / "nowhere"), "--model", str(model)]) == 2
    assert "There is no folder" in capsys.readouterr().err
