"""A studio with the fake engine, taken apart or served on a free local port."""

from collections.abc import Iterator

import gradio as gr
import pytest

from demo.app import build_app, launch

from .fake_engine import FakeEngine


@pytest.fixture
def painter() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def app(painter: FakeEngine) -> gr.Blocks:
    return build_app(painter)


@pytest.fixture
def address(app: gr.Blocks) -> Iterator[str]:
    yield launch(app, "127.0.0.1", None, wait=False)
    app.close(verbose=False)
