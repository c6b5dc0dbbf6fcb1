"""Names and settings of the Kafka topics under a prefix."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

#: Prefix of the topics that the whole team shares; a user's own prefix is `<user>.`.
TEAM_PREFIX = "team."
#: Environment variable with the prefix of the topics that a notebook uses.
PREFIX_VARIABLE = "MOSSHUB_TOPIC_PREFIX"

REQUESTS = "requests"
PREDICTIONS = "predictions"
VERDICTS = "verdicts"
DEAD_LETTERS = "dead-letters"
SECOND_OPINIONS = "second-opinions"
AGENTS = "agents"

_WEEK_MS = 7 * 24 * 3600 * 1000
_TEN_MINUTES_MS = 10 * 60 * 1000

#: The largest batch on the topic of agents, in bytes, compressed or not. A heartbeat has less.
#: The broker compacts this topic, and for that holds a decompressed record in its heap: zstd packs
#: 128 KiB into 4 bytes, so this bounds it to 128 MiB of the 512.
MAX_HEARTBEAT_BATCH_BYTES = 4096

#: Partitions of a topic of messages: up to so many agents share a model's work.
PARTITIONS = 4
_MESSAGES: dict[str, Any] = {"num_partitions": PARTITIONS}
_HEARTBEATS: dict[str, Any] = {
    "num_partitions": 1,
    # Only an agent's last heartbeat matters, and after a week not even that.
    "configs": {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(_WEEK_MS),
        "segment.ms": str(_TEN_MINUTES_MS),
        "min.cleanable.dirty.ratio": "0.1",
        "max.message.bytes": str(MAX_HEARTBEAT_BATCH_BYTES),
    },
}

#: Settings of each topic by its name without the prefix.
SETTINGS: dict[str, dict[str, Any]] = {
    REQUESTS: _MESSAGES,
    PREDICTIONS: _MESSAGES,
    VERDICTS: _MESSAGES,
    DEAD_LETTERS: _MESSAGES,
    SECOND_OPINIONS: _MESSAGES,
    AGENTS: _HEARTBEATS,
}


def topic_settings(prefix: str) -> dict[str, dict[str, Any]]:
    """Return every topic's settings, as kafka-python's `create_topics` takes them.

    Args:
        prefix: the topics' prefix with its dot, such as `team.`.

    Returns:
        Settings by full topic name.
    """
    return {f"{prefix}{name}": settings for name, settings in SETTINGS.items()}


def named_prefix(names: Iterable[str]) -> str:
    """Return the prefix whose topics are named, such as `team.`; empty if it is not one alone.

    Args:
        names: topics such as `team.verdicts`, or the beginning of topics with `*` at its end.
    """
    last = "|".join(map(re.escape, [*SETTINGS, "*"]))
    found = (re.fullmatch(rf"(.+\.)({last})", name) for name in names)
    prefixes = {match[1] for match in found if match}
    return prefixes.pop() if len(prefixes) == 1 else ""
