"""The socket by which the command `mosshub` of a user's terminal publishes.

Only the user's own programs can open its file. It does nothing that the user's notebooks could not
do in another way: what they read, they can also send.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mosshub_contract.apps import AppCard, card_from_json
from mosshub_contract.snapshots import BadSnapshot
from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket

from .collect import candidates
from .hub_apps import NotPublished
from .publisher import Publisher


class _Request(web.RequestHandler):
    """A request of the command."""

    def initialize(self, publisher: Publisher) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self._publisher = publisher

    def _refuse(self, error: Exception) -> None:
        self.set_status(400)
        self.finish({"message": str(error)})


class _Apps(_Request):
    async def get(self) -> None:
        """List the user's apps."""
        try:
            self.finish({"apps": (await self._publisher.hub.published()).apps})
        except NotPublished as error:
            self._refuse(error)

    async def post(self) -> None:
        """Publish a notebook."""
        try:
            asked: dict[str, Any] = json.loads(self.request.body)
            notebook = self._publisher.notebook_at(asked["notebook"])
            card: AppCard = card_from_json(json.dumps({**asked, "notebook": notebook.name}))
            named = [one.name for one in candidates(notebook) if one.is_named]
            files = list(dict.fromkeys([*named, *asked.get("files", ())]))
            self.finish(await self._publisher.publish(notebook, card, files))
        except (BadSnapshot, NotPublished, OSError, ValueError, KeyError, TypeError) as error:
            self._refuse(error)


class _App(_Request):
    async def delete(self, slug: str) -> None:
        """Unpublish an app."""
        try:
            await self._publisher.hub.unpublish(slug)
        except NotPublished as error:
            self._refuse(error)
            return
        self._publisher.forget(slug)
        self.finish({})


def listen(path: Path, publisher: Publisher) -> HTTPServer:
    """Return the server at a socket, which is made.

    Args:
        path: the socket's file, in a directory that only the user may enter.
        publisher: publishes the user's notebooks.

    Raises:
        OSError: it cannot be made.
    """
    parts = {"publisher": publisher}
    app = web.Application(
        [(r"/apps", _Apps, parts), (r"/apps/([a-z0-9-]+)", _App, parts)],
        log_function=lambda handler: None,
    )
    server = HTTPServer(app, max_body_size=1024**2)
    server.add_socket(bind_unix_socket(str(path), mode=0o600))
    return server
