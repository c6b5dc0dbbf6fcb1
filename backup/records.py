"""Batches of records: from a broker and to one.

kafka-python's consumer and producer take batches apart; these requests do not.
"""

import time
from collections.abc import Iterator, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import (
    LeaderNotAvailableError,
    NotLeaderForPartitionError,
    UnknownTopicOrPartitionError,
    for_code,
)
from kafka.protocol.consumer import FetchRequest, IsolationLevel
from kafka.protocol.producer import ProduceRequest

from backup.batches import Batch, committed, read_batches
from backup.broker import Broker, Extent
from backup.connection import RETRY_TIMEOUT_S
from backup.errors import BackupError

_FETCH_BYTES = 8 * 2**20
_OUT_OF_RANGE = 1
_EMPTY_FETCHES = 3
# What a broker says of a topic that was created just now; nothing was appended then.
_NOT_YET = (NotLeaderForPartitionError, LeaderNotAvailableError, UnknownTopicOrPartitionError)


def read(broker: Broker, place: TopicPartition, extent: Extent) -> Iterator[Batch]:
    """Yield the batches of committed records in these offsets.

    Batches that retention deletes meanwhile are left out.
    """
    node, position, empty = broker.node(), extent.start, 0
    while position < extent.end and empty < _EMPTY_FETCHES:
        found = _fetch(broker, place, position, node)
        if found.error_code == _OUT_OF_RANGE and found.log_start_offset > position:
            position = found.log_start_offset
            continue
        if found.error_code:
            raise broker.refused(for_code(found.error_code)(str(place)))
        aborted = [(a.producer_id, a.first_offset) for a in found.aborted_transactions or ()]
        try:
            batches = list(read_batches(bytes(found.records or b"")))
        except ValueError as error:
            raise BackupError(f"{place.topic}, partition {place.partition}: {error}.") from None
        empty = 0 if batches else empty + 1
        inside = (batch for batch in batches if batch.first < extent.end)
        yield from committed(inside, aborted, position)
        if batches:
            position = batches[-1].last + 1


def _fetch(broker: Broker, place: TopicPartition, offset: int, node: int) -> Any:
    Topic = FetchRequest.FetchTopic
    partition = Topic.FetchPartition(
        partition=place.partition,
        current_leader_epoch=-1,
        fetch_offset=offset,
        last_fetched_epoch=-1,
        log_start_offset=-1,
        partition_max_bytes=_FETCH_BYTES,
    )
    request = FetchRequest(
        replica_id=-1,
        max_wait_ms=500,
        min_bytes=1,
        max_bytes=_FETCH_BYTES,
        isolation_level=IsolationLevel.READ_COMMITTED,
        session_id=0,
        session_epoch=-1,
        topics=[Topic(topic=place.topic, partitions=[partition])],
        forgotten_topics_data=[],
        rack_id="",
        max_version=12,  # newer ones name topics by their ids
    )
    reply = broker.send(request, node)
    if reply.error_code:
        raise broker.refused(for_code(reply.error_code)(str(place)))
    return reply.responses[0].partitions[0]


def write(broker: Broker, batches: Mapping[TopicPartition, bytes]) -> None:
    """Append a batch to each of some partitions."""
    node, waiting = broker.node(), dict(batches)
    deadline = time.monotonic() + RETRY_TIMEOUT_S
    while waiting:
        refused = _produce(broker, waiting, node)
        waiting = {place: waiting[place] for place in refused}
        for error in refused.values():
            if not isinstance(error, _NOT_YET) or time.monotonic() > deadline:
                raise broker.refused(error)
        if waiting:
            time.sleep(0.1)


def _produce(broker: Broker, batches: Mapping[TopicPartition, bytes], node: int) -> dict:
    """Send batches; return the error of each partition that did not take its own."""
    Topic = ProduceRequest.TopicProduceData
    data = [
        Topic(
            name=place.topic,
            partition_data=[Topic.PartitionProduceData(index=place.partition, records=batch)],
        )
        for place, batch in batches.items()
    ]
    request = ProduceRequest(
        transactional_id=None, acks=-1, timeout_ms=60_000, topic_data=data, max_version=9
    )
    return {
        TopicPartition(topic.name, done.index): for_code(done.error_code)(done.error_message)
        for topic in broker.send(request, node).responses
        for done in topic.partition_responses
        if done.error_code
    }
