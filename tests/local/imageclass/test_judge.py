"""The judge at the real broker: every image once, a second opinion, and what it announces."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from imageclass.agents import registry
from imageclass.agents.agent import Agent
from imageclass.data import datasets
from imageclass.kafka.connection import Connection
from imageclass.messages.dead_letters import Record, encode_dead_letter
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.messages.requests import decode_request
from imageclass.messages.verdicts import decode_verdict
from imageclass.runs import tie_break
from imageclass.runs.judge import Judge
from imageclass.runs.outcomes import decide
from imageclass.runs.run import Run

from tests.support.agents import Linear
from tests.support.kafka import read_all
from tests.support.waiting import wait_until

DIGITS = datasets.load("digits")
HIGHEST = "highest confidence"
TRUTH = {
    image.tobytes(): int(label)
    for image, label in zip(DIGITS.test_images, DIGITS.test_labels, strict=True)
}


class Knows:
    """Knows every test image, but for `wrong`: those it takes for the next number. `sure` is its
    confidence in every answer."""

    image_shape = DIGITS.image_shape

    def __init__(self, sure: float, wrong: tuple[int, ...] = ()) -> None:
        self.sure, self.wrong = sure, wrong

    def __call__(self, images: np.ndarray) -> np.ndarray:
        labels = [TRUTH[image.tobytes()] for image in images]
        said = [(label + (label in self.wrong)) % 10 for label in labels]
        return np.where(np.eye(10)[said], self.sure, (1 - self.sure) / 9).astype(np.float32)


@pytest.mark.slow
def test_ten_thousand_requests_are_judged_and_announced_once(connection: Connection) -> None:
    for name, sure, wrong in (("a", 0.9, (3,)), ("b", 0.6, ())):
        registry.start_agent(connection, name, Knows(sure, wrong)).wait_until_running()
    progress: list[tuple[int, int]] = []
    parts: list[int] = []
    with Judge(connection, ["a", "b"]) as judge:

        def announce(part: Run) -> None:
            parts.append(len(part.sent))
            judge.announce(part, decide(part, HIGHEST), HIGHEST)

        run = judge.publish(DIGITS, 10_000, seed=1)
        run = judge.collect(
            run,
            on_prediction=lambda *step: progress.append(step),
            on_complete=announce,
            patience=30,
        )
    assert (run.missing, run.duplicates, run.invalid) == (0, {}, 0), run.summary()
    drawn = Counter(request.index for request in run.sent.values())
    assert set(drawn.values()) == {22, 23}, "none of 450 is drawn again before all were drawn"
    assert list(drawn) != sorted(drawn), "in a random order"
    assert run.predictions.select("request_id", "agent").n_unique() == 20_000
    assert progress == [(n, 20_000) for n in range(1, 20_001)]
    wrong = int((run.predictions.filter(agent="b")["label"] == 3).sum())
    assert run.summary()["correct"].to_list() == [10_000 - wrong, 10_000]
    # Announced while the others were still waited for, and each request once.
    assert len(parts) > 1
    records = read_all(connection, connection.topics.verdicts)
    announced = [decode_verdict(record.value) for record in records]
    assert len(announced) == len({verdict.request for verdict in announced}) == 10_000
    assert {record.key.decode() for record in records} == run.sent.keys()
    assert sum(verdict.correct is False for verdict in announced) == wrong
    assert {len(verdict.answers) for verdict in announced} == {2}


def test_the_whole_test_set_goes_out_once_with_a_deadline_and_missing_answers_are_announced(
    connection: Connection,
) -> None:
    registry.start_agent(connection, "a", Knows(0.9)).wait_until_running()
    with Judge(connection, ["a", "silent"]) as judge:
        run = judge.publish(DIGITS, None, deadline=60)
        parts: list[Run] = []
        run = judge.collect(run, patience=3, on_complete=parts.append)
        for part in parts:
            judge.announce(part, decide(part, HIGHEST), HIGHEST)
    assert [asked.index for asked in run.sent.values()] == list(range(len(DIGITS.test_images)))
    assert run.summary()["missing"].to_list() == [0, len(DIGITS.test_images)]
    for record in read_all(connection, connection.topics.requests):
        request = decode_request(record.value, record.headers)
        assert request.deadline_ms == int(run.sent[request.ids[0]].sent_ms + 60_000)
        indices = [run.sent[one].index for one in request.ids]
        assert np.array_equal(request.pixels, DIGITS.test_images[indices])
    records = read_all(connection, connection.topics.verdicts)
    announced = [decode_verdict(record.value) for record in records]
    assert sorted(verdict.index for verdict in announced) == list(range(len(DIGITS.test_images)))
    assert all(verdict.correct and len(verdict.answers) == 1 for verdict in announced)


def test_a_third_agent_is_asked_only_where_two_disagree(connection: Connection) -> None:
    registry.start_agent(connection, "a", Knows(0.9, wrong=(3, 5))).wait_until_running()
    registry.start_agent(connection, "b", Knows(0.6)).wait_until_running()
    third = Agent(connection, "c", Knows(0.7, wrong=(5,)), topic=connection.topics.second_opinions)
    third.start()
    try:
        third.wait_until_running()
        with Judge(connection, ["a", "b"]) as judge:
            run = judge.collect(judge.publish(DIGITS, 300, seed=2))
            opinions = tie_break.ask(judge, run, DIGITS, "c")
            with pytest.raises(ValueError, match="a has answered already"):
                tie_break.ask(judge, run, DIGITS, "a")
    finally:
        third.stop()
    hard = {request for request, asked in run.sent.items() if asked.label in (3, 5)}
    assert 0 < len(hard) < 300
    assert opinions.sent.keys() == hard == set(opinions.predictions["request_id"])
    assert (opinions.missing, opinions.run_id, third.status.received) == (0, run.run_id, len(hard))
    # The third is with b about the threes and with a about the fives: they lose them.
    outcome = decide(tie_break.merge(run, opinions), "majority vote")
    assert len(outcome) == 300
    assert set(outcome.remove("correct")["label"]) == {5}
    assert set(outcome.filter("correct")["label"]) == set(range(10)) - {5}


def test_requests_that_became_dead_letters_are_not_waited_for(connection: Connection) -> None:
    slow = Linear()
    slow.gate.clear()
    agent = registry.start_agent(connection, "slow", slow, batch_size=10)
    agent.wait_until_running()
    registry.start_agent(connection, "quick", Linear()).wait_until_running()
    with Judge(connection, ["quick", "slow"]) as judge:
        run = judge.publish(DIGITS, 200, seed=1, deadline=2.0)
        time.sleep(2.5)
        slow.gate.set()
        began = time.monotonic()
        parts: list[Run] = []
        run = judge.collect(run, patience=300, on_complete=parts.append)
    assert time.monotonic() - began < 150
    late = {request for request, agent in run.dead_lettered if agent == "slow"}
    assert late
    wait_until(lambda: agent.status.expired == len(late), 60, f"all are counted: {agent.status}")
    assert all(reason.startswith("expired ") for reason in run.dead_lettered.values())
    # It has no answer, so it counts as missing as well, and is handed over with what there is.
    assert run.missing == len(run.dead_lettered)
    assert sum(len(part.sent) for part in parts) == 200
    assert parts[-1].dead_lettered == run.dead_lettered


@pytest.mark.slow
def test_an_answer_far_behind_the_dead_letter_of_its_request_counts(
    connection: Connection,
) -> None:
    """The dead letter is in the first fetch, the answer comes megabytes later."""
    topics = connection.topics
    with Judge(connection, ["a"]) as judge:
        run = judge.publish(DIGITS, 1)
        (origin,) = read_all(connection, topics.requests)
        asked = Record(origin.topic, origin.partition, origin.offset, b"", origin.headers)
        _, letter, about = encode_dead_letter(asked, "a", "refused, then sent again")
        answer, headers = encode_prediction(
            Prediction(run.run_id, *run.sent, "a", np.full(10, 0.1, np.float32))
        )
        with connection.producer() as producer:
            producer.send(topics.dead_letters, value=letter, headers=about).get(60)
            for _ in range(16):  # of other runs
                producer.send(topics.predictions, value=bytes(900_000), partition=0)
            producer.send(topics.predictions, value=answer, headers=headers, partition=0).get(60)
        run = judge.collect(run, patience=60)
    assert (run.missing, run.dead_lettered) == (0, {})
