"""How far a group is, told to the broker one request at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

_EVERY = 0.5  # seconds between two requests


class OffsetCommitter:
    """The offsets that a consumer has to commit, and the request that is under way.

    librdkafka's own auto-commit sends the next request before the last is answered. From a broker
    that is back it asks all of them again, in any order (seen in 2.16.0): an old one may be the
    last, and the group stands behind until something new comes.
    For one thread only.
    """

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, int], int] = {}
        self._asked: dict[tuple[str, int], int] = {}
        self._under_way = False
        self._next = 0.0

    def add(self, following: Iterable[TopicPartition]) -> None:
        """Where partitions go on from now."""
        self._wanted.update({(place.topic, place.partition): place.offset for place in following})

    def forget(self) -> None:
        """The partitions are another one's: what is not committed comes again, there."""
        self._wanted, self._asked = {}, {}

    def turn(self, consumer: Consumer) -> None:
        """Ask the broker, if there is something to ask and it is time."""
        if not self._wanted or self._under_way or time.monotonic() < self._next:
            return
        self._asked, self._wanted = self._wanted, {}
        self._under_way = True
        try:
            consumer.commit(offsets=_places(self._asked), asynchronous=True)
        except KafkaException as error:
            self.answered(error.args[0], [])

    def answered(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """To be called by the consumer with the broker's answer; what failed is asked again."""
        if error is not None or any(place.error for place in places):
            self._wanted = self._asked | self._wanted
        self._asked = {}
        self._under_way = False
        self._next = time.monotonic() + _EVERY

    def at_once(self, consumer: Consumer) -> None:
        """Commit before the partitions are given away; they are not this consumer's afterwards."""
        if wanted := self._asked | self._wanted:
            with suppress(KafkaException):  # its next owner does it again
                consumer.commit(offsets=_places(wanted), asynchronous=False)
        self.forget()

    def finish(self, consumer: Consumer, timeout: float) -> None:
        """Commit all that is left; waits at most `timeout` seconds for the broker's word. Messages
        that still come are left to the group's next consumer."""
        deadline = time.monotonic() + timeout
        while (self._wanted or self._asked) and time.monotonic() < deadline:
            self._next = 0.0
            self.turn(consumer)
            consumer.poll(0.02)
        self.forget()


def _places(offsets: dict[tuple[str, int], int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
