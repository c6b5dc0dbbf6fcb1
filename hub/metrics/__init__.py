"""What Prometheus reads from the hub, at `/hub/metrics` with the token METRICS_TOKEN.

| module    | what                                                                      |
|-----------|---------------------------------------------------------------------------|
| `servers` | memory and processors of users' servers and apps; idleness; homes; disk   |
| `grafana` | Grafana as a service of the hub, for its admins                           |
| `handler` | JupyterHub's own route, which measures the servers before it answers      |

JupyterHub adds its own: requests, starts, sign-ins, its event loop; `hub.starts` counts failures.
A name of a user is a label; nothing that a user wrote is in here, and no secret.
"""

from typing import Any

from prometheus_client import REGISTRY

from hub.metrics import grafana
from hub.metrics.servers import ServerMetrics
from hub.settings import Settings

#: The hub's service whose token Prometheus has.
SERVICE = "metrics"


def configure(c: Any, settings: Settings) -> None:
    """Let whoever has the token read the hub's metrics, and nothing else.

    Args:
        c: JupyterHub's configuration (traitlets).
        settings: the platform's settings.
    """
    grafana.configure(c, settings)
    token = settings.metrics_token.get_secret_value()
    if not token:
        return
    ServerMetrics.told = ServerMetrics(settings.data_dir)
    REGISTRY.register(ServerMetrics.told)
    c.JupyterHub.authenticate_prometheus = True
    c.JupyterHub.services.append({"name": SERVICE, "api_token": token, "display": False})
    role = {"name": SERVICE, "scopes": ["read:metrics"], "services": [SERVICE]}
    c.JupyterHub.load_roles.append(role)
