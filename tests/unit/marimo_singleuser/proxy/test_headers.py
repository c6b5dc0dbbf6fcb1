"""What passes between browser and marimo."""

from __future__ import annotations

import pytest
from marimo_singleuser.proxy.headers import (
    query_without_token,
    to_browser,
    to_marimo,
    without_token,
)
from tornado.httputil import HTTPHeaders


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("token=a", ""),
        ("a=1&token=x&b=2", "a=1&b=2"),
        ("tok%65n=x&a=1", "a=1"),
        ("access_token=x&a=1", "a=1"),
        ("access-token=x&my-token=y", "access-token=x&my-token=y"),
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
