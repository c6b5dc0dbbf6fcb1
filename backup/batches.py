"""Kafka's batches of records, as its log and its network protocol have them (format 2).

A backup keeps batches as the broker gave them, so nothing in them changes: keys, values, headers,
timestamps, compression. A broker takes a batch only if its offsets have no gaps and it belongs to
no transaction; `for_producing` sees to that. The format: https://kafka.apache.org/documentation
(Record Batch).
"""

import gzip
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from mmap import mmap

from imageclass.kafka.codecs import decompress
from kafka.record.util import calc_crc32c

# Base offset, length behind it, leader epoch, format, checksum, attributes, last offset delta,
# first and last timestamp, producer's id and epoch, sequence, number of records.
_HEADER = struct.Struct(">qiibIhiqqqhii")
_LENGTH = struct.Struct(">qi")
_CHECKED_FROM = 21  # the checksum covers everything from the attributes on
_CODEC, _LOG_APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_GZIP = 1
_ABORT = 0


@dataclass(frozen=True)
class Batch:
    """A batch of records.

    Attributes:
        first: the offset of its first record, also if compaction has removed it.
        last: the offset of its last record, the same way.
        attributes: the codec and flags.
        first_timestamp: what its records' timestamps count from, in milliseconds since 1970.
        max_timestamp: the latest timestamp.
        producer: the id of its producer, -1 for none.
        count: number of records.
        raw: the whole batch.
    """

    first: int
    last: int
    attributes: int
    first_timestamp: int
    max_timestamp: int
    producer: int
    count: int
    raw: bytes

    @property
    def is_transactional(self) -> bool:
        """Whether it is part of a transaction."""
        return bool(self.attributes & _TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether it is the mark of a transaction's end, which no reader sees."""
        return bool(self.attributes & _CONTROL)

    @property
    def is_abort(self) -> bool:
        """Whether it marks the end of a transaction that was aborted."""
        if not self.is_control:
            return False
        key = _Record(self.raw, _HEADER.size).key
        return int.from_bytes(key[2:4], "big") == _ABORT

    def has_gaps(self, start: int) -> bool:
        """Return whether records are missing, or come before offset `start`."""
        return self.count != self.last - self.first + 1 or self.first < start


def read_batches(data: bytes | mmap) -> Iterator[Batch]:
    """Yield the whole batches at the beginning of `data`.

    Raises:
        ValueError: a batch has another format, or a wrong checksum.
    """
    position = 0
    while position + _HEADER.size <= len(data):
        base, length = _LENGTH.unpack_from(data, position)
        end = position + _LENGTH.size + length
        if length < _HEADER.size - _LENGTH.size:
            raise ValueError(f"the batch at offset {base} is damaged: its length is {length}")
        if end > len(data):
            return
        yield _parse(data[position:end])
        position = end


def _parse(raw: bytes) -> Batch:
    base, _, _, version, crc, attributes, delta, first_ts, max_ts, producer, _, _, count = (
        _HEADER.unpack_from(raw)
    )
    if version != 2:
        raise ValueError(f"the batch at offset {base} has the unknown format {version}")
    if calc_crc32c(raw[_CHECKED_FROM:]) != crc:
        raise ValueError(f"the batch at offset {base} is damaged: its checksum is wrong")
    return Batch(base, base + delta, attributes, first_ts, max_ts, producer, count, raw)


def committed(
    batches: Iterator[Batch], aborted: list[tuple[int, int]], start: int
) -> Iterator[Batch]:
    """Yield the batches that a reader of committed records sees, from offset `start` on.

    Args:
        batches: batches in the order of their offsets.
        aborted: aborted transactions: the producer's id, and the offset of its first record.
        start: the first offset that was asked for; the broker gives the whole batch that has it.
    """
    pending = sorted(aborted, key=lambda transaction: transaction[1])
    aborting: set[int] = set()
    for batch in batches:
        while pending and pending[0][1] <= batch.last:
            aborting.add(pending.pop(0)[0])
        if batch.is_control:
            if batch.is_abort:
                aborting.discard(batch.producer)
            continue
        if batch.last < start or (batch.is_transactional and batch.producer in aborting):
            continue
        if batch.count:
            yield batch


def for_producing(batch: Batch, start: int = 0) -> tuple[list[int], bytes]:
    """Return a batch as a broker takes it from a producer.

    Args:
        batch: a batch from a broker's log.
        start: records before this offset are left out.

    Returns:
        The offsets that its records had, and the batch, whose first offset is 0. Both are empty if
        no record is left.

    Raises:
        ValueError: its records must be read, and cannot be.
    """
    if not batch.has_gaps(start) and not batch.attributes & _LOG_APPEND_TIME:
        offsets = list(range(batch.first, batch.last + 1))
        content, codec = batch.raw[_HEADER.size :], batch.attributes & _CODEC
        return offsets, _build(content, codec, len(offsets), batch.first_timestamp, batch)
    codec = batch.attributes & _CODEC
    content = decompress(codec, batch.raw[_HEADER.size :])
    records = list(_records(content, batch.count))
    kept = [record for record in records if batch.first + record.offset_delta >= start]
    offsets = [batch.first + record.offset_delta for record in kept]
    if not kept:
        return [], b""
    # With the log's own time all records have the batch's last timestamp.
    by_log = bool(batch.attributes & _LOG_APPEND_TIME)
    base = batch.max_timestamp if by_log else batch.first_timestamp
    parts = [
        record.with_deltas(0 if by_log else record.time_delta, n) for n, record in enumerate(kept)
    ]
    content = b"".join(parts)
    if codec:  # the one codec of Python's own; readers know it from the batch
        content, codec = gzip.compress(content), _GZIP
    return offsets, _build(content, codec, len(kept), base, batch)


def _build(content: bytes, codec: int, count: int, first_timestamp: int, batch: Batch) -> bytes:
    values = (codec, count - 1, first_timestamp, batch.max_timestamp, -1, -1, -1, count)
    checked = struct.pack(">hiqqqhii", *values) + content
    length = _CHECKED_FROM - _LENGTH.size + len(checked)
    head = struct.pack(">qiibI", 0, length, -1, 2, calc_crc32c(checked))
    return head + checked


class _Record:
    """A record in decompressed records: its first fields, and the rest as it is."""

    def __init__(self, data: bytes, position: int) -> None:
        length, begin = _varint(data, position)
        self.end = begin + length
        if length < 0 or self.end > len(data):
            raise ValueError("a record is longer than its batch")
        self._attributes = data[begin : begin + 1]
        self.time_delta, begin = _varint(data, begin + 1)
        self.offset_delta, begin = _varint(data, begin)
        self._rest = data[begin : self.end]

    @property
    def key(self) -> bytes:
        length, begin = _varint(self._rest, 0)
        return self._rest[begin : begin + max(0, length)]

    def with_deltas(self, time_delta: int, offset_delta: int) -> bytes:
        body = self._attributes + _encoded(time_delta) + _encoded(offset_delta) + self._rest
        return _encoded(len(body)) + body


def _records(content: bytes, count: int) -> Iterator[_Record]:
    position = 0
    for _ in range(count):
        record = _Record(content, position)
        position = record.end
        yield record


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a signed number of variable length, and the position behind it."""
    value = shift = 0
    while True:
        if position >= len(data) or shift > 63:
            raise ValueError("a number is cut off")
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7


def _encoded(number: int) -> bytes:
    value = (number << 1) ^ (number >> 63)
    out = bytearray()
    while value > 0x7F:
        out.append((value & 0x7F) | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
