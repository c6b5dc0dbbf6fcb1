"""Connections: topics and brokers."""

import pytest
from imageclass.kafka import connection, topics
from kafka.errors import InvalidReplicationFactorError


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


def test_a_broker_without_time_for_its_controller_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = [InvalidReplicationFactorError(), InvalidReplicationFactorError(), None]

    def ensure_topics(self: connection.Connection) -> None:
        if answer := answers.pop(0):
            raise answer

    monkeypatch.setattr(connection.Connection, "ensure_topics", ensure_topics)
    told: list[str] = []
    assert connection.connect("127.0.0.1:1", timeout=30, on_wait=told.append)
    assert answers == [] and len(told) == 2
