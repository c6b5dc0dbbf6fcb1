"""An origin for each user: what a user's server sends cannot act as whoever opens it.

| module        | what                                                              |
|---------------|-------------------------------------------------------------------|
| `hosts`       | the host name of each user, and who a host name belongs to        |
| `addresses`   | where a request was sent to, and by which page (pure functions)   |
| `guard`       | keeps the hub and its cookies to the hub's own host               |
| `known_hosts` | tells the edge which host names may have a certificate            |
| `sharing`     | no shares between users where there is one origin                 |
"""

from typing import Any

from hub.origins.hosts import CHECK_LABEL, user_host
from hub.origins.known_hosts import PATH, KnownHostHandler
from hub.settings import Settings


def configure(c: Any, settings: Settings) -> None:
    """Set the users' origins, on JupyterHub's configuration `c`."""
    c.JupyterHub.template_vars = {
        "subdomains": settings.subdomains,
        "domain": settings.domain,
        "host_check_url": host_check_url(settings) if settings.subdomains else "",
    }
    # Browsers send a cookie of this kind only if the user goes to the page. Not all do so unasked.
    c.JupyterHub.tornado_settings = {"cookie_options": {"samesite": "Lax"}}
    if not settings.subdomains:
        return
    c.JupyterHub.subdomain_host = settings.public_url
    c.JupyterHub.subdomain_hook = user_host
    # By this prefix browsers refuse a cookie that a page of another host sets for the whole domain.
    # Where there is one origin it must be off: such cookies reach every path, users' servers too.
    c.JupyterHub.cookie_host_prefix_enabled = settings.public_url.startswith("https://")
    c.JupyterHub.extra_handlers.append((PATH, KnownHostHandler))


def host_check_url(settings: Settings) -> str:
    """Return an address below the platform's, which the sign-in page tries to reach."""
    scheme, host = settings.public_url.split("://")
    return f"{scheme}://{CHECK_LABEL}.{host}/hub/health"
