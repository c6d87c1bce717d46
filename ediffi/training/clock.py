"""Time and signals of a long run: what is due, how fast it goes, and when it is asked to stop.

It knows the wall clock and nothing of training.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""The exit status of a run that was asked to stop before its end, the same as Ctrl-C's."""


class Clock:
    """When each of `names` is due, pictures per second, and the share of time spent waiting."""

    def __init__(self, names: Sequence[str], pictures: int):
        now = time.monotonic()
        self.last = dict.fromkeys(names, now)
        self.waited, self.read_at, self.pictures = 0.0, now, pictures

    def due(self, name: str, seconds: float) -> bool:
        """Whether `seconds` have passed since this last was True (or since the start)."""
        now = time.monotonic()
        if now - self.last[name] < seconds:
            return False
        self.last[name] = now
        return True

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time of the block as waiting for data."""
        asked = time.monotonic()
        yield
        self.waited += time.monotonic() - asked

    def read(self, pictures: int) -> dict[str, float]:
        """`pictures_per_second` and `waiting` in [0, 1] since the last reading."""
        now = time.monotonic()
        passed = max(now - self.read_at, 1e-9)
        speed, waiting = (pictures - self.pictures) / passed, self.waited / passed
        self.waited, self.read_at, self.pictures = 0.0, now, pictures
        return {"pictures_per_second": round(speed, 2), "waiting": round(waiting, 4)}


@contextmanager
def asked_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C and SIGTERM set; a second one interrupts at once.

    Outside the main thread, where Python hears no signals, the event is never set.
    """
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    saved = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
