"""An engine behind walls: one evaluation at a time, a deadline, and no broken picture.

Pages and endpoints ask this one instead of the model, so that none of them can forget a wall. It
knows no gradio and no model.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeVar

import numpy as np

from demo.engine import (
    Defaults,
    Engine,
    Painted,
    Progress,
    Recalled,
    Request,
    Schedule,
    Shelf,
    Unknown,
)
from demo.inside import Inside
from demo.memory import give_back

Event = TypeVar("Event")

DEADLINE = 120.0  # seconds of one run, waiting in the queue apart; our choice


class Walled:
    """An `Engine` around another, whose runs may take `seconds` each.

    Closing a run stops it between two steps. A run that was closed in the middle of a step ends
    that step before another run's next one begins, so that two never share the network.
    """

    def __init__(self, engine: Engine, seconds: float = DEADLINE) -> None:
        self.engine = engine
        self.seconds = seconds
        self._turn = threading.Lock()

    def defaults(self) -> Defaults:
        """The engine's own."""
        return self.engine.defaults()

    def shelves(self) -> tuple[Shelf, ...]:
        """The engine's own."""
        return self.engine.shelves()

    def unknown(self, prompt: str) -> tuple[Unknown, ...]:
        """The engine's own."""
        return self.engine.unknown(prompt)

    def recall(self, png: Path) -> Recalled:
        """The engine's own."""
        return self.engine.recall(png)

    def paint(self, request: Request) -> Generator[Progress | Painted]:
        """The engine's own; ValueError after the deadline, or for values that are not finite."""
        return self._watched(self.engine.paint(request))

    def schedule(self, steps: int, share: float | None = None) -> Schedule:
        """The engine's own."""
        return self.engine.schedule(steps, share)

    def networks(self) -> tuple[str, ...]:
        """The engine's own."""
        return self.engine.networks()

    def look_inside(self, request: Request) -> Generator[Progress | Inside]:
        """As `paint`."""
        return self._watched(self.engine.look_inside(request))

    def _watched(self, events: Generator[Event]) -> Generator[Event]:
        began = time.monotonic()
        with ExitStack() as at_the_end:
            at_the_end.callback(give_back)
            at_the_end.enter_context(closing(events))
            while (event := self._next(events)) is not None:
                if isinstance(event, Progress):
                    _check_finite(event)
                    self._check_deadline(began, event)
                yield event

    def _next(self, events: Generator[Event]) -> Event | None:
        with self._turn:
            return next(events, None)

    def _check_deadline(self, began: float, at: Progress) -> None:
        if time.monotonic() - began > self.seconds and at.step < at.of:
            raise ValueError(
                f"The picture was stopped at step {at.step} of {at.of}: a run may take"
                f" {self.seconds:g} seconds; ask for fewer pictures, fewer steps or a smaller size."
            )


def _check_finite(at: Progress) -> None:
    if not np.isfinite(at.previews).all():
        raise ValueError(
            f"The picture broke at step {at.step} of {at.of}, its values are no longer finite:"
            " try less guidance."
        )
