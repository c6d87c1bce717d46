"""Costs that are counted, against what the paper and the budgets say."""

import pytest

from ediffi.__main__ import main
from ediffi.estimates import costs, resident_gib
from ediffi.presets import preset


def test_the_paper_s_sizes_and_what_three_experts_weigh():
    base, sr256, sr1024 = costs(preset("paper"))
    assert base.parameters == pytest.approx(1.0e9, rel=0.05)
    assert sr256.parameters == pytest.approx(0.3e9, rel=0.05)
    assert resident_gib(base, 3, 3) == pytest.approx(3 * base.served_gib)
    assert resident_gib(base, 3, 1) == base.served_gib == pytest.approx(1.81, abs=0.1)
    assert sr1024.resolution == 1024 and sr1024.gflop > sr256.gflop


def test_times_follow_the_arithmetic():
    base = costs(preset("storybook"))[0]
    assert base.evaluations == 2 * 18
    assert base.seconds(1.0) == pytest.approx(base.gflop * 36 / 1000)
    assert base.step_seconds(8, 2.0) == pytest.approx(3 * 8 * base.gflop / 2000)


def test_the_command_prints_them_and_refuses_what_is_no_rate(capsys):
    assert main(["presets", "tiny", "--tflops", "1"]) == 0
    told = capsys.readouterr().out
    assert "sr64" in told and "with off-loading" in told
    assert main(["presets", "tiny", "--tflops", "0"]) == 2
    assert "are no rate" in capsys.readouterr().err
