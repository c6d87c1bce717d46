"""A studio with the fake engine, built and served once per file, on a free local port."""

from collections.abc import Iterator

import gradio as gr
import pytest

from demo.app import build_app, launch

from .fake_engine import FakeEngine
from .visiting import Browser, started


@pytest.fixture(scope="module")
def shared_painter() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def painter(shared_painter: FakeEngine) -> FakeEngine:
    """The engine of this file's studio, with nothing remembered."""
    shared_painter.forget()
    return shared_painter


@pytest.fixture(scope="module")
def app(shared_painter: FakeEngine) -> gr.Blocks:
    return build_app(shared_painter)


@pytest.fixture(scope="module")
def address(app: gr.Blocks) -> Iterator[str]:
    yield launch(app, "127.0.0.1", None)
    app.close(verbose=False)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One for a file: it takes longer to start than most visits last."""
    with started(chromium) as browser:
        yield browser
