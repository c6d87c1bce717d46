"""The tables of painted places and of lent looks: what stands in which cell."""

import json
from dataclasses import replace

import pytest

from analysis import results, steered
from analysis.paint_with_words import Placed, Places, Sided
from analysis.painted_reach import Filled, Reach
from analysis.style_transfer import Lent, Styles
from analysis.ways_to_paint import Squares, Way, WaysToPaint
from ediffi.config import as_json

NO = (0.0, 0.0, 0.0)
INSIDE, TWO, THERE, BOTH = (0.25, 0.2, 0.3), (0.3, 0.2, 0.4), (0.9, 0.8, 1.0), (0.7, 0.6, 0.8)


def placed(things, weight, inside, present, elsewhere=0.0):
    rule = "max" if weight else "none"
    return Placed(things, rule, weight, inside, 0.1, present, None, NO, elsewhere, NO)


PLACES = Places(
    "m",
    8,
    0,
    0.107,
    tuple(
        placed(things, weight, (inside, inside, inside), BOTH, elsewhere)
        for things, weight, elsewhere, inside in (
            *((1, 0.0, 0.0, 0.17), (1, 0.25, 1.0, 0.5), (1, 1.0, 0.0, 0.18)),
            *((2, 0.0, 0.0, 0.13), (2, 0.25, 1.0, 0.5), (2, 1.0, 0.0, 0.22)),
        )
    ),
    (Sided("max", 1.0, 0.0, 8, (0.2, 0.1, 0.3), THERE),),
)
WAY = Way(
    "as a collage",
    0.0,
    True,
    0.0,
    (Squares(1, INSIDE, THERE, NO, NO), Squares(2, TWO, BOTH, NO, NO)),
    Sided("max", 0.25, 1.0, 8, (0.96, 0.87, 0.99), THERE),
)
WAYS = WaysToPaint("m", 8, 0, (WAY,))
REACH = Reach(8, 0, 1000, (Filled(1, NO, (0.48, 0.42, 0.55)), Filled(2, NO, (0.47, 0.43, 0.51))))


def lent(strength, low, high, style="1" * 9):
    shown = {"style": style, "things": "1" * 9, "leak": "0" * 9}
    return Lent(strength, low, high, (0.93, 0.86, 0.97), THERE, NO, shown)


STYLES = Styles("m", 9, 0, 0.1111, (lent(0, 0, 1e4), lent(3, 0, 1e4, "110111111"), lent(6, 0, 2)))


def table(places=PLACES, ways=WAYS, reach=REACH):
    return steered.placed_table(as_json(places), as_json(ways), as_json(reach)).splitlines()


def test_every_way_of_painting_has_a_row():
    title, _, head, _, *rows = table()
    assert "8 captions of one thing and 8 of two" in title and "squares of 11 % of" in title
    assert head.count("|") == 7 and all(row.count("|") == 7 for row in rows)
    assert rows == [
        "| unpainted | 17 (17 to 17) | 13 (13 to 13) | – | 70 (60 to 80) | 70 (60 to 80) |",
        "| by the paper's formula | 18 (18 to 18) | 22 (22 to 22) | 20 (10 to 30)"
        " | 70 (60 to 80) | 70 (60 to 80) |",
        "| as a collage | 25 (20 to 30) | 30 (20 to 40) | 96 (87 to 99)"
        " | 90 (80 to 100) | 70 (60 to 80) |",
        "| drawn, the best of 1,000 pages | 48 (42 to 55) | 47 (43 to 51) | – | – | – |",
    ]


def test_what_was_not_asked_has_a_dash():
    one = replace(WAY, squares=WAY.squares[:1])
    row = table(ways=replace(WAYS, painted=(one,)))[6]
    assert row.startswith("| as a collage | 25 (20 to 30) | – |") and row.endswith("| – |")


@pytest.mark.parametrize(
    "other",
    [
        {"ways": replace(WAYS, n=9)},
        {"ways": replace(WAYS, model="another")},
        {"reach": replace(REACH, seed=1)},
    ],
)
def test_records_of_other_captions_do_not_share_a_table(other):
    with pytest.raises(ValueError, match="not of the same captions by one model"):
        table(**other)


def test_a_lent_look_has_a_row_for_each_setting_and_a_line_for_the_styles():
    text = steered.lent_table(as_json(STYLES))
    assert "a guess meets the style in 11 %" in text
    assert "| no reference | 93 (86 to 97) | 90 (80 to 100) | 0 (0 to 0) |" in text
    assert "| 3, every σ |" in text and "| 6, σ below 2 |" in text
    assert "At strength 3 by the reference's style: flat 1 of 1," in text
    assert text.count(" 0 of 1") == 1


def test_painted_places_are_told_where_all_three_records_are_there(tmp_path):
    for name, record in (("places", PLACES), ("reach", REACH), ("styles", STYLES)):
        (tmp_path / f"{name}.json").write_text(json.dumps(as_json(record)))
    assert "painted things" not in results.headlines(tmp_path)
    assert "What a reference lends" in results.headlines(tmp_path)
    (tmp_path / "ways.json").write_text(json.dumps(as_json(WAYS)))
    for told in (results.headlines(tmp_path), results.tables(tmp_path)):
        assert "**Where painted things stand** (m)" in told
