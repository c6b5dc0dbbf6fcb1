"""Apps: notebooks that their authors publish, each in a server of its own.

| module          | what                                                                     |
|-----------------|--------------------------------------------------------------------------|
| `store`         | the apps and their snapshots, in files                                   |
| `audience`      | who may open an app, and what it may read (pure functions)               |
| `shares`        | the hub's shares, which follow from the store                            |
| `servers`       | the servers of apps: started for who opens one, stopped when nobody does |
| `upkeep`        | looks after shares and servers, again and again                          |
| `example`       | the app that a new platform has                                          |
| `parts`         | what the handlers share                                                  |
| `api`           | publish, unpublish, and the snapshot, for users' servers                 |
| `rows`, `pages` | the page of all apps, the address of each, and the buttons               |
| `named_servers` | refuses every other server with a name                                   |
| `consent`       | whom the hub asks before an app learns who they are                      |
| `hooks`         | removed users, and what may start                                        |
"""

from collections.abc import Callable
from typing import Any

from jupyterhub.auth import Authenticator
from mosshub_contract.apps import API_PATH, SNAPSHOT_PATH

from hub.admin.usage import UsageMonitor
from hub.apps.api import AppOfAuthor, AppsOfAuthor, SnapshotOfApp
from hub.apps.example import Example
from hub.apps.hooks import with_apps
from hub.apps.named_servers import PATH
from hub.apps.pages import ACTIONS, AppAction, AppPage, AppsPage, AppState
from hub.apps.parts import Parts
from hub.apps.store import AppStore, apps_directory
from hub.apps.upkeep import Upkeep
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers


def app_counter(settings: Settings) -> Callable[[str], int]:
    """Return the function that tells how many apps a user has published."""
    store = AppStore(apps_directory(settings))
    return lambda author: len(store.of(author))


def configure(
    c: Any, settings: Settings, authenticator: type[Authenticator], blocked: BlockedUsers
) -> type[Authenticator]:
    """Add the pages and routes of apps, and return the sign-in's class with what apps need.

    Args:
        c: JupyterHub's configuration.
        settings: the platform's settings.
        authenticator: the class of the sign-in.
        blocked: the users who are blocked.
    """
    store = AppStore(apps_directory(settings))
    example = Example(store, apps_directory(settings) / "example.json")
    upkeep = Upkeep(store, blocked, settings.app_idle_timeout, example)
    parts = {"parts": Parts(settings, store, upkeep, blocked, UsageMonitor())}
    app = rf"{PATH}/([^/]+)/([^/]+)"
    c.JupyterHub.allow_named_servers = True  # for apps alone: `named_servers` refuses others
    c.JupyterHub.extra_handlers.extend(
        [
            (PATH, AppsPage, parts),
            (app, AppPage, parts),
            (rf"{app}/state", AppState, parts),
            (rf"{app}/({'|'.join(ACTIONS)})", AppAction, parts),
            (rf"/api{API_PATH}", AppsOfAuthor, parts),
            (rf"/api{API_PATH}/([^/]+)", AppOfAuthor, parts),
            (rf"/api{SNAPSHOT_PATH}", SnapshotOfApp, parts),
        ]
    )
    return with_apps(authenticator, store, upkeep)
