"""Steps an agent over records that librdkafka cannot decode."""

from __future__ import annotations

import time
from contextlib import suppress

import kafka
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from imageclass.kafka.connection import Connection
from imageclass.kafka.record_batches import Undecodable
from imageclass.kafka.undecodable import find_undecodable
from imageclass.messages.dead_letters import Record

STALLED_AFTER_S = 10.0  # without a message of a partition that has some

_CHECK_INTERVAL_S = 1.0
_CODES = frozenset(
    {
        KafkaError._BAD_COMPRESSION,
        KafkaError._BAD_MSG,
        KafkaError._NOT_IMPLEMENTED,
        KafkaError.MSG_SIZE_TOO_LARGE,
    }
)

Place = tuple[str, int]  # topic and partition


class UndecodableRecords:
    """Finds out where a consumer does not come on, and lets it go on behind that place.

    For one thread only.
    """

    # WORKAROUND(confluent-kafka 2.16.1): librdkafka reads a batch that it cannot decode for ever.
    # It tells of some of them (a codec that it does not know, zstd data of more than
    # `receive.message.max.bytes`), and of others (a record that is longer than it says) not.
    # Test: test_agents_step_over_what_nobody_can_decode

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._behind: dict[Place, int] = {}  # what was stepped over
        self._still: dict[Place, tuple[int, float]] = {}  # position, and since when
        self._next_check = 0.0

    def forget(self) -> None:
        """Begin again: the partitions, or the positions in them, are others now."""
        self._behind, self._still = {}, {}

    def on_error(self, consumer: Consumer, message: Message) -> Record | None:
        """Step over the records that an error is about, and return them as one; None if about none.

        Raises:
            NoBroker: the broker does not answer.
            confluent_kafka.KafkaException: the consumer has lost the partition meanwhile.
        """
        error, topic, number = message.error(), message.topic(), message.partition()
        offset = message.offset()
        if error is None or topic is None or number is None or offset is None:
            return None
        if error.code() not in _CODES or offset < self._behind.get((topic, number), 0):
            return None
        partition = kafka.TopicPartition(topic, number)
        found = find_undecodable(self._connection, partition, offset)
        if found is None:  # kafka-python can, librdkafka cannot
            refusal = f"librdkafka cannot decode the batch: {error.str()}"
            found = find_undecodable(self._connection, partition, offset, refusal=refusal)
        return self._step_over(consumer, found) if found else None

    def on_stall(self, consumer: Consumer) -> list[Record]:
        """Step over the records at which a partition has stood still for some seconds.

        Raises:
            NoBroker: the broker does not answer.
            confluent_kafka.KafkaException: the consumer has lost the partition meanwhile.
        """
        now = time.monotonic()
        if now < self._next_check:
            return []
        self._next_check = now + _CHECK_INTERVAL_S
        records = []
        for place, position in _positions(consumer).items():
            before, since = self._still.setdefault(place, (position, now))
            if position != before:
                self._still[place] = position, now
            elif now - since > STALLED_AFTER_S:
                self._still[place] = position, float("inf")  # looked at once
                partition = kafka.TopicPartition(*place)
                if found := find_undecodable(self._connection, partition, position):
                    records.append(self._step_over(consumer, found))
        return records

    def _step_over(self, consumer: Consumer, found: Undecodable) -> Record:
        topic, number = found.partition
        consumer.seek(TopicPartition(topic, number, found.last + 1))
        self._behind[topic, number] = found.last + 1
        count = found.last - found.first + 1
        reason = found.reason if count == 1 else f"{count:,} records: {found.reason}"
        return Record(topic, number, found.first, found.raw, None, reason, last=found.last)


def _positions(consumer: Consumer) -> dict[Place, int]:
    """Return the next offset of each partition with messages that were not consumed yet."""
    positions = {}
    with suppress(KafkaException):  # no partitions any more
        for place in consumer.position(consumer.assignment()):
            low, high = consumer.get_watermark_offsets(place, cached=True)
            if (offset := place.offset if place.offset >= 0 else low) < high:
                positions[place.topic, place.partition] = offset
    return positions
