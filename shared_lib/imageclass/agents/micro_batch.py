"""A micro-batch: the records that were taken together, made ready for the model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from confluent_kafka import TopicPartition
from numpy.typing import NDArray

from imageclass.agents.canary import Serving
from imageclass.messages.dead_letters import Record
from imageclass.messages.headers import InvalidMessage
from imageclass.messages.requests import Request, decode_image, decode_request


@dataclass
class Batch:
    """Requests with their records and pixels, side by side; and what was sorted out.

    `waiting` counts the messages whose delivery is not yet confirmed, `failed` says why one could
    not be delivered. What is sorted out comes with the reason.
    """

    records: Sequence[Record]
    serving: Serving  # whose image shape and data set it was made ready for
    requests: list[Request] = field(default_factory=list)
    origins: list[Record] = field(default_factory=list)
    pixels: list[bytes] = field(default_factory=list)
    invalid: list[tuple[Record, str]] = field(default_factory=list)
    expired: list[tuple[Record, str]] = field(default_factory=list)
    skipped: int = 0
    waiting: int = 0
    failed: object = None

    @property
    def images(self) -> NDArray[np.uint8]:
        """uint8 (n, height, width, channels)."""
        shape = self.serving.classifier.image_shape
        return np.frombuffer(b"".join(self.pixels), np.uint8).reshape(-1, *shape)

    def fits(self, serving: Serving) -> bool:
        """Whether another model takes it as it is."""
        return (
            serving.classifier.image_shape == self.serving.classifier.image_shape
            and serving.dataset == self.serving.dataset
        )

    def expire(self, now_ms: float) -> None:
        """Sort out the requests whose deadline has passed."""
        late = [r.deadline_ms is not None and r.deadline_ms < now_ms for r in self.requests]
        if not any(late):
            return
        for request, record, is_late in zip(self.requests, self.origins, late, strict=True):
            if is_late and request.deadline_ms is not None:
                seconds = (now_ms - request.deadline_ms) / 1000
                self.expired.append((record, f"expired {seconds:.1f} s before its turn"))
        groups: tuple[list, ...] = (self.requests, self.origins, self.pixels)
        for group in groups:
            group[:] = [item for item, gone in zip(group, late, strict=True) if not gone]

    def following(self) -> list[TopicPartition]:
        """Where each partition goes on behind this batch."""
        ends = {(record.topic, record.partition): record.offset + 1 for record in self.records}
        return [TopicPartition(topic, number, end) for (topic, number), end in ends.items()]

    def delivered(self, error: object, message: object) -> None:
        """To be called once for each of its messages, when it was delivered or given up."""
        self.waiting -= 1
        self.failed = error or self.failed


def records_of(messages: Iterable[Any]) -> list[Record]:
    """Of `confluent_kafka.Message`s, errors left out: librdkafka goes on from them by itself."""
    return [
        Record(m.topic(), m.partition(), m.offset(), m.value(), m.headers())
        for m in messages
        if m.error() is None
    ]


def prepare(records: Sequence[Record], serving: Serving) -> Batch:
    """The batch of these records for that model: undecodable ones are `invalid`, those for
    another data set `skipped`."""
    batch = Batch(records, serving)
    shape, dataset = serving.classifier.image_shape, serving.dataset
    for record in records:
        try:
            request = decode_request(record.value, record.headers)
            if dataset and request.dataset and request.dataset != dataset:
                batch.skipped += 1
                continue
            ready = request.shape == shape
            pixels = request.body if ready else decode_image(request, shape).tobytes()
        except InvalidMessage as reason:
            batch.invalid.append((record, str(reason)))
            continue
        batch.requests.append(request)
        batch.origins.append(record)
        batch.pixels.append(pixels)
    return batch
