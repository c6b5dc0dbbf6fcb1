"""The snapshot of all topics and consumer groups, in a directory.

| file                        | what                                                             |
|-----------------------------|------------------------------------------------------------------|
| `topics.json`               | settings of topics, offsets, positions of groups, accounts       |
| `<topic>/<partition>.batches` | the batches of records, one after the other         |

Positions are read before the offsets at which the copy ends, and the copy has committed records
only. So no group is ahead of what is copied: at the worst it gets again what it had just read.
"""

from __future__ import annotations

import json
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from itertools import zip_longest
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, NamedTuple

from kafka import TopicPartition
from kafka.structs import OffsetAndMetadata

from backup import records
from backup.batches import for_producing, read_batches
from backup.broker import Broker, Extent
from backup.errors import BackupError

_INDEX = "topics.json"


class Saved(NamedTuple):
    """What a snapshot of topics holds."""

    topics: int
    messages: int
    groups: int


def save(broker: Broker, directory: Path) -> Saved:
    """Write a snapshot of the broker's topics and groups.

    Args:
        broker: the broker, which goes on working.
        directory: an empty directory.

    Raises:
        BackupError: the broker does not answer, or a batch of its log is damaged.
        OSError: the directory cannot be written, for example because the disk is full.
    """
    positions = broker.positions()
    topics = broker.topics()
    extents = broker.extents(topics)
    index: dict[str, Any] = {
        "topics": {
            name: {"partitions": topics[name], "configs": configs}
            for name, configs in broker.configs(list(topics)).items()
        },
        "groups": {
            group: [[p.topic, p.partition, at.offset, at.metadata] for p, at in places.items()]
            for group, places in positions.items()
        },
        "accounts": broker.accounts(),
        "starts": [[p.topic, p.partition, extent.start] for p, extent in extents.items()],
    }
    messages = sum(_save_partition(broker, directory, p, extent) for p, extent in extents.items())
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _INDEX).write_text(json.dumps(index, indent=1))
    return Saved(len(topics), messages, len(positions))


def _save_partition(broker: Broker, directory: Path, place: TopicPartition, extent: Extent) -> int:
    path = _file(directory, place)
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("wb") as file:
        for batch in records.read(broker, place, extent):
            file.write(batch.raw)
            begins_before = batch.first < extent.start
            count += len(for_producing(batch, extent.start)[0]) if begins_before else batch.count
    return count


def accounts(directory: Path) -> list[str]:
    """Return the names of the accounts that had a password."""
    return list(_index(directory)["accounts"])


def restore(broker: Broker, directory: Path) -> Saved:
    """Put the topics and groups of a snapshot on a broker; topics that it has are deleted first.

    Offsets begin at 0 again. Each group's next message is the same as it was.

    Args:
        broker: the broker of a platform on which nobody works yet.
        directory: the snapshot.

    Raises:
        BackupError: the broker does not answer, or does not take a batch.
    """
    index = _index(directory)
    topics = {name: about["partitions"] for name, about in index["topics"].items()}
    starts = {TopicPartition(topic, n): offset for topic, n, offset in index["starts"]}
    broker.delete_topics(list(broker.topics()))
    broker.create_topics(topics)
    # Each record's old offset, by its new one.
    offsets = {place: array("q") for place in starts}
    queues = [_batches(directory, place, start, offsets) for place, start in starts.items()]
    # A request takes one batch of each partition.
    for batches in zip_longest(*queues):
        records.write(broker, dict(batch for batch in batches if batch))
    _check(broker, topics, offsets)
    for group, places in index["groups"].items():
        positions = {
            place: OffsetAndMetadata(bisect_left(offsets[place], offset), metadata or "", -1)
            for topic, n, offset, metadata in places
            if (place := TopicPartition(topic, n)) in offsets
        }
        broker.set_positions(group, positions)
    broker.set_configs({name: about["configs"] for name, about in index["topics"].items()})
    return Saved(len(topics), sum(map(len, offsets.values())), len(index["groups"]))


def _batches(
    directory: Path,
    place: TopicPartition,
    start: int,
    offsets: dict[TopicPartition, array[int]],
) -> Iterator[tuple[TopicPartition, bytes]]:
    """Yield a partition's batches for the broker, and note the offsets that their records had."""
    path = _file(directory, place)
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        try:
            for batch in read_batches(content):
                old, new = for_producing(batch, start)
                if old:
                    offsets[place].extend(old)
                    yield place, new
        except ValueError as error:
            raise BackupError(
                f"The backup of {place.topic}, partition {place.partition}, cannot be read: "
                f"{error}. Restore an older backup: make backups lists them."
            ) from None


def _check(
    broker: Broker, topics: dict[str, int], offsets: dict[TopicPartition, array[int]]
) -> None:
    for place, extent in broker.extents(topics).items():
        expected = len(offsets[place])
        if extent.end != expected:
            raise BackupError(
                f"{place.topic}, partition {place.partition}, has {extent.end} messages and not "
                f"{expected} as in the backup. Does somebody use this broker? Restore again."
            )


def _index(directory: Path) -> dict[str, Any]:
    return json.loads((directory / _INDEX).read_text())


def _file(directory: Path, place: TopicPartition) -> Path:
    return directory / place.topic / f"{place.partition}.batches"
