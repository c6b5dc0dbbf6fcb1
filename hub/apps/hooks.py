"""Where JupyterHub's sign-in meets the apps: removed users, and what may start."""

from jupyterhub.auth import Authenticator
from jupyterhub.utils import maybe_future
from tornado import web

from hub.apps.store import AppStore
from hub.apps.upkeep import Upkeep
from hub.spawners.progress import SpawnError


class _AppHooks(Authenticator):
    """Mixed in before the class of the sign-in by `with_apps`."""

    store: AppStore
    upkeep: Upkeep

    def get_handlers(self, app):
        """Begin to look after the apps, beside the sign-in's own routes."""
        self.upkeep.begin()
        return super().get_handlers(app)

    async def pre_spawn_start(self, user, spawner):
        """Start no server with a name that is no app's, whoever asks for it.

        Raises:
            SpawnError: there is no such app.
        """
        if spawner.name and self.store.get(user.name, spawner.app_slug) is None:
            sentence = f"{user.name} has no app at this address."
            raise SpawnError(sentence, reason="no-app", status_code=404)
        await maybe_future(super().pre_spawn_start(user, spawner))

    async def delete_user(self, user):
        """Unpublish the apps of a removed user, and take them out of all audiences.

        Raises:
            HTTPError: 409, the server of an app has not ended yet; JupyterHub removes nobody then.
        """
        if not await self.upkeep.stop_all(user):
            reason = f"An app of {user.name} is starting or stopping. Wait a moment."
            raise web.HTTPError(409, reason)
        await self.upkeep.unpublish_all(user)
        await maybe_future(super().delete_user(user))


def with_apps(base: type[Authenticator], store: AppStore, upkeep: Upkeep) -> type[Authenticator]:
    """Return the sign-in's class with the hooks that concern apps.

    Args:
        base: the class of the sign-in.
        store: the apps.
        upkeep: looks after them.
    """
    return type(base.__name__, (_AppHooks, base), {"store": store, "upkeep": upkeep})
