"""Users whom an admin has blocked: they stay known, and neither sign in nor have an editor."""

from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.user import User
from jupyterhub.utils import maybe_future
from sqlalchemy.orm import Session
from tornado import web

from hub.names_file import NamesFile
from hub.spawners.progress import SpawnError

_BLOCKED = "An admin has blocked {name} here. Ask an admin if this should be otherwise."


class BlockedUsers(NamesFile):
    """Names of the users who are blocked."""


class _BlockHooks(Authenticator):
    """Mixed in before the class of the sign-in by `with_blocked`."""

    blocked: BlockedUsers

    def check_blocked_users(self, username, authentication=None):
        """Return whether a user may sign in.

        Raises:
            HTTPError: 403 with the reason, if an admin has blocked them.
        """
        if username in self.blocked.names():
            raise web.HTTPError(403, _BLOCKED.format(name=username))
        return super().check_blocked_users(username, authentication)

    async def pre_spawn_start(self, user, spawner):
        """Start no server of a user who is blocked, whoever asks for it.

        Raises:
            SpawnError: the user is blocked.
        """
        if user.name in self.blocked.names():
            sentence = _BLOCKED.format(name=user.name)
            raise SpawnError(sentence, reason="blocked", status_code=403)
        await maybe_future(super().pre_spawn_start(user, spawner))

    async def delete_user(self, user):
        """Forget that a removed user was blocked: the next of that name is another person."""
        self.blocked.discard(user.name)
        await maybe_future(super().delete_user(user))


def with_blocked(base: type[Authenticator], blocked: BlockedUsers) -> type[Authenticator]:
    """Return the sign-in's class, which lets nobody in who is blocked.

    Args:
        base: the class of the sign-in.
        blocked: the users who are blocked.
    """
    return type(base.__name__, (_BlockHooks, base), {"blocked": blocked})


def end_sessions(user: User, db: Session) -> None:
    """Make every cookie and token of a user worthless, at once.

    Args:
        user: the user, as JupyterHub knows them.
        db: the hub's database.
    """
    user.orm_user.cookie_id = orm.new_token()
    for token in list(user.orm_user.api_tokens):
        db.delete(token)
    for code in db.query(orm.OAuthCode).filter_by(user_id=user.orm_user.id):
        db.delete(code)
    db.commit()
