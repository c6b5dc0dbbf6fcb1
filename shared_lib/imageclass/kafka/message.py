"""A message on a topic, for a person who looks at it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from numpy.typing import NDArray

from imageclass.messages.headers import InvalidMessage
from imageclass.messages.predictions import decode_predictions
from imageclass.messages.requests import decode_request
from imageclass.messages.text import printable

_MAX_SUMMARY = 400  # characters


@dataclass(frozen=True, eq=False)
class Message:
    """A message as it is on a topic.

    Attributes:
        topic: full name of the topic.
        partition: number of its partition.
        offset: its offset there.
        time: as the broker has it, UTC.
        key: None if it has none.
        value: None if it has none; that deletes the key on a compacted topic.
        headers: as text, unreadable bytes replaced.
        raw_headers: as they are.
    """

    topic: str
    partition: int
    offset: int
    time: datetime
    key: bytes | None
    value: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    raw_headers: tuple[tuple[str, bytes | None], ...] = ()

    @property
    def place(self) -> TopicPartition:
        """Its partition."""
        return TopicPartition(self.topic, self.partition)

    @property
    def image(self) -> NDArray[np.uint8] | None:
        """The first image, uint8 (height, width, channels), of a request with raw pixels.

        None for anything else.
        """
        with suppress(InvalidMessage):
            images = decode_request(self.value, self.raw_headers).pixels
            return None if images is None else images[0]
        return None

    @property
    def summary(self) -> str:
        """What is in it, in one line that every terminal can show."""
        return printable(self._summary())

    def _summary(self) -> str:
        if reason := self.headers.get("dead-letter.reason"):
            return f"dead letter: {reason}"
        with suppress(InvalidMessage):
            request = decode_request(self.value, self.raw_headers)
            size = "×".join(map(str, request.shape)) if request.shape else request.encoding
            if request.count > 1:
                return f"requests {request.ids[0]} …: {request.count} images, {size}"
            return f"request {request.request}: image, {size}"
        with suppress(InvalidMessage):
            prediction, *others = decode_predictions(self.value, self.raw_headers)
            best = int(prediction.probabilities.argmax())
            sure = float(prediction.probabilities[best])
            more = f", and {len(others)} more" if others else ""
            about = f"{prediction.agent} on {prediction.request}"
            return f"{about}: class {best}, {sure:.0%} sure{more}"
        if self.value is None:
            return "(deletes its key)"
        try:
            text = self.value.decode()
        except UnicodeDecodeError:
            return f"{len(self.value)} bytes: {self.value[:24].hex(' ')}"
        return " ".join(text.split())[:_MAX_SUMMARY]


def message_of(record: ConsumerRecord) -> Message:
    """Return a consumer's record as a `Message`."""
    headers = tuple(record.headers or ())
    return Message(
        record.topic,
        record.partition,
        record.offset,
        datetime.fromtimestamp(record.timestamp / 1000, UTC),
        record.key,
        record.value,
        {name: (value or b"").decode(errors="replace") for name, value in headers},
        headers,
    )
