"""What Kafka's last lines of output mean for the person who started it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

RESTORE = (
    "Restore it from a backup, or move the directory away to begin with an empty broker (its "
    "messages are then gone): mv {data_dir} {data_dir}.damaged"
)

# Each pattern is searched in what Java wrote; the first that is found wins.
_CAUSES: list[tuple[str, str]] = [
    (
        r"Address already in use|Failed to bind",
        "Another program took port {port} (or the controller's) on 127.0.0.1 in the meantime. "
        "Choose another port, or set KAFKA_BOOTSTRAP_SERVERS to use the broker that is there.",
    ),
    (
        r"No space left on device|Disk quota exceeded",
        "The disk of {data_dir} is full. Free some space and start again; nothing is lost.",
    ),
    (
        r"AccessDeniedException|Permission denied|Read-only file system",
        "Files in {data_dir} cannot be read or written. Give the directory to the user who starts "
        "the broker: chown -R $USER {data_dir}",
    ),
    (
        r"UnsupportedClassVersionError",
        "This Java is too old for Apache Kafka.",
    ),
    (
        r"OutOfMemoryError|insufficient memory|Could not reserve|Cannot allocate memory",
        "There was not enough memory for the broker. Close something, or give it more with --heap.",
    ),
    (
        r"No MetadataVersion with feature level|[Uu]nsupported feature|UnsupportedVersionException"
        r"|supported versions? .* feature|doesn't support finalized version",
        "The messages in {data_dir} were written by a newer Apache Kafka than {version}. Update "
        "this program, or start with another data directory.",
    ),
    (
        r"InconsistentClusterId|meta\.properties|node ID not found|[cC]heckpoint|quorum-state"
        r"|CorruptRecordException|InvalidRecordException|KafkaStorageException|EOFException",
        f"The data in {{data_dir}} is damaged. {RESTORE}",
    ),
]


def diagnose(output: Sequence[str], data_dir: Path, port: int, version: str) -> str:
    """Return the likely reason why Kafka ended, in one or two sentences.

    Args:
        output: the lines that Java wrote before it ended.
        data_dir: the broker's directory.
        port: where clients connect.
        version: Kafka's version.

    Returns:
        A sentence that only says where the log is if nothing known is in the lines.
    """
    text = "\n".join(output)
    for pattern, sentence in _CAUSES:
        if re.search(pattern, text):
            return sentence.format(data_dir=data_dir, port=port, version=version)
    return f"The reason may be in its log, {data_dir / 'logs' / 'server.log'}."
