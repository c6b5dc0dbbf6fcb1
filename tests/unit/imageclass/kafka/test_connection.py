"""Connections: topics and brokers."""

from contextlib import nullcontext
from unittest.mock import MagicMock

import pytest
from imageclass.kafka import connection, patience, reader, topics
from kafka.errors import InvalidReplicationFactorError, KafkaConnectionError, KafkaError


def test_topics_are_the_persons_in_the_hub_and_the_teams_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MOSSHUB_TOPIC_PREFIX", "ada.")
    assert topics.Topics().requests == "ada.requests"
    assert topics.Topics().group("cnn") == "ada.agent.cnn"
    monkeypatch.delenv("MOSSHUB_TOPIC_PREFIX")
    assert topics.Topics().all == (
        "team.requests", "team.predictions", "team.verdicts", "team.dead-letters",
        "team.second-opinions", "team.agents",
    )  # fmt: skip


def test_no_broker_set_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KAFKA_BOOTSTRAP_SERVERS", raising=False)
    with pytest.raises(connection.NoBroker, match="set KAFKA_BOOTSTRAP_SERVERS"):
        connection.connect()


@pytest.mark.slow
def test_a_broker_that_is_away_is_waited_for_and_named() -> None:
    said: list[str] = []
    with pytest.raises(connection.NoBroker, match=r"127\.0\.0\.1:1 does not answer"):
        connection.connect("127.0.0.1:1", timeout=10, on_wait=said.append)
    assert said
    assert "Waiting for the broker at 127.0.0.1:1" in said[0]


@pytest.mark.parametrize("error", [InvalidReplicationFactorError, KafkaConnectionError])
def test_a_broker_without_its_controller_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, error: type[KafkaError]
) -> None:
    answers = [error(), error(), None]

    def create(admin: object, names: topics.Topics) -> None:
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(connection.Connection, "admin", lambda self: nullcontext())
    monkeypatch.setattr(connection, "create_missing_topics", create)
    assert connection.connect("127.0.0.1:1", timeout=30)
    assert answers == []
    answers[:] = [error() for _ in range(100)]
    monkeypatch.setattr(patience, "ASK_TIMEOUT_S", 0.5)
    with pytest.raises(connection.NoBroker, match="does not answer"):
        connection.Connection(("127.0.0.1:1",), topics.Topics()).ensure_topics()


def test_a_reader_asks_again_when_a_broker_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [KafkaConnectionError(), KafkaConnectionError(), {0, 1}]

    def partitions(topic: str) -> set[int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def ends(partitions: list, timeout_ms: int) -> dict:
        return dict.fromkeys(partitions, 7)

    consumer = MagicMock(partitions_for_topic=partitions, end_offsets=ends, beginning_offsets=ends)
    monkeypatch.setattr(connection.Connection, "consumer", lambda self, **_: consumer)
    at = connection.Connection(("127.0.0.1:1",), topics.Topics())
    with reader.TopicReader(at, ["team.requests"]) as made:
        assert sorted(partition.partition for partition in made.ends) == [0, 1]
    answers[:] = [KafkaConnectionError() for _ in range(100)]
    monkeypatch.setattr(patience, "ASK_TIMEOUT_S", 0.5)
    with pytest.raises(connection.NoBroker, match="cannot be read to the end"):
        reader.TopicReader(at, ["team.requests"])
