"""The judge: sends images as requests, joins the answers, and says what was right.

The labels stay here. Answers are joined by (run, request, agent), so an image that is drawn twice
counts twice, an answer to an older run counts for nothing, and one that comes twice counts once.
"""

import time
import uuid
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from imageclass.connection import Connection, NoBroker
from imageclass.datasets import Dataset
from imageclass.messages import (
    Headers,
    InvalidMessage,
    decode_prediction,
    encode_request,
    raw_request,
)
from imageclass.verdicts import SCHEMA, Asked, Verdicts, judged

Progress = Callable[[int, int], object]  # (done, total)


class PublishError(Exception):
    """Requests could not be delivered to the broker; the text says how many and why."""


class Judge:
    """Watches the predictions from the moment it is made; publish one run, then collect it.

    A context manager, for one thread. Making it raises `connection.NoBroker` if the
    broker does not answer.
    """

    def __init__(self, connection: Connection, agents: Sequence[str]) -> None:
        """`agents`: the names of those whose answers are awaited, one or more."""
        if not agents:
            raise ValueError("Name at least one agent whose answers to wait for.")
        self.connection = connection
        self.agents = tuple(dict.fromkeys(agents))
        connection.ensure_topics()
        topic = connection.topics.predictions
        self._consumer = connection.consumer()
        places = [
            TopicPartition(topic, partition)
            for partition in self._consumer.partitions_for_topic(topic) or ()
        ]
        self._consumer.assign(places)
        # Pinned to where the topic ends now: nothing older is read, nothing newer is missed.
        for place, end in self._consumer.end_offsets(places).items():
            self._consumer.seek(place, end)

    def __enter__(self) -> "Judge":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._consumer.close(timeout_ms=2_000)

    def publish(
        self,
        dataset: Dataset,
        num_images: int,
        *,
        seed: int | None = None,
        timeout: float = 180.0,
        on_sent: Progress | None = None,
    ) -> Verdicts:
        """Send `num_images` test images, drawn with repetition, as one run.

        Returns the run's `Verdicts`, still without answers, once the broker has all requests. A
        broker that goes away meanwhile is waited for; after `timeout` seconds `PublishError` is
        raised.
        """
        if num_images < 1:
            raise ValueError(f"num_images must be 1 or more, not {num_images}.")
        run_id = uuid.uuid4().hex
        draw = np.random.default_rng(seed).integers(len(dataset.test_images), size=num_images)
        indices = {f"{run_id[:8]}-{number}": int(index) for number, index in enumerate(draw)}
        verdicts = Verdicts(run_id, dataset, self.agents, {})
        messages: dict[str, tuple[bytes, Headers]] = {
            request_id: encode_request(
                raw_request(run_id, request_id, dataset.test_images[index], dataset.name)
            )
            for request_id, index in indices.items()
        }

        def sending(request_id: str) -> None:
            if request_id not in verdicts.asked:
                index = indices[request_id]
                label = int(dataset.test_labels[index])
                verdicts.asked[request_id] = Asked(index, label, time.time() * 1000)
                if on_sent:
                    on_sent(len(verdicts.asked), num_images)

        self._deliver(messages, sending, timeout)
        return verdicts

    def _deliver(
        self,
        messages: dict[str, tuple[bytes, Headers]],
        sending: Callable[[str], None],
        timeout: float,
    ) -> None:
        deadline = time.monotonic() + timeout
        waiting, reason = messages, None
        while waiting:
            futures = {}
            try:
                with self.connection.producer() as producer:
                    # Connects now, so that the first request's latency is not that of connecting.
                    producer.partitions_for(self.connection.topics.requests)
                    for request_id, (value, headers) in waiting.items():
                        sending(request_id)
                        futures[request_id] = producer.send(
                            self.connection.topics.requests,
                            key=request_id.encode(),
                            value=value,
                            headers=headers,
                        )
                    producer.flush(timeout=max(0.1, deadline - time.monotonic()))
            except (KafkaTimeoutError, NoBroker) as error:
                reason = error
            # What failed is sent again under the same id. Should it have arrived after all, it is
            # answered twice, and the second answer counted as a duplicate.
            waiting = {
                request_id: message
                for request_id, message in waiting.items()
                if request_id not in futures or not futures[request_id].succeeded()
            }
            reason = next((f.exception for f in futures.values() if f.failed()), reason)
            if waiting and time.monotonic() > deadline:
                raise PublishError(
                    f"{len(waiting)} of {len(messages)} requests could not be delivered within"
                    f" {timeout:.0f} s ({reason}). Is the broker running?"
                )

    def collect(
        self,
        verdicts: Verdicts,
        *,
        patience: float = 60.0,
        on_reply: Progress | None = None,
    ) -> Verdicts:
        """Wait for the answers to a published run, fill them into `verdicts` and return it.

        Ends when every agent has answered every request, or when for `patience` seconds nothing
        new has come; what is missing then is counted as such.
        """
        total = len(verdicts.asked) * len(self.agents)
        rows = {(row["request_id"], row["agent"]): row for row in verdicts.frame.to_dicts()}
        last_news = time.monotonic()
        while len(rows) < total and time.monotonic() - last_news < patience:
            found = self._consumer.poll(timeout_ms=200, max_records=2_000)
            for record in (record for records in found.values() for record in records):
                if ("run", verdicts.run_id.encode()) not in (record.headers or ()):
                    continue
                try:
                    prediction = decode_prediction(record.value, record.headers)
                    row = judged(prediction, record.timestamp, verdicts)
                except InvalidMessage:
                    verdicts.invalid += 1
                    continue
                if row is None:
                    continue
                key = (prediction.request, prediction.agent)
                if key in rows:
                    duplicates = verdicts.duplicates
                    duplicates[prediction.agent] = duplicates.get(prediction.agent, 0) + 1
                    continue
                rows[key] = row
                last_news = time.monotonic()
                if on_reply:
                    on_reply(len(rows), total)
        verdicts.frame = pl.DataFrame(list(rows.values()), schema=SCHEMA)
        return verdicts
