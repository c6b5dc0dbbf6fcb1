"""What the handlers of this room share."""

from dataclasses import dataclass
from typing import Any

from jupyterhub import orm
from jupyterhub.user import User

from hub.admin.usage import UsageMonitor
from hub.apps.audience import may_open
from hub.apps.store import App, AppStore
from hub.apps.upkeep import Upkeep
from hub.settings import Settings
from hub.signin.blocked import BlockedUsers

#: Why nobody publishes to others where all pages share one origin.
NO_SHARING = (
    "Apps are for their authors alone here: all pages of this platform share one origin, so the "
    "page of an app could act as whoever opened it (SUBDOMAINS=no)."
)


@dataclass(frozen=True)
class Parts:
    """What the handlers use.

    Attributes:
        settings: the platform's settings.
        store: the apps.
        upkeep: looks after servers and shares.
        blocked: the users who are blocked.
        monitor: measures the servers.
    """

    settings: Settings
    store: AppStore
    upkeep: Upkeep
    blocked: BlockedUsers
    monitor: UsageMonitor

    def __deepcopy__(self, memo: dict) -> "Parts":
        """Return these: traitlets copies what is configured."""
        return self

    def may_open(self, app: App, viewer: User) -> bool:
        """Return whether a user may open an app."""
        if not self.settings.subdomains and viewer.name != app.author:
            return False
        groups = {group.name for group in viewer.groups}
        return may_open(app, viewer.name, groups, is_admin=bool(viewer.admin))


def names_of(db: Any, kind: type[orm.User] | type[orm.Group]) -> set[str]:
    """Return the names of all users, or of all groups, of the hub."""
    return {name for (name,) in db.query(kind.name)}
