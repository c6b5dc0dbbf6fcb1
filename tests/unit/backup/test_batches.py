"""Batches of records, taken from one broker's log and made fit for another."""

import struct

import pytest
from kafka.record import MemoryRecords
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

from backup.batches import Batch, committed, for_producing, read_batches

HEADERS = [("name", b"\xff\x00"), ("", b"")]


def made(first: int, keep: list[int], codec: int = 0, attributes: int = 0) -> Batch:
    """Return a batch of which compaction has kept only some records of four."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 10_000)
    for n in keep:
        builder.append(n, 1000 + n, b"key", b"value %d" % n, HEADERS)
    raw = bytearray(builder.build())
    struct.pack_into(">q", raw, 0, first)
    (found,) = struct.unpack_from(">h", raw, 21)
    struct.pack_into(">hi", raw, 21, found | attributes, 3)
    struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
    [batch] = read_batches(bytes(raw))
    return batch


def records(raw: bytes) -> list[tuple]:
    batch = MemoryRecords(raw).next_batch()
    assert batch is not None and batch.validate_crc()
    return [(r.offset, r.timestamp, r.key, r.value, r.headers) for r in batch]


def expected(keep: list[int]) -> list[tuple]:
    return [(new, 1000 + n, b"key", b"value %d" % n, HEADERS) for new, n in enumerate(keep)]


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
@pytest.mark.parametrize(("keep", "start"), [([0, 1, 2, 3], 0), ([1, 3], 0), ([0, 1, 2, 3], 102)])
def test_a_batch_has_no_gaps_for_a_broker(codec: int, keep: list[int], start: int) -> None:
    offsets, raw = for_producing(made(100, keep, codec), start)
    left = [n for n in keep if 100 + n >= start]
    assert offsets == [100 + n for n in left]
    assert records(raw) == expected(left)


def test_what_the_log_has_timed_keeps_that_time() -> None:
    _, raw = for_producing(made(0, [0, 1, 2, 3], attributes=0x08))
    assert {time for _, time, *_ in records(raw)} == {1003}


def test_a_batch_before_the_start_leaves_nothing() -> None:
    assert for_producing(made(0, [0, 1]), start=4) == ([], b"")


def test_records_of_aborted_transactions_are_left_out() -> None:
    transactional = 0x10
    batches = [made(n, [0, 1, 2, 3], attributes=transactional) for n in (0, 4, 8)]
    batches = [
        Batch(b.first, b.last, b.attributes, 0, 0, producer, b.count, b.raw)
        for b, producer in zip(batches, (7, 8, 7), strict=True)
    ]
    assert [b.first for b in committed(iter(batches), [(7, 8)], 0)] == [0, 4]
    assert [b.first for b in committed(iter(batches), [(8, 4)], 4)] == [8]


def test_a_damaged_batch_is_told() -> None:
    raw = bytearray(made(5, [0, 1]).raw)
    raw[-1] ^= 1
    with pytest.raises(ValueError, match="offset 5 is damaged"):
        list(read_batches(bytes(raw)))


def test_a_batch_that_is_cut_off_is_left_out() -> None:
    raw = made(0, [0, 1]).raw
    assert [b.first for b in read_batches(raw + raw[:-1])] == [0]
