"""What a browser may do with a page that shows outputs of notebooks. Pure functions."""

from __future__ import annotations

from tornado.httputil import HTTPServerRequest

from ..proxy.own_page import OWN
from ..settings import Settings

# Nothing of the page runs, and nothing is loaded but its stylesheet and the team's logo. What a
# frame in it shows has no rights either (`sandbox` without a word), and inherits this policy.
_POLICY = (
    "default-src 'none'; script-src 'none'; style-src {own}{base}{room}home.css 'unsafe-inline'; "
    "img-src data: {hub}logo; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def own_origin(request: HTTPServerRequest) -> str:
    """Return scheme and host of a page as the browser has them."""
    proxied = request.headers.get("X-Forwarded-Proto", "").split(",")[0].strip()
    scheme = "https" if proxied == "https" else request.protocol
    return f"{scheme}://{request.host}"


def policy_of_outputs(settings: Settings, own: str) -> str:
    """Return the Content-Security-Policy of a page that shows outputs of notebooks.

    Args:
        settings: what the hub told this server.
        own: scheme and host of the page.
    """
    hub = settings.hub_url if "://" in settings.hub_url else own + settings.hub_url
    return _POLICY.format(own=own, base=settings.base_url, room=OWN, hub=hub)
