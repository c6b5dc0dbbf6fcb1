"""Parts of imageclass that need no broker: imports, connection, agents' names, verdicts."""

import subprocess
import sys

import pytest
from imageclass.agents.agent import Agent
from imageclass.data.datasets import load
from imageclass.kafka import connection, topics

DIGITS = load("digits")


def test_nothing_imports_tensorflow_before_it_is_used() -> None:
    program = (
        "import importlib, pkgutil, sys, imageclass\n"
        "names = [m.name for m in pkgutil.iter_modules(imageclass.__path__)]\n"
        "for name in names: importlib.import_module(f'imageclass.{name}')\n"
        "print(len(names), 'tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    count, *imported = done.stdout.split()
    assert int(count) >= 10
    assert imported == ["False", "False"]


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


def test_a_broker_that_is_away_is_waited_for_and_named() -> None:
    said: list[str] = []
    with pytest.raises(connection.NoBroker, match=r"127\.0\.0\.1:1 does not answer"):
        connection.connect("127.0.0.1:1", timeout=10, on_wait=said.append)
    assert said
    assert "Waiting for the broker at 127.0.0.1:1" in said[0]


@pytest.mark.parametrize("name", ["", "a b", "ü", "x" * 101])
def test_an_agents_name_must_fit_into_a_groups(name: str) -> None:
    nowhere = connection.Connection(("127.0.0.1:1",), topics.Topics("t."))
    Agent(nowhere, "cnn-1.b_2", lambda images: images)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="An agent's name"):
        Agent(nowhere, name, lambda images: images)  # type: ignore[arg-type]
