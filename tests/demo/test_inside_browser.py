"""Look inside with a real browser: by mouse, by keys, in both widths, with names for everything."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .test_browser import UNNAMED
from .visiting import Browser, Visit, visiting

SENTENCE = "a red fox in the meadow"
LABEL = "document.querySelector('.inside-heat').ariaLabel"


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        yield visit


def changes(page, act) -> str:
    """What the map is called after `act`, which must change it."""
    before = page.evaluate(LABEL)
    act()
    page.wait_for_function(f"before => {LABEL} !== before", arg=before)
    return page.evaluate(LABEL)


def test_every_word_has_a_map_and_every_choice_changes_it(visit: Visit, tmp_path):
    page = visit.page
    page.fill("#prompt textarea", SENTENCE)
    page.mouse.wheel(0, 250)
    page.wait_for_function("scrollY > 150", timeout=10_000)
    stuck = "document.querySelector('#page').getBoundingClientRect().top"
    assert page.evaluate(stuck) >= 0  # the easel stays in view, inside a tab too
    page.click("button[role=tab]:has-text('Look inside')")
    page.wait_for_function(
        "text => document.querySelector('#inside-prompt textarea').value === text", arg=SENTENCE
    )
    page.press("#inside-prompt textarea", "Enter")
    page.wait_for_selector(".inside-words button[aria-pressed=true]")
    assert page.locator(".inside-words button").all_inner_texts() == SENTENCE.split()
    assert "“meadow”: brightest in" in page.evaluate(LABEL)

    said = changes(page, lambda: page.click(".inside-words button:has-text('fox')"))
    assert said.startswith("Map of “fox”: brightest in the middle") and SENTENCE in said
    page.focus(".inside-step")
    changes(page, lambda: page.keyboard.press("ArrowLeft"))
    assert ", step 4 of 12, high" in page.inner_text(".inside-dial output")
    changes(page, lambda: page.select_option(".inside-stream", label="T5 alone"))
    changes(page, lambda: page.select_option(".inside-steps", label="Those of low"))
    assert page.inner_text(".inside-dial output") == "mean of 6 steps"
    assert page.is_disabled(".inside-step")
    changes(page, lambda: page.click(".inside-strip figure >> nth=7"))
    assert page.locator(".inside-strip .here").count() == 1
    assert page.inner_text(".inside-bar >> nth=1") == "without the sentence: not asked here"

    with page.expect_download() as download:
        page.click(".inside-keep a >> nth=1")
    assert download.value.suggested_filename.endswith(".npz")
    assert Path(download.value.path()).read_bytes() == b"PK maps"
    for width in (390, 1600):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(UNNAMED) == []
    assert visit.complaints == [] and visit.hosts <= {"127.0.0.1", ""}


def test_a_run_that_another_page_ends_is_told_of_and_can_be_asked_again(visit: Visit, painter):
    page = visit.page
    painter.pace = 0.3
    page.fill("#prompt textarea", SENTENCE)
    for ended, started in (("Look inside", "Create"), ("Create", "Look inside")):
        for name in (ended, started):
            page.click(f"button[role=tab]:has-text('{name}')")
            page.click("#inside-look" if name == "Look inside" else "#paint")
            page.wait_for_timeout(700)
    painter.pace = 0.0
    page.wait_for_selector(".inside-words button[aria-pressed=true]")
    page.click("button[role=tab]:has-text('Create')")
    page.wait_for_selector(".easel .line:has-text('Another page paints: stopped')")
    page.click("#paint")
    visit.phase("done")


def test_a_look_is_stopped_and_the_next_one_begins(visit: Visit, painter):
    page = visit.page
    painter.pace = 0.3
    page.click("button[role=tab]:has-text('Look inside')")
    page.fill("#inside-prompt textarea", SENTENCE)
    page.click("#inside-look")
    page.wait_for_selector(".inside-line:has-text('Step')")
    page.click("#inside-stop")
    page.wait_for_selector(".inside-line:has-text('Stopped.')")
    assert painter.closed.wait(20) and painter.painted == 0
    painter.pace = 0.0
    page.click("#inside-look")
    page.wait_for_selector(".inside-words button[aria-pressed=true]")


def test_the_sentence_follows_create_until_it_is_changed_here(visit: Visit):
    page = visit.page

    def carried(sentence: str) -> str:
        page.click("button[role=tab]:has-text('Create')")
        page.fill("#prompt textarea", sentence)
        page.click("button[role=tab]:has-text('Look inside')")
        page.wait_for_timeout(300)
        return page.input_value("#inside-prompt textarea")

    assert carried("an owl") == "an owl"
    assert carried("a pink whale") == "a pink whale"
    page.fill("#inside-prompt textarea", "a fox")
    assert carried("a red house") == "a fox"
    page.fill("#inside-prompt textarea", "")
    assert carried("a blue house") == "a blue house"


def test_a_refusal_leaves_the_page_as_it_was(visit: Visit, painter):
    page = visit.page
    page.click("button[role=tab]:has-text('Look inside')")
    page.click("#inside-look")
    page.wait_for_selector("text=without words there is nothing to look at")
    assert painter.requests == []
    page.fill("#inside-prompt textarea", "an owl")
    page.dblclick("#inside-look")
    page.wait_for_selector(".inside-words button >> nth=1")
    assert [request.prompt for request in painter.requests] == ["an owl"]
