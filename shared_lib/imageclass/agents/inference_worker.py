"""The threads beside an agent's own: two ask the model, one delivers the answers in order.

The agent's thread can so go on polling, which keeps its place in the group however long the model
takes. A model alone leaves the processor idle between its layers and calls; a second call fills
that. At most one batch waits for the model and four for the broker: more is not taken in.
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

from imageclass.agents.canary import Serving
from imageclass.agents.micro_batch import Batch, prepare
from imageclass.kafka.topics import Topics
from imageclass.messages.dead_letters import encode_dead_letter
from imageclass.messages.headers import Headers
from imageclass.messages.predictions import Prediction, encode_prediction

MAX_QUEUED = 1  # batches that wait for the model
MAX_INFERRING = 2  # batches that the model has at once
MAX_UNACKED = 4  # batches that wait for the broker's word that it has all of their answers


class NotDelivered(Exception):
    """The broker did not take an answer; what was not committed comes again."""


class Answered(NamedTuple):
    """What the model said to a batch. `rows`: probabilities, float32 (classes,), and `models`: the
    hash of the model that gave them, for each of its requests."""

    batch: Batch
    rows: list[NDArray[np.float32]]
    models: list[str]


class InferenceWorker:
    """Takes batches from one thread and gives them back when all their answers are delivered."""

    def __init__(
        self,
        name: str,
        topics: Topics,
        producer: Producer,
        serving: Callable[[], Serving],
        on_error: Callable[[Exception], object],
    ) -> None:
        """`serving` is asked before each batch. `on_error` gets what the model raised, and
        returns when the batch shall be tried again."""
        self.error: Exception | None = None
        self._name, self._topics, self._producer = name, topics, producer
        self._serving, self._on_error = serving, on_error
        self._ready: queue.Queue[tuple[Batch, Future[Answered]]] = queue.Queue(MAX_QUEUED)
        self._asked: queue.Queue[Future[Answered]] = queue.Queue()  # in the order of the offers
        self._flying: deque[Batch] = deque()
        self._done: deque[Batch] = deque()
        self._inside = 0
        self._ending = threading.Event()
        self._given_up = threading.Event()
        self._classifying = [self._started("model", self._classify) for _ in range(MAX_INFERRING)]
        self._delivery = self._started("delivery", self._deliver)

    def offer(self, batch: Batch, timeout: float) -> bool:
        """Hand a batch over; False if there was no room for it within `timeout` seconds."""
        future: Future[Answered] = Future()
        try:
            self._ready.put((batch, future), timeout=timeout)
        except queue.Full:
            return False
        self._asked.put(future)
        self._inside += 1
        return True

    def take_done(self) -> list[Batch]:
        """The batches that were delivered since the last call, in the order they were handed over.
        Raises what ended the worker."""
        batches = []
        while self._done:
            batches.append(self._done.popleft())
        self._inside -= len(batches)
        if self.error is not None and not batches:
            raise self.error
        return batches

    def drain(self, timeout: float) -> None:
        """Wait until every batch in it is done, at most `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while len(self._done) < self._inside and self.error is None:
            if time.monotonic() > deadline:
                return
            time.sleep(0.005)

    def close(self, timeout: float) -> None:
        """End after the current batches; waits at most `timeout` seconds for them and their
        delivery. What takes longer is not delivered any more: it comes again."""
        self._ending.set()
        self._delivery.join(timeout)
        self._given_up.set()

    def _started(self, role: str, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:
                self.error = error

        thread = threading.Thread(target=run, name=f"{role}-{self._name}", daemon=True)
        thread.start()
        return thread

    def _classify(self) -> None:
        while not self._ending.is_set():
            with suppress(queue.Empty):
                self._ask(*self._ready.get(timeout=0.2))

    def _ask(self, batch: Batch, future: Future[Answered]) -> None:
        while not self._ending.is_set():
            serving = self._serving()
            try:
                if not batch.fits(serving):
                    batch = prepare(batch.records, serving)
                batch.expire(time.time() * 1000)
                rows, models = (
                    serving.answer(batch.requests, batch.images) if batch.requests else ([], [])
                )
            # Whatever it is, it must be seen, and must not end the agent.
            except Exception as error:
                self._on_error(error)
                continue
            future.set_result(Answered(batch, rows, models))
            return

    def _deliver(self) -> None:
        while self._more_comes() or not self._asked.empty():
            self._settle(0)
            try:
                future = self._asked.get(timeout=0.02 if self._flying else 0.2)
            except queue.Empty:
                continue
            while not future.done() and self._more_comes():
                with suppress(TimeoutError):
                    future.result(timeout=0.02)
                self._settle(0)
            if not future.done() or self._given_up.is_set():
                break  # it comes again, and so must those behind it
            self._send(future.result())
        deadline = time.monotonic() + 2
        while self._flying and time.monotonic() < deadline:
            self._settle(0.05)

    def _more_comes(self) -> bool:
        """Whether the model may still answer a batch."""
        alive = any(thread.is_alive() for thread in self._classifying)
        return alive and not self._given_up.is_set()

    def _settle(self, seconds: float) -> None:
        """Hear from the broker for up to `seconds`, and put aside the batches that it has."""
        self._producer.poll(seconds)
        while self._flying and not self._flying[0].waiting:
            if (reason := self._flying[0].failed) is not None:
                raise NotDelivered(f"An answer could not be delivered: {reason}")
            self._done.append(self._flying.popleft())

    def _send(self, answered: Answered) -> None:
        batch, rows, models = answered
        for record, reason in batch.invalid + batch.expired:
            self._produce(
                batch, self._topics.dead_letters, *encode_dead_letter(record, self._name, reason)
            )
        for request, row, model in zip(batch.requests, rows, models, strict=True):
            prediction = Prediction(request.run, request.request, self._name, row, model)
            value, headers = encode_prediction(prediction)
            key = request.request.encode()
            self._produce(batch, self._topics.predictions, key, value, headers)
        self._flying.append(batch)
        self._settle(0)
        while len(self._flying) > MAX_UNACKED and not self._ending.is_set():
            self._settle(0.1)

    def _produce(
        self, batch: Batch, topic: str, key: bytes, value: bytes, headers: Headers
    ) -> None:
        batch.waiting += 1
        while True:
            try:
                return self._producer.produce(
                    topic, value, key, headers=list(headers), on_delivery=batch.delivered
                )
            except BufferError:  # the broker is slow, or away
                if self._ending.is_set():
                    raise NotDelivered("The agent was stopped while the broker was away.") from None
                self._settle(0.1)
