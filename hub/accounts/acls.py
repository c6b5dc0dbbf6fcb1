"""What each account may do on the broker. Nothing here talks to the broker.

| account            | topics, groups, transactions | operations                                   |
|--------------------|------------------------------|----------------------------------------------|
| a user             | `<name>.…`                   | all                                          |
|                    | topics `team.…`              | read and write; the hub creates them         |
|                    | groups `team.…`              | read: several users share an agent's work    |
|                    | the cluster                  | describe: sizes, and names of groups         |
| in a hub's group   | `group.<group>.…`            | all, if KAFKA_GROUPS names the group         |
| an agents' service | `team.…`                     | all                                          |
| an app             | topics that its author names | read and describe                            |
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
from mosshub_contract.topics import TEAM_PREFIX

from hub.signin.names import safe_name, topic_prefix

#: First part of the names of services' accounts. It has a dot, which no user's account has.
SERVICE_PREFIX = "service."
#: The same for the accounts of apps: `app.<author>.<slug>`.
APP_PREFIX = "app."
_OWNED = (ResourceType.TOPIC, ResourceType.GROUP, ResourceType.TRANSACTIONAL_ID)


@dataclass(frozen=True)
class Account:
    """An account as it should be.

    Attributes:
        name: its name on the broker.
        password: its password.
        acls: everything it may do.
    """

    name: str
    password: str = field(repr=False)
    acls: frozenset[ACL]


def user_account(
    secret: str, username: str, since: str = "", groups: Iterable[str] = ()
) -> Account:
    """Return the account of a user.

    Args:
        secret: the broker secret.
        username: the user's name in the hub.
        since: when the hub saw the user first, as text that stays the same.
        groups: those of the user's groups in the hub that have a prefix of their own.
    """
    name = safe_name(username)
    prefixes = [topic_prefix(username), *(group_prefix(group) for group in groups)]
    acls = {allow(name, kind, prefix) for prefix in prefixes for kind in _OWNED}
    acls |= {
        allow(name, ResourceType.TOPIC, TEAM_PREFIX, ACLOperation.READ),
        allow(name, ResourceType.TOPIC, TEAM_PREFIX, ACLOperation.WRITE),
        allow(name, ResourceType.GROUP, TEAM_PREFIX, ACLOperation.READ),
        allow(name, ResourceType.CLUSTER, "kafka-cluster", ACLOperation.DESCRIBE),
    }
    return Account(name, account_password(secret, name, since), frozenset(acls))


def service_account(secret: str, label: str) -> Account:
    """Return the account of agents that run as a service, for the team's topics.

    Args:
        secret: the broker secret.
        label: the service's name in KAFKA_SERVICES.
    """
    name = f"{SERVICE_PREFIX}{safe_name(label)}"
    acls = {allow(name, kind, TEAM_PREFIX) for kind in _OWNED}
    return Account(name, account_password(secret, name), frozenset(acls))


def app_account(
    secret: str, author: str, slug: str, since: str, topics: Iterable[tuple[str, bool]]
) -> Account:
    """Return the account of an app.

    Args:
        secret: the broker secret.
        author: name of the user who published it.
        slug: its name in addresses.
        since: when it was published first, as text that stays the same.
        topics: name of each topic that it may read, and whether that is only the beginning.
    """
    name = account_name(author, slug)
    acls = {
        allow(name, ResourceType.TOPIC, topic, operation, is_prefix=is_prefix)
        for topic, is_prefix in topics
        for operation in (ACLOperation.READ, ACLOperation.DESCRIBE)
    }
    return Account(name, account_password(secret, name, since), frozenset(acls))


def account_name(author: str, slug: str) -> str:
    """Return the name of an app's account."""
    return f"{APP_PREFIX}{safe_name(author)}.{slug}"


def account_password(secret: str, name: str, since: str = "") -> str:
    """Return an account's password. Nothing is stored; a new secret changes all passwords.

    Args:
        secret: the broker secret, 32 random bytes or more as text.
        name: the account's name.
        since: when the hub saw the user first. The next user of the same name has another password.
    """
    digest = hmac.digest(secret.encode(), f"{name}\n{since}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def is_user_account(name: str) -> bool:
    """Return whether the hub gives accounts of this name to users."""
    return "." not in name


def group_prefix(group: str) -> str:
    """Return the prefix that the members of one of the hub's groups share."""
    return f"group.{safe_name(group)}."


def allow(
    name: str,
    kind: ResourceType,
    resource: str,
    operation: ACLOperation = ACLOperation.ALL,
    *,
    is_prefix: bool = True,
) -> ACL:
    """Return the ACL that allows an account an operation.

    Args:
        name: the account's name.
        kind: the kind of resource.
        resource: the prefix of the resources' names; the cluster's whole name.
        operation: what is allowed.
        is_prefix: whether the name is only the beginning of the resources' names.
    """
    pattern = ACLResourcePatternType.PREFIXED
    if kind == ResourceType.CLUSTER or not is_prefix:
        pattern = ACLResourcePatternType.LITERAL
    return ACL(
        principal=f"User:{name}",
        host="*",
        operation=operation,
        permission_type=ACLPermissionType.ALLOW,
        resource_pattern=ResourcePattern(kind, resource, pattern),
    )
