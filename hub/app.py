"""The hub: JupyterHub, whose handlers keep users' pages apart."""

from jupyterhub.app import JupyterHub

from hub.origins.addresses import HubAddress
from hub.origins.guard import guarded
from hub.origins.sharing import without_sharing


class Mosshub(JupyterHub):
    """JupyterHub with a guard before each of its handlers, or without sharing (SUBDOMAINS=no)."""

    def init_handlers(self) -> None:
        """List the handlers, JupyterHub's own and those of the configuration page."""
        super().init_handlers()
        self.handlers: list[tuple]
        if self.subdomain_host:
            self.handlers = guarded(self.handlers, HubAddress(self.subdomain_host))
        else:
            self.handlers = without_sharing(self.handlers)


def require_mosshub() -> None:
    """Stop a hub that was started with the command `jupyterhub`: it would have no guard.

    Raises:
        SystemExit: the running hub is not this one.
    """
    if not isinstance(JupyterHub.instance(), Mosshub):
        raise SystemExit(
            "Start the hub with `python -m hub`: `jupyterhub` does not keep users apart."
        )
