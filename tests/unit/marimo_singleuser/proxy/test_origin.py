"""Where a request comes from."""

from __future__ import annotations

import pytest
from marimo_singleuser.proxy.origin import origin_error, same_origin
from mosshub_contract.page_loads import is_page_load
from tornado.httputil import HTTPHeaders


@pytest.mark.parametrize(
    ("origin", "headers", "same"),
    [
        ("http://hub.example:8000", {"Host": "hub.example:8000"}, True),
        ("https://hub.example", {"Host": "hub.example"}, True),
        ("https://hub.example", {"Host": "hub.example:443"}, True),
        ("https://HUB.example", {"Host": "hub.EXAMPLE"}, True),
        ("http://[::1]:8000", {"Host": "[::1]:8000"}, True),
        # A proxy in front rewrote Host and says so.
        ("https://hub.example", {"Host": "10.0.0.2:80", "X-Forwarded-Host": "hub.example"}, True),
        ("https://evil.example", {"Host": "hub.example"}, False),
        ("http://hub.example:8001", {"Host": "hub.example:8000"}, False),
        ("http://hub.example.evil.example", {"Host": "hub.example"}, False),
        ("http://hub.example@evil.example", {"Host": "hub.example"}, False),
        ("null", {"Host": "hub.example"}, False),
        ("", {"Host": "hub.example"}, False),
        ("file://hub.example", {"Host": "hub.example"}, False),
        ("http://hub.example:x", {"Host": "hub.example"}, False),
        ("http://hub.example", {}, False),
        # The edge speaks TLS: a page that came without TLS may be an attacker's.
        ("http://hub.example", {"Host": "hub.example", "X-Forwarded-Proto": "https"}, False),
        ("https://hub.example", {"Host": "hub.example", "X-Forwarded-Proto": "https,http"}, True),
    ],
)
def test_same_origin(origin: str, headers: dict[str, str], same: bool) -> None:
    assert same_origin(origin, HTTPHeaders(headers)) is same


_HOST = {"Host": "hub.example"}
_CROSS = {**_HOST, "Sec-Fetch-Site": "cross-site"}
_SAME_SITE = {**_HOST, "Sec-Fetch-Site": "same-site"}
_FRAME = {"Sec-Fetch-Dest": "iframe"}


@pytest.mark.parametrize(
    ("method", "headers", "websocket", "allowed"),
    [
        ("GET", _HOST, False, True),  # not a browser
        ("POST", _HOST, False, True),
        ("POST", {**_HOST, "Origin": "https://hub.example"}, False, True),
        ("POST", {**_HOST, "Origin": "https://evil.example"}, False, False),
        ("POST", {**_HOST, "Origin": "null"}, False, False),
        ("POST", _CROSS, False, False),
        ("DELETE", _CROSS, False, False),
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, False, True),  # a link
        ("POST", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, False, False),  # a form
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "no-cors"}, False, False),
        # A page of another user.
        ("GET", {**_SAME_SITE, "Sec-Fetch-Mode": "navigate"}, False, True),
        ("GET", {**_SAME_SITE, "Sec-Fetch-Mode": "navigate", **_FRAME}, False, False),
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "navigate", **_FRAME}, False, False),
        ("GET", {**_SAME_SITE, "Sec-Fetch-Mode": "no-cors"}, False, False),
        ("POST", {**_SAME_SITE, "Sec-Fetch-Mode": "navigate"}, False, False),
        ("GET", {**_SAME_SITE, "Sec-Fetch-Mode": "websocket"}, True, False),
        ("GET", {**_HOST, "Origin": "https://hub.example"}, True, True),
        ("GET", {**_HOST, "Origin": "https://evil.example"}, True, False),
        ("GET", {**_HOST, "Sec-WebSocket-Origin": "https://evil.example"}, True, False),
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, True, False),
    ],
)
def test_origin_error(method: str, headers: dict[str, str], websocket: bool, allowed: bool) -> None:
    why = origin_error(method, HTTPHeaders(headers), websocket=websocket)
    assert (why is None) is allowed, why


def test_page_load() -> None:
    assert is_page_load("GET", HTTPHeaders({"Accept": "text/html,*/*"}))
    assert is_page_load("GET", HTTPHeaders({"Sec-Fetch-Mode": "navigate"}))
    assert not is_page_load("GET", HTTPHeaders({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}))
    assert not is_page_load("POST", HTTPHeaders({"Accept": "text/html"}))
    assert not is_page_load("GET", HTTPHeaders({"Accept": "*/*"}))
