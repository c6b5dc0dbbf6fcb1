"""Where an agent reads: from what the group has committed, over gaps, markers and lost offsets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from confluent_kafka import Producer
from imageclass.agents import registry
from imageclass.agents.micro_batch import MAX_BATCH_BYTES
from imageclass.agents.record_source import RecordSource
from imageclass.kafka.connection import Connection
from imageclass.messages.requests import encode_request, raw_request, raw_requests
from kafka import TopicPartition

from tests.support.agents import Linear, send
from tests.support.kafka import lag
from tests.support.records import write
from tests.support.waiting import wait_until


def place(connection: Connection, number: int = 0) -> TopicPartition:
    return TopicPartition(connection.topics.requests, number)


def collect_all(source: RecordSource, count: int, batch: int = 100) -> list[list]:
    """Return batches until they have so many records."""
    batches: list[list] = []

    def enough() -> bool:
        batches.append(source.collect(lambda: (batch, 0.0)))
        return sum(map(len, batches)) >= count

    wait_until(enough, 30, f"{count} records")
    return [batch for batch in batches if batch]


@pytest.fixture
def source(connection: Connection) -> Iterator[RecordSource]:
    made = RecordSource(connection, "test")
    yield made
    made.close()


def test_a_source_starts_where_it_is_told_and_stops_with_what_it_has(
    connection: Connection, source: RecordSource
) -> None:
    write(
        connection.bootstrap_servers[0], connection.topics.requests, [b"%d" % n for n in range(20)]
    )
    at = place(connection)
    assert source.start({at: -1001}) == {at: 0}
    ((*_, last),) = collect_all(source, 20)
    assert (last.offset, last.value, source.positions(), source.ends) == (
        19,
        b"19",
        {at: 20},
        {at: 20},
    )
    assert source.start({at: 15}) == {at: 15}
    assert source.collect(lambda: (2, 0.0))[0].offset == 15
    source.stop()
    assert (source.collect(lambda: (2, 0.0)), source.positions(), source.ends) == ([], {}, {})
    source.start({at: 18})
    assert [record.offset for record in source.collect(lambda: (9, 0.0))] == [18, 19]


def test_a_batch_of_large_records_is_bounded_and_the_rest_comes_next(
    connection: Connection, source: RecordSource
) -> None:
    batches = [[bytes(900_000)] * 10] * 8
    write(connection.bootstrap_servers[0], connection.topics.requests, *batches, codec="gzip")
    source.start({place(connection): 0})
    collected = collect_all(source, 80)
    sizes = [sum(len(record.value) for record in batch) for batch in collected]
    assert max(sizes) <= MAX_BATCH_BYTES and len(sizes) < 8
    assert [record.offset for batch in collected for record in batch] == list(range(80))


def test_an_agent_whose_offset_is_gone_goes_on_at_the_oldest_record(connection: Connection) -> None:
    agent = registry.start_agent(connection, "linear", Linear())
    send(connection, 100)
    wait_until(lambda: agent.status.answered == 100, 60, "it has answered")
    registry.stop_agent(connection, "linear")
    send(connection, 100, "gone")
    with connection.consumer() as consumer, connection.admin() as admin:
        places = [place(connection, number) for number in range(4)]
        admin.delete_records(consumer.end_offsets(places))
    send(connection, 100, "there")
    again = registry.start_agent(connection, "linear", Linear())
    wait_until(lambda: again.status.answered == 100, 60, f"the others are answered: {again.status}")
    wait_until(lambda: again.status.lag == 0, 60, f"nothing is behind: {again.status}")
    wait_until(lambda: lag(connection) == 0, 60, "all is committed")
    assert again.status.errors == 0


def test_markers_of_transactions_leave_no_lag(connection: Connection) -> None:
    agent = registry.start_agent(connection, "linear", Linear())
    agent.wait_until_running()
    producer = Producer(
        {"bootstrap.servers": connection.bootstrap_servers[0], "transactional.id": "t"}
    )
    producer.init_transactions(30)
    for number, end in enumerate((producer.commit_transaction, producer.abort_transaction)):
        producer.begin_transaction()
        value, headers = encode_request(
            raw_request("r", f"q{number}", np.zeros(Linear.image_shape, np.uint8))
        )
        producer.produce(connection.topics.requests, value, partition=0, headers=list(headers))
        producer.flush(30)
        end(30)
    wait_until(lambda: agent.status.answered == 2, 60, f"both are read: {agent.status}")
    wait_until(lambda: agent.status.lag == 0, 60, f"nothing is behind: {agent.status}")
    send(connection, 20)
    wait_until(lambda: agent.status.answered == 22, 60, f"it goes on: {agent.status}")
    assert agent.status.errors == 0


def test_a_batch_is_no_larger_than_what_was_set_while_the_source_waited(
    connection: Connection, source: RecordSource
) -> None:
    topic = connection.topics.requests
    write(connection.bootstrap_servers[0], topic, [b"%d" % n for n in range(9)])
    source.start({place(connection): 0})
    counts: list[int] = []

    def limits() -> tuple[int, float]:
        counts.append(2 if counts else 100)
        return counts[-1], 0.0

    first: list = []
    wait_until(lambda: counts.clear() or first.extend(source.collect(limits)) or first, 30, "some")
    assert [record.offset for record in first] == [0, 1]
    assert [record.offset for record in source.collect(lambda: (100, 0.0))] == list(range(2, 9))


def test_a_batch_counts_images_and_splits_no_message(
    connection: Connection, source: RecordSource
) -> None:
    agent = registry.start_agent(connection, "linear", Linear(), batch_size=10)
    with Producer({"bootstrap.servers": connection.bootstrap_servers[0]}) as producer:
        for number in range(12):
            ids = [f"q{number}-{n}" for n in range(4)]
            images = np.zeros((4, *Linear.image_shape), np.uint8)
            value, headers = encode_request(raw_requests("r", ids, images))
            topic = connection.topics.requests
            producer.produce(topic, value, partition=0, headers=list(headers))
        producer.flush(30)
    source.start({place(connection): 0})
    assert [len(batch) for batch in collect_all(source, 12, batch=10)] == [2] * 6
    source.start({place(connection): 0})
    assert [len(batch) for batch in collect_all(source, 12, batch=1)] == [1] * 12
    wait_until(lambda: agent.status.answered == 48, 60, f"all are answered: {agent.status}")
    assert (agent.status.received, agent.status.lag) == (48, 0)
