"""Records are decoded as kafka-python does it, and damage ends in an error that is expected."""

from __future__ import annotations

import random

import pytest
from imageclass.kafka.record_decoder import (
    MAX_HEADERS,
    UnreadableHeaders,
    decode_records,
)
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.util import encode_varint

_HEADER_BYTES = 61
_CHANCE = random.Random(4)  # noqa: S311, the same numbers each time


def some(length: int) -> bytes | None:
    """Return random bytes of a random length up to `length`, sometimes None."""
    return None if _CHANCE.random() < 0.1 else _CHANCE.randbytes(_CHANCE.randrange(length))


def batch_of(count: int) -> bytes:
    """Return a batch of records with numbers of one byte and more."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 2**30)
    for number in range(count):
        headers = [(f"näme-{n}" * _CHANCE.choice((1, 20)), some(200)) for n in range(number % 7)]
        time = 1_700_000_000_000 + _CHANCE.randrange(-(2**40), 2**40)
        builder.append(number * _CHANCE.choice((1, 1_000)), time, some(90), some(40_000), headers)
    return bytes(builder.build())


def theirs(batch: bytes) -> list[tuple]:
    """Return what kafka-python makes of a batch; it raises what it raises."""
    return [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in DefaultRecordBatch(batch)]


def ours(batch: bytes) -> list[tuple]:
    """Return the same as `theirs`."""
    head = DefaultRecordBatch(batch)
    found = list(decode_records(batch, _HEADER_BYTES, head.records_count))
    first_time, first = head.first_timestamp, head.base_offset
    return [(r.offset + first, r.timestamp + first_time, r.key, r.value, r.headers) for r in found]


def test_a_record_is_what_kafka_python_makes_of_it() -> None:
    batch = batch_of(300)
    assert ours(batch) == theirs(batch)
    assert len(ours(batch)) == 300


def test_damage_ends_in_an_error_or_in_what_kafka_python_makes_of_it() -> None:
    batch, errors = batch_of(6), 0
    for _ in range(3_000):
        damaged = bytearray(batch)
        for _ in range(_CHANCE.choice((1, 3))):
            damaged[_CHANCE.randrange(_HEADER_BYTES, len(batch))] = _CHANCE.randrange(256)
        damaged = damaged[: _CHANCE.choice((len(batch), _CHANCE.randrange(61, len(batch))))]
        try:
            found = ours(bytes(damaged))
        except (ValueError, IndexError):
            errors += 1
            continue
        if not any(isinstance(headers, UnreadableHeaders) for *_, headers in found):
            assert found == theirs(bytes(damaged))
    assert errors > 500


def record_with_headers(count: int, header: bytes) -> bytes:
    body = bytearray(b"\x00\x00\x00\x01\x01")  # attributes, time, offset, no key, no value
    encode_varint(count, body.append)
    body += header * count
    size = bytearray()
    encode_varint(len(body), size.append)
    return bytes(size + body)


def test_millions_of_empty_headers_do_not_become_objects() -> None:
    """Each has two bytes in a batch, and 64 in memory."""
    (record,) = decode_records(record_with_headers(MAX_HEADERS, b"\x00\x01"), 0, 1)
    assert record.headers == [("", None)] * MAX_HEADERS
    with pytest.raises(ValueError, match="a record with 8,000,000 headers"):
        list(decode_records(record_with_headers(8_000_000, b"\x00\x01"), 0, 1))


def test_names_that_are_not_utf_8_are_shown_with_escapes_and_say_so() -> None:
    (record,) = decode_records(record_with_headers(2, b"\x04\xffa\x02b"), 0, 1)
    assert record.headers == [(r"\xffa", b"b")] * 2
    assert isinstance(record.headers, UnreadableHeaders)
    assert record.headers.error.startswith("'utf-8' codec can't decode byte 0xff")
