"""The hub's shares of apps' servers, which follow from what the store says.

A share is made when somebody opens an app, and revoked as soon as they may not open it any more.
The server asks the hub, so it needs to know nothing of audiences.
"""

from collections.abc import Collection

from jupyterhub import orm
from jupyterhub.user import User
from mosshub_contract.apps import SERVER_PREFIX, slug_of_server
from sqlalchemy.orm import Session

from hub.apps.audience import may_open
from hub.apps.store import AppStore


def grant(db: Session, spawner: orm.Spawner, viewer: User) -> None:
    """Let a user into the server of an app.

    Args:
        db: the hub's database.
        spawner: the app's server.
        viewer: who may open the app.
    """
    if viewer.name != spawner.user.name:
        orm.Share.grant(db, spawner, viewer.orm_user)


def revoke_outdated(
    db: Session, store: AppStore, no_authors: Collection[str]
) -> set[tuple[str, str]]:
    """Revoke the shares of those who may not open an app any more.

    Args:
        db: the hub's database.
        store: the apps.
        no_authors: names of users whose apps nobody opens.

    Returns:
        Author and slug of each app that somebody lost.
    """
    lost = set()
    shares = db.query(orm.Share).join(orm.Spawner, orm.Share.spawner_id == orm.Spawner.id)
    for share in shares.filter(orm.Spawner.name.startswith(SERVER_PREFIX)):
        author, slug = share.owner.name, slug_of_server(share.spawner.name)
        app = store.get(author, slug)
        if app and author not in no_authors and share.user and _may_open(app, share.user):
            continue
        lost.add((author, slug))
        db.delete(share)
    if lost:
        db.commit()
    return lost


def _may_open(app, viewer: orm.User) -> bool:  # type: ignore[no-untyped-def]
    groups = {group.name for group in viewer.groups}
    return may_open(app, viewer.name, groups, is_admin=bool(viewer.admin))
