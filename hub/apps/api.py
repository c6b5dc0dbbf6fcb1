"""What servers ask the hub about apps: an author's editor publishes, an app's server fetches."""

import asyncio
from functools import partial
from typing import Any

from jupyterhub.user import User
from jupyterhub.utils import url_path_join
from mosshub_contract.apps import NUMBER_HEADER, AppCard, slug_of_server
from mosshub_contract.snapshots import BadSnapshot, unpack
from tornado import web

from hub.apps.audience import readable_topics
from hub.apps.named_servers import PATH
from hub.apps.parts import NO_SHARING, Parts
from hub.apps.store import App, TooManyApps
from hub.own_server import OwnServerHandler


class AppsOfAuthor(OwnServerHandler):
    """What an author's editor asks: which apps there are, a new snapshot, and the end of one."""

    def initialize(self, parts: Parts) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self.parts = parts

    async def get(self) -> None:
        """Tell the author's apps, and what the publish page says."""
        author, settings = self.owner(), self.parts.settings
        self.write(
            {
                "apps": [self._about(author, app) for app in self.parts.store.of(author.name)],
                "groups": sorted(group.name for group in author.groups),
                "no_sharing": "" if settings.subdomains else NO_SHARING,
                "is_laptop": settings.servers == "processes",
                "has_accounts": settings.broker_accounts,
            }
        )

    async def put(self) -> None:
        """Keep a new snapshot, and show it to those who may open the app."""
        author, store = self.owner(), self.parts.store
        try:
            snapshot = await asyncio.to_thread(unpack, self.request.body)
            self._check(author, snapshot.card)
            before = store.get(author.name, snapshot.card.slug)
            keeps = self.get_query_argument("audience", "") == "kept"
            publish = partial(store.publish, keeps_audience=keeps)
            app = await asyncio.to_thread(publish, author.name, self.request.body)
        except (BadSnapshot, TooManyApps) as error:
            raise web.HTTPError(400, str(error)) from None
        await self.parts.upkeep.give_account(author, app)
        self.parts.upkeep.revoke()
        await self.parts.upkeep.show(author, before, app)
        self.write(self._about(author, app))

    def _check(self, author: User, card: AppCard) -> None:
        """Check who may open an app and what it may read.

        Raises:
            BadSnapshot: the author cannot publish it so.
            HTTPError: 403, nobody shares anything here.
        """
        self.parts.check_audience(self.db, author.name, card.audience)
        shared = self.parts.settings.kafka_groups & {group.name for group in author.groups}
        readable = readable_topics(card, author.name, shared)
        if refused := [topic for topic in card.topics if topic not in readable]:
            raise BadSnapshot(f"You may not read the topic {refused[0]}, so no app of yours may.")

    def _about(self, author: User, app: App) -> dict[str, Any]:
        page = url_path_join(self.hub.base_url, PATH, author.escaped_name, app.slug)
        return {
            "slug": app.slug,
            "title": app.card.title,
            "notebook": app.card.notebook,
            "audience": list(app.card.audience),
            "topics": list(app.card.topics),
            "tells_viewer": app.card.tells_viewer,
            "is_following": app.card.is_following,
            "number": app.current,
            "url": f"{self.parts.settings.public_url}{page}",
        }


class AppOfAuthor(AppsOfAuthor):
    """One app of an author."""

    SUPPORTED_METHODS = ("DELETE",)

    async def delete(self, slug: str) -> None:
        """Unpublish it."""
        author = self.owner()
        app = self.parts.store.get(author.name, slug)
        if app is None:
            raise web.HTTPError(404, f"You have no app {slug}.")
        await self.parts.upkeep.unpublish(author, app)
        self.set_status(204)


class SnapshotOfApp(OwnServerHandler):
    """Gives the server of an app its snapshot."""

    def initialize(self, parts: Parts) -> None:
        """Take the parts of the program that this handler uses; tornado calls this."""
        self.parts = parts

    async def get(self) -> None:
        """Send the archive; nothing but its number if the server has it already."""
        author, name = self.server()
        app = self.parts.store.get(author.name, slug_of_server(name))
        if app is None:
            raise web.HTTPError(404, "This server runs no app.")
        self.set_header(NUMBER_HEADER, str(app.current))
        if self.request.headers.get(NUMBER_HEADER) == str(app.current):
            self.set_status(204)
            return
        self.set_header("Content-Type", "application/x-tar")
        self.finish(await asyncio.to_thread(self.parts.store.archive, app))
