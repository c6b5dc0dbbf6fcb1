"""A broker with accounts, and people's clients on it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from imageclass.kafka.connection import complete_rebalances
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
)
from mosshub_contract.broker_admin import ADMIN, admin_client_settings

from hub.accounts.acls import Account
from hub.accounts.kafka_admin import KafkaAdmin
from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.accounts.revoked import RevokedAccounts
from tests.support.own_kafka import OwnKafka
from tests.support.waiting import wait_until

ADMIN_PASSWORD = secrets.token_hex(16)
QUOTAS = {
    "producer_byte_rate": 50e6,
    "consumer_byte_rate": 50e6,
    "request_percentage": 400.0,
    "controller_mutation_rate": 100.0,
}


def complete(make: Callable[[], AccountReconciler], person: HubUser) -> AccountReconciler:
    """Complete a person's account, as often as a busy machine needs; return what did it.

    Args:
        make: returns the reconciler for a try: one that lost the broker waits until it is watched.
        person: whose account is to be complete.
    """

    def tried() -> AccountReconciler | None:
        reconciler = make()
        return reconciler if asyncio.run(reconciler.ensure(person)) else None

    return wait_until(tried, 60, f"the account of {person.name}")


class SecuredKafka:
    """An embedded broker with accounts, and what the hub does to keep them.

    Args:
        directory: for all that it keeps.
        host: the address of this machine at which it listens with TLS.
    """

    def __init__(self, directory: Path, host: str = "127.0.0.1") -> None:
        self.secret_file = directory / "secret"
        self.secret_file.write_text(secrets.token_hex(32))
        self.broker = OwnKafka(directory / "kafka", self.secret_file, host)
        self.people: list[HubUser] = []

    def __enter__(self) -> SecuredKafka:
        self.broker.start()
        # As the admin of a Kafka makes it, so that the hub can be its own client there.
        self.admin().upsert_accounts([Account(ADMIN, ADMIN_PASSWORD, frozenset())], {})
        asyncio.run(self.reconciler().reconcile())
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.stop()

    @property
    def servers(self) -> str:
        return self.broker.bootstrap_servers

    def admin(self) -> KafkaAdmin:
        """Return the broker as the hub sees it."""
        login = admin_client_settings(self.secret_file.read_text())
        return KafkaAdmin(lambda: self.broker.admin_file.read_text(), login)

    def own_settings(self) -> dict[str, str]:
        """Return the hub's settings for which this is a Kafka of the team's own, over TLS."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.broker.own_servers,
            "KAFKA_ADMIN_SERVER": self.broker.own_servers,
            "KAFKA_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "KAFKA_AUTHORITY": self.broker.authority,
            "BROKER_SECRET": self.secret_file.read_text(),
        }

    def reconciler(self, **settings: Any) -> AccountReconciler:
        """Return what keeps the accounts in a hub that was started just now."""
        given = {"quotas": QUOTAS} | settings
        out = RevokedAccounts(self.secret_file.with_name("shut_out.json"))
        people = lambda: list(self.people)  # noqa: E731
        return AccountReconciler(self.admin(), self.secret_file.read_text(), people, out, **given)

    def add_user(self, name: str, member_of: Iterable[str] = (), **settings: Any) -> KafkaUser:
        """Add a person; return their account, which the broker knows already."""
        person = HubUser(name, since="2026", groups=frozenset(member_of), active=True)
        self.people.append(person)
        reconciler = complete(lambda: self.reconciler(**settings), person)
        return KafkaUser(self.servers, reconciler.account(person))


class KafkaUser:
    """A person's account on the broker, and clients that use it."""

    def __init__(self, servers: str, account: Account) -> None:
        self.servers, self.account, self.name = servers, account, account.name
        with self.admin():
            pass  # the broker knows the account

    @property
    def settings(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": self.servers,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": self.name,
            "sasl_plain_password": self.account.password,
            "bootstrap_timeout_ms": 10_000,  # of which a busy machine needs more than its own 2 s
        }

    def admin(self, **settings: Any) -> KafkaAdminClient:
        return KafkaAdminClient(**{**self.settings, **settings})

    def producer(self, **settings: Any) -> KafkaProducer:
        return KafkaProducer(**{**self.settings, **settings})

    def consumer(self, *topics: str, **settings: Any) -> KafkaConsumer:
        own = {"auto_offset_reset": "earliest", "enable_auto_commit": False}
        consumer = KafkaConsumer(*topics, **{**self.settings, **own, **settings})
        if settings.get("group_id"):
            complete_rebalances(consumer)  # without it, one in thirty never becomes a member
        return consumer

    def topic(self, name: str) -> str:
        """Make a topic of this user and wait until it is there."""
        topic = f"{self.name}.{name}"
        with self.admin() as admin:
            admin.create_topics({topic: {"num_partitions": 1}})
            admin.wait_for_topics([topic], timeout_ms=10_000)
        return topic


def refused(action: Callable[[], object], kinds: type[KafkaError] | tuple) -> None:
    """Assert that `action` is denied, and for no other reason."""
    with pytest.raises(kinds):
        action()


def is_denied(action: Callable[[], object]) -> bool:
    """Return whether the broker denies `action` for lack of a right."""
    try:
        action()
    except (TopicAuthorizationFailedError, GroupAuthorizationFailedError):
        return True
    return False


def read(consumer: KafkaConsumer, count: int, timeout: float = 20) -> list[bytes]:
    """Return the next `count` messages, or those that came within `timeout` seconds."""
    values: list[bytes] = []
    deadline = time.monotonic() + timeout
    while len(values) < count and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            values += [record.value for record in records]
    return values
