"""Painting with words in a real browser: by mouse, touch and keys; what is sent, and what forms."""

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from demo.regions import Manner

from .fake_engine import PATCH, FakeEngine
from .visiting import Browser, Visit, visiting

PROMPT = "a red fox and an owl in the meadow"
FORGET = "document.querySelector('.sheet').dataset.phase = 'before'"
Point = tuple[float, float]


@pytest.fixture(scope="module")
def shared_painter() -> FakeEngine:
    return FakeEngine(steps=2)


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        write(visit, PROMPT)
        visit.page.click(".painter summary")
        yield visit
        assert visit.complaints == []
        assert visit.hosts <= {"127.0.0.1", ""}


def write(visit: Visit, sentence: str) -> None:
    """Types a sentence and waits until its words are there to be chosen."""
    visit.page.fill("#prompt textarea", sentence)
    visit.page.wait_for_function(
        "n => document.querySelectorAll('.chips button').length === n", arg=len(sentence.split())
    )


def take(visit: Visit, first: int, last: int) -> None:
    """Drags from one word to another."""
    mouse, centres = visit.page.mouse, []
    for k in (first, last):
        box = visit.page.locator(".chips button").nth(k).bounding_box()
        assert box
        centres.append((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2))
    mouse.move(*centres[0])
    mouse.down()
    mouse.move(*centres[1], steps=4)
    mouse.up()


def places(visit: Visit, points: Sequence[Point]) -> list[Point]:
    """Points of the board, from 0 to 1, as points of the window."""
    board = visit.page.locator(".board canvas")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    assert box
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]


def drag(visit: Visit, *points: Point) -> None:
    first, *rest = places(visit, points)
    visit.page.mouse.move(*first)
    visit.page.mouse.down()
    for point in rest or [first]:
        visit.page.mouse.move(*point, steps=6)
    visit.page.mouse.up()


def touch(visit: Visit, *points: Point) -> None:
    """One finger: real touch events, as a phone sends them."""
    wire = visit.page.context.new_cdp_session(visit.page)
    at = [{"x": x, "y": y} for x, y in places(visit, points)]
    wire.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at[0]]})
    for point in at[1:]:
        wire.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    wire.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def sent(visit: Visit, painter: FakeEngine) -> dict[str, np.ndarray]:
    """Runs, and returns what the model was asked for: a mask of 64 x 64 for every phrase."""
    before = len(painter.requests)
    visit.page.evaluate(FORGET)
    visit.page.click("#paint")
    visit.phase("done")
    assert len(painter.requests) == before + 1
    asked = painter.requests[-1].painting
    return {region.phrase: np.frombuffer(region.mask, np.uint8).reshape(64, 64) for region in asked}


def button(visit: Visit, name: str) -> None:
    visit.page.click(f".painter button:text-is('{name}')")


def said(visit: Visit, text: str) -> None:
    visit.page.wait_for_selector(f".painter .spoken:text('{text}')", state="attached")


def test_a_phrase_is_made_painted_sent_and_seen(visit: Visit, painter, tmp_path):
    page = visit.page
    drag(visit, (0.5, 0.5))
    said(visit, "Choose words of the sentence first.")
    take(visit, 0, 2)
    assert page.inner_text(".entry .pick") == "a red fox"
    drag(visit, (0.2, 0.5), (0.4, 0.5))
    page.locator(".chips button").nth(5).click()
    drag(visit, (0.8, 0.25), (0.8, 0.25))
    assert page.inner_text(".painter .count") == "2 painted"

    masks = sent(visit, painter)
    assert list(masks) == ["a red fox", "an owl"]
    fox = masks["a red fox"]
    assert set(np.unique(fox)) == {0, 255}
    rows, columns = np.nonzero(fox)
    assert 27 <= rows.min() <= 29 and 34 <= rows.max() <= 36
    assert 8 <= columns.min() <= 10 and 28 <= columns.max() <= 30
    assert masks["an owl"][16, 51] == 255 and not masks["an owl"][:, :40].any()

    picture = np.asarray(Image.open(visit.download(tmp_path)))
    there = (picture == PATCH).all(2)
    assert np.array_equal(there, (fox > 0) | (masks["an owl"] > 0))
    shown = page.evaluate("document.querySelector('.tiles img').src").split(",")[1]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(shown)))), picture)

    page.click(".plan")
    over, under = (page.locator(f".sheet {tag}").bounding_box() for tag in ("canvas", "img"))
    assert over == pytest.approx(under, abs=1)
    page.click(".plan")
    assert page.locator(".sheet canvas").count() == 0


def test_erase_undo_redo_fill_move_and_clear(visit: Visit, painter):
    page = visit.page
    take(visit, 1, 2)
    drag(visit, (0.25, 0.5), (0.75, 0.5))
    whole = sent(visit, painter)["red fox"]
    button(visit, "Erase")
    drag(visit, (0.5, 0.4), (0.5, 0.6))
    holed = sent(visit, painter)["red fox"]
    assert holed[32, 32] == 0 and holed[32, 20] == 255 and (holed <= whole).all()
    button(visit, "Undo")
    assert np.array_equal(sent(visit, painter)["red fox"], whole)
    button(visit, "Redo")
    assert np.array_equal(sent(visit, painter)["red fox"], holed)

    button(visit, "Move")
    drag(visit, (0.3, 0.5), (0.3, 0.25), (0.3, 0.0))
    higher = sent(visit, painter)["red fox"]
    assert higher[0].any() and (higher > 0).sum() == (holed > 0).sum()
    button(visit, "Fill")
    drag(visit, (0.5, 0.9))
    assert (sent(visit, painter)["red fox"] == 255).all()
    button(visit, "Clear")
    assert page.inner_text(".painter .invitation") == "Paint where “red fox” goes"
    assert sent(visit, painter) == {}
    page.locator(".board canvas").focus()
    page.keyboard.press("Control+z")
    assert (sent(visit, painter)["red fox"] == 255).all()
    page.click(".entry .drop")
    assert sent(visit, painter) == {}


def test_a_word_brings_what_describes_it_and_comes_alone_when_pressed_again(visit: Visit):
    page, chips = visit.page, visit.page.locator(".chips button")
    write(visit, "a big red fox by two owls, blue")
    phrases = lambda: page.locator(".entry .pick").all_inner_texts()  # noqa: E731
    chips.nth(3).click()
    assert phrases() == ["a big red fox"]
    chips.nth(3).click()
    assert phrases() == ["fox"]
    chips.nth(6).click()
    chips.nth(7).click()
    assert phrases() == ["fox", "two owls", "blue"]
    drag(visit, (0.5, 0.5))
    chips.nth(7).click()
    assert phrases() == ["fox", "two owls", "blue"]
    # What another phrase has taken stays with it.
    chips.nth(2).click()
    assert phrases() == ["fox", "two owls", "blue", "a big red"]


def test_a_finger_paints_and_does_not_scroll(visit: Visit, painter):
    visit.page.set_viewport_size({"width": 390, "height": 844})
    take(visit, 5, 5)
    places(visit, [])
    before = visit.page.evaluate("document.scrollingElement.scrollTop")
    touch(visit, (0.5, 0.3), (0.5, 0.5), (0.5, 0.7))
    said(visit, "Painted.")
    assert visit.page.evaluate("document.scrollingElement.scrollTop") == before
    rows, columns = np.nonzero(sent(visit, painter)["an owl"])
    assert 14 <= rows.min() <= 17 and 46 <= rows.max() <= 50
    assert 27 <= columns.min() and columns.max() <= 36


def test_the_keyboard_alone_is_enough(visit: Visit, painter):
    page = visit.page
    page.focus(".painter summary")
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "Shift+ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert page.inner_text(".entry .pick") == "red fox"
    stops = []
    while not stops or stops[-1] != "CANVAS":
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.tagName"))
        assert len(stops) < 10
    assert len(stops) == 7  # the phrase, its removal, four tools, the board
    page.keyboard.press("ArrowRight")
    said(visit, "Column 10, row 9.")
    page.keyboard.press("Space")
    said(visit, "Painted. red fox has 2 % of the picture.")
    mask = sent(visit, painter)["red fox"]
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max()) == (30, 37) and (columns.min(), columns.max()) == (34, 41)

    page.focus(".board canvas")
    page.keyboard.press("Shift+ArrowUp")
    assert np.array_equal(sent(visit, painter)["red fox"], np.roll(mask, -4, axis=0))
    page.focus(".board canvas")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("e")
    said(visit, "Erased.")
    assert sent(visit, painter) == {}
    page.focus(".board canvas")
    page.keyboard.press("f")
    assert (sent(visit, painter)["red fox"] == 255).all()


def test_strength_and_the_second_of_two_travel(visit: Visit, painter):
    write(visit, "a fox and a fox")
    take(visit, 3, 4)
    assert visit.page.inner_text(".entry .pick") == "a fox · 2"
    drag(visit, (0.5, 0.5), (0.6, 0.6))
    visit.page.focus(".weight input")
    visit.page.keyboard.press("End")
    sent(visit, painter)
    (region,) = painter.requests[-1].painting
    assert (region.phrase, region.occurrence, region.weight) == ("a fox", 2, 4.0)


def test_how_places_act_travels_and_is_undone(visit: Visit, painter):
    page = visit.page
    take(visit, 0, 2)
    drag(visit, (0.2, 0.5), (0.4, 0.5))
    page.click(".manner summary")
    page.select_option(".overlap select", "topmost")
    said(visit, "Where places overlap, the last phrase covers the others.")
    page.focus(".elsewhere input")
    page.keyboard.press("Home")
    said(visit, "Held back elsewhere: 0.00.")
    sent(visit, painter)
    assert painter.requests[-1].manner == Manner("topmost", 0.0)
    page.focus(".pull input")
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    said(visit, "Pulled to its places by 0.10.")
    sent(visit, painter)
    assert painter.requests[-1].manner == Manner("topmost", 0.0, 0.1)
    page.check(".collage input")
    said(visit, "Each thing is sketched first and laid on its place.")
    painter.pace = 0.5
    page.click("#paint")
    page.wait_for_function(
        "document.body.innerText.includes('Before the first step: sketching what is painted')",
        timeout=8000,
    )
    visit.phase("done")
    painter.pace = 0.0
    assert painter.requests[-1].manner == Manner("topmost", 0.0, 0.1, True)
    for _ in range(4):
        page.click("[data-act=undo]")
    assert not page.is_checked(".collage input")
    sent(visit, painter)
    assert painter.requests[-1].manner == Manner("topmost", 1.0)
    page.click("[data-act=undo]")
    assert page.input_value(".overlap select") == "all"


def test_an_edited_sentence_keeps_what_survives_and_brings_the_rest_back(visit: Visit, painter):
    page = visit.page
    take(visit, 0, 2)
    drag(visit, (0.2, 0.5), (0.4, 0.5))
    take(visit, 4, 5)
    drag(visit, (0.7, 0.5), (0.8, 0.5))
    write(visit, "see a blue fox and an owl in the meadow")
    assert page.inner_text(".painter .lost") == (
        "Not in the sentence now, so left out: “a red fox”."
    )
    assert list(sent(visit, painter)) == ["an owl"]
    write(visit, "see a red fox and an owl in the meadow")
    assert not page.is_visible(".painter .lost")
    assert list(sent(visit, painter)) == ["a red fox", "an owl"]
    page.evaluate(FORGET)
    page.click(".cards button >> nth=1")
    page.wait_for_function("!document.querySelector('.entry')")
    visit.phase("done")
    assert painter.requests[-1].painting == ()


def test_phrases_that_the_sentence_has_lost_make_room_and_what_cannot_be_done_is_seen(
    visit: Visit,
):
    page = visit.page
    names = ["owl", "fox", "cat", "dog", "bear", "duck", "fish", "hare", "lamb"]
    write(visit, ", ".join(names))
    for k in range(len(names)):
        page.locator(".chips button").nth(k).click()
    assert page.locator(".entry .pick").count() == 8
    assert page.inner_text(".lead.refused").startswith("Eight phrases are the most")
    write(visit, "a moon")
    page.locator(".chips button").nth(1).click()
    assert page.locator(".entry .pick").all_inner_texts() == ["a moon"]
    assert not page.locator(".lead.refused").count()


def test_undo_after_an_edit_leaves_a_painting_with_its_own_words(visit: Visit):
    page = visit.page
    dyed = "chips => chips.map((chip) => Number(chip.dataset.k))"
    write(visit, "my boat and a red fox")
    take(visit, 3, 4)
    drag(visit, (0.2, 0.5), (0.4, 0.6))
    write(visit, "a red fox and my boat and a red fox")
    page.locator(".chips button.dyed").nth(1).wait_for()
    assert page.locator(".chips button.dyed").evaluate_all(dyed) == [7, 8]
    page.click("[data-act=undo]")
    assert page.inner_text(".painter .count") == ""
    assert page.locator(".chips button.dyed").evaluate_all(dyed) == [7, 8]


def test_a_dropped_picture_fills_the_painter_again(visit: Visit, painter, tmp_path):
    page = visit.page
    take(visit, 0, 2)
    drag(visit, (0.2, 0.5), (0.4, 0.6))
    first: dict[str, Any] = sent(visit, painter)
    asked, path = painter.requests[-1], visit.download(tmp_path)
    visit.reload()
    page.set_input_files("#recall input[type=file]", path)
    page.wait_for_selector(".entry .pick:has-text('a red fox')")
    assert page.input_value("#prompt textarea") == PROMPT
    assert np.array_equal(sent(visit, painter)["a red fox"], first["a red fox"])
    assert painter.requests[-1] == asked


def test_the_open_painter_fits_and_every_control_has_a_name(visit: Visit):
    page = visit.page
    take(visit, 0, 2)
    drag(visit, (0.2, 0.5), (0.4, 0.6))
    seen = "[...document.querySelectorAll('.painter {}')].filter(e => e.checkVisibility() && {})"
    wide = seen.format("*", "e.getBoundingClientRect().right > innerWidth")
    small = seen.format("button", "e.getBoundingClientRect().height < 32")
    nameless = "!(e.innerText || e.ariaLabel || (e.labels || []).length)"
    unnamed = seen.format(":is(button, input, .board canvas)", nameless)
    for width in (390, 1024, 1600):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        for fault in (wide, small, unnamed):
            assert page.evaluate(f"{fault}.map(e => e.outerHTML)") == []
