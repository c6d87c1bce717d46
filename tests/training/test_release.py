"""What a run's networks become in a model folder."""

from ediffi.training import plans
from ediffi.training.release import groups


def test_experts_that_are_all_there_become_ensembles_and_stages():
    chosen = {phase.name: phase for phase in plans.plan("storybook-cpu-configs").phases}
    ensembles, stages = groups(chosen)
    assert ensembles == {
        "experts": ["low", "middle", "high"],
        "four": ["quarter0", "quarter1", "quarter2", "quarter3"],
    }
    assert stages == {"sr256": ["sr256-low", "sr256-high"], "sr1024": ["sr1024"]}
    for name in ("quarter2", "middle", "sr256-low"):
        del chosen[name]
    assert groups(chosen) == ({}, {"sr256": ["sr256"], "sr1024": ["sr1024"]})
