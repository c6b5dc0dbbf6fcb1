"""Host names as a browser of this machine resolves them, for everything that Python asks.

Browsers send `localhost` and every name below it to the machine itself (RFC 6761). The C library
does not, and a domain of the tests is in no DNS.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.utils import url_escape_path

from hub.origins.hosts import host_label

LOOPBACK = "127.0.0.1"
_addresses = {"localhost": LOOPBACK}
_getaddrinfo = socket.getaddrinfo


def address_of(host: str) -> str | None:
    """Return the IP address of a domain of the tests or a name below it; None for other names."""
    for domain, address in _addresses.items():
        if host == domain or host.endswith(f".{domain}"):
            return address
    return None


def install() -> None:
    """Resolve the names in this process from now on."""

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> list:
        known = address_of(host) if isinstance(host, str) else None
        return _getaddrinfo(known or host, *args, **kwargs)

    socket.getaddrinfo = getaddrinfo


def point(domain: str, address: str) -> None:
    """Resolve a domain, and every name below it, to this IP address."""
    _addresses[domain] = address


@contextmanager
def pointed(domain: str, address: str) -> Iterator[None]:
    """Resolve a domain to this IP address within; afterwards as before."""
    before = dict(_addresses)
    point(domain, address)
    try:
        yield
    finally:
        _addresses.clear()
        _addresses.update(before)


def origin_of(url: str, user: str) -> str:
    """Return the origin of a user's pages on the platform at `url`."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_label(user)}.{parts.netloc}"


def server_of(url: str, user: str) -> str:
    """Return the address of a user's server on the platform at `url`, with a slash at its end."""
    return f"{origin_of(url, user)}/user/{url_escape_path(user)}/"


#: The query of marimo's list of files; without a query a server shows the start page.
ALL_FILES = "?files=all"
