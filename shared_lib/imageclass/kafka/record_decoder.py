"""Decode the records of a batch, one after the other.

kafka-python's own decoder calls a function for each number of a record, some twenty of them, and an
agent would spend more on that than on all the rest of a message. Here the numbers that have one
byte, nearly all, are read in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kafka.record.util import decode_varint

#: The most headers of a record. Each takes 2 bytes of a batch at least, and 64 as an object.
MAX_HEADERS = 10_000

Header = tuple[str, bytes | None]


class Decoded(NamedTuple):
    """A record as it is in its batch.

    Attributes:
        size: its bytes.
        offset: its offset, counted from that of the batch.
        timestamp: milliseconds after the batch's first timestamp.
        key: None if it has none.
        value: None if it has none.
        headers: names and values.
        end: where the next record begins.
    """

    size: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header]
    end: int


class UnreadableHeaders(list[Header]):
    """Headers with a name that is not UTF-8: `\\xff` stands there for a wrong byte.

    Attributes:
        error: what is wrong with it.
    """

    error: str


def decode_records(buffer: bytes, position: int, count: int) -> Iterator[Decoded]:
    """Yield records, decoding each when it is asked for: there may be very many.

    Args:
        buffer: the records, decompressed.
        position: where the first one begins.
        count: how many there are.

    Raises:
        ValueError: a record is damaged.
        IndexError: a record goes on behind the end.
    """
    for _ in range(count):
        size, position = decode_varint(buffer, position)
        end = position + size
        if end > len(buffer):
            raise ValueError(f"a record of {size} bytes where {len(buffer) - position} are left")
        position += 1  # its attributes, of which there are none so far
        number = buffer[position]
        if number < 0x80:
            timestamp, position = (number >> 1) ^ -(number & 1), position + 1
        else:
            timestamp, position = decode_varint(buffer, position)
        number = buffer[position]
        if number < 0x80:
            offset, position = (number >> 1) ^ -(number & 1), position + 1
        else:
            offset, position = decode_varint(buffer, position)
        key, position = _bytes_at(buffer, position)
        value, position = _bytes_at(buffer, position)
        headers, position = _headers_at(buffer, position)
        if position != end:
            raise ValueError(f"a record of {size} bytes has {position - end + size}")
        yield Decoded(size, offset, timestamp, key, value, headers, end)


def _bytes_at(buffer: bytes, position: int) -> tuple[bytes | None, int]:
    """Return what is at a position, after its length, and the position behind it."""
    length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    return buffer[position : position + length], position + length


def _headers_at(buffer: bytes, position: int) -> tuple[list[Header], int]:
    """Return the headers at a position, after their number, and the position behind them."""
    count, position = decode_varint(buffer, position)
    if not 0 <= count <= MAX_HEADERS:
        raise ValueError(f"a record with {count:,} headers")
    headers: list[Header] = []
    for _ in range(count):
        length = buffer[position]
        if length < 0x80:
            length, position = (length >> 1) ^ -(length & 1), position + 1
        else:
            length, position = decode_varint(buffer, position)
        if length < 0:
            raise ValueError(f"a header's name of {length} bytes")
        end = position + length
        try:
            name = buffer[position:end].decode()
        except UnicodeDecodeError as error:
            name = buffer[position:end].decode("utf-8", "backslashreplace")
            headers = UnreadableHeaders(headers)
            headers.error = str(error)
        length = buffer[end]
        if length < 0x80:
            length, position = (length >> 1) ^ -(length & 1), end + 1
        else:
            length, position = decode_varint(buffer, end)
        if length < 0:
            headers.append((name, None))
        else:
            headers.append((name, buffer[position : position + length]))
            position += length
    return headers, position
