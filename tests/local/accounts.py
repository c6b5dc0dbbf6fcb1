"""A broker with accounts, and people on it."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from imageclass.broker import EmbeddedBroker
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from hub.accounts.acls import Account
from hub.accounts.kafka_admin import KafkaAdmin
from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.accounts.revoked import RevokedAccounts
from tests.running import wait_until

T = TypeVar("T")

QUOTAS = {
    "producer_byte_rate": 50e6,
    "consumer_byte_rate": 50e6,
    "request_percentage": 400.0,
    "controller_mutation_rate": 100.0,
}


class Guarded:
    """An embedded broker with accounts, with a reconciler as the hub has one."""

    def __init__(self, directory: Path) -> None:
        self.secret_file = directory / "secret"
        self.secret_file.write_text(secrets.token_hex(32))
        self.broker = EmbeddedBroker(
            directory / "kafka", port=0, secret_file=self.secret_file, show=print
        )
        self.people: list[HubUser] = []

    def __enter__(self) -> Guarded:
        self.broker.start()
        asyncio.run(self.keeper().reconcile())
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.stop()

    @property
    def servers(self) -> str:
        return self.broker.bootstrap_servers

    def admin(self) -> KafkaAdmin:
        """The broker as the hub sees it."""
        return KafkaAdmin(lambda: self.broker.admin_file.read_text(), self.secret_file.read_text())

    def keeper(self, **settings: Any) -> AccountReconciler:
        """A hub that was started just now."""
        given = {"quotas": QUOTAS} | settings
        out = RevokedAccounts(self.secret_file.with_name("shut_out.json"))
        people = lambda: list(self.people)  # noqa: E731
        secret = self.secret_file.read_text()
        return AccountReconciler(self.admin(), secret, people, out, **given)

    def enter(self, name: str, member_of: Iterable[str] = (), **settings: Any) -> Member:
        """Somebody new, with their account made and usable."""
        user = HubUser(name, since="2026", groups=frozenset(member_of), active=True)
        self.people.append(user)
        keeper = self.keeper(**settings)
        assert asyncio.run(keeper.ensure(user))
        return Member(self.servers, keeper.account(user))


class Member:
    """An account in use."""

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
        return KafkaConsumer(*topics, **{**self.settings, **own, **settings})

    def topic(self, name: str) -> str:
        """Make a topic of one's own and wait until it is there."""
        topic = f"{self.name}.{name}"
        with self.admin() as admin:
            admin.create_topics({topic: {"num_partitions": 1}})
            admin.wait_for_topics([topic], timeout_ms=10_000)
        return topic


def refused(action: Callable[[], object], kinds: type[KafkaError] | tuple) -> None:
    """`action` is denied, and not for some other reason."""
    with pytest.raises(kinds):
        action()


def read(consumer: KafkaConsumer, count: int, timeout: float = 20) -> list[bytes]:
    """The next `count` messages, or those that came in time."""
    values: list[bytes] = []
    deadline = time.monotonic() + timeout
    while len(values) < count and time.monotonic() < deadline:
        for records in consumer.poll(timeout_ms=200).values():
            values += [record.value for record in records]
    return values


__all__ = ["QUOTAS", "Guarded", "Member", "read", "refused", "wait_until"]
