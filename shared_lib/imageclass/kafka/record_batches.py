"""Read every record that can be read: what cannot be decoded is stepped over, and told.

Whoever may write to a topic decides what is in it, and a disk may damage it. kafka-python ends a
read at the first batch of records that it cannot decode, at the same offset at each try.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import decode_varint

from imageclass.kafka.codecs import Undecompressable, decompress

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


def skip_undecodable(consumer: KafkaConsumer, on_skip: OnSkip = warn, *, refusal: str = "") -> None:
    """Have a consumer go on behind records that it cannot decode.

    Make it with `check_crcs=False`: checksums are checked here.

    Args:
        consumer: the consumer.
        on_skip: called during `poll` with what was skipped.
        refusal: why every batch counts as undecodable, for somebody else who cannot decode it.
    """
    # WORKAROUND(kafka-python 3.0.12): one record that it cannot decode ends each read there.
    # So do a header's name that is not UTF-8, an unknown codec and a wrong checksum. It also
    # decompresses without a limit, and after the error a second poll never returns.
    # Tests: test_readers_step_over_what_nobody_can_decode,
    # test_a_small_batch_of_huge_content_is_not_decompressed
    fetcher = consumer._fetcher
    make = Fetcher.PartitionRecords

    def make_readable(
        fetch_offset: int, partition: TopicPartition, records: MemoryRecords, **settings: Any
    ) -> Any:
        def skip(first: int, last: int, reason: str, raw: bytes) -> int:
            # A damaged batch may lie about its end: at least one offset, and none to come.
            first = max(first, fetch_offset)
            last = min(max(first, last), max(first, (consumer.highwater(partition) or 0) - 1))
            on_skip(Undecodable(partition, first, last, reason, raw))
            return last

        readable = _Records(records._buffer, skip, refusal)
        return make(fetch_offset, partition, readable, **settings)

    fetcher.PartitionRecords = make_readable


Skip = Callable[[int, int, str, bytes], int]  # first, last, reason and raw; returns the last


class _Records(MemoryRecords):
    """The batches of a fetch; in the place of one that cannot be decoded there is an empty one."""

    def __init__(self, buffer: bytes, skip: Skip, refusal: str) -> None:
        self._skip, self._refusal = skip, refusal
        super().__init__(buffer)

    def next_batch(self) -> _Batch | _Empty | None:
        raw = self._next_slice
        if raw is None:
            return None
        self._cache_next()
        batch = _Batch(raw, self._skip)
        if reason := self._refusal or batch.fault():
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

    def __iter__(self) -> Iterator[DefaultRecord]:
        return iter(())


class _Batch(DefaultRecordBatch):
    """A batch that ends before the first record that cannot be decoded."""

    _buffer: bytearray
    _pos: int

    def __init__(self, raw: memoryview, skip: Skip) -> None:
        super().__init__(raw)
        self._raw, self._skip = raw, skip
        self._last_read = self.base_offset - 1

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
        if self.compression_type == self.CODEC_NONE:
            return ""
        try:
            records = decompress(self.compression_type, bytes(self._raw[self._pos :]))
        except Undecompressable as error:
            return f"the batch cannot be decompressed: {error}"
        self._buffer, self._pos, self._decompressed = bytearray(records), 0, True
        return ""

    @property
    def last_offset(self) -> int:
        """As the batch says, but never before its records."""
        return max(self.base_offset, self.base_offset + self.last_offset_delta, self._last_read)

    def __next__(self) -> DefaultRecord:
        try:
            record = super().__next__()
        except StopIteration:
            raise
        except Exception as error:  # a damaged record may end in any
            self._next_record_index, self._pos = self._num_records, len(self._buffer)
            if self._last_read < self.last_offset:
                first = self._last_read + 1
                reason = f"the batch is damaged: {error}"
                self._skip(first, self.last_offset, reason, bytes(self._raw))
            raise StopIteration from error
        self._last_read = record.offset
        if not 0 <= record.timestamp <= _LAST_TIMESTAMP_MS:  # a producer may write any
            record._timestamp = min(max(0, record.timestamp), _LAST_TIMESTAMP_MS)
        return record

    def _read_msg(self) -> DefaultRecord:
        try:
            return super()._read_msg()
        except UnicodeDecodeError:  # in the name of a header
            return self._read_with_escapes()

    def _read_with_escapes(self) -> DefaultRecord:
        """Read a record with headers' names that are not UTF-8: `\\xff` stands for a wrong byte."""
        buffer = self._buffer
        length, begin = decode_varint(buffer, self._pos)
        _, position = decode_varint(buffer, begin)
        milliseconds, position = decode_varint(buffer, position)
        offset, position = decode_varint(buffer, position)
        key, position = _bytes_at(buffer, position)
        value, position = _bytes_at(buffer, position)
        count, position = decode_varint(buffer, position)
        headers = []
        for _ in range(count):
            name, position = _bytes_at(buffer, position)
            content, position = _bytes_at(buffer, position)
            headers.append(((name or b"").decode("utf-8", "backslashreplace"), content))
        if position != begin + length:
            raise ValueError(f"a record of {length} bytes has {position - begin}")
        self._pos = position
        log_time = self.timestamp_type == self.LOG_APPEND_TIME
        timestamp = self.max_timestamp if log_time else self.first_timestamp + milliseconds
        offset += self.base_offset
        return DefaultRecord(length, offset, timestamp, self.timestamp_type, key, value, headers)


def _bytes_at(buffer: bytearray, position: int) -> tuple[bytes | None, int]:
    """Return what is at a position, after its length, and the position behind it."""
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    return bytes(buffer[position : position + length]), position + length
