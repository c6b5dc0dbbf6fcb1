"""Where a request was sent to, and by which page. Pure functions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from ipaddress import ip_address
from urllib.parse import urlsplit

from mosshub_contract.page_loads import SAFE_METHODS, fills_the_window

_PREFIX = "__Host-"


class Place(Enum):
    """Whose host a request was sent to."""

    HUB = "the hub's own host"
    USER = "a host below the hub's: a user's, or nobody's"
    OUTSIDE = "any other: 127.0.0.1, or a name inside the platform"


@dataclass(frozen=True)
class HubAddress:
    """The hub's address for browsers.

    Attributes:
        url: the address without a path, such as `https://moss.example.org`.
    """

    url: str

    @property
    def host(self) -> str:
        """The host name, without a port."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_https(self) -> bool:
        return self.url.startswith("https://")

    def place(self, host: str) -> Place:
        """Return whose host this is.

        Args:
            host: the host name of a request, without a port.
        """
        host = host.lower().rstrip(".")
        if host == self.host:
            return Place.HUB
        return Place.USER if host.endswith(f".{self.host}") else Place.OUTSIDE


def is_loopback(host: str) -> bool:
    """Return whether the host is an address of the machine itself, such as 127.0.0.1."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_from_another_page(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether a page of another origin sent the request, and the user did not go there.

    A link, a bookmark and a redirect of the identity provider are loads of a whole page: these
    keep the user's cookies.

    Args:
        method: the request's HTTP method.
        headers: the request's headers.
    """
    if headers.get("Sec-Fetch-Site", "").lower() not in ("same-site", "cross-site"):
        return False
    return not (fills_the_window(headers) and method in SAFE_METHODS)


def host_cookie(name: str) -> str:
    """Return the name under which browsers keep a cookie to one host, over HTTPS only."""
    return name if name.startswith(_PREFIX) else f"{_PREFIX}{name}"


def without_planted_cookies(cookies: str) -> str:
    """Return a Cookie header of which no other host can have written a part.

    A page of a subdomain may set cookies for the whole domain, but none whose name begins with
    `__Host-`. Each of those is also given under its name without the prefix.

    Args:
        cookies: the Cookie header of a request.
    """
    kept = []
    for cookie in cookies.split(";"):
        name = cookie.partition("=")[0].strip()
        if name.startswith(_PREFIX):
            kept += [cookie.strip(), cookie.strip().removeprefix(_PREFIX)]
    return "; ".join(kept)
