"""Painted pages: a row for every label, outlines only where something is painted."""

import numpy as np

from analysis.plots_of_painting import painted_pages


def test_pages_stand_in_rows_with_the_outlines_of_their_columns():
    page = np.full((32, 32, 3), 120, np.uint8)
    left = np.zeros((64, 64), bool)
    left[:, :28] = True
    pages = [[page, page, page], [page, page, page]]
    masks = [[], [left], [left, left[:, ::-1]]]
    figure = painted_pages(pages, masks, ["unpainted", "one", "two"], ["a fox", "an owl"])
    assert len(figure.axes) == 6
    assert [axes.get_title() for axes in figure.axes[:3]] == ["unpainted", "one", "two"]
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == ["a fox", "an owl"]
    assert [len(axes.collections) for axes in figure.axes] == [0, 2, 4] * 2
    (white, _) = figure.axes[1].collections
    edge = np.concatenate([path.vertices for path in white.get_paths()])
    # Twenty-eight of sixty-four columns are fourteen of thirty-two pixels.
    assert abs(edge[:, 0].max() - 13.5) < 0.3
