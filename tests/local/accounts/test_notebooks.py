"""Accounts in notebooks: agents, judges, dead letters."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest
from imageclass.agents import registry
from imageclass.data.datasets import load
from imageclass.kafka.connection import Connection, NoBroker, connect
from imageclass.kafka.credentials import Account as OwnAccount
from imageclass.kafka.live_agents import list_agents
from imageclass.kafka.topics import Topics
from imageclass.runs import replay
from imageclass.runs.judge import Judge
from imageclass.runs.live import watch

from hub.accounts.acls import app_account
from tests.support.agents import Linear
from tests.support.paths import NOTEBOOKS
from tests.support.secured_kafka import read
from tests.support.waiting import wait_until
from tests.support.ways import Way

# Notebooks


@pytest.mark.slow
def test_a_notebook_needs_no_settings(secured_kafka, ada, monkeypatch, tmp_path):
    file = tmp_path / "account.json"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", secured_kafka.servers)
    monkeypatch.setenv("MOSSHUB_BROKER_ACCOUNT", str(file))
    monkeypatch.setenv("MOSSHUB_TOPIC_PREFIX", "ada.")
    said = []
    with pytest.raises(NoBroker, match=r"You have no account on the broker: .* ask an admin"):
        connect(timeout=0.5, on_wait=said.append)
    account = {"username": "ada", "password": ada.account.password}
    file.write_text(json.dumps(account))
    connection = connect()
    assert connection.topics.requests == "ada.requests"
    with connection.producer() as producer:
        producer.send("ada.requests", b"x").get(10)
    with connection.consumer("ada.agent.x") as consumer:
        consumer.subscribe(["ada.requests"])
        assert read(consumer, 1) == [b"x"]
    assert account["password"] not in repr(connection)

    file.write_text(json.dumps({**account, "password": "old"}))
    with pytest.raises(NoBroker, match=r"does not let in 'ada': the password is wrong, or"):
        connect(timeout=0.5, on_wait=said.append)
    file.write_text(json.dumps({**account, "password": "new", "broker": "away"}))
    with pytest.raises(NoBroker, match=r"does not let in 'ada' yet: the hub will"):
        connect(timeout=0.5, on_wait=said.append)
    # What is said in the call wins.
    connect(account=OwnAccount("ada", ada.account.password))
    monkeypatch.delenv("MOSSHUB_BROKER_ACCOUNT")
    with pytest.raises(NoBroker, match="lets in only users with an account, and you gave none"):
        connect(timeout=0.5, on_wait=said.append)


@pytest.mark.parametrize("prefix", ["bob.", "team."])
def test_a_persons_account_is_enough_for_agent_and_judge(secured_kafka, bob, prefix):
    account = OwnAccount("bob", bob.account.password)
    connection = connect(secured_kafka.servers, prefix=prefix, account=account)
    agent = registry.start_agent(connection, "linear", Linear(), dataset="digits")
    try:
        agent.wait_until_running()
        with Judge(connection, ["linear"]) as judge:
            verdicts = judge.collect(judge.publish(load("digits"), 200, seed=1), patience=30)
        assert (verdicts.missing, verdicts.duplicates) == (0, {})
        wait_until(lambda: len(list_agents(connection)), 30, "the agent's announcement")
    finally:
        assert registry.stop_agent(connection, "linear")


def test_a_person_sends_their_own_dead_letters_again(secured_kafka, bob):
    own = connect(secured_kafka.servers, "bob.", account=OwnAccount("bob", bob.account.password))
    with own.producer() as producer:
        producer.send(own.topics.requests, b"not an image").get(10)
    registry.start_agent(own, "linear", Linear(), dataset="digits")
    try:
        letters = wait_until(lambda: replay.read(own), 30, "the dead letter")
        assert replay.replay(own, letters).sent == [letters[0].origin]
    finally:
        registry.stop_agent(own, "linear")


@pytest.mark.slow
def test_the_notebook_shows_what_is_ones_own_and_one_denial(secured_kafka, bob, tmp_path):
    file = tmp_path / "account.json"
    file.write_text(json.dumps({"username": "bob", "password": bob.account.password}))
    bob.topic("shown")
    done = subprocess.run(
        [sys.executable, NOTEBOOKS / "my_topics.py"],
        env={
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": secured_kafka.servers,
            "MOSSHUB_BROKER_ACCOUNT": str(file),
            "MOSSHUB_TOPIC_PREFIX": "bob.",
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert " topics of yours, " in done.stdout
    assert "**Denied** (TopicAuthorizationFailedError)" in done.stdout


def test_an_apps_account_reads_what_is_named_and_makes_no_topic(secured_kafka, ada):
    topics = [("ada.verdicts", False), ("ada.agents", False)]
    app = app_account("secret", "ada", "seen", "1", topics)
    asyncio.run(secured_kafka.reconciler().ensure_account(app))
    connect(secured_kafka.servers, "ada.", account=OwnAccount("ada", ada.account.password))
    account = OwnAccount(app.name, app.password)
    connection = connect(secured_kafka.servers, "ada.", account=account)
    assert watch(connection).verdicts.is_empty()
    assert list_agents(connection).is_empty()
    # Where it may read nothing, it is refused.
    with pytest.raises(NoBroker, match="cannot be used"):
        connect(secured_kafka.servers, "bob.", account=account)


@pytest.mark.slow
def test_a_slow_broker_is_waited_for_and_never_called_a_wrong_password(secured_kafka, ada):
    """A sign-in has four answers, and a client that waits two seconds does not get them all."""
    account = OwnAccount("ada", ada.account.password)
    with Way(secured_kafka.servers, 1.0) as way:
        connection = Connection((way.address,), Topics("ada."), account)
        with connection.producer() as producer:
            producer.send(ada.topic("slow"), b"x").get(30)
        wrong = Connection((way.address,), Topics("ada."), OwnAccount("ada", "wrong"))
        with pytest.raises(NoBroker, match="does not let in 'ada': the password is wrong"):
            wrong.producer()
