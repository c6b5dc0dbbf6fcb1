"""Who may ask, and what of a request reaches marimo."""

from __future__ import annotations

import pytest
from marimo_singleuser.activity import is_deed, is_keystroke
from marimo_singleuser.marimo_process import notebook_environment
from marimo_singleuser.proxy.headers import (
    query_without_token,
    to_browser,
    to_marimo,
    without_token,
)
from marimo_singleuser.proxy.origin import is_page, refused, same_origin
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
        # The edge speaks TLS: a page that came without it may be anybody's.
        ("http://hub.example", {"Host": "hub.example", "X-Forwarded-Proto": "https"}, False),
        ("https://hub.example", {"Host": "hub.example", "X-Forwarded-Proto": "https,http"}, True),
    ],
)
def test_same_origin(origin: str, headers: dict[str, str], same: bool) -> None:
    assert same_origin(origin, HTTPHeaders(headers)) is same


_HOST = {"Host": "hub.example"}
_CROSS = {**_HOST, "Sec-Fetch-Site": "cross-site"}


@pytest.mark.parametrize(
    ("method", "headers", "websocket", "allowed"),
    [
        ("GET", _HOST, False, True),  # no browser
        ("POST", _HOST, False, True),
        ("POST", {**_HOST, "Origin": "https://hub.example"}, False, True),
        ("POST", {**_HOST, "Origin": "https://evil.example"}, False, False),
        ("POST", {**_HOST, "Origin": "null"}, False, False),
        ("POST", _CROSS, False, False),
        ("DELETE", _CROSS, False, False),
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, False, True),  # a link
        ("POST", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, False, False),  # a form
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "no-cors"}, False, False),
        ("GET", {**_HOST, "Origin": "https://hub.example"}, True, True),
        ("GET", {**_HOST, "Origin": "https://evil.example"}, True, False),
        ("GET", {**_HOST, "Sec-WebSocket-Origin": "https://evil.example"}, True, False),
        ("GET", {**_CROSS, "Sec-Fetch-Mode": "navigate"}, True, False),
    ],
)
def test_refused(method: str, headers: dict[str, str], websocket: bool, allowed: bool) -> None:
    why = refused(method, HTTPHeaders(headers), websocket=websocket)
    assert (why is None) is allowed, why


def test_page() -> None:
    assert is_page("GET", HTTPHeaders({"Accept": "text/html,*/*"}))
    assert is_page("GET", HTTPHeaders({"Sec-Fetch-Mode": "navigate"}))
    assert not is_page("GET", HTTPHeaders({"Sec-Fetch-Mode": "cors", "Accept": "text/html"}))
    assert not is_page("POST", HTTPHeaders({"Accept": "text/html"}))
    assert not is_page("GET", HTTPHeaders({"Accept": "*/*"}))


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("token=a", ""),
        ("a=1&token=x&b=2", "a=1&b=2"),
        ("tok%65n=x&a=1", "a=1"),
        ("access_token=x&my-token=y", "access_token=x&my-token=y"),
        ("file=a%20b.py", "file=a%20b.py"),
    ],
)
def test_query_without_token(query: str, left: str) -> None:
    assert query_without_token(query) == left
    assert without_token(f"http://h/p?{query}#f") == f"http://h/p{'?' if left else ''}{left}#f"


def test_no_credential_and_no_hop_header_reaches_marimo() -> None:
    sent = HTTPHeaders(
        {
            "COOKIE": "jupyterhub-session-id=1",
            "authorization": "token hub",
            "X-XSRFToken": "x",
            "Referer": "http://h/user/ada/?token=hub&file=a.py",
            "Connection": "keep-alive, X-Only-Here",
            "X-Only-Here": "1",
            "Upgrade": "websocket",
            "Sec-WebSocket-Extensions": "permessage-deflate",
            "Transfer-Encoding": "chunked",
            "Marimo-Session-Id": "s_1",
        }
    )
    got = dict(to_marimo(sent.get_all(), "internal"))
    assert got == {
        "Referer": "http://h/user/ada/?file=a.py",
        "Marimo-Session-Id": "s_1",
        "Authorization": "Bearer internal",
    }


def test_answer_sets_no_cookie() -> None:
    answer = [("Set-Cookie", "jupyterhub-user-ada=x"), ("ETag", "1"), ("Connection", "close")]
    assert to_browser(answer) == [("ETag", "1")]


def test_notebooks_environment(tmp_path) -> None:
    env = {
        "PATH": "/usr/bin",
        "JUPYTERHUB_API_TOKEN": "t",
        "JUPYTERHUB_CLIENT_ID": "c",
        "JPY_API_TOKEN": "t",
        "CONFIGPROXY_AUTH_TOKEN": "t",
        "JUPYTERHUB_USER": "ada",
        "KAFKA_BOOTSTRAP_SERVERS": "k:9092",
        "VIRTUAL_ENV": "/server",
    }
    got = notebook_environment(env, tmp_path / ".venv", tmp_path)
    assert got["JUPYTERHUB_USER"] == "ada" and got["KAFKA_BOOTSTRAP_SERVERS"] == "k:9092"
    assert "t" not in got.values() and "c" not in got.values()
    assert got["VIRTUAL_ENV"] == str(tmp_path / ".venv")
    assert got["PATH"].split(":")[0] == str(tmp_path / ".venv" / "bin")


@pytest.mark.parametrize(
    ("method", "path", "deed"),
    [
        ("POST", "api/kernel/run", True),
        ("POST", "api/kernel/save", True),
        ("POST", "api/document/transaction", True),
        ("POST", "api/files/create", True),
        ("POST", "api/packages/add", True),
        ("POST", "api/kernel/instantiate", False),  # a page that opens by itself
        ("POST", "api/home/running_notebooks", False),
        ("POST", "api/files/list_files", False),
        ("GET", "api/usage", False),
        ("GET", "api/kernel/status", False),
    ],
)
def test_deeds(method: str, path: str, deed: bool) -> None:
    assert is_deed(method, path) is deed


def test_keystrokes() -> None:
    assert is_keystroke("terminal/ws", "l")
    assert is_keystroke("terminal/ws", "{")
    assert not is_keystroke("terminal/ws", '{"type": "resize", "cols": 80, "rows": 24}')
    assert not is_keystroke("ws", "anything")
