"""An agent: a model that answers the requests on a topic, in threads of its own.

It takes requests in micro-batches, asks the model once per batch, delivers the answers and only
then commits: if anything breaks in between, the batch is done again, and the judge knows a
prediction it has already seen. What cannot be decoded, or comes too late, goes to the dead-letter
topic.

One thread belongs to the consumer and never waits for the model: it collects, commits and
announces (`session`). The other one asks the model and delivers (`worker`).
"""

from __future__ import annotations

import os
import re
import socket
import threading
import uuid
from dataclasses import replace
from typing import Any

from imageclass.agents.canary import CanaryFailed, Serving
from imageclass.agents.consumer_session import ConsumerSession
from imageclass.agents.status import AgentStatus
from imageclass.kafka.connection import Connection
from imageclass.models.classifier import Classifier

_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)  # after the first, second, ... error in a row


class Agent:
    """Answers requests with one model; `agents.start_agent` is the way to have exactly one."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        classifier: Classifier,
        *,
        dataset: str = "",
        model: str = "",
        batch_size: int = 256,
        max_wait: float = 0.02,
        topic: str | None = None,
    ) -> None:
        """`name` is in every prediction and in the consumer group's name: agents of one name, in
        other processes, share its requests. With a `dataset`, requests that name another one are
        skipped. `model` is the hash that its predictions carry. A batch is closed at `batch_size`
        requests or `max_wait` seconds after its first was sent. `topic` has the requests, by
        default `topics.requests`. Raises `ValueError` for a name that Kafka cannot hold and
        numbers that make no sense.
        """
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise ValueError(f"An agent's name is of letters, digits, . _ and -, not {name!r}.")
        self.name = name
        self.connection = connection
        self.topic = topic or connection.topics.requests
        self.instance = f"{name}@{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self._status = AgentStatus(name, "starting")
        self._failures = 0
        self._changed = threading.Condition()
        self.stopping = threading.Event()
        self._serve_with(Serving(classifier, dataset, model))
        self.adjust(batch_size=batch_size, max_wait=max_wait)
        # A daemon, so that it ends with the process and never keeps it alive.
        self.thread = threading.Thread(target=self._run, name=f"agent-{name}", daemon=True)

    @property
    def status(self) -> AgentStatus:
        """What the agent has done so far."""
        with self._changed:
            return self._status

    def adjust(self, *, batch_size: int | None = None, max_wait: float | None = None) -> None:
        """Close batches otherwise from the next one on. Raises `ValueError` for a size below 1 or
        a wait below 0 or above 10 s."""
        status = self.status
        size = status.batch_size if batch_size is None else batch_size
        wait = status.max_wait if max_wait is None else max_wait
        if size < 1 or not 0 <= wait <= 10:  # written so that a NaN fails it too
            raise ValueError(
                f"A batch has 1 request or more and waits 0 to 10 s, not {size} and {wait} s."
            )
        self.update(batch_size=size, max_wait=wait)

    def swap(self, classifier: Classifier, dataset: str = "", model: str = "") -> None:
        """Answer with another model from the next batch on. A canary ends with that."""
        self._serve_with(Serving(classifier, dataset, model))

    def canary(self, classifier: Classifier, share: float, model: str = "") -> None:
        """Let a newer model answer `share` (0 to 1) of the requests, chosen by their ids. One that
        fails is ended, and the other model answers. Raises `ValueError` for another share, or
        a model that takes images of another shape."""
        self._serve_with(self.serving.try_out(classifier, share, model))

    def promote(self) -> None:
        """Let the canary answer everything. Raises `ValueError` if there is none."""
        self._serve_with(self.serving.promoted())

    def end_canary(self) -> None:
        """Let the model answer everything again; without a canary nothing happens."""
        self._serve_with(replace(self.serving, canary=None))

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` if it was started before."""
        self.thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the current batch and leave the group; waits `timeout` seconds for it."""
        self.stopping.set()
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(timeout)

    def wait_until_running(self, timeout: float = 60.0) -> None:
        """Wait until the agent is a member of its group.

        Raises `TimeoutError` with the last error if it is not within `timeout` seconds, or if
        it was stopped meanwhile.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._status.state in ("running", "stopped"), timeout)
            status = self._status
        if status.state != "running":
            raise TimeoutError(
                f"The agent {self.name} is not running after {timeout:.0f} s but {status.state}"
                f" ({status.last_error or 'no error so far'})."
            )

    # What follows is for the agent's own threads.

    def update(self, **changes: Any) -> None:
        """Change the status."""
        with self._changed:
            self._status = replace(self._status, **changes)
            self._changed.notify_all()

    def failed(self, error: Exception) -> None:
        """Make an error known and wait a little, longer from time to time."""
        with self._changed:  # the model is asked by two threads, and both may fail
            if isinstance(error, CanaryFailed):
                self.end_canary()
                self.update(errors=self.status.errors + 1, last_error=f"the canary: {error}")
                return
            self.update(
                state="trying again",
                errors=self.status.errors + 1,
                last_error=f"{type(error).__name__}: {error}",
            )
            seconds = _BACKOFF_SECONDS[min(self._failures, 3)]
            self._failures += 1
        self.stopping.wait(seconds)

    def recovered(self) -> None:
        """The next error is a first one again."""
        self._failures = 0
        self.update(state="running")

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                try:
                    self.connection.ensure_topics()
                    with ConsumerSession(self) as session:
                        while not self.stopping.is_set():
                            session.turn()
                # Whatever it is, it must be seen, and must not end the agent.
                except Exception as error:
                    self.failed(error)
        finally:
            self.update(state="stopped")

    def _serve_with(self, serving: Serving) -> None:
        self.serving = serving
        canary = serving.canary
        self.update(
            model=serving.model,
            dataset=serving.dataset,
            canary=canary.model if canary else "",
            share=canary.share if canary else 0.0,
        )
