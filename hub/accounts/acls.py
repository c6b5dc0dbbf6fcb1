"""Who may do what on the broker. Nothing here talks to it.

| who                | topics, groups, transactions | there                                        |
|--------------------|------------------------------|----------------------------------------------|
| a person           | `<name>.…`                   | everything                                   |
|                    | topics `team.…`              | read and write; the hub makes them           |
|                    | groups `team.…`              | take part: several share an agent's work     |
|                    | the cluster                  | describe: sizes, and what groups there are   |
| in a hub's group   | `group.<group>.…`            | everything, where KAFKA_GROUPS names it      |
| an agent's service | `team.…`                     | everything                                   |
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from kafka.admin import (
    ACL,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourceType,
)

from hub.signin.names import safe_name, topic_prefix

# Accounts that are not a person's have a dot in their name, which no person's has.
ADMIN = "mosshub.hub"
SERVICE = "service."

TEAM = "team."
# How they are made: the same as a person's own, which imageclass.connection makes.
_MESSAGES = {"num_partitions": 4}
_ANNOUNCEMENTS = {
    "num_partitions": 1,
    "configs": {
        "cleanup.policy": "compact,delete",
        "retention.ms": str(7 * 24 * 3600 * 1000),
        "segment.ms": str(10 * 60 * 1000),
        "min.cleanable.dirty.ratio": "0.1",
    },
}
TEAM_TOPICS: dict[str, dict] = {
    f"{TEAM}requests": _MESSAGES,
    f"{TEAM}predictions": _MESSAGES,
    f"{TEAM}verdicts": _MESSAGES,
    f"{TEAM}dead-letters": _MESSAGES,
    f"{TEAM}second-opinions": _MESSAGES,
    f"{TEAM}agents": _ANNOUNCEMENTS,
}

_SHARED = (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)


@dataclass(frozen=True)
class Account:
    """An account as it should be: its name on the broker, its password and its rights."""

    name: str
    password: str = field(repr=False)
    rights: frozenset[ACL]


def password(secret: str, name: str, since: str = "") -> str:
    """Return an account's password: nothing is stored, and a new secret changes all of them.

    Args:
        secret: the hub's, 32 random bytes or more as text.
        name: the account's.
        since: when its person came; who takes a name that became free has another password.
    """
    digest = hmac.digest(secret.encode(), f"{name}\n{since}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def admin_password(secret: str) -> str:
    """Return the hub's own, as the broker derives it at its start."""
    return hashlib.sha256(f"{ADMIN}:{secret}".encode()).hexdigest()


def is_persons(name: str) -> bool:
    """Say whether an account of this name is one that the hub made for a person."""
    return "." not in name


def person(secret: str, username: str, since: str = "", groups: Iterable[str] = ()) -> Account:
    """Return the account of a person.

    Args:
        secret: the hub's.
        username: their name in the hub.
        since: when they came, as text that stays the same.
        groups: those of the hub's groups they are in that have a prefix of their own.
    """
    name = safe_name(username)
    own = [topic_prefix(username), *(group_prefix(group) for group in groups)]
    rights = {_right(name, kind, prefix) for prefix in own for kind in _SHARED}
    rights |= {
        _right(name, ResourceType.TOPIC, TEAM, ACLOperation.READ),
        _right(name, ResourceType.TOPIC, TEAM, ACLOperation.WRITE),
        _right(name, ResourceType.GROUP, TEAM, ACLOperation.READ),
        _right(name, ResourceType.CLUSTER, "kafka-cluster", ACLOperation.DESCRIBE),
    }
    return Account(name, password(secret, name, since), frozenset(rights))


def group_prefix(group: str) -> str:
    """Return the prefix that the members of a group of the hub share."""
    return f"group.{safe_name(group)}."


def service(secret: str, label: str) -> Account:
    """Return the account of agents that run as a service, for the team's topics."""
    name = f"{SERVICE}{safe_name(label)}"
    rights = {_right(name, kind, TEAM) for kind in _SHARED}
    return Account(name, password(secret, name), frozenset(rights))


def _right(
    name: str, kind: ResourceType, resource: str, operation: ACLOperation = ACLOperation.ALL
) -> ACL:
    pattern = ACLResourcePatternType.PREFIXED
    if kind == ResourceType.CLUSTER:
        pattern = ACLResourcePatternType.LITERAL
    return ACL(
        principal=f"User:{name}",
        host="*",
        operation=operation,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(kind, resource, pattern),
    )
