"""Find the records at an offset that cannot be decoded."""

from __future__ import annotations

import time

from kafka import TopicPartition

from imageclass.kafka.connection import Connection
from imageclass.kafka.record_batches import Undecodable, skip_undecodable

_TIMEOUT_S = 5.0
_POLL_TIMEOUT_MS = 500
_CLOSE_TIMEOUT_MS = 1_000


def find_undecodable(
    connection: Connection, partition: TopicPartition, offset: int, *, refusal: str = ""
) -> Undecodable | None:
    """Return the records at an offset if they cannot be decoded.

    Args:
        connection: the broker.
        partition: where they are.
        offset: the first of them, or one among them.
        refusal: why another client cannot decode them; they then count as such in any case.

    Returns:
        None if they can be decoded, or if nothing was read within 5 s.

    Raises:
        NoBroker: the broker does not answer.
    """
    found: list[Undecodable] = []
    consumer = connection.consumer(on_skip=found.append)
    try:
        if refusal:
            skip_undecodable(consumer, found.append, refusal=refusal)
        consumer.assign([partition])
        consumer.seek(partition, offset)
        deadline = time.monotonic() + _TIMEOUT_S
        while not found and time.monotonic() < deadline:
            if consumer.poll(_POLL_TIMEOUT_MS, max_records=1):
                break
    finally:
        consumer.close(timeout_ms=_CLOSE_TIMEOUT_MS)
    return found[0] if found and found[0].first <= offset else None
