"""Agents that fell silent, and heartbeats without end."""

from watch.collector import agent_metrics
from watch.heartbeats import FORGET_AFTER_S, MAX_AGENTS, AgentNumbers, newest

NOW = 1_000_000.0
COUNTS = {"received": 5, "answered": 4, "rejected": 1, "expired": 0, "errors": None}
NUMBERS = {**COUNTS, "throttled": 1.5, "rate": 2.5}


def agent(sent: float = NOW, state: str = "running", number: int = 0) -> AgentNumbers:
    return AgentNumbers("ada", "cnn", f"i{number}", sent, {**NUMBERS, "state": state})


def samples(*agents: AgentNumbers) -> dict[str, float]:
    return {s.name: s.value for m in agent_metrics(list(agents), NOW) for s in m.samples}


def test_an_agent_that_is_heard_is_alive() -> None:
    found = samples(agent())
    assert (found["mosshub_agent_alive"], found["mosshub_agent_lost"]) == (1, 0)
    assert found["mosshub_agent_answered_total"] == 4
    assert found["mosshub_agent_errors_total"] == 0
    assert found["mosshub_agent_throttled_seconds_total"] == 1.5
    assert found["mosshub_agent_predictions_per_second"] == 2.5


def test_silence_is_a_loss_only_of_an_agent_that_did_not_say_that_it_stops() -> None:
    found = samples(agent(NOW - 60))
    assert (found["mosshub_agent_alive"], found["mosshub_agent_lost"]) == (0, 1)
    found = samples(agent(NOW - 60, "stopped"))
    assert (found["mosshub_agent_alive"], found["mosshub_agent_lost"]) == (0, 0)


def test_old_agents_and_those_beyond_the_limit_are_forgotten() -> None:
    last = {("t", b"%d" % n): agent(NOW - n, number=n) for n in range(MAX_AGENTS + 10)}
    last["t", b"old"] = agent(NOW - FORGET_AFTER_S - 1)
    told = list(newest(last, NOW))
    assert [one.instance for one in told] == [f"i{n}" for n in range(MAX_AGENTS)]
    assert len(last) == MAX_AGENTS
