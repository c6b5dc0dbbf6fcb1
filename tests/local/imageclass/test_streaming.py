"""Images through the real broker: nothing lost, nothing double, and nothing bad stops an agent."""

from __future__ import annotations

import threading
import uuid

import numpy as np
import pytest
from embedded_kafka import EmbeddedBroker
from imageclass.agents import registry
from imageclass.data import datasets
from imageclass.kafka.connection import Connection, NoBroker, connect
from imageclass.kafka.topics import Topics
from imageclass.messages.predictions import Prediction, encode_prediction
from imageclass.messages.requests import encode_request, file_request, raw_request
from imageclass.models import architectures, classifier, training
from imageclass.runs.judge import Judge
from kafka.coordinator.base import MemberState

from tests.support.kafka import lag, members, read_all
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

DIGITS = datasets.load("digits")


@pytest.fixture(scope="module")
def model() -> classifier.CompiledClassifier:
    """A CNN that has learned the digits, compiled."""
    cnn = architectures.build_cnn(DIGITS.image_shape, 10, seed=1)
    training.train(cnn, DIGITS, epochs=4, batch_size=32, seed=1)
    return classifier.CompiledClassifier(cnn, 256)


def reasons(connection: Connection) -> list[str]:
    letters = read_all(connection, connection.topics.dead_letters)
    return sorted(dict(letter.headers)["dead-letter.reason"].decode() for letter in letters)


@pytest.mark.slow
def test_a_run_is_answered_judged_and_counted(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    registry.start_agent(connection, "cnn", model, dataset="digits").wait_until_running()
    sent, replies = [], []
    with Judge(connection, ["cnn"]) as judge:
        # More requests than test images: all are drawn, some again, and those must count again.
        run = judge.publish(DIGITS, 600, seed=1, on_sent=lambda *step: sent.append(step))
        verdicts = judge.collect(run, on_prediction=lambda *step: replies.append(step))
    assert (verdicts.missing, verdicts.duplicates, verdicts.invalid) == (0, {}, 0)
    assert len(verdicts.predictions) == verdicts.predictions["request_id"].n_unique() == 600
    assert verdicts.predictions["index"].n_unique() == len(DIGITS.test_images) == 450
    assert sent[-1] == replies[-1] == (600, 600)
    (row,) = verdicts.summary().to_dicts()
    # What came through Kafka is what the model says in this process.
    drawn = verdicts.predictions["index"].to_numpy()
    local = model(DIGITS.test_images[drawn]).argmax(axis=1)
    np.testing.assert_array_equal(local, verdicts.predictions["predicted"].to_numpy())
    assert row["correct"] == int((local == DIGITS.test_labels[drawn]).sum()) > 540
    requests = read_all(connection, connection.topics.requests)
    names = {name for request in requests for name, _ in request.headers}
    assert names == {"version", "run", "request", "encoding", "dataset", "shape", "dtype"}


@pytest.mark.slow
def test_answers_of_older_runs_and_second_answers_do_not_count(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    with Judge(connection, ["cnn"]) as judge:
        old = judge.publish(DIGITS, 20, seed=1)
        new = judge.publish(DIGITS, 20, seed=2)
        first = next(iter(new.sent))
        with connection.producer() as producer:
            # Before the agent's own answer: two answers in its name, one in that of an agent
            # nobody asked, and one of the old run that takes the new one's request id.
            for run_id, agent in (
                (old.run_id, "cnn"),
                (new.run_id, "stranger"),
                (new.run_id, "cnn"),
                (new.run_id, "cnn"),
            ):
                label = new.sent[first].label
                right = run_id == new.run_id
                guess = np.eye(10, dtype=np.float32)[label if right else (label + 1) % 10]
                value, headers = encode_prediction(Prediction(run_id, first, agent, guess))
                producer.send(
                    connection.topics.predictions, key=first.encode(), value=value, headers=headers
                )
        registry.start_agent(connection, "cnn", model).wait_until_running()
        verdicts = judge.collect(new)
    assert (verdicts.missing, verdicts.invalid) == (0, 0)
    assert verdicts.duplicates["cnn"] >= 1
    assert len(verdicts.predictions) == verdicts.predictions["request_id"].n_unique() == 20
    assert set(verdicts.predictions["agent"]) == {"cnn"}
    (row,) = verdicts.predictions.filter(verdicts.predictions["request_id"] == first).to_dicts()
    assert row["correct"], "the old run's answer was taken for the new one's"


@pytest.mark.slow
def test_broker_killed_while_requests_are_sent(
    connection: Connection, broker: EmbeddedBroker, model: classifier.CompiledClassifier
) -> None:
    agent = registry.start_agent(connection, "cnn", model, dataset="digits")
    agent.wait_until_running()

    def kill_once(done: int, total: int) -> None:
        if done == total // 2:
            broker.kill()
            restart.start()

    restart = threading.Thread(target=broker.start)
    with Judge(connection, ["cnn"]) as judge:
        run = judge.publish(DIGITS, 2000, seed=1, on_sent=kill_once)
        restart.join(timeout=60 * TIMEOUT_FACTOR)
        verdicts = judge.collect(run)
    assert verdicts.missing == 0, (verdicts.summary(), agent.status)
    assert len(verdicts.predictions) == verdicts.predictions["request_id"].n_unique() == 2000


@pytest.mark.slow
def test_broker_killed_while_requests_are_answered(
    connection: Connection, broker: EmbeddedBroker, model: classifier.CompiledClassifier
) -> None:
    killed = threading.Event()

    class KillsBetween:
        """The model, but the broker dies when it has 500 answers behind it."""

        image_shape = model.image_shape
        count = 0

        def __call__(self, images: np.ndarray) -> np.ndarray:
            self.count += len(images)
            if self.count > 500 and not killed.is_set():
                broker.kill()
                killed.set()
            return model(images)

    with Judge(connection, ["cnn"]) as judge:
        run = judge.publish(DIGITS, 2000, seed=1)
        agent = registry.start_agent(connection, "cnn", KillsBetween(), batch_size=100)
        assert killed.wait(60 * TIMEOUT_FACTOR), agent.status
        broker.start()
        verdicts = judge.collect(run)
    assert verdicts.missing == 0, (verdicts.summary(), agent.status)
    assert len(verdicts.predictions) == verdicts.predictions["request_id"].n_unique() == 2000
    # And the group knows how far it is, and no old word of it comes later: a new member has
    # nothing left to do.
    wait_until(lambda: lag(connection) == 0, 60, f"all is committed: {agent.status}")
    # While the broker was away the agent said so. Now that is over, also where people look.
    wait_until(
        lambda: (agent.status.state, agent.status.last_error) == ("running", ""),
        60,
        f"the agent says that it runs: {agent.status}",
    )
    registry.stop_agent(connection, "cnn")
    assert lag(connection) == 0
    again = registry.start_agent(connection, "cnn", model)
    again.wait_until_running()
    with Judge(connection, ["cnn"]) as judge:
        assert judge.collect(judge.publish(DIGITS, 10)).missing == 0
    wait_until(lambda: again.status.received >= 10, 60, f"all are counted: {again.status}")
    assert again.status.received == 10, again.status


@pytest.mark.slow
def test_bad_messages_become_dead_letters_and_the_agent_goes_on(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    topic = connection.topics.requests
    agent = registry.start_agent(connection, "cnn", model, dataset="digits")
    agent.wait_until_running()
    value, headers = encode_request(raw_request("r", "q", DIGITS.test_images[0]))
    other_shape = encode_request(raw_request("r", "q", np.zeros((28, 28, 1), np.uint8)))
    broken_png = encode_request(file_request("r", "q", b"\x89PNG\r\n\x1a\n" + bytes(100), "png"))
    other_data = encode_request(raw_request("r", "q", DIGITS.test_images[0], "fashion-mnist"))
    with connection.producer() as producer:
        producer.send(topic, value=b"hello")
        producer.send(topic, key=b"k", value=None, headers=headers)
        producer.send(topic, value=value[:-1], headers=headers)
        producer.send(topic, value=value, headers=[*headers[:-1], ("dtype", b"float64")])
        producer.send(topic, value=other_shape[0], headers=other_shape[1])
        producer.send(topic, value=broken_png[0], headers=broken_png[1])
        producer.send(topic, value=other_data[0], headers=other_data[1])
    with Judge(connection, ["cnn"]) as judge:
        assert judge.collect(judge.publish(DIGITS, 50)).missing == 0
    wait_until(lambda: agent.status.received == 57, 60, f"all received: {agent.status}")
    assert (agent.status.rejected, agent.status.skipped, agent.status.errors) == (6, 1, 0)
    assert agent.status.answered == 50
    found = reasons(connection)
    assert len(found) == 6
    for part in ("'version' is missing", "is empty", "needs 64 bytes", "not uint8",
                 "the model takes (8, 8, 1)", "undecodable png"):  # fmt: skip
        assert any(part in reason for reason in found), (part, found)


@pytest.mark.slow
def test_a_message_larger_than_any_limit_of_ours_does_not_stop_the_agent(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    topic = connection.topics.requests
    with connection.admin() as admin:  # a topic whose owner allows more than we do
        admin.delete_topics([topic])
        wait_until(lambda: topic not in admin.list_topics(), 60, "the topic is gone")
        admin.create_topics(
            {topic: {"num_partitions": 1, "configs": {"max.message.bytes": "10000000"}}},
            wait_for_metadata=True,
        )
    agent = registry.start_agent(connection, "cnn", model)
    agent.wait_until_running()
    with connection.producer(max_request_size=10_000_000) as producer:
        _, headers = encode_request(raw_request("r", "q", DIGITS.test_images[0]))
        producer.send(topic, value=bytes(5_000_000), headers=headers).get(timeout=30)
    with Judge(connection, ["cnn"]) as judge:
        assert judge.collect(judge.publish(DIGITS, 20)).missing == 0
    assert agent.status.rejected == 1
    (letter,) = read_all(connection, connection.topics.dead_letters)
    assert dict(letter.headers)["dead-letter.size"] == b"5000000"


def test_a_rebalance_that_ran_out_of_time_is_ended_by_the_next_poll(
    connection: Connection,
) -> None:
    """The state in which a busy machine left an agent for ever, one start in thirty."""
    with connection.consumer(connection.topics.group("late")) as consumer:
        consumer.subscribe([connection.topics.requests])
        wait_until(
            lambda: consumer.poll(timeout_ms=100) or consumer.assignment(), 60, "a first share"
        )
        coordinator = consumer._coordinator
        consumer._subscription.reset_group_subscription()
        consumer._subscription.assign_from_subscribed([])
        coordinator.rejoining, coordinator.rejoin_needed = True, False
        coordinator._disable_heartbeat()
        coordinator.state = MemberState.REBALANCING
        wait_until(
            lambda: consumer.poll(timeout_ms=100) or consumer.assignment(), 20, "a share again"
        )
        assert coordinator.stable()


@pytest.mark.slow
def test_starting_twenty_times_leaves_one_member_with_the_last_model(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    class Always:
        image_shape = model.image_shape

        def __init__(self, answer: int) -> None:
            self.answer = answer

        def __call__(self, images: np.ndarray) -> np.ndarray:
            return np.tile(np.eye(10, dtype=np.float32)[self.answer], (len(images), 1))

    started = [registry.start_agent(connection, "cnn", Always(n % 10)) for n in range(20)]
    assert len({id(agent) for agent in started}) == 1
    started[0].wait_until_running()
    assert members(connection, "cnn") == 1
    names = [thread.name for thread in threading.enumerate()]
    assert names.count("agent-cnn") == 1
    with Judge(connection, ["cnn"]) as judge:
        verdicts = judge.collect(judge.publish(DIGITS, 30))
    assert set(verdicts.predictions["predicted"]) == {9}
    assert registry.stop_agent(connection, "cnn")
    assert not registry.stop_agent(connection, "cnn")
    assert started[0].status.state == "stopped"
    wait_until(lambda: members(connection, "cnn") == 0, 60, "the member has left")


@pytest.mark.slow
def test_a_failing_model_shows_and_heals_without_loss(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    class Broken:
        image_shape = model.image_shape

        def __call__(self, images: np.ndarray) -> np.ndarray:
            raise MemoryError("no room left")

    agent = registry.start_agent(connection, "cnn", Broken())
    with Judge(connection, ["cnn"]) as judge:
        run = judge.publish(DIGITS, 30)
        wait_until(lambda: agent.status.errors >= 1, 60, "the error is counted")
        assert "MemoryError: no room left" in agent.status.last_error
        assert agent.thread.is_alive()
        assert registry.start_agent(connection, "cnn", model) is agent
        verdicts = judge.collect(run)
    assert verdicts.missing == 0, agent.status
    wait_until(lambda: agent.status.state == "running", 60, "the agent has recovered")


@pytest.mark.slow
def test_two_models_answer_the_same_requests(
    connection: Connection, model: classifier.CompiledClassifier
) -> None:
    for name in ("cnn", "second"):
        registry.start_agent(connection, name, model).wait_until_running()
    with Judge(connection, ["cnn", "second"]) as judge:
        verdicts = judge.collect(judge.publish(DIGITS, 40))
    assert verdicts.missing == 0
    assert verdicts.summary()["answered"].to_list() == [40, 40]


@pytest.mark.slow
def test_an_agent_that_starts_before_the_broker_waits_and_says_so(
    broker: EmbeddedBroker, model: classifier.CompiledClassifier
) -> None:
    broker.stop()
    unmet = Connection((broker.bootstrap_servers,), Topics(f"t{uuid.uuid4().hex[:8]}."))
    agent = registry.start_agent(unmet, "early", model)
    said: list[str] = []

    def start_when_waited_for(text: str) -> None:
        said.append(text)
        if len(said) == 1:
            broker.start()

    made = connect(
        broker.bootstrap_servers, unmet.topics.prefix, on_wait=start_when_waited_for, timeout=90
    )
    assert "Waiting for the broker at" in said[0]
    agent.wait_until_running()
    assert "does not answer" in agent.status.last_error
    with Judge(made, ["early"]) as judge:
        assert judge.collect(judge.publish(DIGITS, 10)).missing == 0
    registry.stop_agent(made, "early")


@pytest.mark.slow
def test_a_judge_without_a_broker_says_so(broker: EmbeddedBroker) -> None:
    broker.stop()
    with pytest.raises(NoBroker, match="does not answer"):
        Judge(Connection((broker.bootstrap_servers,), Topics("t.")), ["cnn"])
