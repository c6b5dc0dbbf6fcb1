"""Bound the bytes that one poll of a consumer returns.

A fetch of a few megabytes may hold gigabytes in compressed batches, each within the limit of its
own (`codecs`). They are decompressed one after the other, so it is enough to stop in time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.protocol.consumer import IsolationLevel

#: The most bytes of records that a poll returns, or one record.
MAX_POLL_BYTES = 16 * 1024 * 1024


class Room:
    """How many bytes of records the poll that runs may still return."""

    def __init__(self) -> None:
        self.left = MAX_POLL_BYTES


class _Full(Exception):
    """The poll has as many bytes as it may have; kafka-python tells so at the next one."""


class BoundedRecords(Fetcher.PartitionRecords):
    """The records of a fetch, which end a poll when it is full."""

    def __init__(self, *args: Any, room: Room, **settings: Any) -> None:
        self._room = room
        super().__init__(*args, **settings)

    def take(self, n: int | None = None) -> list[ConsumerRecord]:
        """Return the next records.

        Args:
            n: how many at most.

        Raises:
            _Full: the poll has enough of them already.
        """
        self._maybe_raise_next_inline_exception()
        if self._room.left <= 0:
            raise _Full
        records: list[ConsumerRecord] = []
        end = self.bytes_read + self._room.left
        try:
            for record in self.record_iterator:
                records.append(record)
                if len(records) == n or self.bytes_read >= end:
                    break
        except Exception as error:  # of `on_skip`
            if not records:
                raise
            self._next_inline_exception = error  # the next call raises it
        self._room.left = end - self.bytes_read
        return records

    def _unpack_records(
        self, tp: TopicPartition, records: Any, *deserializers: object
    ) -> Iterator[ConsumerRecord]:
        """Yield the records, as kafka-python does, but without what it counts and converts."""
        committed_only = self.isolation_level == IsolationLevel.READ_COMMITTED
        while (batch := records.next_batch()) is not None:
            self.leader_epoch = batch.leader_epoch
            aborted = committed_only and batch.has_producer_id() and self._is_aborted(batch)
            # A control batch has only the marker that ends a transaction.
            if not aborted and not batch.is_control_batch:
                for size, record in batch.read(tp):
                    self.records_read += 1
                    self.bytes_read += size
                    self.next_fetch_offset = record.offset + 1
                    yield record
            # Also where the last records are gone, by compaction.
            self.next_fetch_offset = batch.next_offset
        self.drain()

    def _is_aborted(self, batch: Any) -> bool:
        """Return whether a batch belongs to a transaction that was aborted, up to its marker."""
        self._consume_aborted_transactions_up_to(batch.last_offset)
        if self._contains_abort_marker(batch):
            self.aborted_producer_ids.discard(batch.producer_id)
            return False
        return self._is_batch_aborted(batch)


def bound_polls(fetcher: Fetcher) -> Room:
    """Have a consumer's fetcher return no more than `MAX_POLL_BYTES` at once, or one record.

    Returns:
        What is left of that, for `BoundedRecords`.
    """
    room, fetched_records = Room(), fetcher.fetched_records

    def bounded(*args: Any, **settings: Any) -> Any:
        room.left = MAX_POLL_BYTES
        try:
            return fetched_records(*args, **settings)
        except _Full:  # of the last poll: kafka-python kept it for this one
            return fetched_records(*args, **settings)

    fetcher.fetched_records = bounded
    return room
