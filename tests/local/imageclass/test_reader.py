"""Reading topics of the real broker from chosen offsets to their end."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.kafka import reader as reader_module
from imageclass.kafka.bounded_polls import MAX_POLL_BYTES
from imageclass.kafka.connection import Connection, NoBroker, connect
from imageclass.kafka.reader import TopicReader, read_to_end
from kafka import TopicPartition

from tests.support.records import write
from tests.support.waiting import wait_until

# The time of a partition's first record, in milliseconds. One of years ago may be gone at any
# moment: the broker looks every five minutes what is older than a topic keeps.
FIRST_MS = int(time.time() * 1000) - 3_600_000


@pytest.fixture(scope="module")
def connection(broker: EmbeddedBroker) -> Iterator[Connection]:
    """A topic of requests with ten records in partition 0 and five in partition 2."""
    made = connect(broker.bootstrap_servers, prefix=f"r{uuid.uuid4().hex[:8]}.")
    with made.producer() as producer:
        for partition, count in ((0, 10), (2, 5)):
            for number in range(count):
                producer.send(
                    made.topics.requests,
                    f"{partition}-{number}".encode(),
                    partition=partition,
                    timestamp_ms=FIRST_MS + number * 1_000,
                ).get(30)
    yield made


@contextmanager
def paused(broker: EmbeddedBroker) -> Iterator[None]:
    """Have the broker answer nobody, while its port still accepts connections."""
    assert broker.pid
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def test_every_partition_is_read_in_order_to_its_end(connection: Connection) -> None:
    values = [record.value for record in read_to_end(connection, [connection.topics.requests])]
    for partition, count in ((0, 10), (2, 5)):
        mine = [value for value in values if value.startswith(b"%d-" % partition)]
        assert mine == [b"%d-%d" % (partition, number) for number in range(count)]
    assert len(values) == 15
    # Topics without a record, or without a name on the broker, end at once.
    assert list(read_to_end(connection, [connection.topics.verdicts, "no-such-topic"])) == []


def test_a_read_starts_at_the_newest_at_offsets_or_at_a_time(connection: Connection) -> None:
    topic = connection.topics.requests

    def read(**start: object) -> list[bytes]:
        with TopicReader(connection, [topic], **start) as reader:  # type: ignore[arg-type]
            return sorted(record.value for record in reader.read_to_end())

    assert read(newest=2) == [b"0-8", b"0-9", b"2-3", b"2-4"]
    assert read(newest=0) == []
    offsets = {TopicPartition(topic, 0): 9, TopicPartition(topic, 2): 99}  # 99: a topic made again
    assert read(start_offsets=offsets) == [b"0-9", *(b"2-%d" % n for n in range(5))]
    assert read(start_offsets=offsets, newest=1) == [b"0-9", b"2-4"]
    since = FIRST_MS + 3_500
    assert read(start_time_ms=since) == [*(b"0-%d" % n for n in range(4, 10)), b"2-4"]
    assert read(start_offsets=offsets, start_time_ms=since) == [b"0-9", b"2-4"]


def test_transaction_markers_and_aborted_records_are_no_part_of_what_is_read(
    connection: Connection,
) -> None:
    topic = connection.topics.dead_letters
    with connection.producer(transactional_id=f"{connection.topics.prefix}test") as producer:
        producer.init_transactions()
        for value, finish in (
            (b"kept", producer.commit_transaction),
            (b"dropped", producer.abort_transaction),  # behind it nothing follows
        ):
            producer.begin_transaction()
            producer.send(topic, value, partition=0).get(30)
            finish()
    committed = read_to_end(connection, [topic], isolation_level="read_committed")
    assert [record.value for record in committed] == [b"kept"]
    assert [record.value for record in read_to_end(connection, [topic])] == [b"kept", b"dropped"]


def test_a_reader_goes_on_behind_the_end_and_knows_what_is_unread(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader_module, "_MAX_RECORDS", 1)
    topic = connection.topics.predictions
    with TopicReader(connection, [topic], newest=0) as reader, connection.producer() as producer:
        assert not reader.is_behind()
        assert list(reader.read_to_end()) == []
        for value in (b"first", b"second"):
            producer.send(topic, value, partition=1)
        producer.flush()
        assert wait_until(lambda: reader.poll(0.1), 60, "the first record")[0].value == b"first"
        assert reader.has_unread()
        assert wait_until(lambda: reader.poll(0.1), 60, "the second record")[0].value == b"second"
        assert not reader.has_unread()


def test_a_read_of_a_broker_that_hangs_ends_within_the_limit(
    broker: EmbeddedBroker, connection: Connection
) -> None:
    with TopicReader(connection, [connection.topics.requests], idle_timeout_s=2) as reader:
        with paused(broker):
            began = time.monotonic()
            with pytest.raises(NoBroker, match=r"cannot be read to the end.*not answered for 2 s"):
                list(reader.read_to_end())
            assert 2 <= time.monotonic() - began < 10
            with pytest.raises(NoBroker):
                next(read_to_end(connection, [connection.topics.requests]))
        # The same reader goes on where it stood once the broker answers again.
        assert len(list(reader.read_to_end())) == 15


@pytest.mark.slow
def test_a_poll_is_bounded_where_a_fetch_holds_much_more(
    broker: EmbeddedBroker, connection: Connection
) -> None:
    """Ten batches of 15 MB each, in 200 KB: nobody has to have them in memory at once."""
    topic = connection.topics.verdicts
    write(broker.bootstrap_servers, topic, *[[bytes(1_000_000)] * 15] * 10, codec="gzip")
    sizes: list[list[int]] = []
    offsets: list[int] = []
    with TopicReader(connection, [topic]) as reader:
        while reader.is_behind():
            records = reader.poll()
            sizes.append([len(record.value) for record in records])
            offsets += [record.offset for record in records]
    # A producer that tries again on a busy machine may write a record twice.
    assert offsets == list(range(len(offsets)))
    assert len(offsets) >= 150
    assert max(map(sum, sizes)) <= MAX_POLL_BYTES + 1_000_000
    assert max(map(len, sizes)) > 10
