"""An agent: a model that answers the requests on a topic, in a thread of its own.

It takes requests in micro-batches, asks the model once per batch, delivers the predictions
and only then commits: if anything breaks in between, the batch is done again, and the judge knows
a prediction it has already seen. What cannot be decoded goes to the dead-letter topic.
"""

from __future__ import annotations

import re
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaTimeoutError

from imageclass.connection import Connection
from imageclass.dead_letters import encode_dead_letter
from imageclass.messages import (
    InvalidMessage,
    Prediction,
    decode_image,
    decode_request,
    encode_prediction,
)
from imageclass.models import Classifier

_IDLE_POLL_MS = 200  # how soon an idle agent sees that it shall stop
_BACKOFF_SECONDS = (0.5, 1.0, 2.0, 5.0)  # after the first, second, ... error in a row


@dataclass(frozen=True)
class AgentStatus:
    """A snapshot of what an agent has done since it was started.

    `state` is "starting", "running" (it has its share of the requests), "trying again" (after the
    error in `last_error`) or "stopped". `received` = `answered` + `rejected` (in the dead-letter
    topic) + `skipped` (for another data set). `lag`: requests that were waiting behind the last
    batch. `last_error` stays after the agent has recovered.
    """

    name: str
    state: str
    received: int = 0
    answered: int = 0
    rejected: int = 0
    skipped: int = 0
    errors: int = 0
    lag: int = 0
    last_error: str = ""


class Agent:
    """Answers requests with one model; `agents.start_agent` is the way to have exactly one."""

    def __init__(
        self,
        connection: Connection,
        name: str,
        classifier: Classifier,
        *,
        dataset: str = "",
        batch_size: int = 256,
        max_wait: float = 0.02,
        topic: str | None = None,
    ) -> None:
        """`name` is in every prediction and in the consumer group's name. With a `dataset`,
        requests that name another one are skipped. A batch is closed at `batch_size` requests or
        `max_wait` seconds after its first. `topic`: whose requests it answers, by default
        `topics.requests`. Raises `ValueError` for a name that Kafka cannot hold.
        """
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", name):
            raise ValueError(f"An agent's name is of letters, digits, . _ and -, not {name!r}.")
        self.name = name
        self.connection = connection
        self._serving = (classifier, dataset)
        self.batch_size = batch_size
        self.max_wait = max_wait
        self.topic = topic or connection.topics.requests
        self._status = AgentStatus(name, "starting")
        self._failures = 0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        # A daemon, so that it ends with the process and never keeps it alive.
        self.thread = threading.Thread(target=self._run, name=f"agent-{name}", daemon=True)

    @property
    def status(self) -> AgentStatus:
        """What the agent has done so far."""
        with self._changed:
            return self._status

    def swap(self, classifier: Classifier, dataset: str = "") -> None:
        """Answer with another model from the next batch on."""
        self._serving = (classifier, dataset)

    def start(self) -> None:
        """Start the thread. Raises `RuntimeError` if it was started before."""
        self.thread.start()

    def stop(self, timeout: float = 10.0) -> None:
        """End after the current batch and leave the group; waits `timeout` seconds for it."""
        self._stop.set()
        if self.thread.is_alive() and self.thread is not threading.current_thread():
            self.thread.join(timeout)

    def wait_until_running(self, timeout: float = 60.0) -> None:
        """Wait until the agent has its share of the requests.

        Raises `TimeoutError` with the last error if it has not within `timeout` seconds, or if
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

    def _update(self, **changes: Any) -> None:
        with self._changed:
            self._status = replace(self._status, **changes)
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    self._serve()
                # Whatever it is, it must be seen, and must not end the agent.
                except Exception as error:
                    self._update(
                        state="trying again",
                        errors=self.status.errors + 1,
                        last_error=f"{type(error).__name__}: {error}",
                    )
                    self._stop.wait(_BACKOFF_SECONDS[min(self._failures, 3)])
                    self._failures += 1
        finally:
            self._update(state="stopped")

    def _serve(self) -> None:
        """Answer until told to stop; raises whatever goes wrong. What was not committed then
        comes again to the next consumer of the group."""
        self.connection.ensure_topics()
        topics = self.connection.topics
        # Both are closed with a limit: without one they wait minutes for a broker that is away.
        with ExitStack() as clients:
            consumer = self.connection.consumer(topics.group(self.name))
            # Leaves the group, so that another member need not wait for this one's time-out.
            clients.callback(consumer.close, autocommit=False, timeout_ms=2_000)
            producer = self.connection.producer()
            clients.callback(producer.close, timeout=2.0)
            consumer.subscribe([self.topic])
            while not self._stop.is_set():
                batch = self._collect(consumer)
                if consumer.assignment() and self.status.state != "running":
                    self._update(state="running")
                if batch and self._answer(batch, producer):
                    self._commit(batch, consumer)
                    self._failures = 0

    def _collect(self, consumer: KafkaConsumer) -> list:
        """The next micro-batch of records; empty if none came for a moment."""

        def poll(milliseconds: float, limit: int) -> list:
            found = consumer.poll(timeout_ms=milliseconds, max_records=limit)
            return [record for records in found.values() for record in records]

        batch = poll(_IDLE_POLL_MS, self.batch_size)
        closing_time = time.monotonic() + self.max_wait
        while batch and len(batch) < self.batch_size:
            if (left := closing_time - time.monotonic()) <= 0:
                break
            batch += poll(left * 1000, self.batch_size - len(batch))
        return batch

    def _answer(self, batch: list, producer: KafkaProducer) -> bool:
        """Deliver a prediction or a dead letter for every record; False if told to stop first."""
        classifier, dataset = self._serving
        topics = self.connection.topics
        requests, images, letters, skipped = [], [], [], 0
        for record in batch:
            try:
                request = decode_request(record.value, record.headers)
                if dataset and request.dataset and request.dataset != dataset:
                    skipped += 1
                    continue
                images.append(decode_image(request, classifier.image_shape))
                requests.append(request)
            except InvalidMessage as reason:
                letters.append(encode_dead_letter(record, self.name, str(reason)))
        sent = [
            producer.send(topics.dead_letters, key=key, value=value, headers=headers)
            for key, value, headers in letters
        ]
        if images:
            probabilities = classifier(np.stack(images))
            if not np.isfinite(probabilities).all():
                raise ArithmeticError("the model gives probabilities that are not numbers")
            for request, row in zip(requests, probabilities, strict=True):
                value, headers = encode_prediction(
                    Prediction(request.run, request.request, self.name, row)
                )
                key = request.request.encode()
                sent.append(
                    producer.send(topics.predictions, key=key, value=value, headers=headers)
                )
        while True:
            try:
                producer.flush(timeout=1.0)
                break
            except KafkaTimeoutError:  # the broker is away: the producer keeps trying
                if self._stop.is_set():
                    return False
        for future in sent:
            future.get(timeout=0)  # raises what kept it from being delivered
        status = self.status
        self._update(
            received=status.received + len(batch),
            answered=status.answered + len(images),
            rejected=status.rejected + len(letters),
            skipped=status.skipped + skipped,
        )
        return True

    def _commit(self, batch: list, consumer: KafkaConsumer) -> None:
        following = {
            TopicPartition(record.topic, record.partition): record.offset + 1 for record in batch
        }
        consumer.commit(
            {place: OffsetAndMetadata(offset, "", -1) for place, offset in following.items()},
            timeout_ms=30_000,
        )
        lags = [
            end - following.get(place, consumer.position(place, timeout_ms=1_000) or 0)
            for place in consumer.assignment()
            if (end := consumer.highwater(place)) is not None
        ]
        self._update(lag=max(0, sum(lags)))
