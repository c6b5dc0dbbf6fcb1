"""Look into topics: which there are, what is in them, and how far each group is.

Looking changes nothing: no group is joined, no offset committed. What the broker does not show to
an account is left out.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

import polars as pl
import tenacity
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from kafka.errors import AuthorizationError, KafkaError

from imageclass.kafka.connection import Connection
from imageclass.kafka.message import Message, message_of
from imageclass.kafka.reader import TopicReader, read_to_end

_TOPICS = {
    "topic": pl.String,
    "partitions": pl.Int64,
    "messages": pl.Int64,
    "bytes": pl.Int64,
}
_LAGS = {
    "group": pl.String,
    "state": pl.String,
    "members": pl.Int64,
    "topic": pl.String,
    "partition": pl.Int64,
    "committed": pl.Int64,
    "end": pl.Int64,
    "lag": pl.Int64,
}
_TAIL_POLL_S = 0.2
_LOAD_S = 30.0

# A broker that has just started answers while it still loads its groups.
_when_loaded = tenacity.retry(
    retry=tenacity.retry_if_exception(lambda e: isinstance(e, KafkaError) and e.retriable),
    stop=tenacity.stop_after_delay(_LOAD_S),
    wait=tenacity.wait_fixed(0.25),
    reraise=True,
)


class NoSuchTopic(Exception):
    """There is no such topic, or one may not read it; the text names those there are."""


@_when_loaded
def list_topics(connection: Connection) -> pl.DataFrame:
    """Return a row for each topic that one may see.

    Returns:
        Columns topic, partitions, messages (those that are kept now) and bytes (on the disk); null
        where the broker does not tell.

    Raises:
        NoBroker: the broker does not answer.
    """
    with connection.admin() as admin:
        names = sorted(name for name in admin.list_topics() if not name.startswith("__"))
        sizes: dict[str, int] = {}
        with suppress(KafkaError):
            for broker in admin.describe_log_dirs():
                for directory in broker["log_dirs"]:
                    for topic in directory["topics"]:
                        sizes[topic["name"]] = sizes.get(topic["name"], 0) + sum(
                            partition["partition_size"] for partition in topic["partitions"]
                        )
    rows = []
    with connection.consumer() as consumer:
        for name in names:
            partitions = consumer.partitions_for_topic(name) or ()
            places = [TopicPartition(name, number) for number in sorted(partitions)]
            kept = None
            with suppress(AuthorizationError):
                first, end = consumer.beginning_offsets(places), consumer.end_offsets(places)
                kept = sum(end[place] - first[place] for place in places)
            rows.append((name, len(places), kept, sizes.get(name)))
    return pl.DataFrame(rows, schema=_TOPICS, orient="row")


@_when_loaded
def list_lags(connection: Connection, prefixes: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return how far each consumer group is, a row for each group and partition.

    Args:
        connection: the broker.
        prefixes: prefixes of the groups, by default the connection's own and the team's.

    Returns:
        Columns group, state, members, topic, partition, committed (the next offset to be read),
        end (of the partition) and lag (messages behind). Groups that one may not see are left out.

    Raises:
        NoBroker: the broker does not answer.
    """
    prefixes = prefixes or tuple({connection.topics.prefix, "team."})
    rows: list[tuple] = []
    with connection.admin() as admin, connection.consumer() as consumer:
        names = sorted(
            group["group_id"]
            for group in admin.list_groups()
            if group["group_id"].startswith(prefixes)
        )
        for name in names:
            try:
                about: dict[str, Any] = admin.describe_groups([name])[name]
                offsets = admin.list_group_offsets([name])[name]
                ends = consumer.end_offsets(list(offsets)) if offsets else {}
            except AuthorizationError:
                continue
            group = (name, about["group_state"], len(about["members"]))
            for place, done in sorted(offsets.items()):
                if done.offset >= 0:
                    end = ends[place]
                    lag = max(0, end - done.offset)
                    rows.append((*group, place.topic, place.partition, done.offset, end, lag))
    return pl.DataFrame(rows, schema=_LAGS, orient="row")


def peek(
    connection: Connection, topic: str, count: int = 20, *, timeout: float = 10.0
) -> list[Message]:
    """Return the newest messages of a topic, the newest first.

    Args:
        connection: the broker.
        topic: the topic's full name.
        count: how many; fewer are returned if there are fewer.
        timeout: seconds without an answer after which the broker counts as gone.

    Raises:
        NoSuchTopic: there is no such topic that one may read.
        NoBroker: the broker does not answer.
        ValueError: `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, not {count}.")
    _check_topic(connection, topic)
    # Any partition may hold the newest: so many of each are read.
    records = read_to_end(connection, [topic], newest=count, idle_timeout_s=timeout)
    return _in_order(records)[: -count - 1 : -1]


def tail(
    connection: Connection, topic: str, *, last: int = 0, timeout: float | None = None
) -> Iterator[Message]:
    """Yield the newest messages of a topic, the oldest first, and then those that arrive.

    Args:
        connection: the broker.
        topic: the topic's full name.
        last: how many of the messages that are there already.
        timeout: seconds after which it ends; None: never.

    Raises:
        NoSuchTopic: there is no such topic that one may read.
        NoBroker: the broker does not answer at the start.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    _check_topic(connection, topic)
    with TopicReader(connection, [topic], newest=last) as reader:
        messages = _in_order(reader.read_to_end())
        newer = [message for message in messages if message.offset >= reader.ends[message.place]]
        older = [message for message in messages if message.offset < reader.ends[message.place]]
        yield from older[max(0, len(older) - last) :]
        yield from newer
        while deadline is None or time.monotonic() < deadline:
            yield from map(message_of, reader.poll(_TAIL_POLL_S))


def _in_order(records: Iterable[ConsumerRecord]) -> list[Message]:
    return sorted(map(message_of, records), key=lambda message: (message.time, message.offset))


def _check_topic(connection: Connection, topic: str) -> None:
    # Without this check a client waits for a topic that does not exist.
    with connection.admin() as admin:
        there = sorted(name for name in admin.list_topics() if not name.startswith("__"))
    if topic not in there:
        known = ", ".join(there) or "none so far"
        raise NoSuchTopic(f"There is no topic {topic!r} that you may read. There are: {known}.")
