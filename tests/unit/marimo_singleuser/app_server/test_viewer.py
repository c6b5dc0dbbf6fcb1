"""What an app sees of a viewer's request, and what a viewer's page may ask."""

from __future__ import annotations

import pytest
from marimo_singleuser.app_server.viewer import VIEWER_HEADER, headers_for_app, is_open
from marimo_singleuser.proxy.headers import to_marimo

SENT = [
    ("Host", "ada.example.org"),
    ("Upgrade", "websocket"),
    ("Sec-WebSocket-Key", "abc"),
    ("Content-Type", "application/json"),
    ("Marimo-Session-Id", "s_1"),
    ("Cookie", "secret=1"),
    ("Authorization", "token secret"),
    ("X-Forwarded-For", "10.0.0.7"),
    ("User-Agent", "secret"),
    ("Accept-Language", "secret"),
    ("Referer", "https://secret"),
    ("X-Mosshub-Viewer", "secret"),
    ("X-Anything-Else", "secret"),
]


def test_an_app_sees_what_http_needs_and_no_more() -> None:
    kept = headers_for_app(SENT, None)
    assert set(kept) == {
        "Host",
        "Upgrade",
        "Sec-Websocket-Key",
        "Content-Type",
        "Marimo-Session-Id",
    }
    assert "secret" not in str(to_marimo(kept.get_all(), "token of marimo"))
    assert "10.0.0.7" not in str(kept)


def test_a_name_is_told_where_it_may_and_only_by_this_program() -> None:
    assert headers_for_app(SENT, "lin us")[VIEWER_HEADER] == "lin%20us"
    assert headers_for_app(SENT, None).get(VIEWER_HEADER) is None


@pytest.mark.parametrize(
    "path",
    ["", "ws", "assets/index-abc.js", "@file/12-x.png", "public/a.png", "api/kernel/function_call"],
)
def test_what_run_mode_needs_is_open(path: str) -> None:
    assert is_open(path)


@pytest.mark.parametrize(
    "path",
    [
        "terminal/ws", "ws_sync", "lsp/pylsp", "api/kernel/run", "api/kernel/save", "api/usage",
        "api/files/list_files", "api/files/read_code", "api/export/html", "api/packages/add",
        "api/marimo/v1", "auth/token", "og/thumbnail", "mcp", "sse", "assets/../api/usage", "ws/x",
    ],
)  # fmt: skip
def test_the_editor_is_closed(path: str) -> None:
    assert not is_open(path)
