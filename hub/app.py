"""The hub: JupyterHub, whose handlers keep users' pages apart."""

from collections.abc import Callable

from jupyterhub.app import JupyterHub

from hub.apps.consent import with_consent
from hub.apps.named_servers import with_apps_only
from hub.body_limits import SmallBodies
from hub.metrics.handler import with_measured_metrics
from hub.origins.addresses import HubAddress
from hub.origins.guard import guarded
from hub.origins.sharing import without_sharing
from hub.server_status import with_server_status
from hub.spawners.start_page import with_page_at_once


class Mosshub(JupyterHub):
    """JupyterHub with a guard before each of its handlers, or without sharing (SUBDOMAINS=no)."""

    #: What is done at the end, when nothing more is written.
    at_end: Callable[[], None] | None = None

    def init_handlers(self) -> None:
        """List the handlers, JupyterHub's own and those of the configuration page."""
        super().init_handlers()
        handlers = with_measured_metrics(with_page_at_once(self.handlers))
        handlers = with_apps_only(with_server_status(handlers, self.hub_prefix))
        self.handlers: list[tuple] = with_consent(handlers)
        if self.subdomain_host:
            self.handlers = guarded(self.handlers, HubAddress(self.subdomain_host))
        else:
            self.handlers = without_sharing(self.handlers)

    def init_tornado_application(self) -> None:
        """Make the application, which takes little of anybody unknown."""
        self.tornado_application = SmallBodies(self.handlers, **self.tornado_settings)

    async def cleanup(self) -> None:
        """End the services, then say that this hub has ended."""
        await super().cleanup()
        if self.at_end:
            self.at_end()

    async def update_last_activity(self) -> None:
        """Check the proxy's routes, and leave it to each server to say when it was used.

        JupyterHub takes the time of the last request instead, and an open page sends one after
        another.
        """
        await self.proxy.check_routes(self.users, self._service_map)


def require_mosshub() -> Mosshub:
    """Return the running hub; stop one that the command `jupyterhub` started: it has no guard.

    Raises:
        SystemExit: the running hub is not this one.
    """
    hub = JupyterHub.instance()
    if not isinstance(hub, Mosshub):
        raise SystemExit(
            "Start the hub with `python -m hub`: `jupyterhub` does not keep users apart."
        )
    return hub
