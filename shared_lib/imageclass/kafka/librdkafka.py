"""The clients of an agent: librdkafka, whose work is done in C beside the model.

Everything else uses kafka-python (see `connection`). Through it an agent would spend as much CPU
on a message as a small network on its image; `bench/streaming.py` shows what is left of that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer

from imageclass.kafka.connection import Connection

# librdkafka would write to the notebook's own output; who wants its words asks for this logger.
_log = logging.getLogger("imageclass.kafka")
_log.addHandler(logging.NullHandler())

OnError = Callable[[KafkaError], object]


def make_consumer(
    connection: Connection, group: str, client_id: str, on_error: OnError, **settings: Any
) -> Consumer:
    """A consumer in `group`, from the oldest message where the group has no offset yet.

    It commits only when told to. `on_error` is called during `consume` with what librdkafka goes
    on from by itself, such as a broker that is away. `settings` are more of librdkafka's own.
    """
    return Consumer(
        {
            **_common(connection, client_id, on_error),
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # A killed kernel's place in its group is free again after this, instead of 45 s.
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 2_000,
            # How long a member that hangs may keep the others waiting in a rebalance.
            "max.poll.interval.ms": 60_000,
            # What lies ready in memory, for all partitions together; then fetching is put off.
            "queued.min.messages": 5_000,
            "queued.max.messages.kbytes": 16 * 1024,
            "fetch.queue.backoff.ms": 10,
            "fetch.error.backoff.ms": 100,
            **settings,
        },
        logger=_log,
    )


def make_producer(connection: Connection, client_id: str, on_error: OnError) -> Producer:
    """A producer that neither loses nor doubles a message while it lives: idempotent, acknowledged
    by all replicas, tried again for two minutes. `on_error` is called during `poll`."""
    return Producer(
        {
            **_common(connection, client_id, on_error),
            "enable.idempotence": True,
            "acks": "all",
            "delivery.timeout.ms": 120_000,
            "linger.ms": 0.5,
            "batch.size": 512 * 1024,
            # Beyond that `produce` raises BufferError, and the agent waits.
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
