"""What the broker knows of topics and groups."""

from __future__ import annotations

import time

from imageclass.kafka import inspect
from imageclass.kafka.connection import Connection
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError

from tests.support.waiting import TIMEOUT_FACTOR


def read_all(connection: Connection, topic: str) -> list:
    """Return every message that is on the topic now."""
    with connection.consumer() as consumer:
        places = [TopicPartition(topic, n) for n in consumer.partitions_for_topic(topic) or ()]
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        found: list = []
        deadline = time.monotonic() + 30 * TIMEOUT_FACTOR
        while any(consumer.position(place) < end for place, end in ends.items()):
            assert time.monotonic() < deadline, f"{topic} cannot be read to its end"
            found += [r for records in consumer.poll(timeout_ms=200).values() for r in records]
        return found


def members(connection: Connection, agent: str) -> int:
    """Return the number of members in the agent's group; -1 while the broker cannot say."""
    group = connection.topics.group(agent)
    with connection.admin() as admin:
        try:
            return len(admin.describe_groups([group])[group]["members"])
        except CoordinatorNotAvailableError:  # of a new broker, which makes its topic of groups now
            return -1


def lag(connection: Connection) -> int | None:
    """Return how many requests a group has not committed yet.

    None before it has committed something on each of the four partitions.
    """
    groups = inspect.list_lags(connection, (connection.topics.prefix,))
    return groups["lag"].sum() if len(groups) == 4 else None
