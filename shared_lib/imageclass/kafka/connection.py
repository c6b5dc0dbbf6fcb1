"""Connects to the broker.

`connect()` needs no settings in a user's server: the hub puts them into the environment.
"""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import tenacity
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError
from mosshub_contract.broker_account import FILE_VARIABLE

from imageclass.kafka.credentials import Account, MissingCredentials, find_account, refusal
from imageclass.kafka.missing_topics import create_missing_topics
from imageclass.kafka.patience import PASSING, ask_again
from imageclass.kafka.record_batches import OnSkip, skip_undecodable, warn
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
    """A broker's addresses and the topics used there; it makes clients, and keeps none open.

    Every client is a context manager. Making one raises `NoBroker` if the broker has not answered
    within 2 s, or refuses the account. A broker that answers slowly has 20 s.

    Attributes:
        bootstrap_servers: addresses, `host:port`.
        topics: names of topics and groups.
        given_account: the account that the caller gave.
    """

    bootstrap_servers: tuple[str, ...]
    topics: Topics
    given_account: Account | None = None

    @property
    def account(self) -> Account | None:
        """The account that was given; without one, at the hub's broker, the one of this server.

        It is read each time, because it may change.

        Raises:
            MissingCredentials: the hub should have given one and has not.
        """
        ours = self.bootstrap_servers == _addresses(os.environ.get("KAFKA_BOOTSTRAP_SERVERS"))
        return self.given_account or (find_account() if ours else None)

    def producer(self, **settings: Any) -> KafkaProducer:
        """Return a producer that neither loses nor doubles a message while it lives.

        It is idempotent, waits for all replicas, and tries again for two minutes. Threads may share
        it.

        Args:
            settings: more of kafka-python's own.

        Raises:
            NoBroker: the broker does not answer, or refuses the account.
        """
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

    def consumer(
        self, group: str | None = None, on_skip: OnSkip = warn, **settings: Any
    ) -> KafkaConsumer:
        """Return a consumer that commits only when told to. For one thread only.

        It goes on behind records that nobody can decode, and a poll returns 16 MiB or one record.

        Args:
            group: its group; it starts at the oldest message where the group has no offset yet.
                Without one, partitions must be assigned.
            on_skip: called during `poll` with the records that it skipped; by default it warns.
            settings: more of kafka-python's own.

        Raises:
            NoBroker: the broker does not answer, or refuses the account.
        """
        consumer = self._client(
            KafkaConsumer,
            **settings,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            # The place of a killed process in its group is free after this, instead of 45 s.
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            check_crcs=False,  # `skip_undecodable` checks them
        )
        complete_rebalances(consumer)
        skip_undecodable(consumer, on_skip)
        return consumer

    def admin(self) -> closing[KafkaAdminClient]:
        """Return a client that manages topics and groups; use it in a `with`.

        Raises:
            NoBroker: the broker does not answer, or refuses the account.
        """
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
            if not (reason := refusal(servers, account)):
                raise NoBroker(_away(servers, account)) from error
        # It answers: it has begun to listen only just now, refuses the account, or is slow.
        if account:
            from imageclass.kafka import sign_in  # takes 70 ms, which few need

            if sign_in.is_refused(servers, account):
                raise NoBroker(reason)
            settings["bootstrap_timeout_ms"] = sign_in.SLOW_MS
            reason = f"The broker at {', '.join(servers)} is too busy to answer. Try again later."
        try:
            return kind(bootstrap_servers=servers, **settings)
        except KafkaTimeoutError as error:
            raise NoBroker(reason) from error

    def ensure_topics(self) -> None:
        """Create the topics that do not exist yet; the others stay as they are.

        Raises:
            NoBroker: the broker does not answer, or refuses the account.
        """

        def create() -> None:
            with self.admin() as admin:
                create_missing_topics(admin, self.topics)

        try:
            ask_again(create)
        except PASSING as error:
            raise NoBroker(_away(self.bootstrap_servers, self.account)) from error


def complete_rebalances(consumer: KafkaConsumer) -> None:
    """Have a consumer complete every rebalance that it began.

    WORKAROUND(kafka-python 3.0.12): a poll that ends during a rebalance may leave it unfinished.
    If the partitions then are as before, the next poll sees no reason to go on: the member stays
    without partitions and heartbeats for ever (one start in thirty on a busy machine). Kafka's own
    client asks whether a rejoin is needed *or pending*.
    Test: test_a_rebalance_that_ran_out_of_time_is_ended_by_the_next_poll
    """
    coordinator = consumer._coordinator
    needed = coordinator.need_rejoin
    coordinator.need_rejoin = lambda: coordinator.rejoining or needed()


def _away(servers: Iterable[str], account: Account | None) -> str:
    """Return what is said about a broker that does not answer, and what to do."""
    # Who got an account from the hub got the address with it.
    what_to_do = (
        "If that lasts, tell an admin."
        if account and os.environ.get(FILE_VARIABLE)
        else "Is it running, and is KAFKA_BOOTSTRAP_SERVERS its address?"
    )
    return f"The broker at {', '.join(servers)} does not answer. {what_to_do}"


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
    """Wait for the broker, create the topics that are missing, and return the `Connection`.

    Args:
        bootstrap_servers: `host:port`, several with commas between; by default that of
            `KAFKA_BOOTSTRAP_SERVERS`.
        prefix: the topics' prefix, see `Topics`.
        account: by default the one that the hub gave to this server, at the hub's broker.
        timeout: seconds to wait for the broker.
        on_wait: gets a sentence about every two seconds while the broker does not answer.

    Raises:
        NoBroker: none is set, or it has not answered in time.
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
        retry=tenacity.retry_if_exception_type(NoBroker),
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
