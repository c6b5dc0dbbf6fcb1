"""Finding the broker and naming what lies on it.

`connect()` needs no settings in a user's server: the hub puts them into the environment.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, TopicAlreadyExistsError

from imageclass.kafka.credentials import Account, MissingCredentials, find_account, refused
from imageclass.kafka.topics import Topics

T = TypeVar("T")


_COMMON: dict = {
    "client_id": "imageclass",
    # The default lets a client sleep 30 s after the broker is back.
    "reconnect_backoff_max_ms": 1_000,
    "bootstrap_timeout_ms": 2_000,
}


class NoBroker(Exception):
    """No broker is set, or it does not answer; the text says which and what to do."""


@dataclass(frozen=True)
class Connection:
    """A broker's addresses and the topics used there; it makes clients, and holds none open.

    Every client it makes is a context manager; making one raises `NoBroker` if the broker has not
    answered within 2 s, or has refused twice.
    """

    bootstrap_servers: tuple[str, ...]
    topics: Topics
    given_account: Account | None = None

    @property
    def account(self) -> Account | None:
        """Who one is there: the account that was given, else at the hub's broker the one that the
        hub gave to this server, read anew each time because it may change.

        Raises `account.NoAccount` where the hub should have given one and has not.
        """
        ours = self.bootstrap_servers == _addresses(os.environ.get("KAFKA_BOOTSTRAP_SERVERS"))
        return self.given_account or (find_account() if ours else None)

    def producer(self, **settings: Any) -> KafkaProducer:
        """A producer that neither loses nor doubles a message while it lives: idempotent,
        acknowledged by all replicas, tried again for two minutes. May be shared by threads.
        `settings` are more of kafka-python's own."""
        return self._client(
            KafkaProducer,
            **settings,
            enable_idempotence=True,
            acks="all",
            delivery_timeout_ms=120_000,
            max_block_ms=120_000,
            linger_ms=5,
            batch_size=512 * 1024,
        )

    def consumer(self, group: str | None = None, **settings: Any) -> KafkaConsumer:
        """A consumer that commits only when told to, from the oldest message where its group has
        no offset yet. Without a group, partitions must be assigned. For one thread only.
        `settings` are more of kafka-python's own."""
        consumer = self._client(
            KafkaConsumer,
            **settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            # A killed kernel's place in its group is free again after this, instead of 45 s.
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        _finish_what_was_begun(consumer)
        return consumer

    def admin(self) -> closing[KafkaAdminClient]:
        """A client that manages topics and groups; use it in a `with`."""
        return closing(self._client(KafkaAdminClient))

    def _client(self, kind: Callable[..., T], **settings: Any) -> T:
        try:
            account = self.account
        except MissingCredentials as error:
            raise NoBroker(str(error)) from None
        settings = {**_COMMON, **(account.settings if account else {}), **settings}
        servers = list(self.bootstrap_servers)
        try:
            return kind(bootstrap_servers=servers, **settings)
        except KafkaTimeoutError as error:
            why = refused(servers, account)
            if not why:
                raise NoBroker(
                    f"The broker at {', '.join(servers)} does not answer. Is it running, and is"
                    " KAFKA_BOOTSTRAP_SERVERS its address?"
                ) from error
        # It may have begun to listen only just now: refused is who knocks again in vain.
        try:
            return kind(bootstrap_servers=servers, **settings)
        except KafkaTimeoutError as error:
            raise NoBroker(why) from error

    def ensure_topics(self) -> None:
        """Create the topics that are not there yet; those that are stay as they are."""
        with self.admin() as admin:
            there = set(admin.list_topics())
            for topic, settings in self.topics.settings.items():
                if topic not in there:
                    with suppress(TopicAlreadyExistsError):  # another one was quicker
                        admin.create_topics({topic: settings})
            admin.wait_for_topics(self.topics.all, timeout_ms=30_000)


def _finish_what_was_begun(consumer: KafkaConsumer) -> None:
    """Have `consumer` end every rebalance that it began.

    kafka-python (seen in 3.0.12, on a busy machine one start in thirty) joins its group again when
    a topic's partitions change. If a poll's time runs out during that, and the partitions then are
    as before, the next poll sees no reason to go on: the member stays without partitions and
    without heartbeats for ever. Kafka's own client asks whether a rejoin is needed *or pending*.
    """
    coordinator = consumer._coordinator
    needed = coordinator.need_rejoin
    coordinator.need_rejoin = lambda: coordinator.rejoining or needed()


def _addresses(servers: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (servers or "").split(",") if part.strip())


def connect(
    bootstrap_servers: str | None = None,
    prefix: str | None = None,
    *,
    account: Account | None = None,
    timeout: float = 60.0,
    on_wait: Callable[[str], object] = print,
) -> Connection:
    """Wait for the broker, make sure the topics are there, and return the `Connection`.

    `bootstrap_servers` is `host:port`, several with commas between; by default that of
    `KAFKA_BOOTSTRAP_SERVERS`. `prefix` of the topics: see `Topics`. `account`: by default the one
    that the hub gave to this server, at the broker of the hub. While the broker is not there
    `on_wait` gets a sentence about every two seconds, and after `timeout` seconds `NoBroker` is
    raised; at once if none is set.
    """
    servers = _addresses(bootstrap_servers or os.environ.get("KAFKA_BOOTSTRAP_SERVERS"))
    if not servers:
        raise NoBroker(
            "No broker is set. In a server of the hub it always is; elsewhere set"
            " KAFKA_BOOTSTRAP_SERVERS to the broker's address, such as 127.0.0.1:9092."
        )
    topics = Topics() if prefix is None else Topics(prefix)
    connection = Connection(servers, topics, account)
    started = time.monotonic()

    def say(state: tenacity.RetryCallState) -> None:
        seconds = time.monotonic() - started
        on_wait(f"Waiting for the broker at {', '.join(servers)} ({seconds:.0f} s) …")

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(
            lambda error: (
                isinstance(error, NoBroker) or (isinstance(error, KafkaError) and error.retriable)
            )
        ),
        stop=tenacity.stop_after_delay(timeout),
        wait=tenacity.wait_fixed(0.25),
        before_sleep=say,
        reraise=True,
    )
    try:
        retrying(connection.ensure_topics)
    except NoBroker as error:
        raise NoBroker(f"{error} (Waited {timeout:.0f} s.)") from error.__cause__
    except (KafkaError, ValueError) as error:
        raise NoBroker(f"The broker at {', '.join(servers)} cannot be used: {error}") from error
    return connection
