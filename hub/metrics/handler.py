"""JupyterHub's route of metrics, which measures the servers before it answers."""

from collections.abc import Iterable

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.metrics import MetricsHandler
from jupyterhub.utils import metrics_authentication
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from hub.handlers import with_mixin
from hub.metrics.servers import ServerMetrics


class MeasuredMetrics(BaseHandler):
    """Mixed in before JupyterHub's handler by `with_measured_metrics`."""

    @metrics_authentication
    async def get(self) -> None:
        """Answer with all metrics, to whoever may read them."""
        if ServerMetrics.told:
            servers = {
                (user.name, name): server
                for user in self.users.values()
                for name, server in user.spawners.items()
                if server.ready
            }
            await ServerMetrics.told.measure(servers)
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(generate_latest(REGISTRY))


def with_measured_metrics(handlers: Iterable[tuple]) -> list[tuple]:
    """Return the hub's handlers, of which that of metrics measures first.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
    """
    return with_mixin(handlers, MetricsHandler, MeasuredMetrics)
