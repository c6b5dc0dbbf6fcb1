"""What a user's account on the broker may do and has to do, in plain words."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from kafka.admin import ACL, ACLOperation, ACLResourcePatternType, ResourceType
from mosshub_contract.topics import TEAM_PREFIX

from hub.accounts.acls import group_prefix
from hub.accounts.kafka_admin import BrokerUnavailable, KafkaAdmin
from hub.accounts.reconciler import AccountReconciler, HubUser
from hub.signin.names import topic_prefix

_KINDS = {
    ResourceType.TOPIC: "topics",
    ResourceType.GROUP: "consumer groups",
    ResourceType.TRANSACTIONAL_ID: "transactions",
}
_CLUSTER = "see the names of topics and groups on the whole broker, and their sizes"
_QUOTAS = {
    "producer_byte_rate": "send {mb:.3g} MB a second",
    "consumer_byte_rate": "read {mb:.3g} MB a second",
    "request_percentage": "take {value:.3g} % of one of the broker's threads",
    "controller_mutation_rate": "create or delete {value:.3g} partitions a second",
}


@dataclass(frozen=True)
class AccountReport:
    """An account as the broker has it.

    Attributes:
        exists: whether the broker knows the account.
        permissions: what it may do, each as the end of a sentence that begins with "may".
        limits: its quotas, in the same form. The broker tells what is allowed, not what is used.
        lags: messages that its consumer groups have not read yet, by the group's name.
    """

    exists: bool
    permissions: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    lags: tuple[tuple[str, int], ...] = ()


async def account_report(reconciler: AccountReconciler, user: HubUser) -> AccountReport | None:
    """Return a user's account as the broker has it; None if the broker is away.

    Args:
        reconciler: the platform's reconciler.
        user: the user, as the hub knows them.
    """
    name = reconciler.account(user).name
    prefixes = (topic_prefix(user.name), *(group_prefix(group) for group in sorted(user.groups)))

    def question(kafka: KafkaAdmin) -> AccountReport:
        if name not in kafka.account_names():
            return AccountReport(exists=False)
        return AccountReport(
            exists=True,
            permissions=tuple(permissions(kafka.acls(name).get(name, set()))),
            limits=tuple(limits(kafka.quotas())),
            lags=tuple(sorted(kafka.lags(prefixes).items())),
        )

    try:
        return await reconciler.ask(question)
    except BrokerUnavailable:
        return None


def permissions(acls: Iterable[ACL]) -> list[str]:
    """Return what ACLs allow, each as the end of a sentence that begins with "may".

    Args:
        acls: the ACLs of one account.
    """
    kinds: dict[tuple, set[ResourceType]] = defaultdict(set)
    operations: dict[tuple, set[str]] = defaultdict(set)
    for acl in acls:
        resource = acl.resource_pattern
        place = (resource.resource_name, resource.pattern_type, resource.resource_type)
        operations[place].add(_verb(acl.operation, resource.resource_type))
    for (name, pattern, kind), verbs in operations.items():
        kinds[(name, pattern, " and ".join(sorted(verbs)))].add(kind)
    # What belongs to the account itself comes first, what the team shares after it.
    order = sorted(kinds, key=lambda key: (key[0].startswith(TEAM_PREFIX), key[0], -len(key[2])))
    return [
        _right(name, pattern, verbs, kinds[name, pattern, verbs]) for name, pattern, verbs in order
    ]


def _right(name: str, pattern: ACLResourcePatternType, verbs: str, kinds: set[ResourceType]) -> str:
    if kinds == {ResourceType.CLUSTER}:
        return _CLUSTER if verbs == "describe" else f"{verbs} the whole broker"
    things = [word for kind, word in _KINDS.items() if kind in kinds]
    words = ", ".join(things[:-1]) + (" and " if things[1:] else "") + (things or ["things"])[-1]
    begins = "whose names begin with" if pattern == ACLResourcePatternType.PREFIXED else "named"
    return f"{verbs} {words} {begins} {name}"


def _verb(operation: ACLOperation, kind: ResourceType) -> str:
    if operation == ACLOperation.ALL:
        return "do everything with"
    if (operation, kind) == (ACLOperation.READ, ResourceType.GROUP):
        return "join"
    return operation.name.lower().replace("_", " ")


def limits(quotas: dict[str, float]) -> list[str]:
    """Return quotas, each as the end of a sentence that begins with "may".

    Args:
        quotas: the quotas by Kafka's keys.
    """
    return [
        words.format(value=quotas[key], mb=quotas[key] / 2**20)
        for key, words in _QUOTAS.items()
        if key in quotas
    ]
