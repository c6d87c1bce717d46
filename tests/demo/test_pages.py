"""Compare and Gallery in a real browser: pictures side by side, kept, and brought back."""

import io
import zipfile
from collections.abc import Iterator

import pytest
from PIL import Image

from .fake_engine import FakeEngine
from .visiting import Browser, Visit, visiting

COMPARED = "phase => document.querySelector('.compare').dataset.phase === phase"
MANY = """() => {
  const one = { ...document.studioPictures[0], words: '<i>many</i>' };
  document.studioPictures = Array(60).fill(one);
}"""


@pytest.fixture(scope="module")
def shared_painter() -> FakeEngine:
    return FakeEngine(pace=0.05, steps=4, networks=("experts", "baseline"))


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Visit]:
    with visiting(browser, address) as visit:
        yield visit
        assert visit.complaints == []
        assert visit.hosts <= {"127.0.0.1", ""}


def turn_to(visit: Visit, name: str) -> None:
    # A second row of the same buttons exists for measuring alone.
    row = "#pages .tab-container:not(.visually-hidden)"
    visit.page.click(f"{row} button:has-text('{name}')")


def test_pictures_are_compared_kept_and_brought_back(visit: Visit, painter, tmp_path):
    page = visit.page
    page.fill("#prompt textarea", "a red fox")
    page.click("#paint")
    visit.phase("done")
    page.click("#compare-this")
    page.wait_for_selector("#compare-summary:has-text('a red fox')")
    page.click("#compare-kind label:has-text('baseline')")
    page.click("#compare-start")
    page.wait_for_function(COMPARED, arg="done")
    assert page.locator(".side .label").all_text_contents() == ["experts", "baseline"]
    assert [request.network for request in painter.requests] == [None, "experts", "baseline"]

    painter.pace = 0.2
    page.click("#compare-kind label:has-text('encoders')")
    page.click("#compare-start")
    # The tiles of the comparison before stay until this one brings its first.
    page.wait_for_function(COMPARED, arg="painting")
    page.wait_for_selector(".side .ready")
    page.click("#compare-start")
    assert page.locator(".side .ready").count(), "a second click takes nothing away"
    page.click("#compare-stop")
    page.wait_for_function(COMPARED, arg="halted")
    assert painter.closed.wait(20) and painter.painted < 8
    painter.pace = 0.05

    turn_to(visit, "Gallery")
    stopped = page.locator(".side .ready").count()
    assert page.locator(".wall li").count() == 3 + stopped
    with page.expect_download() as download:
        page.click(".all")
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None and len(set(archive.namelist())) == 3 + stopped
        picture = archive.read(archive.namelist()[0])
    assert Image.open(io.BytesIO(picture)).info["fake-recipe"]

    turn_to(visit, "Create")
    page.fill("#prompt textarea", "something else")
    turn_to(visit, "Gallery")
    page.click(".wall li:last-child button")
    page.wait_for_selector("#prompt textarea", state="visible")
    assert page.input_value("#prompt textarea") == "a red fox"
    assert page.is_checked("#keep input")

    page.evaluate(MANY)
    page.click("#paint")
    turn_to(visit, "Gallery")
    page.wait_for_function("document.querySelectorAll('.wall li').length === 24")
    assert page.locator(".wall button span").last.text_content() == "<i>many</i>"


def test_a_refused_comparison_leaves_the_last_one_and_says_why(visit: Visit):
    page = visit.page
    turn_to(visit, "Compare")
    page.click("#compare-kind label:has-text('baseline')")
    page.click("#compare-start")
    page.wait_for_function(COMPARED, arg="done")
    page.click("#compare-kind label:has-text('words')")
    page.click("#compare-start")
    page.wait_for_selector(".compare .line:has-text('words')")
    assert page.locator(".side .ready").count() == 2
    assert page.get_attribute(".compare", "data-phase") == "done"


def test_a_comparison_gives_way_to_another_page_and_to_the_visitors_own_pictures(visit, painter):
    page = visit.page
    page.fill("#prompt textarea", "an owl")
    page.click("#paint")
    visit.phase("done")
    page.evaluate("document.studioPictures = Array(24).fill(document.studioPictures[0])")
    painter.pace = 0.2
    page.click("#compare-this")
    page.click("#compare-start")
    page.wait_for_selector(".side .ready")
    assert page.evaluate("document.studioPictures.filter((kept) => kept.compared).length") == 0
    turn_to(visit, "Create")
    page.click("#paint")
    turn_to(visit, "Compare")
    page.wait_for_function(COMPARED, arg="halted")
    assert "Another page paints: stopped" in page.inner_text(".compare .line")
    painter.pace = 0.05
    turn_to(visit, "Create")
    visit.phase("done")
    turn_to(visit, "Gallery")
    page.click(".wall li:first-child button")
    page.wait_for_function("document.activeElement === document.querySelector('#paint')")
