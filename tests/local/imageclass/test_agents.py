"""Agents while they work: adjusted, full, swapped, tried out, announced, and sharing."""

from __future__ import annotations

import signal
import threading
import time

import numpy as np
import pytest
from imageclass.agents import registry
from imageclass.agents.agent import Agent
from imageclass.agents.canary import Canary
from imageclass.data import datasets
from imageclass.kafka.connection import Connection
from imageclass.kafka.live_agents import list_agents
from imageclass.messages.predictions import decode_prediction
from imageclass.runs import replay
from imageclass.runs.judge import Judge
from imageclass.runs.replay import DeadLetter, ReplayError

from tests.support.agents import AgentProcesses, Linear, send
from tests.support.kafka import lag, members, read_all
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

DIGITS = datasets.load("digits")


def answers(connection: Connection) -> dict[str, str]:
    """Which model answered which request."""
    found = read_all(connection, connection.topics.predictions)
    predictions = [decode_prediction(record.value, record.headers) for record in found]
    assert len({p.request for p in predictions}) == len(predictions)
    return {p.request: p.model for p in predictions}


def test_batch_size_and_wait_change_while_it_runs(connection: Connection) -> None:
    model = Linear()
    agent = registry.start_agent(connection, "linear", model, batch_size=50, max_wait=10)
    agent.wait_until_running()
    send(connection, 100)  # two full batches, which wait for nothing
    wait_until(lambda: agent.status.answered == 100, 60, "two batches")
    assert model.calls == [50, 50]
    assert registry.start_agent(connection, "linear", model, batch_size=400, max_wait=0.5) is agent
    send(connection, 300)
    wait_until(lambda: agent.status.answered == 400, 60, "what was left when the time was over")
    assert max(model.calls) > 50
    agent.adjust(batch_size=1)
    send(connection, 10)
    wait_until(lambda: agent.status.answered == 410, 60, "one by one")
    assert model.calls[-9:] == [1] * 9
    assert (agent.status.batch_size, agent.status.max_wait) == (1, 0.5)
    for wrong in ({"batch_size": 0}, {"max_wait": -1.0}, {"max_wait": float("nan")}):
        with pytest.raises(ValueError, match="1 request or more"):
            agent.adjust(**wrong)  # type: ignore[arg-type]
    assert members(connection, "linear") == 1


@pytest.mark.slow
def test_the_wait_counts_from_the_sending(connection: Connection) -> None:
    """A request that waited on its way does not wait again."""
    wait = 4.0
    send(connection, 10)
    time.sleep(wait)
    agent = registry.start_agent(connection, "linear", Linear(), batch_size=50, max_wait=wait)
    agent.wait_until_running()

    def seconds_until(answered: int) -> float:
        begin = time.monotonic()
        wait_until(lambda: agent.status.answered == answered, 60, f"{answered} answers")
        return time.monotonic() - begin

    old = seconds_until(10)
    send(connection, 10)
    assert old < seconds_until(20) / 2


@pytest.mark.slow
def test_a_batch_that_is_not_finished_holds_back_those_behind_it(connection: Connection) -> None:
    """The second is finished first; when the agent stops before the first, both come again."""
    gate, behind = threading.Event(), threading.Event()

    class SlowAtFirst(Linear):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            first = not self.calls
            rows = super().__call__(images)
            if first:
                gate.wait(120 * TIMEOUT_FACTOR)
            else:
                behind.set()
            return rows

    agent = registry.start_agent(connection, "linear", SlowAtFirst(), batch_size=20, max_wait=10)
    agent.wait_until_running()
    send(connection, 40)
    assert behind.wait(60 * TIMEOUT_FACTOR)
    registry.stop_agent(connection, "linear")
    gate.set()
    assert not answers(connection)
    again = registry.start_agent(connection, "linear", Linear())
    wait_until(lambda: again.status.answered == 40, 60, "all of them come again")
    assert len(answers(connection)) == 40


@pytest.mark.slow
def test_a_full_agent_pauses_keeps_its_place_and_takes_nothing_in(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model takes longer than a member of the group may be silent."""
    import imageclass.agents.consumer_session as session

    real, silence = session.make_consumer, 6
    collected: list[int] = []
    prepare = session.prepare

    def impatient(
        connection: Connection, group: str, client: str, on_error: object, **more: object
    ):
        limits = {"max.poll.interval.ms": silence * 1000, "session.timeout.ms": silence * 1000}
        return real(connection, group, client, on_error, **{**more, **limits})  # type: ignore[arg-type]

    def counting(records: list, serving: object):
        collected.append(len(records))
        return prepare(records, serving)  # type: ignore[arg-type]

    monkeypatch.setattr(session, "make_consumer", impatient)
    monkeypatch.setattr(session, "prepare", counting)
    model = Linear()
    agent = registry.start_agent(connection, "linear", model, batch_size=20)
    agent.wait_until_running()
    model.gate.clear()
    send(connection, 1_000)
    wait_until(lambda: agent.status.paused, 60, "the agent is full")
    took_in = sum(collected)
    assert took_in <= 4 * 20  # two at the model, one ready, one in hand
    wait_until(
        lambda: agent.status.lag == 1_000, 60, f"what nobody has answered is behind: {agent.status}"
    )
    begin = time.monotonic()
    while time.monotonic() - begin < silence + 3:
        assert members(connection, "linear") == 1
        assert agent.status.paused
        time.sleep(0.5)
    assert sum(collected) == took_in
    (row,) = list_agents(connection).to_dicts()
    assert (row["alive"], row["paused"], row["state"]) == (True, True, "running")
    model.gate.set()
    wait_until(lambda: agent.status.answered >= 1_000, 60, "all are answered")
    assert not agent.status.paused
    assert (agent.status.answered, agent.status.errors) == (1_000, 0)  # nothing was done again
    wait_until(lambda: agent.status.lag == 0, 60, f"nothing is behind: {agent.status}")
    assert len(answers(connection)) == 1_000


def test_a_canary_answers_its_share_and_is_promoted_or_ended(connection: Connection) -> None:
    old, new = Linear(seed=0), Linear(seed=1)
    agent = registry.start_agent(connection, "linear", old, version="0" * 12)
    agent.wait_until_running()
    agent.canary(new, 0.3, model="1" * 12)
    send(connection, 1_000, "tried")
    wait_until(lambda: agent.status.answered == 1_000, 60, "all are answered")
    tried = answers(connection)
    canary = Canary(new, 0.3)
    assert {request for request, model in tried.items() if model == "1" * 12} == {
        request for request in tried if canary.takes(request)
    }
    assert 250 < sum(model == "1" * 12 for model in tried.values()) < 350
    agent.promote()
    assert (agent.status.model, agent.status.canary) == ("1" * 12, "")
    send(connection, 50, "promoted")
    wait_until(lambda: agent.status.answered == 1_050, 60, "all are answered")
    assert {m for r, m in answers(connection).items() if r.startswith("promoted")} == {"1" * 12}
    agent.swap(old, model="0" * 12)
    send(connection, 50, "swapped")
    wait_until(lambda: agent.status.answered == 1_100, 60, "all are answered")
    assert {m for r, m in answers(connection).items() if r.startswith("swapped")} == {"0" * 12}
    assert (agent.status.errors, members(connection, "linear")) == (0, 1)


def test_a_canary_that_fails_is_ended_and_costs_no_answer(connection: Connection) -> None:
    class Broken(Linear):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            raise MemoryError("no room left")

    agent = registry.start_agent(connection, "linear", Linear(), version="good")
    agent.wait_until_running()
    agent.canary(Broken(), 0.5, model="bad")
    send(connection, 40)
    wait_until(lambda: agent.status.answered == 40, 60, "all are answered")
    assert set(answers(connection).values()) == {"good"}
    assert (agent.status.canary, agent.status.state) == ("", "running")
    assert "the canary: MemoryError: no room left" in agent.status.last_error
    with pytest.raises(ValueError, match="no canary"):
        agent.promote()


def test_agents_of_one_name_share_the_requests_and_are_announced(connection: Connection) -> None:
    pair = [
        Agent(connection, "linear", Linear(), dataset="digits", model="abc", batch_size=20)
        for _ in range(2)
    ]
    for agent in pair:
        agent.start()
    wait_until(lambda: members(connection, "linear") == 2, 60, "two members")
    for agent in pair:
        agent.wait_until_running()
    wait_until(lambda: list_agents(connection)["alive"].sum() == 2, 60, "both are announced")
    with Judge(connection, ["linear"]) as judge:
        verdicts = judge.collect(judge.publish(DIGITS, 400, seed=1))
    assert (verdicts.missing, verdicts.duplicates) == (0, {})
    wait_until(lambda: sum(agent.status.answered for agent in pair) == 400, 60, "all are counted")
    assert all(agent.status.answered > 50 for agent in pair)
    pair[0].stop()
    wait_until(lambda: members(connection, "linear") == 1, 60, "one has left")
    with Judge(connection, ["linear"]) as judge:
        assert judge.collect(judge.publish(DIGITS, 50)).missing == 0
    pair[1].stop()
    seen = list_agents(connection)
    assert set(seen["instance"]) == {agent.instance for agent in pair}
    assert seen.select(
        "name", "model", "dataset", "state", "alive", "batch_size"
    ).unique().rows() == [("linear", "abc", "digits", "stopped", False, 20)]
    assert seen["answered"].sum() == 450


@pytest.mark.slow
def test_an_agent_that_was_taken_for_dead_does_not_move_the_group_back(
    connection: Connection, processes: AgentProcesses
) -> None:
    """Another member has its partitions by then and is further."""
    processes.start("paused", seconds=0.3)
    wait_until(lambda: members(connection, "linear") == 1, 60, "it is in the group")
    send(connection, 2_000)
    wait_until(lambda: 0 < (lag(connection) or 0) < 2_000, 60, "it has begun with each partition")
    processes.running["paused"].send_signal(signal.SIGSTOP)
    other = registry.start_agent(connection, "linear", Linear())
    wait_until(lambda: lag(connection) == 0, 60, "the other has done all")
    processes.running["paused"].send_signal(signal.SIGCONT)
    wait_until(lambda: members(connection, "linear") == 2, 60, "it is back")
    wait_until(
        lambda: len(read_all(connection, connection.topics.predictions)) > 2_000, 60, "it goes on"
    )
    for _ in range(30):
        assert lag(connection) == 0, other.status
        time.sleep(0.1)


def test_late_requests_become_dead_letters_and_can_be_sent_again(connection: Connection) -> None:
    agent = registry.start_agent(connection, "linear", Linear())
    agent.wait_until_running()
    now_ms = int(time.time() * 1000)
    send(connection, 3, "late", deadline_ms=now_ms - 5_000)
    send(connection, 4, "early", deadline_ms=now_ms + 600_000)
    wait_until(lambda: agent.status.received == 7, 60, "all are received")
    assert (agent.status.expired, agent.status.answered, agent.status.rejected) == (3, 4, 0)
    letters = replay.read(connection)
    assert len(letters) == 3
    assert all(letter.reason.startswith("expired ") and letter.complete for letter in letters)
    assert len(replay.read(connection, limit=2)) == 2

    first = replay.replay(connection, letters[:2])
    assert (len(first.sent), first.already, first.refused) == (2, [], {})
    wait_until(lambda: agent.status.answered == 6, 60, "two are answered after all")
    again = replay.replay(connection, letters)
    assert (len(again.sent), sorted(again.already)) == (1, sorted(first.sent))
    wait_until(lambda: agent.status.answered == 7, 60, "the third is answered")
    assert [letter.replayed for letter in replay.read(connection)] == [True] * 3
    assert set(answers(connection)) == {f"late-{n}" for n in range(3)} | {
        f"early-{n}" for n in range(4)
    }
    late = [r for r in read_all(connection, connection.topics.requests) if r.offset >= 0]
    assert sum("dead-letter.reason" in dict(record.headers) for record in late) == 0


def test_dead_letters_that_cannot_be_sent_again_are_refused_with_the_reason(
    connection: Connection,
) -> None:
    parts = {"agent": "a", "reason": "r", "headers": [], "time_ms": 0}
    own = connection.topics.requests
    too_large = DeadLetter(f"{own}/0/1", value=b"", size=5_000_000, complete=False, **parts)  # type: ignore[arg-type]
    foreign = DeadLetter("other.requests/0/1", value=b"x", size=1, complete=True, **parts)  # type: ignore[arg-type]
    nowhere = DeadLetter(f"{own}x/0/1", value=b"x", size=1, complete=True, **parts)  # type: ignore[arg-type]
    done = replay.replay(connection, [too_large, foreign, nowhere])
    assert "there is no such topic" in done.refused[f"{own}x/0/1"]
    assert (done.sent, done.already) == ([], [])
    assert "5,000,000 bytes was too large" in done.refused[f"{own}/0/1"]
    assert "not one of the topics" in done.refused["other.requests/0/1"]


def test_of_two_replays_at_once_only_one_sends(connection: Connection) -> None:
    letter = DeadLetter(
        f"{connection.topics.requests}/0/1", "a", "r", b"x", [], 1, complete=True, time_ms=0
    )

    class Meddling(list):
        """Another replay comes after this one has looked which dead letters were sent."""

        def __iter__(self):
            assert replay.replay(connection, [letter]).sent == [letter.origin]
            return super().__iter__()

    with pytest.raises(ReplayError, match="Nothing was sent again"):
        replay.replay(connection, Meddling([letter]))
    assert replay.replay(connection, [letter]).already == [letter.origin]
