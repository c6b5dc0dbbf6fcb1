"""Topics and groups of one broker on another: the same messages, and each group where it was."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata

from backup import topics
from backup.broker import Broker
from hub.accounts.reconciler import HubUser
from tests.support.secured_kafka import KafkaUser, SecuredKafka, complete
from tests.support.waiting import retry_until

pytestmark = pytest.mark.slow

# An hour ago: what is older than its topic's retention goes by itself.
BEGIN = int(time.time() * 1000) - 3_600_000
CODECS = (None, "gzip", "snappy", "lz4", "zstd")
CONFIGS = {"retention.ms": "86400000", "cleanup.policy": "compact,delete"}


@pytest.fixture(scope="module")
def eve(secured_kafka: SecuredKafka) -> KafkaUser:
    return secured_kafka.add_user("eve")


def admin_of(kafka: SecuredKafka) -> Broker:
    return Broker(kafka.broker.admin_file.read_text(), kafka.secret_file.read_text())


def write(eve: KafkaUser, topic: str) -> None:
    """Write what a topic may hold: each codec, no key, no value, odd headers, transactions."""
    for codec in CODECS:
        with eve.producer(compression_type=codec, linger_ms=20, enable_idempotence=True) as out:
            for n in range(20):
                headers = [("name", b"\xff\x00"), ("name", b"again"), ("empty", b"")]
                out.send(topic, b"%d" % n, b"key", headers=headers, timestamp_ms=BEGIN + n)
            out.send(topic, None, b"deleted").get(30)
    with eve.producer(transactional_id="eve.t", compression_type="gzip") as out:
        out.init_transactions()
        for end in (out.abort_transaction, out.commit_transaction):
            out.begin_transaction()
            out.send(topic, f"{end.__name__}".encode(), b"t")
            out.flush()
            end()


def messages(user: KafkaUser, topic: str) -> list[tuple]:
    """Return the committed messages of a topic's first partition, without their offsets."""
    place = TopicPartition(topic, 0)
    found: list[tuple] = []
    with user.consumer(isolation_level="read_committed") as consumer:
        consumer.assign([place])
        consumer.seek_to_beginning(place)
        end = consumer.end_offsets([place])[place]
        while consumer.position(place) < end:
            for records in consumer.poll(timeout_ms=500).values():
                found += [(r.key, r.value, r.headers, r.timestamp) for r in records]
    return found


def next_message(user: KafkaUser, topic: str, group: str) -> tuple:
    with user.consumer(group_id=group, isolation_level="read_committed") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        while not (found := consumer.poll(timeout_ms=500, max_records=1)):
            pass
        [[record]] = found.values()
        return record.key, record.value, record.headers, record.timestamp


def same_user(target: SecuredKafka, eve: KafkaUser) -> KafkaUser:
    person = HubUser(eve.name, since="2026", active=True)
    reconciler = complete(target.reconciler, person)
    return KafkaUser(target.servers, reconciler.account(person))


def test_topics_come_back_with_every_message_and_each_groups_position(
    secured_kafka: SecuredKafka, target: SecuredKafka, eve: KafkaUser, tmp_path: Path
) -> None:
    topic, group = eve.topic("all-kinds"), "eve.reader"
    write(eve, topic)
    place = TopicPartition(topic, 0)
    with eve.admin() as admin:
        # The topic begins in the middle of a batch, and the group stands in the middle of another.
        admin.delete_records({place: 3})
        position = {place: OffsetAndMetadata(47, "a note", -1)}
        # A new broker has no coordinator of groups at first.
        done = {place: NoError}
        retry_until(lambda: admin.alter_group_offsets(group, position) == done, 30, "a position")
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, CONFIGS)])
    expected, next_expected = messages(eve, topic), next_message(eve, topic, group)
    assert len(expected) == 5 * 21 - 3 + 1

    source, other = admin_of(secured_kafka), admin_of(target)
    saved = topics.save(source, tmp_path / "topics")
    restored = topics.restore(other, tmp_path / "topics")

    assert restored == saved
    there = same_user(target, eve)
    assert messages(there, topic) == expected
    assert next_message(there, topic, group) == next_expected
    assert other.configs([topic])[topic] == CONFIGS
    assert "eve" in topics.accounts(tmp_path / "topics")
    # Again, as after a restore that was cut off.
    assert topics.restore(other, tmp_path / "topics") == saved
    assert messages(there, topic) == expected
    source.close()
    other.close()


def test_what_comes_meanwhile_is_whole_or_not_there(
    secured_kafka: SecuredKafka, target: SecuredKafka, eve: KafkaUser, tmp_path: Path
) -> None:
    topic = eve.topic("busy")
    stop = threading.Event()

    def keep_writing() -> None:
        with eve.producer(linger_ms=5) as out:
            n = 0
            while not stop.is_set():
                out.send(topic, b"%d" % n)
                n += 1

    writer = threading.Thread(target=keep_writing)
    writer.start()
    try:
        while len(messages(eve, topic)) < 100:
            pass
        source, other = admin_of(secured_kafka), admin_of(target)
        topics.save(source, tmp_path / "topics")
    finally:
        stop.set()
        writer.join()
    topics.restore(other, tmp_path / "topics")
    source.close()
    other.close()
    values = [int(value) for _, value, _, _ in messages(same_user(target, eve), topic)]
    assert len(values) >= 100
    assert values == list(range(len(values)))
