"""Waits until a broker answers."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Sequence

from embedded_kafka.errors import BrokerError


def wait_until_ready(
    bootstrap_servers: str | Sequence[str],
    timeout: float = 60.0,
    give_up: Callable[[], bool] = lambda: False,
    **client: str,
) -> None:
    """Wait until one of the brokers answers a request, not merely a connection.

    Args:
        bootstrap_servers: `host:port`, several separated by commas or as a list.
        timeout: how long to wait at most, in seconds.
        give_up: called again and again; True ends the waiting.
        client: more settings of kafka-python's client, for a broker with accounts.

    Raises:
        BrokerError: none answered in time, or `give_up` said so.
    """
    if not isinstance(bootstrap_servers, str):
        bootstrap_servers = ",".join(bootstrap_servers)
    addresses = [_address(server) for server in bootstrap_servers.split(",")]
    deadline = time.monotonic() + timeout
    while not give_up():
        if any(_accepts(address) for address in addresses) and _answers(bootstrap_servers, client):
            return
        if time.monotonic() > deadline:
            break
        time.sleep(0.05)
    raise BrokerError(
        f"No Kafka broker answers at {bootstrap_servers} (waited {timeout:.0f} s). Is it started, "
        "and is the address right?"
    )


def _address(server: str) -> tuple[str, int]:
    host, _, port = server.strip().rpartition(":")
    if not host or not port.isdigit():
        raise BrokerError(f"{server!r} is not a broker address; write it as host:port.")
    return host.strip("[]"), int(port)


def _accepts(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1).close()
    except OSError:
        return False
    return True


def _answers(bootstrap_servers: str, settings: dict[str, str]) -> bool:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    # It is normal that a broker which is just starting does not answer.
    quiet = logging.getLogger("kafka")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)
    try:
        with KafkaAdminClient(
            bootstrap_servers=bootstrap_servers,
            bootstrap_timeout_ms=5000,
            request_timeout_ms=5000,
            **settings,
        ) as client:
            return bool(client.describe_cluster()["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        quiet.setLevel(level)
