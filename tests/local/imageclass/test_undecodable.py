"""What nobody can decode: readers and agents of the real broker step over it, and tell."""

from __future__ import annotations

import json
import re
import time
import uuid
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import psutil
import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.agents import registry
from imageclass.kafka import inspect
from imageclass.kafka.connection import Connection, connect
from imageclass.kafka.live_agents import list_agents
from imageclass.kafka.reader import read_to_end
from imageclass.kafka.record_batches import SkippedRecords
from imageclass.runs import live, replay

from tests.support import records
from tests.support.agents import AgentProcesses, Linear, send
from tests.support.kafka import read_all
from tests.support.memory import MIB, Memory
from tests.support.messages import VERDICT
from tests.support.records import write, write_odd_name
from tests.support.waiting import wait_until


class Damaged(NamedTuple):
    """What is done to a batch of the offsets 1 to 3, and what a reader makes of it."""

    change: records.Damage
    skipped: str
    read: tuple[bytes, ...] = ()
    codec: str = "none"


DAMAGES = {
    "bit": Damaged(records.flip_a_bit, "offsets 1 to 3, were"),
    "codec": Damaged(records.claim_codec_7, "offsets 1 to 3, were"),
    "content": Damaged(records.spoil_content, "offsets 1 to 3, were", codec="gzip"),
    "noise": Damaged(records.spoil_records, "offsets 1 to 3, were"),
    "more": Damaged(records.claim_more_records, "", (b"b0" * 50, b"b1" * 50, b"b2" * 50)),
    "fewer": Damaged(records.claim_fewer_records, "offsets 2 to 3, were", (b"b0" * 50,)),
    "long": Damaged(records.claim_long_record, "offsets 1 to 3, were"),
    "format": Damaged(records.claim_format_9, "offsets 1 to 3, were"),
    "end": Damaged(records.claim_a_wrong_end, "offset 1, was"),
}


@pytest.fixture(scope="module")
def damaged(broker: EmbeddedBroker) -> Iterator[Connection]:
    """Topics with one record, three that are damaged on the disk, and one record."""
    made = connect(broker.bootstrap_servers, prefix=f"u{uuid.uuid4().hex[:8]}.")
    topics = {f"{made.topics.prefix}{name}": name for name in DAMAGES}
    with made.admin() as admin:
        admin.create_topics({topic: {"num_partitions": 1} for topic in topics})
        admin.wait_for_topics(list(topics), timeout_ms=30_000)
    for topic, name in topics.items():
        # Compressed only where that makes them smaller.
        batches = [b"before"], [b"b%d" % n * 50 for n in range(3)], [b"after"]
        write(broker.bootstrap_servers, topic, *batches, codec=DAMAGES[name].codec)
    records.damage(broker, {topic: DAMAGES[name].change for topic, name in topics.items()})
    yield made


@pytest.mark.parametrize("name", DAMAGES)
def test_readers_step_over_what_nobody_can_decode(damaged: Connection, name: str) -> None:
    topic = f"{damaged.topics.prefix}{name}"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", SkippedRecords)
        values = [record.value for record in read_to_end(damaged, [topic])]
    assert values == [b"before", *DAMAGES[name].read, b"after"]
    told = [str(one.message) for one in said if issubclass(one.category, SkippedRecords)]
    if DAMAGES[name].skipped:
        (sentence,) = told
        assert f"{topic}, partition 0, {DAMAGES[name].skipped} skipped: the batch " in sentence
    else:
        assert told == []


@pytest.mark.parametrize("codec", records.CODECS)
def test_every_codec_of_a_producer_is_read(
    broker: EmbeddedBroker, connection: Connection, codec: str
) -> None:
    topic = connection.topics.verdicts
    write(broker.bootstrap_servers, topic, [b"text" * 100] * 3, codec=codec)
    newest = inspect.peek(connection, topic, 3)
    assert [message.value for message in newest] == [b"text" * 100] * 3


@pytest.mark.parametrize("codec", ["gzip", "lz4", "zstd"])
def test_a_small_batch_of_huge_content_is_not_decompressed(
    broker: EmbeddedBroker, connection: Connection, codec: str
) -> None:
    topic = connection.topics.verdicts
    write(broker.bootstrap_servers, topic, [bytes(100_000_000)], [b"after"], codec=codec)
    with pytest.warns(SkippedRecords, match="1 record of .* offset 0, was skipped.*than 16 MiB"):
        assert [record.value for record in read_to_end(connection, [topic])] == [b"after"]


def test_a_bomb_does_not_come_onto_the_topic_of_agents(
    broker: EmbeddedBroker, connection: Connection
) -> None:
    """The broker itself decompresses what is there, and 350 MB of zeros ended it."""
    topic = connection.topics.agents
    with pytest.raises(AssertionError, match="Message size too large"):
        write(broker.bootstrap_servers, topic, [bytes(20_000_000)], codec="gzip", key=b"i")
    write(broker.bootstrap_servers, topic, [b"x" * 3_000], key=b"i")


def test_a_header_whose_name_is_no_text_ends_no_reader(connection: Connection) -> None:
    topics = connection.topics
    for topic in (topics.verdicts, topics.dead_letters, topics.agents):
        write_odd_name(connection, topic, b"x")
    (message,) = inspect.peek(connection, topics.verdicts)
    assert message.headers == {"run": "r", r"\xff\xfebad": "1"}
    assert [m.value for m in inspect.tail(connection, topics.verdicts, last=5, timeout=0)] == [b"x"]
    (dead_letter,) = replay.read(connection)
    assert dead_letter.value == b"x"
    assert list_agents(connection).is_empty()


def test_an_agent_steps_over_a_header_whose_name_is_no_text(connection: Connection) -> None:
    write_odd_name(connection, connection.topics.requests, b"x")
    agent = registry.start_agent(connection, "linear", Linear())
    wait_until(lambda: agent.status.rejected == 1, 60, "it is a dead letter")
    assert agent.status.errors == 0
    (dead_letter,) = replay.read(connection)
    assert dead_letter.reason.startswith("its headers cannot be read: 'utf-8' codec can't decode")
    assert (dead_letter.value, dead_letter.headers, dead_letter.size, dead_letter.complete) == (
        b"x",
        [],
        1,
        False,
    )
    refused = replay.replay(connection, [dead_letter]).refused
    assert "could not be read" in refused[dead_letter.origin]


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGES)
def test_agents_step_over_what_nobody_can_decode(damaged: Connection, name: str) -> None:
    topic, (_, skipped, read, _) = f"{damaged.topics.prefix}{name}", DAMAGES[name]
    agent = registry.start_agent(damaged, name, Linear(), topic=topic)
    try:
        # None of the records is a request; what is skipped is one dead letter.
        count = 2 + len(read) + bool(skipped)
        wait_until(lambda: agent.status.rejected == count, 60, f"it went on: {agent.status}")
        wait_until(lambda: agent.status.lag == 0, 60, f"nothing is behind: {agent.status}")
        own = [one for one in replay.read(damaged) if one.agent == name]
        assert len(own) == count and f"{topic}/0/4" in [one.origin for one in own]
        assert agent.status.errors == 0
        told = [one for one in own if "the batch " in one.reason]
        assert len(told) == bool(skipped)
        for dead_letter in told:
            first, last = (int(number) for number in (re.findall(r"\d", skipped) * 2)[:2])
            assert dead_letter.origin == f"{topic}/0/{first}"
            records = f"{last - first + 1} records: " if last > first else ""
            assert dead_letter.reason.startswith(f"{records}the batch ")
            assert dead_letter.size > 61 and not dead_letter.complete
    finally:
        registry.stop_agent(damaged, name)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "size_mb"), [("gzip", 300), ("snappy", 20), ("lz4", 250), ("zstd", 300)]
)
def test_a_bomb_costs_an_agent_little_memory(
    broker: EmbeddedBroker,
    connection: Connection,
    processes: AgentProcesses,
    codec: str,
    size_mb: int,
) -> None:
    """As large as the broker takes it; the requests behind it are answered."""
    topics = connection.topics
    processes.start("agent", seconds=0.0)
    send(connection, 200)
    wait_until(lambda: len(read_all(connection, topics.predictions)) == 200, 60, "it answers")
    memory = Memory(psutil.Process(processes.running["agent"].pid))
    memory.forget_peak()
    before = memory.now()
    write(broker.bootstrap_servers, topics.requests, [bytes(size_mb * 1_000_000)], codec=codec)
    send(connection, 200)
    wait_until(lambda: len(read_all(connection, topics.predictions)) == 400, 60, "it went on")
    grown = memory.peak() - before
    assert grown < 64 * MIB, f"{codec}: from {before // MIB} MiB by {grown // MIB} MiB"
    (dead_letter,) = replay.read(connection)
    assert "the batch cannot be decompressed" in dead_letter.reason


def test_messages_that_decode_to_nonsense_end_no_reader(connection: Connection) -> None:
    """What any producer can write: times of no calendar, half characters, numbers of no column."""
    topics = connection.topics
    heartbeat = {"name": "cnn", "instance": "i", "topic": topics.requests, "state": "running"}
    verdict = json.dumps(VERDICT).encode()
    with connection.producer() as producer:
        for key, changes in enumerate(({}, {"instance": "\ud800"}, {"lag": 10**30})):
            value = json.dumps(heartbeat | changes).encode()
            producer.send(topics.agents, value, b"%d" % key, timestamp_ms=int(time.time() * 1000))
        for moment in (-62_135_596_800_001_000, -1_000, 1_700_000_000_000):
            name = verdict.replace(b'"q"', b'"q%d"' % moment)
            producer.send(topics.verdicts, name, timestamp_ms=moment)
        producer.send(topics.verdicts, verdict.replace(b'"ant"', b'"\\ud800"'))
        origin = ("dead-letter.origin", f"{topics.requests}x/0/1".encode())
        for headers in ([], [origin], [origin, ("dead-letter.size", b"many")]):
            producer.send(topics.dead_letters, b"x", headers=headers)
        producer.flush()
    assert list_agents(connection)["instance"].to_list() == ["i"]
    snapshot = live.watch(connection)
    assert (len(snapshot.verdicts), snapshot.invalid) == (3, 1)
    assert sorted(moment.year for moment in snapshot.verdicts["announced"]) == [1970, 1970, 2023]
    shown = inspect.peek(connection, topics.verdicts, 10)
    assert {message.time.astimezone().year for message in shown} >= {1970, 2023}
    assert {dead_letter.size for dead_letter in replay.read(connection)} == {1}
    assert replay.replay(connection, replay.read(connection)).sent == []
