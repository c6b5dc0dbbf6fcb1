"""Keeps the hub and its cookies to the hub's own host.

The proxy sends the hub every request for which it has no route, whatever the host. On a user's host
nothing of the hub may be shown: a page of that user has the same origin, and could use it. Cookies
are the second half: browsers send a subdomain's cookies to the hub, and let its pages ask the hub.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from mosshub_contract.page_loads import is_page_load
from tornado import web
from tornado.httputil import HTTPServerRequest

from hub.origins.addresses import (
    HubAddress,
    Place,
    host_cookie,
    is_from_another_page,
    is_loopback,
    without_planted_cookies,
)

# What programs ask, also under 127.0.0.1 and under names inside the platform.
_PROGRAMS_PATHS = ("/hub/api/", "/hub/health", "/hub/error/", "/hub/metrics")
_HEALTH = "/hub/health"


class Guard(web.RequestHandler):
    """Mixed in before each of the hub's handlers by `guarded`.

    Attributes:
        address: the hub's address for browsers.
    """

    address: HubAddress

    def __init__(self, application: web.Application, request: HTTPServerRequest, **kwargs: Any):
        self._place = self.address.place(request.host_name)
        self._has_cookies = self._place is Place.HUB and not is_from_another_page(
            request.method or "", request.headers
        )
        if "Cookie" in request.headers:
            if not self._has_cookies:
                del request.headers["Cookie"]
            elif self.address.is_https:
                request.headers["Cookie"] = without_planted_cookies(request.headers["Cookie"])
        super().__init__(application, request, **kwargs)

    def set_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """Set a cookie for the hub's host alone; for a request without cookies do nothing.

        JupyterHub would set its session's for the whole domain, and so give it to users' servers.
        """
        if not self._has_cookies:
            return
        names = ("domain", "expires", "path", "expires_days")
        kwargs |= dict(zip(names, args, strict=False))
        kwargs["domain"] = None
        kwargs.setdefault("samesite", "Lax")
        if self.address.is_https:
            name = host_cookie(name)
            kwargs |= {"path": "/", "secure": True}
        super().set_cookie(name, value, **kwargs)

    async def prepare(self) -> None:
        """Answer what was sent to another host than the hub's."""
        if self._place is Place.USER:
            self._answer_on_users_host()
        elif self._place is Place.OUTSIDE:
            self._lead_to_the_hub()
        if not self._finished and (preparing := super().prepare()):
            await preparing

    def _answer_on_users_host(self) -> None:
        path = self.request.path
        if self.request.method == "GET" and path == _HEALTH:
            return  # it tells a browser that the host can be reached
        if is_page_load(self.request.method or "", self.request.headers):
            inside = path == "/hub" or path.startswith("/hub/")
            self.redirect(f"{self.address.url}{'' if inside else '/hub'}{self.request.uri}")
        elif path.startswith("/user/"):
            raise web.HTTPError(424, "This server is not running.")
        else:
            raise web.HTTPError(404)

    def _lead_to_the_hub(self) -> None:
        """Send a browser to the hub's own host; leave programs alone.

        Raises:
            HTTPError: 421, if the browser came by an address that this platform does not know.
        """
        is_program = self.request.path.startswith(_PROGRAMS_PATHS)
        if is_program or not is_page_load(self.request.method or "", self.request.headers):
            return
        if is_loopback(self.request.host_name):
            self.redirect(f"{self.address.url}{self.request.uri}")
            return
        raise web.HTTPError(
            421,
            f"This platform is at {self.address.url}, and you opened it at {self.request.host}. "
            "If its address cannot be used here, start it with SUBDOMAINS=no.",
        )


def guarded(handlers: Iterable[tuple], address: HubAddress) -> list[tuple]:
    """Return the hub's handlers with the guard before each.

    Args:
        handlers: pattern, class and arguments of each handler, as tornado takes them.
        address: the hub's address for browsers.
    """
    return [(pattern, _guard(cls, address), *rest) for pattern, cls, *rest in handlers]


@cache
def _guard(cls: type[web.RequestHandler], address: HubAddress) -> type[web.RequestHandler]:
    return type(cls.__name__, (Guard, cls), {"address": address, "__module__": cls.__module__})
