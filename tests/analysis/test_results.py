"""The README's tables: records become rows, and nothing outside the markers is touched."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from safetensors.numpy import save_file

from analysis import parts, results, scored, speeds
from analysis.denoising_walk import Walk
from analysis.expert_seams import Gain, Seam, Seams
from analysis.seam_history import History
from analysis.upscaling import Enlarged, Nearer, Upscaling
from ediffi.storybook.scoring import SCORES

EVALUATION = {
    "model": "storybook/baseline",
    "split": "held_out",
    "length": "short",
    "n": 200,
    "seed": 3,
    "unreadable": 0.005,
    "scores": [
        {
            "name": "colour",
            "n": 150,
            "right": 120,
            "share": 0.8,
            "low": 0.729,
            "high": 0.856,
            "chance": 0.083,
            "inspector": None,
        }
    ],
    "distances": [{"name": "frechet", "value": 3.25, "low": 3.0, "high": 3.5, "floor": 0.5}],
}
BENCH = {
    "environment": {"device": "cpu", "processor": "AVX2", "threads": 2, "torch": "2.14.1"},
    "load_seconds": 1.5,
    "peak_memory": 900.4,
    "pictures": [{"size": 64, "dtype": "float32", "steps": 18, "guidance": 3.0, "seconds": 1.234}],
    "forwards": [
        {"batch": 2, "dtype": "bfloat16", "ours": 30.0, "theirs": 40.0},
        {"batch": 1, "dtype": "bfloat16", "ours": 20.0, "theirs": None},
    ],
}
WALK = Walk("m", ("a",), (0,), 1, (100.0, 1.0, 0.01), (1.0, 0.5, 0.0), (1.0, 1.0, 0.0))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "evaluation.json").write_text(json.dumps(EVALUATION))
    (tmp_path / "bench.json").write_text(json.dumps(BENCH))
    (tmp_path / "walk.json").write_text(json.dumps(asdict(WALK)))
    (tmp_path / "stranger.json").write_text(json.dumps({"unknown": 1}))
    return tmp_path


def test_every_score_is_a_row_with_its_interval_and_chance(folder):
    text = results.tables(folder)
    assert "storybook/baseline, 200 short captions of held-out combinations" in text
    assert "| **80.0 %** | 72.9 % to 85.6 % | 150 | 8.3 % | – |" in text
    assert "frechet 3.25 (3 to 3.5; 0.5 between true pictures)" in text


def test_two_models_are_held_against_each_other_caption_by_caption(tmp_path):
    blank = dict.fromkeys(SCORES, "-" * 20)
    base = {**EVALUATION, "shown": blank | {"thing": "1" * 10 + "0" * 10}}
    better = {**base, "model": "storybook/experts", "shown": blank | {"thing": "1" * 18 + "00"}}
    (tmp_path / "a.json").write_text(json.dumps(base))
    (tmp_path / "b.json").write_text(json.dumps(better))
    (tmp_path / "c.json").write_text(json.dumps({**better, "seed": 4}))
    (tmp_path / "d.json").write_text(json.dumps(EVALUATION))
    text = results.tables(tmp_path)
    assert text.count("caption by caption") == 1
    assert "**storybook/experts, beside storybook/baseline**, the same 200 captions" in text
    whole, row = (line for line in text.splitlines() if "**+40.0**" in line)
    assert whole.startswith("| all that its caption states |") and whole.endswith("20 |")
    assert row.startswith("| the kind that is mentioned first is there |") and row.endswith("20 |")
    assert text.count("| **+") == 2, "what nobody asks for has no row"
    assert scored.beside_tables([EVALUATION]) == []


def test_the_short_table_has_the_insisting_model_then_itself_then_its_baseline():
    base = {**EVALUATION, "split": "test"}
    plain = {**base, "model": "storybook/experts"}
    insisting = {**plain, "insist": 0.05}
    others = [{**base, "model": "storybook/high+baseline"}, {**plain, "seed": 4}, EVALUATION]
    text = scored.headline([base, plain, *others, insisting])
    asked = "experts, insisting by 0.05 | storybook/experts | storybook/baseline | true scenes |"
    assert f"| the picture shows | asked | storybook/{asked}" in text
    cell = "80.0 % (73 to 86)"
    assert f"it has the colour that is said | 150 | {cell} | {cell} | {cell} | – |" in text
    assert "| frechet distance in its features, lower is better | 200 | 3.25 (3 to 3.5) |" in text
    assert text.count("insisting") == 1 and "high" not in text


def test_the_short_table_leaves_out_what_each_model_is_asked_of_its_own_pictures():
    score = {**EVALUATION["scores"][0], "name": "left_right_if_both"}
    scores = [*EVALUATION["scores"], score]
    record = {**EVALUATION, "split": "test", "scores": scores}
    text = scored.headline([record])
    assert SCORES["colour"] in text and SCORES["left_right_if_both"] not in text
    assert scored.headline([]) == "" and scored.headline([EVALUATION]) == ""


def test_the_short_table_of_times_has_a_row_for_each_number_format():
    fast = {**BENCH["pictures"][0], "dtype": "bfloat16", "seconds": 0.5}
    large = {**fast, "size": 256, "seconds": 2.0}
    whole = {"size": 256, "seconds": 9.0, "peak_memory": 1234.5}
    bench = {**BENCH, "pictures": [fast, *BENCH["pictures"], large], "command": whole}
    told = speeds.headline([bench])
    assert "| cpu (AVX2, 2 threads), bfloat16 | 0.50 s | 2.00 s | 9.0 s, 1234 MiB |" in told
    assert "| cpu (AVX2, 2 threads), float32 | 1.23 s | – | – |" in told
    assert speeds.headline([]) == ""


def test_a_bench_shows_the_ratio_where_there_is_one(folder):
    text = results.tables(folder)
    assert "| a picture of 64 px, float32, 18 steps, guidance 3 | 1.23 s |" in text
    assert text.count("diffusers") == 1 and "40.0 ms (ratio 0.75)" in text


def test_a_bench_with_controls_shows_their_ratios(tmp_path):
    step = {"dtype": "bfloat16", "plain": 20.0, "recorded": 22.0, "painted": 21.0, "turns": 162}
    (tmp_path / "bench.json").write_text(json.dumps({**BENCH, "controls": step}))
    text = results.tables(tmp_path)
    assert "records attention, bfloat16 | 22.0 ms (ratio 1.100 to a plain one, 162 turns)" in text
    assert "is painted, bfloat16 | 21.0 ms (ratio 1.050 to a plain one, 162 turns)" in text


def test_a_bench_with_pulled_pictures_shows_their_ratios(tmp_path):
    far = {"dtype": "float32", "plain": 1.0, "insisting": 1.4, "painted": 1.5}
    far |= {"collaged": 3.0, "n": 9}
    (tmp_path / "bench.json").write_text(json.dumps({**BENCH, "pulled": far}))
    text = results.tables(tmp_path)
    assert "picture that insists, float32 | 1.40 s (ratio 1.40 to a plain one, 9 turns)" in text
    assert "pulled to a painting, float32 | 1.50 s (ratio 1.50" in text
    assert "begun as a collage, float32 | 3.00 s (ratio 3.00" in text


def test_one_that_insists_stands_beside_itself():
    marks = dict.fromkeys(SCORES, "-" * 20) | {"thing": "1" * 10 + "0" * 10}
    plain = {**EVALUATION, "model": "storybook/experts", "shown": marks}
    insisting = {**plain, "insist": 0.05}
    base = {**plain, "model": "storybook/baseline"}
    told = "".join(scored.beside_tables([plain, insisting, base]))
    assert "experts, insisting by 0.05, beside storybook/experts**" in told
    assert "experts, beside storybook/baseline**" in told and told.count("beside") == 2
    assert "**storybook/experts, insisting by 0.05, " in scored.table(insisting)


def test_a_walk_read_back_from_json_still_knows_its_half_way(folder):
    assert "σ = 1 " in results.tables(folder) and "σ = 0.1 " in results.tables(folder)


def test_the_studies_of_experts_and_stages_are_told(tmp_path):
    gain = Gain("high", "baseline", 9.7, 60.0, 5, 0.021, (0.01, 0.032))
    seams = Seams("m", 8, 0, (1.0,), {"ensemble": (0.1,)}, (gain,), (Seam(9.61, "a", "b", 0.2),))
    history = History("m", 8, 0, 18, 100, (9.61,), 0.02, 0.03, 0.01, (0.005, 0.015))
    way = Enlarged("bicubic", "clean", (28.5, 0.1), *[(0.1, 0.01)] * 4)
    nearer = Nearer("bicubic", "clean", (-0.02, -0.03, -0.01), (0.5, -0.1, 1.1))
    stage = Upscaling("sr256", 64, 256, 8, 0, 10, 0.0, (way,), (nearer,))
    for k, record in enumerate((seams, history, stage)):
        (tmp_path / f"{k}.json").write_text(json.dumps(asdict(record)))
    text = results.tables(tmp_path)
    assert "- high against baseline from sigma 9.7 to 60: better, loss 2.1 % lower" in text
    assert "- Over 1 seams in 18 steps the history kept ends 0.0200" in text
    assert "| bicubic | clean | 28.50 ± 0.10 |" in text
    told = "- bicubic, clean: GMSD -0.0200 (-0.0300 to -0.0100), PSNR +0.50 (-0.10 to +1.10) dB"
    assert told in text


def test_no_record_no_number(tmp_path):
    assert results.tables(tmp_path) == ""


def test_only_the_part_between_the_markers_changes(folder, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", folder)
    old = f"before\n{results.BEGIN}\nold\n{results.END}\nafter\n"
    old += f"{results.CLAIMED}\nold\n{results.JUDGED}\n"
    new = results.filled(old)
    assert new.startswith(f"before\n{results.BEGIN}\n") and new.endswith(f"{results.JUDGED}\n")
    assert f"{results.END}\nafter\n{results.CLAIMED}\n**The ledger**" in new
    assert "old" not in new and results.filled(new) == new


def test_the_card_has_the_parts_above_the_measurements(folder, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", folder)
    new = results.filled_card(f"{results.BEGIN}{results.END}")
    assert new.index("| baseline | denoises") < new.index("| sr256 | enlarges")
    assert new.index("| t5 | reads the sentence") < new.index("storybook/baseline, 200 short")


def test_the_numbers_of_the_card_are_those_of_the_records():
    card = results.CARD.read_text(encoding="utf-8")
    assert results.filled_card(card) == card, "run `make readme`"


def test_parts_are_counted_from_their_files(tmp_path):
    (tmp_path / "model.json").write_text('{"stages": {"sr32": ["up"]}}')
    for name, record in (
        ("base", {"pictures": 343232, "seconds": 3600}),
        ("up", {"pictures_seen": 16, "scenes": 8, "steps": 2, "seconds": 180}),
        ("clip", {"steps": 4, "seconds": 360, "looks": {"steps": 3, "seconds": 720}}),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(json.dumps(record))
        weights = {"a": np.zeros((3, 4), np.float16), "b": np.zeros(5, np.float32)}
        save_file(weights, tmp_path / name / "model.safetensors")
    rows = parts.table(tmp_path).splitlines()[2:]
    assert rows[0].startswith(
        "| base | denoises the picture at 64 pixels | 17 | 0.0 | 343,232 pict"
    )
    assert rows[1].endswith("| 4 steps, 3 more on looks, 0.3 h |")
    assert rows[2].endswith("| 16 pictures, 8 scenes, 2 steps, 0.1 h |") and "enlarges" in rows[2]


def test_a_readme_without_markers_is_refused():
    with pytest.raises(ValueError, match="markers"):
        results.filled("nothing here")
