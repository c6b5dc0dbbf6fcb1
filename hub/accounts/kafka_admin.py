"""Accounts, topics and quotas on the broker, through Kafka's own requests."""

import secrets
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
from mosshub_contract.broker_admin import ADMIN

from hub.accounts.acls import Account
from hub.accounts.group_lags import group_lags
from hub.accounts.why_not import why_not

_SCRAM = ScramMechanism.SCRAM_SHA_512
#: An account that nobody uses, that is made before all others and never deleted.
#: WORKAROUND(Kafka 4.3.1): a broker that starts again may forget all passwords.
#: It applies changes in the order of Java's hashes of the names. A deletion that comes before any
#: password loses all that follow it (ScramDelta.apply). This name's hash is 0: it comes first.
#: Test: test_a_broker_that_starts_again_knows_everybody
FIRST = "mosshub.first.aypapvjb"
_UNLIMITED = 1e12  # the hub is a user too, and no user's flood may slow it down


class BrokerUnavailable(Exception):
    """The broker does not answer, or not as it should; the message says what was seen."""


class KafkaAdmin:
    """The broker's admin. Its calls block: use them in one thread, and always in the same.

    Every method raises BrokerUnavailable if the broker does not do what it was asked. The first
    call connects, and so does the first one after a failure, because a restarted broker may listen
    at another address.

    Args:
        address: returns `host:port` of the listener for the hub; on an OSError the broker counts as
            unavailable.
        login: how the hub authenticates there, as kafka-python's clients take it.
    """

    def __init__(self, address: Callable[[], str], login: Mapping[str, Any]) -> None:
        self._address = address
        self._login = login
        self._client: KafkaAdminClient | None = None
        self._has_first = False

    def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            with suppress(Exception):  # it may be what failed
                client.close()

    def _call(self, request: Callable[[KafkaAdminClient], Any]) -> Any:
        try:
            if self._client is None:
                why_not.reason = ""
                self._client = KafkaAdminClient(
                    bootstrap_servers=self._address(),
                    **self._login,
                    client_id="hub",
                    bootstrap_timeout_ms=2_000,
                    request_timeout_ms=5_000,
                    reconnect_backoff_max_ms=1_000,
                )
            return request(self._client)
        except (KafkaError, OSError, ValueError) as error:
            reason = "" if self._client else why_not.reason
            self.close()
            said = f"{type(error).__name__}: {error}"
            raise BrokerUnavailable(f"{said}: {reason}" if reason else said) from error

    def ping(self) -> None:
        """Return if the broker answers."""
        self._call(lambda client: client.describe_cluster())

    # -- accounts

    def account_names(self) -> set[str]:
        """Return the names of all accounts that have a password, without FIRST."""
        found = self._call(lambda client: client.describe_user_scram_credentials())
        return set(found) - {FIRST}

    def acls(self, name: str | None = None) -> dict[str, set[ACL]]:
        """Return the ACLs of the account `name`, or of all accounts, by the account's name."""
        acls, error = self._call(lambda client: client.describe_acls(_acl_filter(name)))
        if error is not NoError:
            raise BrokerUnavailable(str(error))
        held = defaultdict(set)
        for acl in acls:
            held[acl.principal.removeprefix("User:")].add(acl)
        return held

    def upsert_accounts(self, accounts: Collection[Account], held: Mapping[str, set[ACL]]) -> None:
        """Give accounts their passwords and exactly their ACLs.

        Args:
            accounts: the accounts as they should be.
            held: the ACLs that they have now, by the account's name.
        """
        if not accounts:
            return
        if not self._has_first:
            self._set_passwords({FIRST: secrets.token_hex(32)})
            self._has_first = True
        self._set_passwords({account.name: account.password for account in accounts})
        missing = [acl for a in accounts for acl in a.acls - held.get(a.name, set())]
        if missing:
            created = self._call(lambda client: client.create_acls(missing))
            if created["failed"]:
                raise BrokerUnavailable(f"an ACL was not created: {created['failed'][0]}")
        self._delete_acls(acl for a in accounts for acl in held.get(a.name, set()) - a.acls)

    def _set_passwords(self, passwords: Mapping[str, str]) -> None:
        changes = [
            UserScramCredentialUpsertion(name, _SCRAM, password)
            for name, password in passwords.items()
        ]
        refused = self._call(lambda client: client.alter_user_scram_credentials(changes))
        for name, reason in refused.items():
            if reason is not None:
                raise BrokerUnavailable(f"the password of {name} was not set: {reason}")

    def delete_accounts(self, names: Iterable[str]) -> None:
        """Delete ACLs, which stops live connections from doing anything, and passwords."""
        names = sorted(set(names))
        if not names:
            return
        self._call(lambda client: client.delete_acls([_acl_filter(name) for name in names]))
        # Also passwords that the broker does not list: it may not list a new one yet.
        deletions = [UserScramCredentialDeletion(name, _SCRAM) for name in names]
        self._call(lambda client: client.alter_user_scram_credentials(deletions))

    def _delete_acls(self, acls: Iterable[ACL]) -> None:
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

    # -- what accounts share

    def topics(self) -> set[str]:
        """Return the names of all topics."""
        return set(self._call(lambda client: client.list_topics()))

    def create_topics(self, topics: Mapping[str, Mapping]) -> None:
        """Create the topics that do not exist yet.

        Args:
            topics: each topic's settings by its name.
        """
        existing = self.topics()
        for topic, settings in topics.items():
            if topic not in existing:
                self._create_topic(topic, settings)

    def _create_topic(self, topic: str, settings: Mapping) -> None:
        try:
            self._call(lambda client: client.create_topics({topic: settings}))
        except BrokerUnavailable as error:
            if not isinstance(error.__cause__, TopicAlreadyExistsError):  # another hub was quicker
                raise

    def set_quotas(self, quotas: Mapping[str, float]) -> None:
        """Set the quotas of every user, with no limit for the hub itself.

        Args:
            quotas: each quota by Kafka's key.
        """
        request = AlterClientQuotasRequest(
            entries=[
                _quota_entry(None, quotas),
                _quota_entry(ADMIN, dict.fromkeys(quotas, _UNLIMITED)),
            ],
            validate_only=False,
        )
        reply = self._call(lambda client: client._manager.run(client._manager.send, request))
        for entry in reply.entries:
            if code := entry.error_code:
                raise BrokerUnavailable(f"quotas: {for_code(code)} {entry.error_message}")

    def quotas(self) -> dict[str, float]:
        """Return the quotas of users who have none of their own, by Kafka's keys."""
        request = DescribeClientQuotasRequest(components=[("user", 1, None)], strict=True)
        reply = self._call(lambda client: client._manager.run(client._manager.send, request))
        return {v.key: v.value for e in reply.entries or () for v in e.values}

    def lags(self, prefixes: tuple[str, ...]) -> dict[str, int]:
        """Return how many messages each consumer group has not read yet, by the group's name.

        Args:
            prefixes: how the names of the groups begin.
        """
        return self._call(lambda client: group_lags(client, prefixes))


def _quota_entry(user: str | None, quotas: Mapping[str, float]) -> tuple:
    return [("user", user)], [(key, value, False) for key, value in quotas.items()]


def _acl_filter(name: str | None) -> ACLFilter:
    """Return the filter that matches every ACL of the account `name`, or of all accounts."""
    return ACLFilter(
        principal=None if name is None else f"User:{name}",
        host=None,
        operation=ACLOperation.ANY,
        permission_type=ACLPermissionType.ANY,
        resource_pattern=ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
