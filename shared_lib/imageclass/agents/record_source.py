"""Fetches the records of an agent's partitions.

The group's consumer (librdkafka) decompresses gzip without a limit, so it only keeps the agent's
place in the group and fetches nothing. The records come through kafka-python, as to every reader
of ours: what nobody can decode is skipped, and what is decompressed is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import accumulate
from operator import attrgetter

from kafka import TopicPartition
from kafka.errors import KafkaError

from imageclass.agents.micro_batch import MAX_BATCH_BYTES, record_of, record_of_undecodable
from imageclass.kafka.connection import Connection
from imageclass.kafka.record_batches import Undecodable
from imageclass.messages.dead_letters import Record

IDLE_POLL_S = 0.2  # how soon an idle agent sees that it shall stop

_FETCH_MAX_BYTES = 8 * 1024 * 1024  # of all partitions, as sent
_NAP_S = 0.005  # each answer costs as much as many records, and may have only one
_BACKLOG_WAIT_S = 0.1  # for records that the broker has told of
_ASK_TIMEOUT_S = 2.0
_ASK_INTERVAL_S = 1.0
_CLOSE_TIMEOUT_MS = 1_000

_by_place = attrgetter("topic", "partition", "offset")
_images_of = attrgetter("images")


class RecordSource:
    """The records of some partitions, fetched only while they are asked for. For one thread.

    Attributes:
        ends: the end offset of each partition, as far as the broker has told.
    """

    def __init__(self, connection: Connection, client_id: str) -> None:
        """Connect to the broker; there are no partitions yet.

        Args:
            connection: the broker.
            client_id: its name in the broker's log.

        Raises:
            NoBroker: the broker does not answer, or refuses the account.
        """
        self.ends: dict[TopicPartition, int] = {}
        self._skipped: list[Undecodable] = []
        self._left_over: list[Record] = []
        self._next_ask = 0.0
        self._consumer = connection.consumer(
            on_skip=self._skipped.append,
            client_id=client_id,
            fetch_max_bytes=_FETCH_MAX_BYTES,
            metrics_enabled=False,
        )

    def start(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, int]:
        """Read only these partitions from now on.

        Args:
            offsets: where to start; below 0: at the oldest record.

        Returns:
            Where each partition starts.

        Raises:
            kafka.errors.KafkaTimeoutError: the broker does not answer.
        """
        self.stop()
        unknown = [place for place, offset in offsets.items() if offset < 0]
        firsts = self._consumer.beginning_offsets(unknown, _milliseconds(_ASK_TIMEOUT_S))
        starts = {**offsets, **firsts}
        self._consumer.assign(list(starts))
        for place, offset in starts.items():
            self._consumer.seek(place, offset)
        return starts

    def stop(self) -> None:
        """Read nothing any more, and forget what was fetched but not collected."""
        self._consumer.assign(())
        self._skipped.clear()
        self._left_over = []
        self.ends = {}

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close(timeout_ms=_CLOSE_TIMEOUT_MS)

    def collect(self, limits: Callable[[], tuple[int, float]]) -> list[Record]:
        """Return records of a micro-batch, in order within a partition; none if none came in time.

        Those that cannot be decoded are among them.

        Args:
            limits: returns how many images at most, and how long after the first record was sent
                the others are waited for, in seconds. The records have `MAX_BATCH_BYTES` at most,
                or are one.
        """
        records, self._left_over = self._left_over, []
        until = 0.0
        if not records:
            records, sent_ms = self._poll(limits()[0], IDLE_POLL_S)
            max_wait = limits()[1]  # it may have changed meanwhile, and the count too
            # The time on the way to here counts: `max_wait` is a promise to the sender. Where
            # clocks differ the wait is not below 0 and not above its own length.
            waited = max(0.0, time.time() - sent_ms / 1000)
            until = time.monotonic() + max(0.0, max_wait - waited)
        count = limits()[0]
        backlog_until = time.monotonic() + _BACKLOG_WAIT_S
        while records and _images(records) < count and _size(records) < MAX_BATCH_BYTES:
            now = time.monotonic()
            if now < backlog_until and self.is_behind():
                wait = backlog_until - now
            elif now < until:
                time.sleep(min(_NAP_S, until - now))
                wait = max(0.0, until - time.monotonic())
            else:
                break
            records += self._poll(count - _images(records), wait)[0]
        sizes, images = accumulate(map(_size_of, records)), accumulate(map(_images_of, records))
        within = (
            size <= MAX_BATCH_BYTES and number <= count
            for size, number in zip(sizes, images, strict=True)
        )
        fitting = max(1, sum(within))
        self._left_over = records[fitting:]
        return records[:fitting]

    def is_behind(self) -> bool:
        """Return whether the broker has told of records that were not collected yet."""
        if self._left_over:
            return True
        return any(offset < self.ends.get(p, 0) for p, offset in self.positions().items())

    def positions(self) -> dict[TopicPartition, int]:
        """Return the next offset of each partition that is started."""
        found = {p: self._consumer.position(p, timeout_ms=0) for p in self._consumer.assignment()}
        return {place: offset for place, offset in found.items() if offset is not None}

    def ask_ends(self) -> None:
        """Ask the broker for `ends`, once a second at most; without that, records tell of them."""
        if (now := time.monotonic()) < self._next_ask:
            return
        self._next_ask = now + _ASK_INTERVAL_S
        with suppress(KafkaError):  # the next answer will do
            places = list(self._consumer.assignment())
            self.ends.update(self._consumer.end_offsets(places, _milliseconds(_ASK_TIMEOUT_S)))

    def _poll(self, count: int, wait_s: float) -> tuple[list[Record], int]:
        """Return the next records, and when the first of them was sent, in ms since 1970."""
        found = self._consumer.poll(_milliseconds(wait_s), max_records=count)
        for place in self._consumer.assignment():
            if (end := self._consumer.highwater(place)) is not None:
                self.ends[place] = end
        read = [record for records in found.values() for record in records]
        records = [record_of(record) for record in read]
        if self._skipped:
            records += map(record_of_undecodable, self._skipped)
            records.sort(key=_by_place)
            self._skipped.clear()
        return records, read[0].timestamp if read else 0


def _size_of(record: Record) -> int:
    return len(record.value or b"") if record.size is None else record.size


def _size(records: list[Record]) -> int:
    return sum(map(_size_of, records))


def _images(records: list[Record]) -> int:
    return sum(map(_images_of, records))


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
