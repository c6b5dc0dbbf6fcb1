"""The hub: JupyterHub, whose handlers keep to the hub's own host where users have origins."""

from jupyterhub.app import JupyterHub

from hub.origins.addresses import HubAddress
from hub.origins.guard import guarded


class Mosshub(JupyterHub):
    """JupyterHub with a guard before each of its handlers."""

    def init_handlers(self) -> None:
        """List the handlers, JupyterHub's own and those of the configuration page."""
        super().init_handlers()
        self.handlers: list[tuple]
        if self.subdomain_host:
            self.handlers = guarded(self.handlers, HubAddress(self.subdomain_host))
