"""Accounts on the broker, through Kafka's own requests. It waits: call it in a thread."""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePatternFilter,
    ResourceType,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from kafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code
from kafka.protocol.admin.client_quotas import (
    AlterClientQuotasRequest,
    DescribeClientQuotasRequest,
)

from hub.accounts.acls import ADMIN, Account, admin_password

# Its library calls every lost connection an error; the keeper says once what there is to say.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

_SCRAM = ScramMechanism.SCRAM_SHA_512
_UNLIMITED = 1e12  # the hub is a user too, and nobody's flood may slow it down


class BrokerAway(Exception):
    """The broker does not answer, or not as it should; the message says what was seen."""


class Broker:
    """The broker as the keeper of accounts sees it. For one thread only.

    A client is made at the first call and again after a failure, because a broker that was started
    anew may listen elsewhere.

    Args:
        address: returns `host:port` of the listener for the hub; an OSError counts as away.
        secret: what the hub's own password is derived from.
    """

    def __init__(self, address: Callable[[], str], secret: str) -> None:
        self._address = address
        self._secret = secret
        self._client: KafkaAdminClient | None = None

    def close(self) -> None:
        """Give the connection up."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it may be what failed
                client.close()

    def _call(self, request: Callable[[KafkaAdminClient], Any]) -> Any:
        try:
            if self._client is None:
                self._client = KafkaAdminClient(
                    bootstrap_servers=self._address(),
                    security_protocol="SASL_PLAINTEXT",
                    sasl_mechanism="PLAIN",
                    sasl_plain_username=ADMIN,
                    sasl_plain_password=admin_password(self._secret),
                    client_id="hub",
                    bootstrap_timeout_ms=2_000,
                    request_timeout_ms=5_000,
                    reconnect_backoff_max_ms=1_000,
                )
            return request(self._client)
        except (KafkaError, OSError, ValueError) as error:
            self.close()
            raise BrokerAway(f"{type(error).__name__}: {error}") from error

    def ping(self) -> None:
        """Return if it answers. Raises BrokerAway, as everything here does, if it does not."""
        self._call(lambda client: client.describe_cluster())

    # -- accounts

    def names(self) -> set[str]:
        """Return the names of all accounts that have a password."""
        found = self._call(lambda client: client.describe_user_scram_credentials())
        return set(found)

    def rights(self, name: str | None = None) -> dict[str, set[ACL]]:
        """Return who has which rights: of the account `name`, or of all."""
        acls, error = self._call(lambda client: client.describe_acls(_any_right(name)))
        if error is not NoError:
            raise BrokerAway(str(error))
        held = defaultdict(set)
        for acl in acls:
            held[acl.principal.removeprefix("User:")].add(acl)
        return held

    def put(self, accounts: Collection[Account], held: Mapping[str, set[ACL]]) -> None:
        """Give `accounts` their passwords and exactly their rights, whatever they `held`."""
        if not accounts:
            return
        passwords = [UserScramCredentialUpsertion(a.name, _SCRAM, a.password) for a in accounts]
        refused = self._call(lambda client: client.alter_user_scram_credentials(passwords))
        for name, reason in refused.items():
            if reason is not None:
                raise BrokerAway(f"no password for {name}: {reason}")
        missing = [acl for a in accounts for acl in a.rights - held.get(a.name, set())]
        if missing:
            made = self._call(lambda client: client.create_acls(missing))
            if made["failed"]:
                raise BrokerAway(f"no right {made['failed'][0]}")
        self._take(acl for a in accounts for acl in held.get(a.name, set()) - a.rights)

    def remove(self, names: Iterable[str]) -> None:
        """Take away rights, which ends what live connections may do, and passwords."""
        names = sorted(set(names))
        if not names:
            return
        self._call(lambda client: client.delete_acls([_any_right(name) for name in names]))
        # Not only those that the broker names: what was made just now it may not show yet.
        gone = [UserScramCredentialDeletion(name, _SCRAM) for name in names]
        self._call(lambda client: client.alter_user_scram_credentials(gone))

    def _take(self, acls: Iterable[ACL]) -> None:
        filters = [
            ACLFilter(
                a.principal,
                a.host,
                a.operation,
                a.permission_type,
                ResourcePatternFilter(
                    a.resource_pattern.resource_type,
                    a.resource_pattern.resource_name,
                    a.resource_pattern.pattern_type,
                ),
            )
            for a in acls
        ]
        if filters:
            self._call(lambda client: client.delete_acls(filters))

    # -- what they share

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._call(lambda client: client.list_topics()))

    def make_topics(self, topics: Mapping[str, Mapping]) -> None:
        """Make the topics that are not there yet, each with its settings."""
        there = self.topics()
        for topic, settings in topics.items():
            if topic not in there:
                with suppress(TopicAlreadyExistsError):  # another hub was quicker
                    self._make(topic, settings)

    def _make(self, topic: str, settings: Mapping) -> None:
        try:
            self._call(lambda client: client.create_topics({topic: settings}))
        except BrokerAway as error:
            if isinstance(error.__cause__, TopicAlreadyExistsError):
                raise error.__cause__ from None
            raise

    def set_quotas(self, quotas: Mapping[str, float]) -> None:
        """Make `quotas` those of every user, with no limit for the hub itself."""
        request = AlterClientQuotasRequest(
            entries=[
                _quota_entry(None, quotas),
                _quota_entry(ADMIN, dict.fromkeys(quotas, _UNLIMITED)),
            ],
            validate_only=False,
        )
        answer = self._call(lambda client: client._manager.run(client._manager.send, request))
        for entry in answer.entries:
            if entry.error_code:
                raise BrokerAway(f"no quotas: {for_code(entry.error_code)} {entry.error_message}")

    def quotas(self) -> dict[str, float]:
        """Return the quotas of everybody who has none of their own."""
        request = DescribeClientQuotasRequest(components=[("user", 1, None)], strict=True)
        answer = self._call(lambda client: client._manager.run(client._manager.send, request))
        return {v.key: v.value for e in answer.entries or () for v in e.values}


def _quota_entry(user: str | None, quotas: Mapping[str, float]) -> tuple:
    return [("user", user)], [(key, value, False) for key, value in quotas.items()]


def _any_right(name: str | None) -> ACLFilter:
    return ACLFilter(
        principal=None if name is None else f"User:{name}",
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
