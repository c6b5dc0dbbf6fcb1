"""An agent: a model that answers the requests on a topic, in threads of its own.

It takes requests in micro-batches, calls the model once per batch, delivers the answers and only
then commits. If anything breaks in between, the batch is done again, and the judge recognises a
prediction that it has already seen. A request that cannot be decoded, or comes too late, goes to
the dead-letter topic.

One thread belongs to the consumer and never waits for the model: it collects, commits and sends
heartbeats (`consumer_session`). Others call the model and deliver (`inference_worker`).
"""

from __future__ import annotations

import os
import socket
import threading
import uuid

from imageclass.agents.canary import Serving
from imageclass.agents.consumer_session import ConsumerSession
from imageclass.agents.state import AgentState
from imageclass.agents.status import AgentStatus
from imageclass.kafka.connection import Connection
from imageclass.messages.headers import check_agent_name
from imageclass.models.classifier import Classifier


class Agent:
    """Answers requests with one model; `start_agent` makes sure that there is exactly one.

    Attributes:
        name: it is in every prediction and in the consumer group's name.
        connection: the broker.
        topic: full name of the topic of requests.
        instance: id of this one agent; several of one name have different ones.
        thread: the consumer's thread, for `is_alive`.
    """

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
        """Make an agent that is not started yet.

        Args:
            connection: the broker.
            name: agents of one name, in other processes, share its requests.
            classifier: the model.
            dataset: requests that name another data set are skipped; empty: none are.
            model: the model's hash, which its predictions carry.
            batch_size: a batch is closed at so many images; a message is never split.
            max_wait: or so many seconds after its first request was sent.
            topic: full name of the topic of requests; by default `topics.requests`.

        Raises:
            ValueError: the name is no agent's name, or a number makes no sense.
        """
        check_agent_name(name)
        self.name = name
        self.connection = connection
        self.topic = topic or connection.topics.requests
        self.instance = f"{name}@{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:4]}"
        self._state = AgentState(name, Serving(classifier, dataset, model))
        self.adjust(batch_size=batch_size, max_wait=max_wait)
        # A daemon, so that it ends with the process and never keeps it alive.
        self.thread = threading.Thread(target=self._run, name=f"agent-{name}", daemon=True)

    @property
    def status(self) -> AgentStatus:
        """What the agent has done so far."""
        return self._state.status

    def adjust(self, *, batch_size: int | None = None, max_wait: float | None = None) -> None:
        """Change when a batch is closed, from the next one on.

        Args:
            batch_size: images, 1 or more; None: as before.
            max_wait: seconds, from 0 to 10; None: as before.

        Raises:
            ValueError: a number is out of its range.
        """
        status = self.status
        size = status.batch_size if batch_size is None else batch_size
        wait = status.max_wait if max_wait is None else max_wait
        if size < 1 or not 0 <= wait <= 10:  # written so that a NaN fails it too
            raise ValueError(
                f"A batch has 1 request or more and waits 0 to 10 s, not {size} and {wait} s."
            )
        self._state.update(batch_size=size, max_wait=wait)

    def swap(self, classifier: Classifier, dataset: str = "", model: str = "") -> None:
        """Answer with another model from the next batch on. A canary ends with that."""
        self._state.serve(Serving(classifier, dataset, model))

    def canary(self, classifier: Classifier, share: float, model: str = "") -> None:
        """Let a newer model answer a share of the requests, chosen by their ids.

        If the canary fails it is ended, and the other model answers.

        Args:
            classifier: the newer model.
            share: its share of the requests, from 0 to 1.
            model: its hash.

        Raises:
            ValueError: the share is out of its range, or the images' shapes differ.
        """
        self._state.serve(self._state.serving.with_canary(classifier, share, model))

    def promote(self) -> None:
        """Let the canary answer everything.

        Raises:
            ValueError: there is no canary.
        """
        self._state.serve(self._state.serving.promoted())

    def end_canary(self) -> None:
        """Let the model answer everything again; without a canary nothing happens."""
        self._state.end_canary()

    def start(self) -> None:
        """Start the agent's threads.

        Raises:
            RuntimeError: it was started before.
        """
        self.thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the current batch and leave the group.

        Args:
            timeout: seconds to wait for that.
        """
        self._state.stopping.set()
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(timeout)

    def wait_until_running(self, timeout: float = 60.0) -> None:
        """Wait until the agent is a member of its group.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TimeoutError: it is not running by then, or was stopped; the text has its last error.
        """
        status = self._state.wait_until_running(timeout)
        if status.state != "running":
            raise TimeoutError(
                f"The agent {self.name} is not running after {timeout:.0f} s but {status.state}"
                f" ({status.last_error or 'no error so far'})."
            )

    def _run(self) -> None:
        state = self._state
        try:
            while not state.stopping.is_set():
                try:
                    self.connection.ensure_topics()
                    session = ConsumerSession(self.connection, state, self.topic, self.instance)
                    with session:
                        while not state.stopping.is_set():
                            session.poll_once()
                # Whatever it is, it must be visible, and must not end the agent.
                except Exception as error:
                    state.back_off(error)
        finally:
            state.update(state="stopped")
