"""The threads beside an agent's own: two call the model, one delivers its predictions in order.

So the agent's thread can go on polling, which keeps its place in the group however long the model
takes. One call alone leaves the processor idle between the model's layers; a second one fills the
gaps. At most one batch waits for the model and four for the broker: more is not taken in.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from confluent_kafka import Producer
from numpy.typing import NDArray

from imageclass.agents.micro_batch import Batch, prepare
from imageclass.agents.state import AgentState
from imageclass.kafka.topics import Topics
from imageclass.messages.dead_letters import encode_dead_letter
from imageclass.messages.headers import Headers
from imageclass.messages.predictions import Prediction, encode_prediction

MAX_QUEUED = 1  # batches that wait for the model
MAX_INFERRING = 2  # batches that the model has at once
MAX_UNACKED = 4  # batches whose predictions the broker has not acknowledged yet

_STOP_CHECK_S = 0.2  # how soon an idle thread sees that it shall end
_ACK_POLL_S = 0.02  # how often acknowledgements are looked for while something else is waited for
_LAST_ACKS_TIMEOUT_S = 2.0


class NotDelivered(Exception):
    """The broker did not take a message; what was not committed comes again."""


class Predicted(NamedTuple):
    """What the model gave for a batch.

    Attributes:
        batch: the batch.
        rows: probabilities for each of its requests, float32 (images of the request, classes).
        models: the hash of the model that gave them, for each of its requests.
    """

    batch: Batch
    rows: list[NDArray[np.float32]]
    models: list[str]


class InferenceWorker:
    """Takes batches from one thread and returns them when all their messages are delivered.

    Attributes:
        error: what ended the worker, if something did.
        inside: how many batches were handed over and not taken back yet.
    """

    def __init__(self, state: AgentState, topics: Topics, producer: Producer) -> None:
        """Start the worker's threads.

        Args:
            state: the agent's: its `serving` is read before each batch, and it is told what the
                model raises.
            topics: where predictions and dead letters go.
            producer: sends them.
        """
        self.error: Exception | None = None
        self._state, self._topics, self._producer = state, topics, producer
        self._name = state.status.name
        self._queued: queue.Queue[tuple[Batch, Future[Predicted]]] = queue.Queue(MAX_QUEUED)
        self._offered: queue.Queue[Future[Predicted]] = queue.Queue()  # in the order of the offers
        self._unacked: deque[Batch] = deque()
        self._done: deque[Batch] = deque()
        self.inside = 0
        self._ending = threading.Event()
        self._given_up = threading.Event()
        self._inference = [self._start("model", self._infer) for _ in range(MAX_INFERRING)]
        self._delivery = self._start("delivery", self._deliver)

    def offer(self, batch: Batch, timeout: float) -> bool:
        """Hand a batch over.

        Args:
            batch: the batch.
            timeout: seconds to wait for room.

        Returns:
            Whether there was room for it.
        """
        future: Future[Predicted] = Future()
        try:
            self._queued.put((batch, future), timeout=timeout)
        except queue.Full:
            return False
        self._offered.put(future)
        self.inside += 1
        return True

    def take_done(self) -> list[Batch]:
        """Return the batches delivered since the last call, in the order they were handed over.

        Raises:
            Exception: what ended the worker, once there are no more such batches.
        """
        batches = []
        while self._done:
            batches.append(self._done.popleft())
        self.inside -= len(batches)
        if self.error is not None and not batches:
            raise self.error
        return batches

    def drain(self, timeout: float) -> None:
        """Wait until every batch is done, `timeout` seconds at most."""
        deadline = time.monotonic() + timeout
        while len(self._done) < self.inside and self.error is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)

    def close(self, timeout: float) -> None:
        """End after the current batches. What is not delivered then comes again.

        Args:
            timeout: seconds to wait at most for the model and the broker.
        """
        self._ending.set()
        self._delivery.join(timeout)
        self._given_up.set()

    def _start(self, role: str, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:
                self.error = error

        thread = threading.Thread(target=run, name=f"{role}-{self._name}", daemon=True)
        thread.start()
        return thread

    def _infer(self) -> None:
        while not self._ending.is_set():
            with suppress(queue.Empty):
                self._predict(*self._queued.get(timeout=_STOP_CHECK_S))

    def _predict(self, batch: Batch, future: Future[Predicted]) -> None:
        while not self._ending.is_set():
            serving = self._state.serving
            try:
                if not batch.fits(serving):
                    batch = prepare(batch.records, serving)
                batch.expire(time.time() * 1000)
                rows, models = (
                    serving.predict(batch.requests, batch.images) if batch.requests else ([], [])
                )
            # Whatever it is, it must be visible, and must not end the agent.
            except Exception as error:
                self._state.back_off(error)
                continue
            future.set_result(Predicted(batch, rows, models))
            return

    def _deliver(self) -> None:
        while self._more_comes() or not self._offered.empty():
            self._take_acks(0)
            try:
                wait = _ACK_POLL_S if self._unacked else _STOP_CHECK_S
                future = self._offered.get(timeout=wait)
            except queue.Empty:
                continue
            while not future.done() and self._more_comes():
                with suppress(TimeoutError):
                    future.result(timeout=_ACK_POLL_S)
                self._take_acks(0)
            if not future.done() or self._given_up.is_set():
                break  # it comes again, and so must those behind it
            self._send(future.result())
        deadline = time.monotonic() + _LAST_ACKS_TIMEOUT_S
        while self._unacked and time.monotonic() < deadline:
            self._take_acks(0.05)

    def _more_comes(self) -> bool:
        """Return whether the model may still finish a batch."""
        alive = any(thread.is_alive() for thread in self._inference)
        return alive and not self._given_up.is_set()

    def _take_acks(self, wait_s: float) -> None:
        """Wait up to `wait_s` seconds for acknowledgements; finish the batches that have all."""
        self._producer.poll(wait_s)
        while self._unacked and not self._unacked[0].unacked:
            if (reason := self._unacked[0].failed) is not None:
                raise NotDelivered(f"A prediction could not be delivered: {reason}")
            self._done.append(self._unacked.popleft())

    def _send(self, predicted: Predicted) -> None:
        batch, rows, models = predicted
        for record, reason in batch.invalid + batch.expired:
            self._produce(
                batch, self._topics.dead_letters, *encode_dead_letter(record, self._name, reason)
            )
        for request, row, model in zip(batch.requests, rows, models, strict=True):
            dataset = request.dataset or batch.serving.dataset
            prediction = Prediction(request.run, request.request, self._name, row, model, dataset)
            value, headers = encode_prediction(prediction)
            key = request.ids[0].encode()
            self._produce(batch, self._topics.predictions, key, value, headers)
        self._unacked.append(batch)
        self._take_acks(0)
        while len(self._unacked) > MAX_UNACKED and not self._ending.is_set():
            self._take_acks(0.1)

    def _produce(
        self, batch: Batch, topic: str, key: bytes, value: bytes, headers: Headers
    ) -> None:
        batch.unacked += 1
        while True:
            try:
                return self._producer.produce(
                    topic, value, key, headers=list(headers), on_delivery=batch.on_delivery
                )
            except BufferError:  # the broker is slow, or away
                if self._ending.is_set():
                    raise NotDelivered("The agent was stopped while the broker was away.") from None
                self._take_acks(0.1)
