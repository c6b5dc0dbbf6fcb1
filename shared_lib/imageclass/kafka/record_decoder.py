"""Decode the records of a batch, one after the other.

kafka-python's own decoder calls a function for each number of a record, some twenty of them, and an
agent would spend more on that than on all the rest of a message. Here the numbers that have one
byte, nearly all, are read in place, and a header that the record before had at the same place,
nearly every one, is not decoded again.
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
    known: list[_Known] = []
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
        headers, position = _headers_at(buffer, position, known)
        if position != end:
            raise ValueError(f"a record of {size} bytes has {position - end + size}")
        yield Decoded(size, offset, timestamp, key, value, headers, end)


#: A header as it is in a batch, with its lengths, and what it says.
_Known = tuple[bytes, Header]


def _bytes_at(buffer: bytes, position: int) -> tuple[bytes | None, int]:
    """Return what is at a position, after its length, and the position behind it."""
    number = buffer[position]
    if number < 0x80:
        length, position = (number >> 1) ^ -(number & 1), position + 1
    else:
        length, position = decode_varint(buffer, position)
    if length < 0:
        return None, position
    return buffer[position : position + length], position + length


def _headers_at(buffer: bytes, position: int, known: list[_Known]) -> tuple[list[Header], int]:
    """Return the headers at a position, after their number, and the position behind them.

    Args:
        buffer: the records.
        position: where the number of headers is.
        known: the headers of the record before; becomes those of this one.
    """
    count, position = decode_varint(buffer, position)
    if not 0 <= count <= MAX_HEADERS:
        raise ValueError(f"a record with {count:,} headers")
    headers: list[Header] = []
    del known[count:]
    for number in range(count):
        if number < len(known):
            raw, header = known[number]
            if buffer.startswith(raw, position):
                headers.append(header)
                position += len(raw)
                continue
        start = position
        name, position = _bytes_at(buffer, start)
        if name is None:
            raise ValueError("a header without a name")
        content, position = _bytes_at(buffer, position)
        try:
            header = name.decode(), content
        except UnicodeDecodeError as error:
            headers = UnreadableHeaders(headers)
            headers.error = str(error)
            headers.append((name.decode("utf-8", "backslashreplace"), content))
            continue  # each record with it shall tell
        headers.append(header)
        known[number : number + 1] = [(buffer[start:position], header)]
    return headers, position
