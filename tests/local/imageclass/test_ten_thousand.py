"""Ten thousand requests through every accident at once: exactly ten thousand verdicts."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.data import datasets
from imageclass.kafka.connection import Connection
from imageclass.kafka.live_agents import list_agents
from imageclass.runs.judge import Judge
from kafka.producer.future import FutureRecordMetadata

from tests.support.agents import AgentProcesses, Linear
from tests.support.kafka import members, read_all
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow

DIGITS = datasets.load("digits")
TOTAL, BAD = 10_000, 100


def test_ten_thousand_requests_get_ten_thousand_verdicts(
    connection: Connection, broker: EmbeddedBroker, processes: AgentProcesses
) -> None:
    for name in ("to be killed", "to leave"):
        processes.start(name)
    wait_until(lambda: members(connection, "linear") == 2, 60, "two agents share the group")
    ended: dict[str, int] = {}
    restart = threading.Thread(target=broker.start)

    def accidents(done: int, total: int) -> None:
        if done == 2_000:
            ended["killed"] = processes.end("to be killed", signal.SIGKILL)
            processes.start("late")
        elif done == 5_000:
            broker.kill()
            restart.start()
        elif done == 8_000:
            ended["left"] = processes.end("to leave", signal.SIGTERM)

    bad: list[FutureRecordMetadata] = []
    with Judge(connection, ["linear"]) as judge, connection.producer() as producer:

        def one_in_a_hundred(done: int, total: int) -> None:
            if done % (TOTAL // BAD) == 0:
                bad.append(producer.send(connection.topics.requests, os.urandom(64)))

        run = judge.publish(DIGITS, TOTAL, seed=1, on_sent=one_in_a_hundred)
        producer.flush()
        verdicts = judge.collect(run, on_prediction=accidents)
    restart.join(timeout=60 * TIMEOUT_FACTOR)
    assert ended == {"killed": -signal.SIGKILL, "left": 0}
    # Everybody was answered once, and by the model: the judge's join has nothing double in it.
    assert (verdicts.missing, verdicts.invalid) == (0, 0), (
        verdicts.summary(),
        list_agents(connection),
    )
    assert len(verdicts.predictions) == verdicts.predictions["request_id"].n_unique() == TOTAL
    expected = Linear()(DIGITS.test_images)[verdicts.predictions["index"].to_numpy()].argmax(axis=1)
    assert (verdicts.predictions["predicted"].to_numpy() == expected).all()
    # What was done again by another agent has the same key, which names its origin.
    origins = {
        f"{future.value.topic}/{future.value.partition}/{future.value.offset}" for future in bad
    }
    assert len(origins) == BAD
    dead_letters = {
        record.key.decode() for record in read_all(connection, connection.topics.dead_letters)
    }
    assert dead_letters == {f"{origin}/linear" for origin in origins}
