"""Grafana behind the hub's sign-in: a service of the hub, for its admins."""

from typing import Any

from hub.origins.hosts import user_host
from hub.settings import Settings

#: The service's name, from which its host has its own: `grafana--service.DOMAIN`.
SERVICE = "grafana"
#: The id with which Grafana asks the hub who signs in.
CLIENT_ID = "service-grafana"


def grafana_url(settings: Settings) -> str:
    """Return Grafana's address for browsers."""
    scheme, host = settings.public_url.split("://")
    name, colon, port = host.partition(":")
    return f"{scheme}://{user_host(SERVICE, name, 'service')}{colon}{port}"


def configure(c: Any, settings: Settings) -> None:
    """Add the service to the hub's configuration, if there is a Grafana.

    Who may open it: admins, because only they may open all services.

    Args:
        c: JupyterHub's configuration (traitlets).
        settings: the platform's settings.
    """
    secret = settings.grafana_secret.get_secret_value()
    if not secret:
        return
    c.JupyterHub.services.append(
        {
            "name": SERVICE,
            "api_token": secret,
            "oauth_client_id": CLIENT_ID,
            "oauth_redirect_uri": f"{grafana_url(settings)}/login/generic_oauth",
            "oauth_no_confirm": True,
            "display": False,
        }
    )
