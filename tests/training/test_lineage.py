"""Which trainings led to which, and that experts of one base carry one mark."""

import json

import torch
from torch import nn

from ediffi.experts.tree import Part
from ediffi.training import checkpoint, plans
from ediffi.training.lineage import (
    base_of,
    history_of,
    lineage_of,
    note_network,
    note_start,
    weights_mark,
)
from ediffi.training.meters import BANDS, sigma_histogram
from ediffi.weights import State


def test_experts_descend_from_the_last_phase():
    plan = plans.plan("tiny")
    names = {p.name: [q.name for q in lineage_of(plan, p)] for p in plan.phases}
    assert names["base16"] == ["base8", "base16"]
    for name in ("baseline", "high", "middle", "low"):
        assert names[name] == ["base8", "base16", name]


def test_the_experts_of_config_d_share_what_the_baseline_sees_alone():
    for plan in plans.PLANS.values():
        phases = {p.name: p for p in plan.phases if p.branch}
        together = sum(phases[n].pictures for n in ("high", "middle", "low"))
        assert together == phases["baseline"].pictures
        assert phases["high"].branch and phases["high"].branch.part == Part.parse("(9, 511)")


def test_one_base_one_mark(tmp_path):
    module, other = nn.Linear(2, 2), nn.Linear(2, 2)
    root = tmp_path / "root"
    root.mkdir()
    checkpoint.save(root / checkpoint.UNDECAYED, {"ema": module.state_dict()})
    for name in ("high", "low"):
        note_start(tmp_path / name, root, module, 8)
    note_start(tmp_path / "higher", tmp_path / "high", other, 8)
    marks = {base_of(tmp_path / name) for name in ("root", "high", "low", "higher")}
    assert marks == {weights_mark(module.state_dict())}
    assert weights_mark(other.state_dict()) not in marks
    assert json.loads((tmp_path / "higher" / "begun.json").read_text())["parent"] == "high"
    with torch.no_grad():
        module.bias.add_(1)
    assert weights_mark(module.state_dict()) not in marks
    assert base_of(tmp_path / "nowhere") == ""


def logged(run, seen):
    """A run that wrote a line to its log after so many pictures each."""
    run.mkdir()
    lines = [{"event": "train", "pictures": k, "seconds": k / 8, "loss": 1 / k} for k in seen]
    (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_run_that_began_with_a_network_brings_its_history(tmp_path):
    plan = plans.plan("tiny")
    for name, seen in (("base8", 99), ("base16", 32)):
        logged(tmp_path / name, [seen])
    earlier = {"name": "long-ago", "pictures_seen": 1000, "seconds_spent": 5.0, "loss": 0.2}
    record = {"network": "baseline", "phases": [earlier]}
    phases = lineage_of(plan, plan.phase("baseline"))
    seen = [row["pictures_seen"] for row in history_of(tmp_path, phases)]
    assert seen == [99, 32]  # the branch itself was never run
    note_network(tmp_path / "base16", State(tmp_path, {}, record, {}, "0" * 64))
    names = [(r["name"], r["pictures_seen"]) for r in history_of(tmp_path, phases)]
    assert names == [("long-ago", 1000), ("base16", 32)]


def test_what_a_parent_learnt_after_the_branch_is_not_counted(tmp_path):
    plan = plans.plan("tiny")
    for name, seen in (("base8", [16]), ("base16", [8, 16, 24, 32]), ("baseline", [48])):
        logged(tmp_path / name, seen)
    phases = lineage_of(plan, plan.phase("baseline"))
    assert [row["pictures_seen"] for row in history_of(tmp_path, phases)] == [16, 32, 48]
    note_start(tmp_path / "baseline", tmp_path / "base16", nn.Linear(2, 2), 20)
    _, parent, own = history_of(tmp_path, phases)
    assert (parent["pictures_seen"], parent["seconds_spent"], parent["loss"]) == (20, 3.0, 1 / 24)
    assert own["pictures_seen"] == 48


def test_what_a_log_tells_beyond_its_checkpoint_is_not_counted(tmp_path):
    plan = plans.plan("tiny")
    logged(tmp_path / "base8", [8, 16])
    (own,) = history_of(tmp_path, lineage_of(plan, plan.phase("base8")), pictures=12)
    assert own["pictures_seen"] == 12
    (own,) = history_of(tmp_path, lineage_of(plan, plan.phase("base8")))
    assert own["pictures_seen"] == 16


def test_what_a_killed_run_did_again_counts_once():
    one = [1] * len(BANDS)
    told = [(0, 8), (8, 16), (12, 24), (24, 32)]
    lines = [{"since": since, "pictures": end, "drawn": one} for since, end in told]
    assert sigma_histogram(lines)[BANDS[0]] == 3


def test_the_histogram_adds_up_the_lines():
    lines = [{"drawn": [1] * len(BANDS)}, {"loss": 1.0}, {"drawn": [2] + [0] * (len(BANDS) - 1)}]
    counted = sigma_histogram(lines)
    assert counted[BANDS[0]] == 3 and sum(counted.values()) == 3 + len(BANDS) - 1
