"""Kafka's own settings for one small machine."""

from __future__ import annotations

from pathlib import Path

MiB = 1024 * 1024

# The largest message, compressed batch or not, that the broker takes. A little more than the 1 MiB
# that producers are held to by default: their limit is met first, and its error names the image.
# Not more: a reader decompresses a batch as a whole, and gzip packs a thousand bytes into one.
MESSAGE_MAX_BYTES = MiB + 128 * 1024


def server_properties(log_dir: Path, port: int, controller_port: int) -> dict[str, str]:
    """Return the settings of a broker with its own controller that listens on 127.0.0.1 only.

    Args:
        log_dir: where messages are stored (Kafka calls that a log).
        port: where clients connect.
        controller_port: where the broker talks to its controller; clients never do.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        # A fixed quorum of one is read from here at every start and is not part of the stored data,
        # which is why both ports may differ from the last start's.
        "controller.quorum.voters": f"1@127.0.0.1:{controller_port}",
        "listeners": f"BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"BROKER://127.0.0.1:{port}",
        "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "BROKER",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(log_dir),
        # A mistyped topic is an error, not a new topic.
        "auto.create.topics.enable": "false",
        "num.partitions": "1",
        "message.max.bytes": str(MESSAGE_MAX_BYTES),
        # A laptop's disk does not fill: a partition keeps at most a week and about 160 MiB (128 and
        # the segment being written); a day's segment is closed so that age counts on quiet topics.
        "log.retention.hours": "168",
        "log.retention.bytes": str(128 * MiB),
        "log.segment.bytes": str(32 * MiB),
        "log.roll.hours": "24",
        "log.index.size.max.bytes": str(1 * MiB),
        "log.cleaner.dedupe.buffer.size": str(16 * MiB),
        # One node: every internal topic has one copy, and few partitions start faster.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        # An agent alone in its group gets its partitions at once instead of after 3 s.
        "group.initial.rebalance.delay.ms": "0",
        # On a busy machine a broker may have no processor for seconds: after so long it counts as
        # away, and takes no topic. After a kill -9 the next one waits as long for its place.
        "broker.session.timeout.ms": "12000",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "background.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        # One node waits for nobody: a topic or an account is there 25 ms sooner.
        "controller.quorum.append.linger.ms": "0",
        # A sleeping laptop must not write to its disk twice a second.
        "metadata.max.idle.interval.ms": "5000",
        "metadata.log.segment.bytes": str(16 * MiB),
        "metadata.max.retention.bytes": str(32 * MiB),
    }


def render(properties: dict[str, str]) -> str:
    """Return the text of a Java properties file, `\\` escaped as that format asks."""
    lines = (f"{key}={value.replace(chr(92), chr(92) * 2)}" for key, value in properties.items())
    return "# Written at every start by embedded_kafka; changes here are lost.\n" + "\n".join(
        [*lines, ""]
    )
