"""A visitor with a real browser, who remembers the page's complaints and the hosts it asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"
    " --disable-background-networking --disable-component-update --disable-sync"
).split()
BROKEN_OFF = "BodyStreamBuffer was aborted"
"""What gradio reports of itself where a page is left while its stream of messages is open."""
LEFT = "AbortError: signal is aborted without reason"
"""The same in Chromium 156's words, which only a page that is being left may say."""
PATIENCE = 60_000  # milliseconds; a busy machine is no failure
PHASE = "phase => document.querySelector('.sheet').dataset.phase === phase"
PICTURE = "document.querySelector('.tiles img').getAttribute('src')"


@dataclass
class Visit:
    """A page, the errors it reported and the hosts it asked for something."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    leaving: bool = False

    def listen(self) -> None:
        self.page.on(
            "console",
            lambda said: self.complain(said.text) if said.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.complain(str(error)))
        self.page.on("request", lambda request: self.hosts.add(host(request.url)))

    def complain(self, error: str) -> None:
        if BROKEN_OFF not in error and not (self.leaving and LEFT in error):
            self.complaints.append(error)

    def reload(self) -> None:
        """Leaves the page and opens it anew."""
        self.leaving = True
        self.page.reload()
        self.page.wait_for_selector("#paint")
        self.leaving = False

    def phase(self, name: str) -> None:
        self.page.wait_for_function(PHASE, arg=name)

    def see_it_change(self, times: int) -> None:
        """Waits until the picture on the easel has changed so often."""
        for _ in range(times):
            now = self.page.evaluate(PICTURE)
            self.page.wait_for_function(f"now => {PICTURE} !== now", arg=now)

    def download(self, folder: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.click(".keep a")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


def host(url: str) -> str:
    return "" if urlsplit(url).scheme in ("data", "blob") else urlsplit(url).hostname or ""


@contextmanager
def started(chromium: str) -> Iterator[Browser]:
    """A browser with a data folder of its own, which is gone afterwards."""
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(
            executable_path=chromium, headless=True, args=FLAGS, timeout=PATIENCE
        )
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, address: str) -> Iterator[Visit]:
    """A fresh visitor at `address`, who shares neither storage nor cache with another."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    visit = Visit(context.new_page())
    visit.page.set_default_timeout(PATIENCE)
    visit.listen()
    visit.page.goto(address)
    visit.page.wait_for_selector("#paint")
    yield visit
    context.close()
