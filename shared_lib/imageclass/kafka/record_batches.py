"""Read every record that can be read: what cannot be decoded is stepped over, and told.

Whoever may write to a topic decides what is in it, and a disk may damage it. kafka-python ends a
read at the first batch of records that it cannot decode, at the same offset at each try.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.record.default_records import DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords

from imageclass.kafka.bounded_polls import BoundedRecords, bound_polls
from imageclass.kafka.codecs import Undecompressable, decompress
from imageclass.kafka.record_decoder import decode_records

_LAST_TIMESTAMP_MS = 253_402_214_400_000  # the last day of the year 9999; calendars end there


class Undecodable(NamedTuple):
    """Records that cannot be decoded, one after the other in a partition.

    Attributes:
        partition: where they are.
        first: the offset of the first.
        last: the offset of the last.
        reason: why, as the end of a sentence.
        raw: the bytes of the whole batch that they are in.
    """

    partition: TopicPartition
    first: int
    last: int
    reason: str
    raw: bytes

    def __str__(self) -> str:
        count = self.last - self.first + 1
        what, were = ("1 record", "was") if count == 1 else (f"{count:,} records", "were")
        at = f"offset {self.first}" if count == 1 else f"offsets {self.first} to {self.last}"
        where = f"{self.partition.topic}, partition {self.partition.partition}, {at}"
        return f"{what} of {where}, {were} skipped: {self.reason}."


OnSkip = Callable[[Undecodable], object]


class SkippedRecords(UserWarning):
    """Records could not be decoded; the text says how many, where and why."""


def warn(undecodable: Undecodable) -> None:
    """Warn of records that were skipped, once for each place."""
    warnings.warn(SkippedRecords(str(undecodable)), stacklevel=2)


def skip_undecodable(consumer: KafkaConsumer, on_skip: OnSkip = warn) -> None:
    """Have a consumer go on behind records that it cannot decode, and bound what a poll returns.

    Make it with `check_crcs=False`: checksums are checked here.

    Args:
        consumer: the consumer.
        on_skip: called during `poll` with what was skipped.
    """
    # WORKAROUND(kafka-python 3.0.12): one record that it cannot decode ends each read there.
    # So do a header's name that is not UTF-8, an unknown codec and a wrong checksum. It also
    # decompresses without a limit, and after the error a second poll never returns.
    # Tests: test_readers_step_over_what_nobody_can_decode,
    # test_a_small_batch_of_huge_content_is_not_decompressed
    fetcher = consumer._fetcher
    room = bound_polls(fetcher)

    def make_readable(
        fetch_offset: int, partition: TopicPartition, records: MemoryRecords, **settings: Any
    ) -> Any:
        def skip(first: int, last: int, reason: str, raw: bytes) -> int:
            # A damaged batch may lie about its end: at least one offset, and none to come.
            first = max(first, fetch_offset)
            last = min(max(first, last), max(first, (consumer.highwater(partition) or 0) - 1))
            on_skip(Undecodable(partition, first, last, reason, raw))
            return last

        readable = _Records(records._buffer, skip)
        return BoundedRecords(fetch_offset, partition, readable, room=room, **settings)

    fetcher.PartitionRecords = make_readable


Skip = Callable[[int, int, str, bytes], int]  # first, last, reason and raw; returns the last


class _Records(MemoryRecords):
    """The batches of a fetch; in the place of one that cannot be decoded there is an empty one."""

    def __init__(self, buffer: bytes, skip: Skip) -> None:
        self._skip = skip
        super().__init__(buffer)

    def next_batch(self) -> _Batch | _Empty | None:
        raw = self._next_slice
        if raw is None:
            return None
        self._cache_next()
        batch = _Batch(raw, self._skip)
        if reason := batch.fault():
            last = self._skip(batch.base_offset, batch.last_offset, reason, bytes(raw))
            return _Empty(batch.base_offset, last, batch.leader_epoch)
        return batch


class _Empty:
    """A batch without records, with what kafka-python asks of one."""

    magic = 2
    is_control_batch = False

    def __init__(self, first: int, last: int, leader_epoch: int) -> None:
        self.base_offset, self.last_offset, self.leader_epoch = first, last, leader_epoch
        self.next_offset = last + 1

    def has_producer_id(self) -> bool:
        return False

    def read(self, partition: TopicPartition) -> Iterator[tuple[int, ConsumerRecord]]:
        return iter(())


class _Batch(DefaultRecordBatch):
    """A batch that ends before the first record that cannot be decoded."""

    def __init__(self, raw: memoryview, skip: Skip) -> None:
        super().__init__(raw)
        self._raw, self._skip = raw, skip
        self._last_read = self.base_offset - 1
        self._content = b""

    def fault(self) -> str:
        """Return why none of its records can be read; empty if they can, as far as is known."""
        if self.magic != 2:
            return f"the batch has the unknown format {self.magic}"
        if not self.validate_crc():
            return "the batch is damaged: its checksum is wrong"
        if self.is_control_batch:
            try:
                next(DefaultRecordBatch(self._raw))
            except Exception as error:
                return f"the marker of a transaction is damaged: {error}"
            return ""
        try:
            self._content = decompress(self.compression_type, bytes(self._raw[self._pos :]))
        except Undecompressable as error:
            return f"the batch cannot be decompressed: {error}"
        return ""

    @property
    def last_offset(self) -> int:
        """As the batch says, but never before its records."""
        return max(self.base_offset, self.base_offset + self.last_offset_delta, self._last_read)

    def read(self, partition: TopicPartition) -> Iterator[tuple[int, ConsumerRecord]]:
        """Yield size and content of its records, up to the first that cannot be decoded."""
        topic, number = partition
        epoch, kind, first_time = self.leader_epoch, self.timestamp_type, self.first_timestamp
        log_time = self.max_timestamp if kind == self.LOG_APPEND_TIME else None
        first_offset, end = self.base_offset, 0
        try:
            for record in decode_records(self._content, 0, self._num_records):
                size, offset, time, key, value, headers, end = record
                self._last_read = offset = first_offset + offset
                time = first_time + time if log_time is None else log_time
                if not 0 <= time <= _LAST_TIMESTAMP_MS:  # a producer may write any
                    time = min(max(0, time), _LAST_TIMESTAMP_MS)
                sizes = -1 if key is None else len(key), -1 if value is None else len(value), -1
                yield (
                    size,
                    ConsumerRecord(
                        topic, number, epoch, offset, time, kind, key, value, headers, None, *sizes
                    ),
                )
            if end != len(self._content):
                raise ValueError(f"{len(self._content) - end} bytes are left behind its records")
        except (ValueError, IndexError) as error:
            if self._last_read < self.last_offset:
                first = self._last_read + 1
                reason = f"the batch is damaged: {error}"
                self._skip(first, self.last_offset, reason, bytes(self._raw))
