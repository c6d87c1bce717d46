"""From the values of the first page's widgets to a checked request, and how a refusal is shown."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from demo import easel, engine, steering
from demo.engine import Request


def asked(
    prompt: object,
    seed: object,
    steps: object,
    guidance: object,
    pictures: object = 1,
    size: object = None,
    painting: object = None,
    *steered: Any,
) -> Request:
    """The request; `steered` is in the order of `demo.steering.read`, and so are its errors."""
    made = steering.read(*steered)
    return engine.request(prompt, seed, steps, guidance, pictures, size, painting, made)


@contextmanager
def refusals() -> Iterator[None]:
    """Lets a ValueError reach the visitor as its sentence, with nothing that could be markup."""
    try:
        yield
    except ValueError as error:
        raise gr.Error(
            html.escape(str(error)), title="Not possible", print_exception=False
        ) from error


def told_refusals(run: Callable[[], Iterator[dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """The values of a run; the sheet is given a refusal's reason too, for a toast goes away."""
    with refusals():
        try:
            yield from run()
        except ValueError as error:
            yield easel.refused(str(error))
            raise
