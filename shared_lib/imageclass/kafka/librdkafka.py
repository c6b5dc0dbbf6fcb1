"""The clients of an agent: librdkafka, which works in C beside the model.

Everything else uses kafka-python (see `connection`). With that an agent would spend as much CPU on
a message as a small network on its image; `bench/streaming.py` measures what is left of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer

from imageclass.kafka.codecs import MAX_BATCH_BYTES
from imageclass.kafka.connection import Connection

_FETCH_MAX_BYTES = 1_179_648  # the broker's `message.max.bytes`

# Without a logger librdkafka writes to the notebook's own output.
_log = logging.getLogger("imageclass.kafka")
_log.addHandler(logging.NullHandler())

OnError = Callable[[KafkaError], object]


def make_consumer(
    connection: Connection, group: str, client_id: str, on_error: OnError, **settings: Any
) -> Consumer:
    """Return a consumer that commits only when told to.

    Args:
        connection: the broker.
        group: its group; it starts at the oldest message where the group has no offset yet.
        client_id: its name in the broker's log.
        on_error: called during `consume` with errors that librdkafka goes on from by itself, such
            as a broker that is away.
        settings: more of librdkafka's own.
    """
    return Consumer(
        {
            **_common(connection, client_id, on_error),
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # The place of a killed process in its group is free after this, instead of 45 s.
            "session.timeout.ms": 10_000,
            "heartbeat.interval.ms": 2_000,
            # How long a member that hangs may keep the others waiting in a rebalance.
            "max.poll.interval.ms": 60_000,
            # What is kept ready in memory, for all partitions together; then fetching pauses.
            "queued.min.messages": 5_000,
            "queued.max.messages.kbytes": 16 * 1024,
            # All batches of an answer are decompressed at once: no more of them than the broker's
            # largest one. The second setting bounds what zstd data may decompress to.
            "fetch.max.bytes": _FETCH_MAX_BYTES,
            "receive.message.max.bytes": MAX_BATCH_BYTES,
            "fetch.queue.backoff.ms": 10,
            "fetch.error.backoff.ms": 100,
            **settings,
        },
        logger=_log,
    )


def make_producer(connection: Connection, client_id: str, on_error: OnError) -> Producer:
    """Return a producer that neither loses nor doubles a message while it lives.

    It is idempotent, waits for all replicas, and tries again for two minutes.

    Args:
        connection: the broker.
        client_id: its name in the broker's log.
        on_error: called during `poll` with errors that librdkafka goes on from by itself.
    """
    return Producer(
        {
            **_common(connection, client_id, on_error),
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
