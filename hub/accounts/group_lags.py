"""How far consumer groups are behind."""

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import OffsetSpec


def group_lags(client: KafkaAdminClient, prefixes: tuple[str, ...]) -> dict[str, int]:
    """Return how many messages each consumer group has not read yet, by the group's name.

    A group that has committed on some partitions of a topic has read nothing of the others: agents
    begin at the oldest message, and their first commit may be about one partition of many.

    Args:
        client: asks the broker.
        prefixes: how the names of the groups begin.
    """
    names = [group["group_id"] for group in client.list_groups()]
    names = sorted(name for name in names if name.startswith(prefixes))
    offsets = client.list_group_offsets(names) if names else {}
    done = {
        name: {place: at.offset for place, at in offsets[name].items() if at.offset >= 0}
        for name in names
    }
    topics = sorted({place.topic for places in done.values() for place in places})
    partitions = [
        TopicPartition(topic["name"], partition["partition_index"])
        for topic in (client.describe_topics(topics) if topics else ())
        for partition in topic["partitions"]
    ]
    starts, ends = (
        client.list_partition_offsets(dict.fromkeys(partitions, spec))
        for spec in (OffsetSpec.EARLIEST, OffsetSpec.LATEST)
    )
    return {
        name: sum(
            max(0, ends[place].offset - places.get(place, starts[place].offset))
            for place in partitions
            if place.topic in {read.topic for read in places}
        )
        for name, places in done.items()
    }
