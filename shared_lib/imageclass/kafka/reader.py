"""Read topics from chosen offsets to their end, without joining a group.

Every wait for the broker has a limit, so a broker that hangs ends a read with `NoBroker`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import RetriableError

from imageclass.kafka.connection import Connection, NoBroker
from imageclass.kafka.patience import PASSING, ask_again

#: Seconds without progress after which the broker counts as gone.
IDLE_TIMEOUT_S = 10.0

_POLL_TIMEOUT_S = 0.5
_CLOSE_TIMEOUT_S = 2.0
_MAX_RECORDS = 5_000  # of one poll


class TopicReader:
    """A consumer at chosen offsets of some topics that knows where they ended when it was made.

    A context manager, for one thread.

    Attributes:
        ends: the end offset of each partition at that time. With `read_committed` it lies before
            the first transaction that is still open.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Sequence[str],
        *,
        newest: int | None = None,
        start_offsets: Mapping[TopicPartition, int] | None = None,
        start_time_ms: int | None = None,
        isolation_level: str = "read_uncommitted",
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        """Assign all partitions of `topics` and seek to where the read starts.

        Args:
            connection: the broker.
            topics: full names of the topics; one that does not exist has no partitions.
            newest: start that many offsets before the end of each partition; 0 reads only what
                comes later. By default a partition is read from its beginning.
            start_offsets: offsets to start at. They win over the other ways to start, except where
                one lies beyond its partition's end: that topic was deleted and made again.
            start_time_ms: start at the first record of that time or later, in milliseconds since
                1970. It wins over `newest`.
            isolation_level: Kafka's `read_uncommitted` or `read_committed`.
            idle_timeout_s: seconds without progress after which the broker counts as gone.

        Raises:
            NoBroker: the broker does not answer.
        """
        self._topics = ", ".join(topics)
        self._servers = ", ".join(connection.bootstrap_servers)
        self._idle_timeout_s = idle_timeout_s
        self._consumer = connection.consumer(isolation_level=isolation_level)
        try:
            partitions = [
                TopicPartition(topic, number) for topic in topics for number in self._numbers(topic)
            ]
            self._consumer.assign(partitions)
            self.ends = self._offsets(self._consumer.end_offsets, partitions)
            starts = self._starts(newest, start_offsets or {}, start_time_ms)
            for partition, offset in starts.items():
                self._consumer.seek(partition, offset)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> TopicReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the consumer."""
        self._consumer.close(timeout_ms=_milliseconds(_CLOSE_TIMEOUT_S))

    def poll(self, timeout_s: float = _POLL_TIMEOUT_S) -> list[ConsumerRecord]:
        """Return the next records, in order within a partition; none if none came in time."""
        found = self._consumer.poll(_milliseconds(timeout_s), max_records=_MAX_RECORDS)
        return [record for records in found.values() for record in records]

    def is_behind(self) -> bool:
        """Return whether some partition was not read yet to the end it had at the start."""
        return any(self._position(partition) < end for partition, end in self.ends.items())

    def has_unread(self) -> bool:
        """Return whether the broker has told of records that `poll` has not returned yet."""
        return any(
            self._position(partition) < (self._consumer.highwater(partition) or 0)
            for partition in self.ends
        )

    def read_to_end(self) -> Iterator[ConsumerRecord]:
        """Yield records until each partition was read to the end that it had at the start.

        Records that came after that time may be among them. What the reader does with a record
        takes no time from the limit.

        Raises:
            NoBroker: nothing was read for `idle_timeout_s` seconds.
        """
        # Positions decide, not the records' offsets: the last offset of a partition may hold a
        # transaction's marker or an aborted record, which are never returned.
        before = self._positions()
        idle_since = time.monotonic()
        while self.is_behind():
            yield from self.poll()
            if (now := self._positions()) != before:
                before = now
                idle_since = time.monotonic()
            elif time.monotonic() - idle_since > self._idle_timeout_s:
                raise self._no_broker()

    def _starts(
        self,
        newest: int | None,
        start_offsets: Mapping[TopicPartition, int],
        start_time_ms: int | None,
    ) -> dict[TopicPartition, int]:
        given = {
            partition: start_offsets[partition]
            for partition, end in self.ends.items()
            if start_offsets.get(partition, end + 1) <= end
        }
        others = [partition for partition in self.ends if partition not in given]
        if not others:
            return given
        if start_time_ms is not None:
            found = self._offsets(
                self._consumer.offsets_for_times, dict.fromkeys(others, start_time_ms)
            )
            return given | {
                partition: found[partition].offset if found[partition] else self.ends[partition]
                for partition in others
            }
        firsts = self._offsets(self._consumer.beginning_offsets, others)
        if newest is not None:
            firsts = {
                partition: max(first, self.ends[partition] - newest)
                for partition, first in firsts.items()
            }
        return given | firsts

    def _numbers(self, topic: str) -> list[int]:
        try:
            return sorted(ask_again(lambda: self._consumer.partitions_for_topic(topic)) or ())
        except PASSING as error:
            raise self._no_broker() from error

    def _offsets(
        self, ask: Callable[..., dict[TopicPartition, Any]], about: Any
    ) -> dict[TopicPartition, Any]:
        """Ask the broker for offsets, and wait no longer than for records."""
        try:
            return ask(about, timeout_ms=_milliseconds(self._idle_timeout_s))
        except RetriableError as error:
            raise self._no_broker() from error

    def _positions(self) -> list[int]:
        return [self._position(partition) for partition in self.ends]

    def _position(self, partition: TopicPartition) -> int:
        # Every partition was sought, so its position is known; the limit is for a check of the
        # position that kafka-python makes when a partition's leader changes.
        return self._consumer.position(partition, timeout_ms=_milliseconds(_POLL_TIMEOUT_S))

    def _no_broker(self) -> NoBroker:
        return NoBroker(
            f"{self._topics} cannot be read to the end: the broker at {self._servers} has not"
            f" answered for {self._idle_timeout_s:.0f} s. Is it running?"
        )


def read_to_end(
    connection: Connection,
    topics: Sequence[str],
    *,
    newest: int | None = None,
    isolation_level: str = "read_uncommitted",
    idle_timeout_s: float = IDLE_TIMEOUT_S,
) -> Iterator[ConsumerRecord]:
    """Yield what is on `topics` now, in order within a partition.

    Args:
        connection: the broker.
        topics: full names of the topics.
        newest: read the last that many offsets of each partition; by default all.
        isolation_level: Kafka's `read_uncommitted` or `read_committed`.
        idle_timeout_s: seconds without progress after which the broker counts as gone.

    Raises:
        NoBroker: the broker does not answer, or stops answering before the end.
    """
    with TopicReader(
        connection,
        topics,
        newest=newest,
        isolation_level=isolation_level,
        idle_timeout_s=idle_timeout_s,
    ) as reader:
        yield from reader.read_to_end()


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
