"""Accounts over time: removed people, restarts, new secrets."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from pathlib import Path

import pytest
from embedded_kafka import EmbeddedBroker
from embedded_kafka import accounts as listeners
from imageclass.agents import registry
from imageclass.data.datasets import load
from imageclass.kafka.connection import connect
from imageclass.runs.judge import Judge
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
)

from tests.support.agents import Linear
from tests.support.secured_kafka import KafkaUser, SecuredKafka, is_denied, read, refused
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

TOPIC, GROUP = TopicAuthorizationFailedError, GroupAuthorizationFailedError


# Over time


def test_a_removed_person_is_cut_off_and_others_notice_nothing(tmp_path, monkeypatch, capsys):
    """Connections re-authenticate while messages flow; those of a removed person are closed."""
    assert listeners.REAUTHENTICATE_MS <= 45_000, "within a minute"
    quick = {"request_timeout_ms": 3_000}
    monkeypatch.setattr(listeners, "REAUTHENTICATE_MS", 2_000)
    with SecuredKafka(tmp_path) as own:
        stays, goes = own.add_user("stays"), own.add_user("goes")
        topic, group = stays.topic("x"), "stays.g"
        theirs = goes.topic("x")
        idle = stays.admin(**quick)
        idle.list_topics()
        with stays.producer() as producer, stays.consumer(topic, group_id=group) as consumer:
            with goes.producer(max_block_ms=3_000) as leaving, goes.admin(**quick) as looking:
                leaving.send(theirs, b"x").get(10)
                sent, got = [], []
                end = time.monotonic() + 7  # three lives of a connection
                while time.monotonic() < end:
                    sent.append(producer.send(topic, str(len(sent)).encode()))
                    got += [r.value for rs in consumer.poll(timeout_ms=5).values() for r in rs]
                for one in sent:
                    one.get(10)
                got += read(consumer, len(sent) - len(got))
                assert got == [str(n).encode() for n in range(len(sent))]
                consumer.commit()
                assert topic in idle.list_topics(), "connections that rested are renewed too"

                began = time.monotonic()
                own.people[:] = [p for p in own.people if p.name != "goes"]
                asyncio.run(own.reconciler().revoke("goes"))
                wait_until(lambda: not delivers(leaving, theirs), 60, "denied")
                cut = time.monotonic() - began
                # Not only denied: nobody of that name comes in any more, by no connection.
                wait_until(lambda: lost(looking), 20, "the connection is closed")
                with capsys.disabled():
                    closed = time.monotonic() - began
                    print(f"\n  removed: denied after {cut:.2f} s, closed after {closed:.1f} s")
                refused(lambda: goes.admin(bootstrap_timeout_ms=2_000), KafkaError)
            producer.send(topic, b"still here").get(10)
        idle.close()


def delivers(producer: KafkaProducer, topic: str) -> bool:
    """Return whether a message arrives: it is denied, or its connection was ended before that."""
    try:
        return not is_denied(lambda: producer.send(topic, b"x").get(5))
    except KafkaTimeoutError:
        return False


def lost(admin: KafkaAdminClient) -> bool:
    """Whether a client gets no answer at all any more, not even one that names nothing."""
    try:
        assert admin.list_topics() == []
    except KafkaError:
        return True
    return False


def test_accounts_outlive_a_restart_and_a_new_secret_changes_all(tmp_path, monkeypatch):
    with EmbeddedBroker(tmp_path / "kafka", port=0) as older:
        with KafkaAdminClient(bootstrap_servers=older.bootstrap_servers) as admin:
            admin.create_topics({"ada.kept": {"num_partitions": 1}})
            admin.wait_for_topics(["ada.kept"], timeout_ms=10_000)
        with KafkaProducer(bootstrap_servers=older.bootstrap_servers) as producer:
            producer.send("ada.kept", b"from before there were accounts").get(10)

    own = SecuredKafka(tmp_path)
    with own:  # the directory of a broker without accounts
        ada = own.add_user("ada")

        def kept(who: KafkaUser) -> list[bytes]:
            with who.consumer("ada.kept") as consumer:
                return read(consumer, 1)

        assert kept(ada) == [b"from before there were accounts"]
        own.broker.stop()
        own.broker.start()
        assert kept(ada) == [b"from before there were accounts"], "no hub was needed for that"

        # An agent of hers, at work with the account that her server keeps in a file.
        file = tmp_path / "account.json"
        file.write_text(json.dumps({"username": "ada", "password": ada.account.password}))
        monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", own.servers)
        monkeypatch.setenv("MOSSHUB_BROKER_ACCOUNT", str(file))
        connection = connect(prefix="ada.")
        agent = registry.start_agent(connection, "linear", Linear(), dataset="digits")
        agent.wait_until_running()

        own.secret_file.write_text(uuid.uuid4().hex * 2)
        own.broker.stop()
        own.broker.start()
        asyncio.run(own.reconciler().reconcile())
        fresh = own.reconciler().account(own.people[0])
        assert fresh.password != ada.account.password

        def changed() -> KafkaUser | None:
            try:
                return KafkaUser(own.servers, fresh)
            except KafkaError:
                return None

        assert kept(wait_until(changed, 60, "the new password")) != []
        refused(lambda: ada.admin(bootstrap_timeout_ms=2_000), KafkaError)

        said = "does not let in 'ada'"
        wait_until(lambda: said in agent.status.last_error, 60, "the agent says so")
        file.write_text(json.dumps({"username": "ada", "password": fresh.password}))
        with Judge(connection, ["linear"]) as judge:
            verdicts = judge.collect(judge.publish(load("digits"), 50, seed=1), patience=60)
        assert verdicts.missing == 0, "the same agent goes on, with the new password"
        assert registry.stop_agent(connection, "linear")


def test_a_secret_that_cannot_be_is_said(tmp_path: Path):
    from embedded_kafka import BrokerError

    short = tmp_path / "secret"
    with pytest.raises(BrokerError, match="cannot be read: No such file"):
        EmbeddedBroker(tmp_path / "kafka", 0, secret_file=short).start()
    short.write_text("short")
    with pytest.raises(BrokerError, match="too short: 32 characters"):
        EmbeddedBroker(tmp_path / "kafka", 0, secret_file=short).start()
