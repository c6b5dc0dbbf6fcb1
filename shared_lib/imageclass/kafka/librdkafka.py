"""An agent's clients that work in C beside the model: its producer, and its place in the group.

Everything else uses kafka-python (see `connection`), also an agent that fetches. Sending with it
would cost an agent as much CPU as a small network; `bench/streaming.py` measures what is left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, ThrottleEvent

from imageclass.kafka.connection import Connection

# Without a logger librdkafka writes to the notebook's own output.
_log = logging.getLogger("imageclass.kafka")
_log.addHandler(logging.NullHandler())

OnError = Callable[[KafkaError], object]
OnThrottle = Callable[[ThrottleEvent], object]


def make_consumer(
    connection: Connection, group: str, client_id: str, on_error: OnError, **settings: Any
) -> Consumer:
    """Return a consumer that commits only when told to.

    It decompresses without a limit: let it fetch only what you have written yourself.

    Args:
        connection: the broker.
        group: its group.
        client_id: its name in the broker's log.
        on_error: called during `poll` with errors that librdkafka goes on from by itself, such
            as a broker that is away.
        settings: more of librdkafka's own.
    """
    return Consumer(
        {
            **_common(connection, client_id, on_error),
            "group.id": group,
            "enable.auto.commit": False,
            # The place of a killed process in its group is free after this, instead of 45 s.
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 2_000,
            # How long a member that hangs may keep the others waiting in a rebalance.
            "max.poll.interval.ms": 60_000,
            **settings,
        },
        logger=_log,
    )


def make_producer(
    connection: Connection, client_id: str, on_error: OnError, on_throttle: OnThrottle
) -> Producer:
    """Return a producer that neither loses nor doubles a message while it lives.

    It is idempotent, waits for all replicas, and tries again for two minutes.

    Args:
        connection: the broker.
        client_id: its name in the broker's log.
        on_error: called during `poll` with errors that librdkafka goes on from by itself.
        on_throttle: called during `poll` whenever the broker made it wait, because of a quota.
    """
    return Producer(
        {
            **_common(connection, client_id, on_error),
            "throttle_cb": on_throttle,
            "enable.idempotence": True,
            "acks": "all",
            "delivery.timeout.ms": 120_000,
            "linger.ms": 0.5,
            "batch.size": 512 * 1024,
            # Above that `produce` raises BufferError, and the agent waits.
            "queue.buffering.max.messages": 10_000,
            "queue.buffering.max.kbytes": 64 * 1024,
            "message.max.bytes": 1024 * 1024,
            # The same key, the same partition, as from kafka-python and Java.
            "partitioner": "murmur2_random",
        },
        logger=_log,
    )


def _common(connection: Connection, client_id: str, on_error: OnError) -> dict[str, Any]:
    account = connection.account
    return {
        "bootstrap.servers": ",".join(connection.bootstrap_servers),
        "client.id": client_id,
        # The default lets a client sleep 10 s after the broker is back.
        "reconnect.backoff.max.ms": 1_000,
        "error_cb": on_error,
        **(account.librdkafka_settings if account else {}),
    }
