"""What the handlers of this room share."""

from collections.abc import Iterable
from dataclasses import dataclass

from jupyterhub import orm
from jupyterhub.user import User
from mosshub_contract.apps import EVERYBODY
from mosshub_contract.snapshots import BadSnapshot
from sqlalchemy.orm import Session
from tornado import web

from hub.admin.usage import UsageMonitor
from hub.apps.audience import may_open, unknown_names
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

    def check_audience(self, db: Session, author: str, audience: Iterable[str]) -> None:
        """Check that an author may open an app to an audience.

        Args:
            db: the hub's database.
            author: the author's name.
            audience: who may open it, as the author wrote it.

        Raises:
            BadSnapshot: somebody in it is unknown.
            HTTPError: 403, nobody shares anything here.
        """
        others = [name for name in audience if name != author]
        if others and not self.settings.subdomains:
            raise web.HTTPError(403, NO_SHARING)
        if unknown := unknown_names(others, _names(db, orm.User), _names(db, orm.Group)):
            raise BadSnapshot(
                f"Nobody here has the name {unknown[0][:100]}. Write the names of users who have "
                f"signed in, group:<name> for a group, or {EVERYBODY}."
            )


def _names(db: Session, kind: type[orm.User] | type[orm.Group]) -> set[str]:
    """Return the names of all users, or of all groups, of the hub."""
    return {name for (name,) in db.query(kind.name)}
