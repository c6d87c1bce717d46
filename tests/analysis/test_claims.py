"""Verdicts in closed form, and a ledger whose every row can be measured."""

import math
import shlex
from dataclasses import replace

import pytest

from analysis import ledger, register, results
from analysis.claims import CLAIMS
from analysis.expert_ranges import measure
from analysis.ledger import FAILS, HOLDS, OPEN, UNMEASURED, Claim, Number, judged
from ediffi.__main__ import build_parser
from ediffi.config import as_json
from ediffi.controls.paint_with_words import ELSEWHERE, RULE, WEIGHT
from ediffi.controls.style_transfer import STRENGTH
from ediffi.files import write_json
from ediffi.storybook.scoring import wilson


def claim(above=0.0, below=math.inf):
    return Claim("It is", "Sec. 0", "a number", "none", lambda found: None, above, below)


@pytest.mark.parametrize(
    "number, state",
    [
        (Number(0.2, 0.1, 0.3, 50), HOLDS),
        (Number(-0.2, -0.3, -0.1, 50), FAILS),
        (Number(-0.2, -0.4, 0.0, 50), FAILS),
        (Number(0.1, -0.1, 0.3, 50), OPEN),
        (Number(-0.1, -0.3, 0.1, 50), OPEN),
        (Number(0.1, 0.0, 0.2, 50), OPEN),
        (Number(0.2, 0.2, 0.2, 7), OPEN),
        (None, UNMEASURED),
    ],
)
def test_the_whole_interval_decides(number, state):
    assert judged(claim(), number).state == state


@pytest.mark.parametrize(
    "number, state",
    [
        (Number(1.0, 0.98, 1.02, 9), HOLDS),
        (Number(1.1, 1.05, 1.2, 9), FAILS),
        (Number(1.0, 0.9, 1.1, 9), OPEN),
    ],
)
def test_a_claim_of_no_change_has_two_edges(number, state):
    assert judged(claim(0.97, 1.03), number).state == state


def test_the_n_that_would_tell_follows_the_root_of_n():
    # Half of the interval is 0.2 and the value lies 0.1 from the edge: four times as many.
    assert judged(claim(), Number(0.1, -0.1, 0.3, 50)).needed == 200
    assert judged(claim(), Number(-0.1, -0.3, 0.1, 50)).needed == 200
    assert judged(claim(0.97, 1.03), Number(1.01, 0.93, 1.09, 10)).needed == 160
    assert judged(claim(), Number(0.0, -0.1, 0.1, 50)).needed is None
    # A skewed interval that touches the edge needs at least one more.
    assert judged(claim(), Number(0.1, 0.0, 0.11, 50)).needed == 51
    assert judged(claim(), Number(0.2, 0.1, 0.3, 50)).needed is None
    # Equal values of a handful have no width, and say nothing.
    assert judged(claim(), Number(0.2, 0.2, 0.2, 7)).needed == ledger.FEWEST


def test_every_claim_names_a_command_that_exists():
    assert len(CLAIMS) >= 12
    for each in CLAIMS:
        assert register.study(each.study).name == each.study
        words = shlex.split(each.command)
        assert words[:3] == ["python", "-m", "ediffi"]
        given = build_parser().parse_args(words[3:])
        assert given.name == each.study and given.n >= register.study(each.study).smallest
        assert each.says and each.source and each.shown_by
        assert math.isfinite(each.above) or math.isfinite(each.below)


def test_without_records_nothing_is_measured_yet(tmp_path):
    assert {verdict.state for verdict in ledger.ledger(CLAIMS, tmp_path)} == {UNMEASURED}
    text = ledger.document(CLAIMS, tmp_path)
    assert text.count("| not measured yet | `python -m ediffi study ") == len(CLAIMS)
    assert ledger.summary(CLAIMS, tmp_path).startswith(f"**The ledger** of {len(CLAIMS)} claims")


def value(verdict):
    """The number of a verdict that has one."""
    assert verdict.number is not None
    return verdict.number.value


def of_study(name, found, folder):
    """The verdicts on the claims of one study whose record holds `found`."""
    write_json(folder / f"{name}.json", found)
    return [v for v in ledger.ledger(CLAIMS, folder) if v.claim.study == name]


def test_numbers_come_from_records_with_and_without_a_frame(tmp_path):
    found = as_json(measure(50))
    (plain,) = of_study("expert_ranges", found, tmp_path)
    frame = {"study": "expert_ranges", "command": "what made it", "found": found}
    (framed,) = of_study("expert_ranges", frame, tmp_path)
    assert plain == replace(framed, command=plain.claim.command) and plain.state == HOLDS
    assert plain.number == Number(0.34, 0.34, 0.34, 50)
    assert framed.command == "what made it"
    assert "`what made it`" in ledger.document(CLAIMS, tmp_path)


def lent(strength, style, things, high=1e4):
    ends = {"strength": strength, "sigma_low": 0.0, "sigma_high": high}
    return {**ends, "shown": {"style": style, "things": things}}


def test_a_lent_style_is_compared_with_none(tmp_path):
    without = lent(0.0, "1" * 4 + "0" * 36, "1" * 20 + "-" * 20)
    with_it = lent(STRENGTH, "1" * 28 + "0" * 12, "1" * 19 + "0" + "-" * 20)
    in_part = lent(STRENGTH, "0" * 40, "0" * 40, high=2.0)
    record = {"n": 40, "lent": [without, with_it, in_part]}
    style, things = of_study("style_transfer", record, tmp_path)
    assert style.state == HOLDS and value(style) == pytest.approx(0.6)
    # One of twenty less, of those that were asked for: the edge is two.
    assert (things.state, value(things)) == (OPEN, pytest.approx(-0.05))
    assert things.number is not None and things.number.n == 20
    left = of_study("style_transfer", record | {"lent": [without]}, tmp_path)
    assert [verdict.state for verdict in left] == [UNMEASURED] * 2


def test_painting_is_judged_by_the_papers_formula_and_by_ours(tmp_path):
    def placed(rule, weight, elsewhere, beyond, things=1):
        asked = {"things": things, "rule": rule, "weight": weight, "elsewhere": elsewhere}
        return asked | {"beyond": [beyond, beyond - 0.05, beyond + 0.05]}

    ours = (RULE, WEIGHT, ELSEWHERE)
    tried = [placed("none", 0.0, 0.0, 0.0), placed(*ours, 0.8, 2), placed(*ours, 0.2)]
    tried += [placed("max", 1.0, 0.0, -0.06)]
    side = {"rule": ours[0], "weight": ours[1], "elsewhere": ours[2], "captions": 40}
    sided = [side | {"asked": [0.8, 0.7, 0.9]}, side | {"rule": "std", "asked": [0.1, 0.0, 0.2]}]
    record = {"n": 60, "placed": tried, "sided": sided}
    paper, own, left_right = of_study("paint_with_words", record, tmp_path)
    assert left_right.number == Number(0.8, 0.7, 0.9, 40) and left_right.state == HOLDS
    assert value(paper) == pytest.approx(-0.06) and paper.state == FAILS
    assert value(own) == pytest.approx(0.2) and own.state == HOLDS
    none = {"n": 60, "placed": tried[:2], "sided": []}
    left = of_study("paint_with_words", none, tmp_path)
    assert [verdict.state for verdict in left] == [UNMEASURED] * 3


def test_configurations_times_curves_and_rows_are_read(tmp_path):
    saved = {"A": None, "B": [0.5, -0.5, 1.5], "A+": [5, 4, 6]}
    scored = [{"name": name, "saved": less} for name, less in saved.items()]
    b, d = of_study("configs", {"n": 100, "scored": scored}, tmp_path)
    assert (b.state, d.state, value(d)) == (OPEN, HOLDS, 5)
    states = [v.state for v in of_study("configs", {"n": 9, "scored": scored[:1]}, tmp_path)]
    assert states == [UNMEASURED, UNMEASURED]
    costs = [
        {"way": "experts", "factor": 3, "ratio": [1.0, 0.99, 1.01]},
        {"way": "wider", "factor": 2, "ratio": [3.0, 2.9, 3.1]},
    ]
    states = [v.state for v in of_study("inference_cost", {"n": 9, "costs": costs}, tmp_path)]
    assert states == [HOLDS, HOLDS, UNMEASURED]
    distance = {"value": 0.2, "low": 0.1, "high": 0.3}
    gains = [{"frechet": distance, "aligned": {"value": -1.0, "low": -2.0, "high": -0.5}}]
    curve = {"n": 9, "gains": gains, "guided": distance}
    states = [v.state for v in of_study("guidance_tradeoff", curve, tmp_path)]
    assert states == [HOLDS, FAILS, UNMEASURED, HOLDS]
    by_clip = curve | {"gains": [gains[0] | {"clip": distance}]}
    states = [v.state for v in of_study("guidance_tradeoff", by_clip, tmp_path)]
    assert states == [HOLDS, FAILS, HOLDS, HOLDS]
    states = [v.state for v in of_study("guidance_tradeoff", curve | {"gains": []}, tmp_path)]
    assert states == [UNMEASURED, UNMEASURED, UNMEASURED, HOLDS]
    row = {"length": "short", "n": 30, "share": 0.6, "low": 0.55, "high": 0.65}
    rare = {"length": "long", "n": 30, "share": 0.4, "low": 0.35, "high": 0.45}
    rows = [row | {"name": "two_colours"}, rare | {"name": "two_things"}]
    states = {v.claim.says: v.state for v in of_study("composition", {"rows": rows}, tmp_path)}
    assert states["Two things each have the colour that is said"] == HOLDS
    assert states["Long sentences are followed"] == FAILS
    assert states["There are as many of a thing as is said"] == UNMEASURED
    gains = [{"expert": "high", "rival": "baseline", "mean": 0.1, "interval": [0.05, 0.15]}]
    states = [v.state for v in of_study("expert_seams", {"n": 9, "gains": gains}, tmp_path)]
    assert states == [UNMEASURED, HOLDS]
    heard = (("t5", "clip_text"), "1" * 20), (("t5",), "1" * 20), (("clip_text",), "0" * 20)
    written = [{"embeddings": e, "shown": s, "right": [0.8, 0.3, 0.99]} for e, s in heard]
    found = {"n": 20, "written": written}
    states = [v.state for v in of_study("written_words", found, tmp_path)]
    assert states == [OPEN, HOLDS]
    found = {"n": 9, "ratio": {"value": 0.01, "low": 0.005, "high": 0.02}}
    assert of_study("variations", found, tmp_path)[0].state == FAILS
    assert of_study("denoising_walk", {"n": 9, "coarse": []}, tmp_path)[0].state == UNMEASURED
    walk = {"n": 9, "first": [0.9, 0.6, 0.99]}
    assert of_study("denoising_walk", walk, tmp_path)[0].state == HOLDS


def test_encoders_are_compared_on_the_same_captions(tmp_path):
    def heard(length, embeddings, letters):
        return {"length": length, "embeddings": embeddings, "shown": {"thing": letters}}

    both, t5, clip = ["t5", "clip_text"], ["t5"], ["clip_text"]
    rows = [
        heard("short", both, "1" * 34 + "0" * 6),
        heard("short", t5, "1" * 28 + "0" * 12),
        heard("short", clip, "1" * 16 + "0" * 24),
        heard("long", t5, "1" * 36 + "0" * 4),
        heard("long", clip, "1" * 38 + "0" * 2),
    ]
    than_clip, than_t5, long = of_study("embedding_ablation", {"n": 40, "heard": rows}, tmp_path)
    assert (than_clip.state, value(than_clip)) == (HOLDS, pytest.approx(0.45))
    assert (than_t5.state, value(than_t5)) == (HOLDS, pytest.approx(0.15)), "alone they overlap"
    assert (long.state, value(long)) == (OPEN, pytest.approx(-0.05))
    left = of_study("embedding_ablation", {"n": 40, "heard": rows[:2]}, tmp_path)
    assert [v.state for v in left] == [UNMEASURED, HOLDS, UNMEASURED]


def test_attention_and_switches_are_read(tmp_path):
    found = {"n": 16, "fading": [0.2, 0.1, 0.3], "handover": None}
    fading, handover = of_study("attention_over_noise", found, tmp_path)
    assert (fading.state, handover.state) == (HOLDS, UNMEASURED)

    def switched(share, first, steps=18):
        where = {"solver": "dpmpp_2m", "steps": steps, "share": share}
        ends = [first, first - 0.05, first + 0.05]
        return where | {"drawn_first": ends, "drawn_last": [0, 0, 0], "pairs": 8}

    rows = [switched(0.4, 0.5), switched(0.95, 0.02), switched(0.4, 1.0, steps=9)]
    late, early = of_study("prompt_switching", {"n": 8, "switched": rows}, tmp_path)
    assert (late.state, early.state) == (HOLDS, FAILS)


@pytest.mark.parametrize("n, state", [(8, OPEN), (34, OPEN), (35, HOLDS)])
def test_pairs_that_all_agree_prove_no_more_than_a_share_of_none(n, state, tmp_path):
    row = {"solver": "dpmpp_2m", "steps": 18, "share": 0.95, "drawn_first": [0.0] * 3}
    found = {"n": 64, "switched": [row | {"drawn_last": [1.0] * 3, "pairs": n}]}
    late, _ = of_study("prompt_switching", found, tmp_path)
    assert late.state == state and late.number is not None
    assert (late.number.low, late.number.high) == (0.0, pytest.approx(wilson(0, n)[1]))


def test_a_broken_record_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"variations\.json is no record of variations: KeyError"):
        of_study("variations", {"n": 9}, tmp_path)


def test_settled_claims_come_first_in_ten_lines(tmp_path):
    of_study("expert_ranges", as_json(measure(50)), tmp_path)
    lines = [line for line in ledger.summary(CLAIMS, tmp_path).splitlines() if line]
    assert len(lines) == ledger.LINES
    assert f"1 holds, {len(CLAIMS) - 1} are not measured yet" in lines[0]
    assert lines[1].startswith("- *holds*: A node with 1/512") and "34.0 %" in lines[1]


def test_claims_that_fail_are_not_crowded_out():
    claim = Claim("it is so", "Sec. 1", "a number", "none", lambda found: None, above=0.0)
    held = [judged(claim, Number(2.0, 1.0, 3.0, 9)) for _ in range(20)]
    failed = [judged(claim, Number(-2.0, -3.0, -1.0, 9)) for _ in range(3)]
    chosen = [v.state for v in ledger.chosen([*failed, *held], 9)]
    assert chosen == [HOLDS] * 6 + [FAILS] * 3
    many = [v.state for v in ledger.chosen([*failed, *failed, *held], 9)]
    assert many == [HOLDS] * 5 + [FAILS] * 4
    few = [v.state for v in ledger.chosen([*failed, *failed, *held[:1]], 9)]
    assert few == [HOLDS] + [FAILS] * 6


def test_the_committed_ledger_is_that_of_the_committed_records():
    text = results.LEDGER.read_text(encoding="utf-8")
    assert text == ledger.document(CLAIMS, results.FOLDER), "run `make readme`"
