"""The page with the buttons to start without packages, or without settings."""

import asyncio

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.scopes import needs_scope
from jupyterhub.user import User
from jupyterhub.utils import maybe_future, url_path_join
from tornado import web

from hub.server_status.stops import note_stop_by
from hub.spawners.start_page import until_begun
from hub.starts.failures import failed_start
from hub.starts.without import CHOICES, OPTION

#: Path of the page, below the hub's; the user's name follows.
PATH = "/mosshub/start-without"


class StartWithoutPage(BaseHandler):
    """For the user and for admins, who may start and stop this server."""

    @web.authenticated
    @needs_scope("servers")
    async def get(self, user_name: str) -> None:
        """Show the buttons."""
        user = self._known_user(user_name)
        self.set_header("Cache-Control", "no-store")
        page = self.render_template(
            "start_without.html",
            for_user=user,
            is_running=user.spawners[""].active,
            is_pending=bool(user.spawners[""].pending),
            failure=failed_start(user.name),
        )
        self.finish(await maybe_future(page))  # a coroutine; JupyterHub's type says either

    @web.authenticated
    @needs_scope("servers")
    async def post(self, user_name: str) -> None:
        """Stop the editor if it runs, and start it as chosen."""
        user = self._known_user(user_name)
        chosen = self.get_body_arguments(OPTION)
        if not chosen or not set(chosen) <= set(CHOICES):
            raise web.HTTPError(400, "Choose what to leave out: your packages, or your settings.")
        await self._stop(user)
        server = user.get_or_create_spawner("", "", replace_failed=True)
        options = {**(server.orm_spawner.user_options or {}), OPTION: ",".join(chosen)}
        start = asyncio.ensure_future(self.spawn_single_user(user, options=options))
        await until_begun(start, user)
        self.redirect(url_path_join(self.hub.base_url, "spawn-pending", user.escaped_name))

    async def _stop(self, user: User) -> None:
        """Stop the editor if it runs.

        Raises:
            HTTPError: 409, it starts or stops at the moment.
        """
        server = user.spawners[""]
        if server.ready and not server.pending:
            note_stop_by(self.current_user, server)
            await self.stop_single_user(user)
        if user.spawners[""].active:
            raise web.HTTPError(409, "The editor starts or stops at the moment. Wait, then try.")

    def _known_user(self, name: str) -> User:
        user = self.find_user(name)
        if user is None:
            raise web.HTTPError(404, f"There is nobody with the name {name}.")
        return user
