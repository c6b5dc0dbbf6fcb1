"""Topics, their settings, positions of consumer groups: from a broker and to one.

All topics are on one broker.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import NoError
from kafka.protocol.consumer import IsolationLevel
from kafka.structs import OffsetAndMetadata

from backup.connection import Connection

#: Settings of topics while records are put back: whatever was allowed once is allowed again.
WHILE_RESTORING = {
    "retention.ms": "-1",
    "retention.bytes": "-1",
    "cleanup.policy": "delete",
    "max.message.bytes": str(32 * 2**20),
    "message.timestamp.type": "CreateTime",
}


@dataclass(frozen=True)
class Extent:
    """Offsets of a partition: the first, and the one behind the last committed record."""

    start: int
    end: int


class Broker(Connection):
    """A broker, as a backup sees it; every method raises BackupError if it does not answer."""

    def topics(self) -> dict[str, int]:
        """Return the number of partitions of each topic that is not Kafka's own."""
        found = self.call(lambda c: c.describe_topics())
        return {t["name"]: len(t["partitions"]) for t in found if not t["is_internal"]}

    def configs(self, topics: list[str]) -> dict[str, dict[str, str]]:
        """Return the settings that each topic has of its own, by their Kafka names."""
        resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        if not resources:
            return {}
        found = self.call(lambda c: c.describe_configs(resources, config_filter="modified"))
        return {
            name: {key: about["value"] for key, about in configs.items()}
            for name, configs in found["topic"].items()
        }

    def extents(self, topics: Mapping[str, int]) -> dict[TopicPartition, Extent]:
        """Return the offsets of every partition.

        Args:
            topics: the number of partitions by topic.
        """
        places = [TopicPartition(name, n) for name, count in topics.items() for n in range(count)]
        first = self._offsets(places, OffsetSpec.EARLIEST, IsolationLevel.READ_UNCOMMITTED)
        last = self._offsets(places, OffsetSpec.LATEST, IsolationLevel.READ_COMMITTED)
        return {place: Extent(first[place], last[place]) for place in places}

    def _offsets(self, places: list[TopicPartition], spec: Any, level: Any) -> dict:
        if not places:
            return {}
        specs = dict.fromkeys(places, spec)
        found = self.call(lambda c: c.list_partition_offsets(specs, isolation_level=level))
        return {place: at.offset for place, at in found.items()}

    def create_topics(self, topics: Mapping[str, int]) -> None:
        """Create topics that take any record, also an old or a large one."""
        wanted = {
            name: {"num_partitions": count, "replication_factor": -1, "configs": WHILE_RESTORING}
            for name, count in topics.items()
        }
        if wanted:
            self.call(lambda c: c.create_topics(wanted, wait_for_metadata=True))

    def delete_topics(self, topics: list[str]) -> None:
        """Delete topics with all their messages."""
        if topics:
            self.call(lambda c: c.delete_topics(topics))

    def set_configs(self, configs: Mapping[str, Mapping[str, str]]) -> None:
        """Give topics exactly these settings of their own, by topic."""
        resources = [
            ConfigResource(
                ConfigResourceType.TOPIC,
                name,
                {key: ("delete", None) for key in WHILE_RESTORING if key not in own}
                | {key: ("set", value) for key, value in own.items()},
            )
            for name, own in configs.items()
        ]
        if resources:
            self.call(lambda c: c.alter_configs(resources))

    def accounts(self) -> list[str]:
        """Return the names of all accounts that have a password."""
        return sorted(self.call(lambda c: c.describe_user_scram_credentials()))

    def positions(self) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        """Return each consumer group's next offset in each partition."""
        listed = self.call(lambda c: c.list_groups())
        # Share groups have no position in a partition.
        groups = sorted(g["group_id"] for g in listed if g.get("group_type") != "share")
        if not groups:
            return {}
        found = self.call(lambda c: c.list_group_offsets(groups))
        return {
            group: {place: at for place, at in places.items() if at.offset >= 0}
            for group, places in found.items()
        }

    def set_positions(
        self, group: str, positions: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Set the next offsets of a group that has no member."""

        def ask(client: KafkaAdminClient) -> None:
            for place, error in client.alter_group_offsets(group, dict(positions)).items():
                if error is not NoError:  # such as: the coordinator is still loading
                    raise error(f"group {group} in {place.topic}")

        self.call(ask)
