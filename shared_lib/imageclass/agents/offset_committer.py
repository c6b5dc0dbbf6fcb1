"""Commits a group's offsets, one request to the broker at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

COMMIT_INTERVAL_S = 0.5  # between an answer and the next request


class OffsetCommitter:
    """The offsets that a consumer has to commit, and the request that is in flight.

    For one thread only.
    """

    # WORKAROUND(confluent-kafka 2.16.1): its auto-commit does not wait for the last answer.
    # A broker that is back gets all those requests again, in any order: an old one may be the last,
    # and the group stays behind until something new comes.
    # Test: test_broker_killed_while_requests_are_answered

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, int], int] = {}
        self._requested: dict[tuple[str, int], int] = {}
        self._in_flight = False
        self._next_at = 0.0

    def add(self, offsets: Iterable[TopicPartition]) -> None:
        """Have these offsets committed: the next one to be read of each partition."""
        self._wanted.update({(place.topic, place.partition): place.offset for place in offsets})

    def forget(self) -> None:
        """Commit nothing of this any more: the partitions belong to another consumer now."""
        self._wanted, self._requested = {}, {}

    def commit_if_due(self, consumer: Consumer) -> None:
        """Send a request, if there is something to commit and no request is in flight."""
        if not self._wanted or self._in_flight or time.monotonic() < self._next_at:
            return
        self._requested, self._wanted = self._wanted, {}
        self._in_flight = True
        try:
            consumer.commit(offsets=_partitions(self._requested), asynchronous=True)
        except KafkaException as error:
            self.on_commit(error.args[0], [])

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Take the broker's answer, as the consumer's callback. Failed offsets are tried again."""
        if error is not None or any(partition.error for partition in partitions):
            self._wanted = self._requested | self._wanted
        self._requested = {}
        self._in_flight = False
        self._next_at = time.monotonic() + COMMIT_INTERVAL_S

    def commit_now(self, consumer: Consumer) -> None:
        """Commit everything and wait for the answer, before the partitions are given away."""
        if wanted := self._requested | self._wanted:
            with suppress(KafkaException):  # the next owner does the work again
                consumer.commit(offsets=_partitions(wanted), asynchronous=False)
        self.forget()

    def commit_rest(self, consumer: Consumer, timeout: float) -> None:
        """Commit everything before the consumer is closed.

        Messages that still come meanwhile are left to the group's next consumer.

        Args:
            consumer: the consumer.
            timeout: seconds to wait at most for the broker's answer.
        """
        deadline = time.monotonic() + timeout
        while (self._wanted or self._requested) and time.monotonic() < deadline:
            self._next_at = 0.0
            self.commit_if_due(consumer)
            consumer.poll(0.02)
        self.forget()


def _partitions(offsets: dict[tuple[str, int], int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()]
