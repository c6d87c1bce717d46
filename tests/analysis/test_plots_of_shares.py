"""Every row of a record is a row of its figure, with its interval."""

import numpy as np
from matplotlib.patches import Rectangle

from analysis import plots_of_shares
from analysis.configs import Configs, Scored
from analysis.paint_with_words import Placed, Places, Sided
from analysis.seam_history import History
from analysis.style_transfer import Lent, Styles
from analysis.upscaling import Enlarged, Upscaling


def shown(figure):
    (axes,) = figure.axes
    return axes, [label.get_text() for label in axes.get_yticklabels()]


def test_a_lent_style_has_a_row_for_each_setting():
    share = (0.5, 0.4, 0.6)
    rows = ((0.0, 0.0, 1e4), (3.0, 0.0, 2.0))
    lent = tuple(Lent(*row, share, share, share, {}) for row in rows)
    axes, labels = shown(plots_of_shares.style_transfer(Styles("m", 9, 0, 1 / 9, lent)))
    assert labels == ["no reference", "strength 3, σ below 2"]
    assert len(axes.lines) == 2 * 2 * 2 + 1


def test_painting_shows_one_thing_and_two_side_by_side():
    def placed(things, rule, weight):
        share = (0.2, 0.1, 0.3)
        return Placed(things, rule, weight, share, 0.1, share, None, share, 0.0, share)

    found = [placed(k, *how) for k in (1, 2) for how in (("none", 0.0), ("max", 2.0))]
    axes, labels = shown(plots_of_shares.paint_with_words(Places("m", 9, 0, 0.1, tuple(found), ())))
    assert labels == ["unpainted", "max, weight 2"] and len(axes.lines) == 4 * 2
    sided = (Sided("max", 2.0, 0.0, 8, (0.75, 0.5, 1.0), (0.9, 0.8, 1.0)),)
    both = plots_of_shares.paint_with_words(Places("m", 9, 0, 0.1, tuple(found), sided))
    beside = both.axes[1]
    assert np.asarray(beside.lines[0].get_xdata()).tolist() == [50, 100]
    assert np.asarray(beside.lines[0].get_ydata()).tolist() == [
        1,
        1,
    ] and beside.get_xlabel().startswith("on the")


def test_configurations_and_ways_of_enlarging_are_rows():
    scored = [Scored(name, (), {}, {"frechet": (9.0, 8.0, 10.0)}, 0.0, {}) for name in "AD"]
    axes, labels = shown(plots_of_shares.configs(Configs(9, 0, 256, "test", tuple(scored))))
    assert labels == ["Config A", "Config D"] and axes.get_xlim()[0] == 0
    kinds, methods = ("clean", "remade"), ("sr256", "bicubic")
    ways = [Enlarged(m, kind, *[(0.1, 0.01)] * 5) for kind in kinds for m in methods]
    found = Upscaling("sr256", 64, 256, 9, 0, 10, 0.0, tuple(ways), ())
    axes, labels = shown(plots_of_shares.upscaling(found))
    assert labels == [f"{m}, {kind}" for kind in kinds for m in methods]
    assert len(axes.lines) == 4 * 2


def test_a_history_kept_stands_beside_one_begun_anew():
    found = History("m", 8, 0, 18, 100, (9.61,), 0.02, 0.03, 0.01, (0.005, 0.015))
    axes, labels = shown(plots_of_shares.seam_history(found))
    assert labels == ["kept", "begun anew"] and "keep" in axes.get_title()
    widths = [patch.get_width() for patch in axes.patches if isinstance(patch, Rectangle)]
    assert widths == [0.02, 0.03]
