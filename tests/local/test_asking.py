"""Own pictures through the real broker: sent as a run, and each answer read once."""

from __future__ import annotations

import io
import threading
import time

import numpy as np
import pytest
from imageclass.agents import registry
from imageclass.data.image_files import find_images
from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.kafka.connection import Connection
from imageclass.messages.dead_letters import Record, encode_dead_letter
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.messages.requests import decode_request
from imageclass.runs.classify import agents_at_work, collect, iter_predictions, submit
from PIL import Image

from tests.local.streaming import Linear, read_all, until


def png(number: int) -> bytes:
    pixels = np.random.default_rng(number).integers(256, size=(8, 8), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def shown(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)[np.newaxis, :, :, np.newaxis]


PICTURES = {f"{number}.png": png(number) for number in range(40)}


def test_every_agent_answers_every_picture_once(connection: Connection) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        registry.start_agent(connection, name, Linear(seed=seed), version=f"{seed:012x}")
    for agent in registry.running_agents():
        agent.wait_until_running()
    told: list[tuple[int, int]] = []
    sent = submit(connection, PICTURES, on_sent=lambda *done: told.append(done))
    assert told == [(number + 1, 40) for number in range(40)]
    assert list(sent.requests) == list(PICTURES)

    heard: list[tuple[int, int]] = []
    table = collect(
        connection, sent, ["one", "two"], on_prediction=lambda *done: heard.append(done)
    )
    assert heard == [(number + 1, 80) for number in range(80)]
    assert [(row["name"], row["agent"]) for row in table.iter_rows(named=True)] == [
        (name, agent) for name in PICTURES for agent in ("one", "two")
    ]
    for row in table.iter_rows(named=True):
        seed = {"one": 1, "two": 2}[row["agent"]]
        expected = Linear(seed=seed)(shown(PICTURES[row["name"]]))[0]
        np.testing.assert_allclose(row["probabilities"], expected, rtol=1e-5)
        assert row["predicted"] == expected.argmax()
        assert row["confidence"] == pytest.approx(expected.max())
        assert row["model"] == f"{seed:012x}"
        assert row["latency_ms"] > 0

    # Read anew, and with an answer that came again: the same.
    again = read_all(connection, connection.topics.predictions)[0]
    with connection.producer() as producer:
        producer.send(again.topic, key=again.key, value=again.value, headers=again.headers)
        producer.flush()
    assert collect(connection, sent, patience=5).equals(table)


def test_without_names_whoever_is_at_work_is_waited_for(connection: Connection) -> None:
    slow = Linear()
    slow.gate.clear()
    registry.start_agent(connection, "quick", Linear())
    registry.start_agent(connection, "slow", slow, dataset="letters")
    registry.start_agent(connection, "aside", Linear(), topic=connection.topics.second_opinions)
    for agent in registry.running_agents():
        agent.wait_until_running()
    until(lambda: agents_at_work(connection) == ["quick", "slow"], "they say so")

    other = submit(connection, PICTURES, dataset="digits")
    started = time.monotonic()
    assert set(collect(connection, other, patience=60)["agent"]) == {"quick"}
    assert time.monotonic() - started < 30  # who answers for letters only is not waited for

    sent = submit(connection, PICTURES, dataset="letters")
    assert len(collect(connection, sent, ["quick"])) == 40
    assert len(collect(connection, sent, patience=1)) == 40  # in vain
    slow.gate.set()
    assert len(collect(connection, sent, patience=60)) == 80


def test_what_is_too_large_is_said_and_the_others_are_sent(connection: Connection) -> None:
    given = {
        **PICTURES,
        "large.png": png(1) + bytes(MAX_IMAGE_BYTES),
        "notes.txt": b"no",
        "torn.png": png(1)[:50],
        "torn.jpeg": b"\xff\xd8\xff" + bytes(50),
    }
    sent = submit(connection, given, dataset="digits", run="mine", deadline=60)
    assert sent.requests.keys() == PICTURES.keys()
    assert sent.refused.keys() == given.keys() - PICTURES.keys()
    assert all("damaged" in sent.refused[name] for name in ("torn.png", "torn.jpeg"))
    assert "1.0 MB" in sent.refused["large.png"]
    assert "neither PNG nor JPEG" in sent.refused["notes.txt"]

    found = {r.key.decode(): r for r in read_all(connection, connection.topics.requests)}
    assert found.keys() == set(sent.requests.values())
    for name, request in sent.requests.items():
        message = decode_request(found[request].value, found[request].headers)
        assert (message.run, message.dataset, message.body) == ("mine", "digits", PICTURES[name])
        assert message.deadline_ms == int(sent.sent_ms[request] + 60_000)
        assert "label" not in dict(found[request].headers)

    # The same run sent to again is other requests; a foreign request's answer is not this run's.
    second = submit(connection, {"0.png": png(0)}, run="mine")
    assert set(second.requests.values()).isdisjoint(sent.requests.values())
    value, headers = encode_prediction(
        Prediction("mine", second.requests["0.png"], "one", np.full(10, 0.1, np.float32))
    )
    with connection.producer() as producer:
        producer.send(connection.topics.predictions, value=value, headers=headers)
        producer.flush()
    assert collect(connection, sent, patience=1).is_empty()
    assert len(collect(connection, second, patience=1)) == 1


def test_what_agents_set_aside_is_told_and_not_waited_for(connection: Connection) -> None:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 80).save(file, "JPEG")
    torn = file.getvalue()[:1500]  # its head is whole: only who unfolds it sees the damage
    registry.start_agent(connection, "linear", Linear()).wait_until_running()
    sent = submit(connection, {"torn.jpeg": torn, "0.png": PICTURES["0.png"]})
    assert not sent.refused
    for _ in range(2):  # read anew: the same
        began = time.monotonic()
        aside: dict[tuple[str, str], str] = {}
        table = collect(connection, sent, ["linear"], patience=300, dead_lettered=aside)
        assert time.monotonic() - began < 150
        assert table["name"].to_list() == ["0.png"]
        assert aside.keys() == {("torn.jpeg", "linear")}
        assert "undecodable jpeg image" in aside["torn.jpeg", "linear"]


@pytest.mark.parametrize("letter_first", [True, False])
def test_what_is_answered_all_the_same_was_not_set_aside(
    connection: Connection, letter_first: bool
) -> None:
    sent = submit(connection, {"0.png": PICTURES["0.png"]}, run="mine")
    (request,) = sent.requests.values()
    topics = connection.topics
    origin = read_all(connection, topics.requests)[-1]
    asked = Record(origin.topic, origin.partition, origin.offset, b"", origin.headers)
    _, letter, about = encode_dead_letter(asked, "one", "no")
    answer, headers = encode_prediction(
        Prediction("mine", request, "one", np.full(10, 0.1, np.float32))
    )
    messages = [(topics.dead_letters, letter, about), (topics.predictions, answer, headers)]
    found: dict[tuple[str, str], str] = {}
    reading = iter_predictions(connection, sent, ["one", "two"], patience=60, dead_lettered=found)
    records: list = []
    reader = threading.Thread(target=lambda: records.extend(reading), daemon=True)
    reader.start()
    with connection.producer() as producer:
        for topic, value, given in messages if letter_first else messages[::-1]:
            producer.send(topic, value=value, headers=given).get(30)
            if topic == topics.dead_letters and letter_first:
                until(lambda: found == {("0.png", "one"): "no"}, "the letter is told")
            if topic == topics.predictions:
                until(lambda: records and not found, "the answer is there, and counts")
        producer.send(
            topics.predictions,
            value=answer,
            headers=[(n, b"two" if n == "agent" else v) for n, v in headers],
        ).get(30)
    reader.join(60)
    assert [dict(record.headers)["agent"] for record in records] == [b"one", b"two"]
    assert found == {}


def test_a_run_needs_a_name_that_agents_can_read(connection: Connection) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        submit(connection, PICTURES, run="my run")
    assert read_all(connection, connection.topics.requests) == []
    assert submit(connection, {}).requests == {}
    assert collect(connection, submit(connection, {})).is_empty()
    with pytest.raises(FileNotFoundError):
        find_images("nowhere")
