"""Whose a topic or a group is, by its name. Pure functions."""

from collections import defaultdict
from collections.abc import Mapping

from imageclass.messages.text import printable
from mosshub_contract.topics import SETTINGS, TEAM_PREFIX

#: Everything else that a user keeps on the broker.
OTHER = "other"
#: The most groups of one owner that have a label of their own: those with the largest lag.
MAX_GROUPS = 20
_MAX_LABEL = 120  # characters
_GROUP_PREFIX = "group."


def owner_of(name: str) -> str:
    """Return whose a topic or a group is: a user, `team`, `group.<name>`, or `other`."""
    if name.startswith(_GROUP_PREFIX):
        parts = name.split(".", 2)
        return label(".".join(parts[:2])) if len(parts) == 3 else OTHER
    owner, dot, _ = name.partition(".")
    return label(owner) if dot and owner else OTHER


def kind_of(topic: str) -> str:
    """Return what is on a topic: a name of `mosshub_contract.topics`, or `other`."""
    prefix = TEAM_PREFIX if topic.startswith(TEAM_PREFIX) else f"{owner_of(topic)}."
    rest = topic.removeprefix(prefix)
    return rest if rest in SETTINGS and rest != topic else OTHER


def label(text: str) -> str:
    """Return text that somebody chose as the value of a label."""
    return printable(text)[:_MAX_LABEL]


def bounded_lags(lags: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """Return lags by owner and group; those of an owner's many groups are added up as `other`.

    Args:
        lags: messages that are not read yet, by the group's full name.
    """
    by_owner: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for group, lag in lags.items():
        by_owner[owner_of(group)].append((lag, group))
    found: dict[tuple[str, str], int] = defaultdict(int)
    for owner, groups in by_owner.items():
        groups.sort(key=lambda one: (-one[0], one[1]))
        for place, (lag, group) in enumerate(groups):
            found[owner, label(group) if place < MAX_GROUPS else OTHER] += lag
    return dict(found)
