"""Asks the broker for its topics, its groups and its disk."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec

from hub.accounts.kafka_admin import KafkaAdmin
from watch.owners import bounded_lags, kind_of, owner_of

#: An owner and what is on a topic of theirs.
Place = tuple[str, str]


@dataclass
class BrokerNumbers:
    """What the broker says.

    Attributes:
        written: messages that were ever written to topics.
        kept: messages that are on them now.
        bytes: what these take on the disk.
        topics: how many topics there are.
        lags: messages that a group has not read yet, by owner and group.
        disk_bytes: size of the broker's disk; None if it does not say.
        disk_free_bytes: what is free of it.
        agents: names of the topics of heartbeats.
    """

    written: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    kept: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    bytes: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    topics: dict[Place, int] = field(default_factory=lambda: defaultdict(int))
    lags: dict[Place, int] = field(default_factory=dict)
    disk_bytes: int | None = None
    disk_free_bytes: int | None = None
    agents: list[str] = field(default_factory=list)


class WatchedBroker(KafkaAdmin):
    """The broker, as its admin sees it. For one thread only."""

    def numbers(self) -> BrokerNumbers:
        """Return what the broker says now.

        Raises:
            BrokerUnavailable: it does not answer.
        """
        found = BrokerNumbers()
        partitions, log_dirs, ends, starts = self._call(_ask)
        for topic in {partition.topic for partition in partitions}:
            found.topics[_place(topic)] += 1
        for partition in partitions:
            place = _place(partition.topic)
            found.written[place] += ends[partition]
            found.kept[place] += max(0, ends[partition] - starts[partition])
        found.lags = bounded_lags(self.lags(("",)))
        found.agents = sorted({p.topic for p in partitions if kind_of(p.topic) == "agents"})
        _add_disk(found, log_dirs)
        return found


def _ask(client: KafkaAdminClient) -> tuple[list[TopicPartition], list[Any], dict, dict]:
    partitions = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in client.describe_topics()
        if not topic["name"].startswith("__")
        for partition in topic["partitions"]
    ]
    offsets = [
        {
            place: found.offset
            for place, found in client.list_partition_offsets(
                dict.fromkeys(partitions, spec)
            ).items()
        }
        if partitions
        else {}
        for spec in (OffsetSpec.LATEST, OffsetSpec.EARLIEST)
    ]
    return partitions, client.describe_log_dirs(), offsets[0], offsets[1]


def _add_disk(found: BrokerNumbers, log_dirs: list[Any]) -> None:
    """Add what the broker's directories of messages take."""
    for directory in (one for broker in log_dirs for one in broker["log_dirs"]):
        # A broker before 3.3 does not say it: -1.
        total, free = directory.get("total_bytes", -1), directory.get("usable_bytes", -1)
        if total > 0:
            found.disk_bytes, found.disk_free_bytes = total, free
        for topic in directory["topics"]:
            if not topic["name"].startswith("__"):
                size = sum(part["partition_size"] for part in topic["partitions"])
                found.bytes[_place(topic["name"])] += size


def _place(topic: str) -> Place:
    return owner_of(topic), kind_of(topic)
