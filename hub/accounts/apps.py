"""The accounts of apps, which may read the topics that their author names, and nothing else."""

from collections.abc import Callable

from hub.accounts.acls import Account, app_account
from hub.accounts.drift import HubUser
from hub.apps.audience import readable_topics
from hub.apps.store import AppStore, apps_directory
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers


def app_accounts(settings: Settings, secret: str) -> Callable[[list[HubUser]], list[Account]]:
    """Return the function that tells the accounts of all apps of some users.

    Args:
        settings: the platform's settings.
        secret: the broker secret.
    """
    store = AppStore(apps_directory(settings))
    blocked = BlockedUsers(settings.data_dir / "hub" / "blocked.json")

    def accounts(authors: list[HubUser]) -> list[Account]:
        found, no_authors = [], blocked.names()
        for author in (author for author in authors if author.name not in no_authors):
            for app in store.of(author.name):
                shared = settings.kafka_groups & author.groups
                topics = readable_topics(app.card, author.name, shared).values()
                found.append(app_account(secret, author.name, app.slug, str(app.since), topics))
        return found

    return accounts
