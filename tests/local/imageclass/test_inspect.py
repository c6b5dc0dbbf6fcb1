"""Looking into topics of the real broker."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator

import numpy as np
import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.kafka import inspect
from imageclass.kafka.connection import Connection, connect
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.messages.requests import encode_request, raw_request

IMAGE = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


@pytest.fixture(scope="module")
def connection(broker: EmbeddedBroker) -> Iterator[Connection]:
    """Topics with 30 requests, an answer and a text in them, and a group that has read ten."""
    made = connect(broker.bootstrap_servers, prefix=f"b{uuid.uuid4().hex[:8]}.")
    with made.producer() as producer:
        for number in range(30):
            value, headers = encode_request(raw_request("run", f"r{number}", IMAGE, "digits"))
            producer.send(made.topics.requests, value, headers=headers, partition=0).get(30)
        value, headers = encode_prediction(
            Prediction("run", "r7", "cnn", np.array([0.1, 0.9], np.float32))
        )
        producer.send(made.topics.predictions, value, headers=headers).get(30)
        producer.send(made.topics.verdicts, b"just\n a text").get(30)
        producer.send(made.topics.verdicts, b"\xff\x00\xfe").get(30)
    with made.consumer(made.topics.group("cnn")) as reader:
        reader.subscribe([made.topics.requests])
        read = 0
        while not read:
            read = sum(map(len, reader.poll(timeout_ms=500, max_records=10).values()))
        reader.commit()
    yield made


def test_topics_are_listed_with_what_they_hold(connection: Connection) -> None:
    rows = {row["topic"]: row for row in inspect.list_topics(connection).to_dicts()}
    requests = rows[connection.topics.requests]
    assert requests["messages"] == 30
    assert requests["bytes"] > 30 * 64
    assert rows[connection.topics.dead_letters]["messages"] == 0
    assert not [name for name in rows if name.startswith("__")]


def test_the_newest_come_first_and_say_what_they_are(connection: Connection) -> None:
    newest = inspect.peek(connection, connection.topics.requests, 5)
    assert [message.headers["request"] for message in newest] == ["r29", "r28", "r27", "r26", "r25"]
    assert newest[0].image is not None
    np.testing.assert_array_equal(newest[0].image, IMAGE)
    assert newest[0].summary == "request r29: image, 8×8×1"
    (answer,) = inspect.peek(connection, connection.topics.predictions)
    assert answer.summary == "cnn on r7: class 1, 90% sure"
    assert answer.image is None
    said = {message.summary for message in inspect.peek(connection, connection.topics.verdicts)}
    assert said == {"just a text", "3 bytes: ff 00 fe"}


def test_lag_is_what_a_group_has_not_done_yet(connection: Connection) -> None:
    frame = inspect.list_lags(connection)
    assert set(frame["group"]) == {connection.topics.group("cnn")}
    (row,) = [row for row in frame.to_dicts() if row["end"]]
    assert (row["committed"], row["end"], row["lag"]) == (10, 30, 20)
    assert (row["state"], row["members"]) == ("Empty", 0)


def test_looking_joins_no_group_and_moves_no_offset(connection: Connection) -> None:
    before = inspect.list_lags(connection)
    inspect.peek(connection, connection.topics.requests, 100)
    assert inspect.list_lags(connection).equals(before)
    with connection.admin() as admin:
        groups = [g["group_id"] for g in admin.list_groups() if g["group_id"].startswith("b")]
    assert groups == [connection.topics.group("cnn")]


def test_tail_shows_what_comes_and_nothing_older(connection: Connection) -> None:
    seen: list[inspect.Message] = []
    stream = inspect.tail(connection, connection.topics.verdicts, timeout=30)

    def watch() -> None:
        seen.append(next(stream))
        stream.close()  # type: ignore[attr-defined]

    thread = threading.Thread(target=watch)
    thread.start()
    number = 0
    with connection.producer() as producer:
        while thread.is_alive():  # whenever the watcher is ready, the next one is after that
            producer.send(connection.topics.verdicts, f"new {number}".encode()).get(30)
            number += 1
            thread.join(0.1)
    assert seen[0].summary.startswith("new ")


def test_an_unknown_topic_is_refused_with_those_there_are(connection: Connection) -> None:
    with pytest.raises(inspect.NoSuchTopic, match=connection.topics.requests):
        inspect.peek(connection, "no-such-topic")
    with pytest.raises(inspect.NoSuchTopic):
        next(inspect.tail(connection, "no-such-topic", timeout=1))
    with pytest.raises(ValueError, match="1 or more"):
        inspect.peek(connection, connection.topics.requests, 0)
