"""Losses land in their bands; the log survives a kill in the middle of a line."""

import json

import torch

from ediffi.training.meters import BANDS, BandMeter, RunLog, read_log


def test_losses_land_in_their_bands():
    meter = BandMeter(torch.device("cpu"))
    meter.add(torch.tensor([0.01, 0.05, 0.3, 80.0]), torch.tensor([1.0, 2.0, 3.0, 4.0]))
    meter.add(torch.tensor([0.4]), torch.tensor([5.0]))
    read = meter.read()
    assert read["bands"] == [1.0, 2.0, None, 4.0, None, None, None, 4.0]
    assert read["loss"] == 3.0 and len(BANDS) == 8
    assert meter.read()["loss"] is None


def test_a_full_disk_loses_curves_and_not_the_run(tmp_path):
    class Board:
        def add_scalar(self, *given):
            raise OSError(28, "No space left on device")

        def close(self):
            raise OSError(28, "No space left on device")

    log = RunLog(tmp_path, tensorboard=False)
    log.board = Board()
    log.write("train", 32, {"loss": 1.0})
    log.close()
    assert read_log(tmp_path)[0]["loss"] == 1.0


def test_a_line_cut_by_a_kill_is_left_out(tmp_path):
    log = RunLog(tmp_path, tensorboard=False)
    log.write("train", 32, {"loss": 1.0, "bands": [None] * 8})
    log.write("probe", 32, {"gain": 0.5})
    with open(log.path, "a") as file:
        file.write('{"event": "train", "pict')
    assert [line["event"] for line in read_log(tmp_path)] == ["train", "probe"]
    assert read_log(tmp_path, "probe")[0]["gain"] == 0.5
    assert json.loads(log.path.read_text().splitlines()[0])["pictures"] == 32
