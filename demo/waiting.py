"""Who waits for the model: so many visitors, and each of them once.

Knows gradio's queue, which has a limit for all visitors together and none for one, and nothing of
what is painted.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import gradio as gr
from gradio.queueing import Event, Queue
from gradio.server_messages import ProcessCompletedMessage

MODEL_QUEUE = "model"  # one for everything that touches the model, on every page and endpoint
PLACES = 16  # visitors waiting at most; the next one is told so
OTHERS = 4  # of what does not touch the model, at once
FEWEST_HEARD = 64  # sessions whose messages are kept besides those that may wait; our choice
LINGER = 5.0  # seconds for which a page is told more after its last job; our choice
HELD = "held-"
ONE_EACH = "Your last picture is still on its way: wait for it or stop it."


class WaitingRoom(Queue):
    """Gradio's queue, in which a visitor has one job for the model, waiting or running.

    A visitor is a page, or a client with a session of its own. A client's second job is refused. On
    the page the new job takes the old one's place: what a second click may ask for at all is the
    page's choice.

    Gradio closes a page's stream of messages with its last job, and a page that asks for the next
    one in that very moment opens no other: its job would be done and never heard of. So the stream
    of a page stays open for a while.
    """

    async def push(self, body: Any, request: Any, username: str | None) -> Any:
        """As the queue's own, with a refusal as the check of an input has it."""
        asked = self.blocks.fns.get(body.fn_index)
        if asked is not None and asked.concurrency_id == MODEL_QUEUE:
            jobs = self._jobs_of(body.session_hash)
            of_page = request.headers.get("x-gradio-user") == "app"
            if jobs and not of_page:
                refusal = {"__type__": "validate", "is_valid": False, "message": ONE_EACH}
                return False, [refusal], "validator_error"
            if of_page and body.session_hash:
                self._hold(body.session_hash)
            for job in jobs:
                await self._end(job)
        self._forget()
        pushed = await super().push(body, request, username)
        if body.session_hash in self.pending_messages_per_session:
            # Whoever asked last is forgotten last, not whoever came last.
            self.pending_messages_per_session.move_to_end(body.session_hash)
        return pushed

    def _forget(self) -> None:
        """Drops sessions that wait for nothing: gradio remembers the name of every one."""
        known = self.pending_event_ids_session
        if len(known) > self.pending_messages_per_session.max_size:
            for session in [each for each, waited_for in known.items() if not waited_for]:
                del known[session]

    def _hold(self, session: str) -> None:
        """Keeps a page's stream open until it has had no job for `LINGER` seconds."""
        waited_for = self.pending_event_ids_session.setdefault(session, set())
        waited_for -= {each for each in waited_for if each.startswith(HELD)}
        hold = HELD + secrets.token_hex(4)
        waited_for.add(hold)
        release = asyncio.create_task(self._release(session, hold))
        self._asyncio_tasks.add(release)
        release.add_done_callback(self._asyncio_tasks.discard)

    async def _release(self, session: str, hold: str) -> None:
        while True:
            await asyncio.sleep(LINGER)
            waited_for = self.pending_event_ids_session.get(session, set())
            if hold not in waited_for:
                return
            if session not in self.pending_messages_per_session:
                del self.pending_event_ids_session[session]
                return
            if waited_for == {hold}:
                over = ProcessCompletedMessage(event_id=hold, output={}, success=True)
                await self.pending_messages_per_session[session].put(over)
                return

    def _jobs_of(self, session: str | None) -> list[Event]:
        row = self.event_queue_per_concurrency_id.get(MODEL_QUEUE)
        waiting = row.queue if row else []
        running = [job for jobs in self.active_jobs if jobs for job in jobs]
        return [
            job
            for job in [*waiting, *running]
            if job.session_hash == session and job.concurrency_id == MODEL_QUEUE and job.alive
        ]

    async def _end(self, job: Event) -> None:
        """Tells its page that a job is over, without a word; a run stops after its step."""
        nothing = {"data": [None] * len(job.fn.outputs)}
        self.send_message(job, ProcessCompletedMessage(output=nothing, success=True))
        await self.clean_events(event_id=job._id)


def with_waiting_room(app: gr.Blocks, places: int = PLACES) -> gr.Blocks:
    """The page with a queue for so many visitors; it has no public way to be given another."""
    # `api_open` would let a direct call pass the queue.
    app.queue(max_size=places, default_concurrency_limit=OTHERS, api_open=False)
    room = WaitingRoom(
        live_updates=True,
        concurrency_count=app.max_threads,
        update_intervals=1,
        max_size=places,
        blocks=app,
        default_concurrency_limit=OTHERS,
    )
    # Previews wait here for visitors who may never fetch them, and counts for a page that is off.
    room.pending_messages_per_session.max_size = FEWEST_HEARD + 2 * places
    room.ANALYTICS_MAX_EVENTS = 1
    app._queue = room
    return app
