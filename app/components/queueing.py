"""Gradio's queue in a fair order, with limits per visitor and address instead of "queue is full".

Every call that runs in the queue passes `FairQueue.push`, whichever endpoint it is for, so that is where the
files that were uploaded for it are noted as the visitor's.
"""

from collections.abc import Iterator
from pathlib import Path

import fastapi
import gradio as gr
from gradio.data_classes import PredictBodyInternal
from gradio.queueing import Event, Queue
from gradio.server_messages import EstimationMessage, EventMessage

from app.services.line import LINE, Caller, Waiting, enqueued, refusal
from app.services.session import MODEL_QUEUE, VISITORS

CONCURRENCY = 4  # calls at once of every event that says nothing else


class FairQueue(Queue):
    """The queue of a page; see app.services.line for the order and the limits."""

    async def push(self, body: PredictBodyInternal, request: fastapi.Request, username: str | None):
        """Let a call wait at its place, or refuse it with a sentence."""
        waiting = [event for queue in self.event_queue_per_concurrency_id.values() for event in queue.queue]
        reason = refusal(list(map(_caller, waiting)), Caller(body.session_hash or "", _address(request)))
        if reason:
            return False, reason, "error"
        uploads = self._uploads(body.data)
        accepted, event_id, state = await super().push(body, request, username)
        event = self.event_ids_to_events.get(str(event_id)) if accepted else None
        if event is None:
            return accepted, event_id, state
        if uploads:
            VISITORS.of(event.session_hash).uploads.update(uploads)
        queue = self.event_queue_per_concurrency_id[event.concurrency_id].queue
        if queue and queue[-1] is event:
            queue[:] = enqueued(queue[:-1], event, _caller)
            self.broadcast_estimations(event.concurrency_id)
        return accepted, event_id, state

    def broadcast_estimations(self, concurrency_id: str, after: int | None = None) -> None:
        """Tell every waiting caller its place; `send_message` notes it for the page."""
        if concurrency_id == MODEL_QUEUE:
            LINE.clear()
        super().broadcast_estimations(concurrency_id)

    def send_message(self, event: Event, event_message: EventMessage) -> None:
        """Send a message to a caller, and note the place of a call that waits for the model."""
        if isinstance(event_message, EstimationMessage) and event.concurrency_id == MODEL_QUEUE:
            running = self.event_queue_per_concurrency_id[MODEL_QUEUE].current_concurrency
            place = Waiting((event_message.rank or 0) + running, event_message.rank_eta)
            LINE.note(event.session_hash, place)
        super().send_message(event, event_message)

    def _uploads(self, data: object) -> set[Path]:
        """Return the uploaded files that a call names."""
        return {Path(path) for path in _paths(data) if path in self.blocks.upload_file_set}


def fair_queue(page: gr.Blocks) -> FairQueue:
    """Return the queue of a page."""
    return FairQueue(
        live_updates=True,
        concurrency_count=page.max_threads,
        update_intervals=1,
        max_size=None,
        blocks=page,
        default_concurrency_limit=CONCURRENCY,
    )


def _caller(event: Event) -> Caller:
    return Caller(event.session_hash, _address(event.request))


def _address(request: fastapi.Request) -> str:
    return request.client.host if request.client else ""


def _paths(data: object) -> Iterator[str]:
    """Yield the paths of files in the arguments of a call, at any depth."""
    pending = [data]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            if isinstance(item.get("path"), str):
                yield item["path"]
            pending += item.values()
        elif isinstance(item, list):
            pending += item
