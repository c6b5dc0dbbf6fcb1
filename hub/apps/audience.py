"""Who may open an app. Pure functions."""

from collections.abc import Collection, Iterable

from mosshub_contract.apps import EVERYBODY, GROUP, AppCard
from mosshub_contract.topics import TEAM_PREFIX

from hub.apps.store import App
from hub.signin.names import safe_name, topic_prefix


def may_open(app: App, viewer: str, groups: Collection[str], *, is_admin: bool = False) -> bool:
    """Return whether a user may open an app.

    Args:
        app: the app.
        viewer: the user's name.
        groups: the user's groups in the hub.
        is_admin: whether the user is an admin, who may open every server.
    """
    audience = app.card.audience
    return (
        viewer == app.author
        or is_admin
        or EVERYBODY in audience
        or viewer in audience
        or any(f"{GROUP}{group}" in audience for group in groups)
    )


def audience_words(audience: Iterable[str]) -> str:
    """Return who may open an app as a person reads it."""
    named = [
        f"the group {name.removeprefix(GROUP)}" if name.startswith(GROUP) else name
        for name in audience
    ]
    if EVERYBODY in named:
        return "everybody who is signed in"
    return ", ".join(named) or "nobody but the author"


def unknown_names(
    audience: Iterable[str], users: Collection[str], groups: Collection[str]
) -> list[str]:
    """Return the names of an audience that are neither a user's nor a group's.

    Args:
        audience: what the author wrote.
        users: the names of those users whom the hub knows.
        groups: the names of those groups that the hub knows.
    """
    return [
        name
        for name in audience
        if name != EVERYBODY
        and not (name.startswith(GROUP) and name.removeprefix(GROUP) in groups)
        and name not in users
    ]


def readable_topics(
    card: AppCard, author: str, shared_groups: Iterable[str]
) -> dict[str, tuple[str, bool]]:
    """Return the topics that an app may read: those its author named and may read.

    Args:
        card: what the author says about the app.
        author: the author's name.
        shared_groups: those of the author's groups that have a prefix of their own.

    Returns:
        Name and whether it is a prefix, by what the author wrote.
    """
    prefixes = (
        topic_prefix(author),
        TEAM_PREFIX,
        *(f"group.{safe_name(group)}." for group in shared_groups),
    )
    return {
        topic: (topic.removesuffix("*"), topic.endswith("*"))
        for topic in card.topics
        if topic.removesuffix("*").startswith(prefixes)
    }
