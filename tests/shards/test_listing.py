"""Captions find their pictures, and what has none is counted by reason."""

import json

import pytest

from ediffi.shards.listing import list_pictures, told
from tests.shards.collections_at_hand import coco, collection, picture


def test_lines_of_a_text_file_are_captions(tmp_path):
    listing = list_pictures(collection(tmp_path, 3))
    assert [entry.name for entry in listing.entries] == ["000.jpg", "001.png", "002.jpg"]
    assert listing.entries[1].captions == ("a picture of 1", "number 1")
    assert listing.dropped == {}


def test_folders_inside_are_read_and_hidden_files_are_not(tmp_path):
    collection(tmp_path / "b" / "c", 1)
    picture(5).save(tmp_path / ".hidden.png")
    assert [entry.name for entry in list_pictures(tmp_path).entries] == ["b/c/000.jpg"]


def test_what_has_no_caption_is_counted_by_reason(tmp_path):
    collection(tmp_path, 5)
    (tmp_path / "000.txt").unlink()
    (tmp_path / "001.txt").write_text(" \n\t\n")
    (tmp_path / "002.txt").write_bytes(b"caf\xe9")
    (tmp_path / "notes.md").write_text("hello")
    listing = list_pictures(tmp_path)
    assert len(listing.entries) == 2
    assert listing.dropped == {
        "no caption": ["000.jpg"],
        "empty caption": ["001.png"],
        "caption not UTF-8": ["002.jpg"],
        "not a picture file": ["notes.md"],
    }
    assert told(listing.dropped).startswith("1 caption not UTF-8, 1 empty caption")


@pytest.mark.parametrize("table", ["captions.jsonl", "metadata.jsonl"])
def test_a_table_of_captions_is_read(tmp_path, table):
    for number in range(3):
        picture(number).save(tmp_path / f"{number}.png")
    rows = [
        {"file_name": "0.png", "text": "none"},
        {"file_name": "1.png", "text": ["one", "a one", "one"]},
        {"file_name": "0.png", "text": "a \x07 zero\ud800"},
        {"file_name": "gone.png", "text": "gone"},
    ]
    (tmp_path / table).write_text("\n\n".join(map(json.dumps, rows)))
    listing = list_pictures(tmp_path)
    assert [entry.captions for entry in listing.entries] == [("none", "a zero"), ("one", "a one")]
    assert listing.dropped == {"no caption": ["2.png"], "picture missing": ["gone.png"]}


def test_a_caption_that_is_no_text_is_counted_and_not_learnt(tmp_path):
    path = coco(tmp_path)
    data = json.loads(path.read_text())
    for annotation, said in zip(data["annotations"], (None, 7), strict=False):
        annotation["caption"] = said
    path.write_text(json.dumps(data))
    listing = list_pictures(path, tmp_path / "images")
    assert [entry.name for entry in listing.entries] == ["1.png", "2.png", "3.png"]
    assert listing.dropped["annotation without a text"] == ["0.png", "0.png"]


def test_coco_captions_are_read_and_missing_pictures_counted(tmp_path):
    path = coco(tmp_path)
    data = json.loads(path.read_text())
    data["images"].append({"id": 77, "file_name": "gone.png"})
    data["annotations"] += [
        {"image_id": 77, "caption": "gone"},
        {"image_id": 99, "caption": "of nothing"},
    ]
    data["annotations"] = data["annotations"][2:]
    path.write_text(json.dumps(data))
    listing = list_pictures(path, tmp_path / "images")
    assert [entry.name for entry in listing.entries] == ["1.png", "2.png", "3.png"]
    assert listing.entries[0].captions == ("caption 1 of 1", "caption 2 of 1")
    assert listing.dropped == {
        "annotation without a picture": ["99"],
        "no caption": ["0.png"],
        "picture missing": ["gone.png"],
    }


def write(name, content):
    def harm(folder):
        (folder / name).write_bytes(content)

    return harm


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (write("captions.jsonl", b"{"), "line 1 of .* JSON"),
        (
            write("captions.jsonl", b'{"file_name": "000.jpg"}'),
            "line 1 of .* no file_name and text",
        ),
        (write("captions.jsonl", b'["a"]'), "no file_name and text"),
        (write("captions.jsonl", b'{"file_name": 5, "text": "a"}'), "no text"),
        (write("captions.jsonl", b'{"file_name": "../a.png", "text": "a"}'), "inside the folder"),
        (write("captions.jsonl", b""), "is empty"),
        (write("captions.jsonl", b"\xff\xfe"), "not UTF-8"),
        (write("captions.jsonl", b'{"file_name": "x.png", "text": "a"}'), "no picture with a cap"),
        (lambda f: [write(n, b"{}")(f) for n in ("captions.jsonl", "metadata.jsonl")], "keep one"),
        (lambda f: [p.unlink() for p in f.glob("*.txt")], "2 no caption"),
        (lambda f: [p.unlink() for p in f.iterdir()], "holds no pictures"),
    ],
)
def test_a_folder_without_use_is_refused_in_a_sentence(tmp_path, harm, said):
    harm(collection(tmp_path, 2))
    with pytest.raises(ValueError, match=said) as error:
        list_pictures(tmp_path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not readable JSON"),
        (b"[]", "no COCO captions file"),
        (b'{"images": []}', "no COCO captions file"),
        (b'{"images": [{"id": 1}], "annotations": []}', "file_name"),
        (b'{"images": [], "annotations": {}}', "no COCO captions file"),
        (b'{"images": [{"id": [], "file_name": "a"}], "annotations": []}', "no COCO captions"),
        (b'{"images": [{"id": 1, "file_name": "/etc/a.png"}], "annotations": []}', "inside"),
        (b'{"images": [], "annotations": []}', "no picture with a caption: nothing dropped"),
        (b"\xff", "not readable JSON"),
    ],
)
def test_a_broken_coco_file_is_refused_in_a_sentence(tmp_path, content, said):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        list_pictures(tmp_path / "a.json", tmp_path)


def genome(tmp_path):
    """Visual Genome's two archives with two pictures, and the names of its files' entries."""
    for folder, number in (("VG_100K", 1), ("VG_100K_2", 2)):
        (tmp_path / folder).mkdir()
        picture(number).save(tmp_path / folder / f"{number}.jpg")
    return tmp_path


def test_paragraphs_of_visual_genome_are_long_captions(tmp_path):
    folder = genome(tmp_path)
    site = "https://example.org/some/VG_100K"
    rows = [
        {"image_id": 11, "url": f"{site}/1.jpg", "paragraph": "A cat sits. It is red. "},
        {"image_id": 12, "url": f"{site}_2/2.jpg", "paragraph": "A dog runs."},
        {"image_id": 12, "url": f"{site}_2/2.jpg", "paragraph": "Told again."},
        {"image_id": 13, "url": f"{site}/3.jpg", "paragraph": "Nobody has it."},
    ]
    path = folder / "paragraphs_v1.json"
    path.write_text(json.dumps(rows))
    listing = list_pictures(path, folder)
    assert [(e.name, e.captions) for e in listing.entries] == [
        ("VG_100K/1.jpg", ("A cat sits. It is red.",)),
        ("VG_100K_2/2.jpg", ("A dog runs.",)),
    ]
    assert listing.dropped == {
        "id that another picture has": ["VG_100K_2/2.jpg"],
        "picture missing": ["3.jpg"],
    }
    assert [e.name for e in list_pictures(path, folder / "VG_100K").entries] == ["1.jpg"]


def test_regions_of_visual_genome_are_a_caption_each(tmp_path):
    folder = genome(tmp_path)
    regions = [{"region_id": 5, "x": 1, "phrase": "a red cat"}, {"phrase": " a mat "}]
    rows = [{"id": 1, "regions": [*regions, {"phrase": None}]}, {"image_id": 2, "regions": []}]
    path = folder / "region_descriptions.json"
    path.write_text(json.dumps(rows))
    listing = list_pictures(path, folder)
    assert [e.captions for e in listing.entries] == [("a red cat", "a mat")]
    assert listing.dropped == {
        "annotation without a text": ["VG_100K/1.jpg"],
        "no caption": ["VG_100K_2/2.jpg"],
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([1], "AttributeError"),
        ([{"id": 1}], "KeyError: 'regions'"),
        ([{"paragraph": "no number"}], "KeyError: 'id'"),
        ([{"id": "one", "regions": []}], "ValueError"),
        ([{"id": 1, "regions": [{"words": "a"}]}], "KeyError: 'phrase'"),
        ([{"url": "https://example.org/..", "paragraph": "a"}], "no file inside the folder"),
    ],
)
def test_a_broken_file_of_visual_genome_is_refused_in_a_sentence(tmp_path, rows, said):
    (tmp_path / "a.json").write_text(json.dumps(rows))
    with pytest.raises(ValueError, match=said):
        list_pictures(tmp_path / "a.json", tmp_path)


def test_source_and_images_must_fit_together(tmp_path):
    path = coco(tmp_path)
    with pytest.raises(ValueError, match="--images"):
        list_pictures(path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        list_pictures(path, tmp_path / "nowhere")
    with pytest.raises(ValueError, match="belongs to a captions file"):
        list_pictures(tmp_path, tmp_path)
    with pytest.raises(FileNotFoundError, match="no file"):
        list_pictures(tmp_path / "nowhere")
