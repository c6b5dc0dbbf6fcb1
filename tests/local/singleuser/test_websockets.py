"""WebSockets: who may open them, and large messages."""

from __future__ import annotations

import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.support.marimo_routes import WEBSOCKET, marimo_routes
from tests.support.singleuser import Hub, Person, ask, own_cookies

MIB = 1024**2
SOCKETS = [path for method, path in marimo_routes() if method == WEBSOCKET]


def _connect(ada: Person, path: str, cookies: str, origin: str) -> ClientConnection:
    query = "?session_id=s_routes&file=first.py" if path == "ws" else ""
    return ada.websocket(path + query, Cookie=cookies, Origin=origin)


@pytest.mark.parametrize("path", SOCKETS)
def test_websocket_is_the_owners_only(ada: Person, bob: Person, path: str) -> None:
    refusals = {
        "anonymous": ("", ada.origin, "Not signed in"),
        "another person": (bob.cookie_header(), ada.origin, "Not signed in"),
        "foreign page": (own_cookies(ada), "https://evil.example", "another website"),
        "opaque page": (own_cookies(ada), "null", "another website"),
        "same host, other port": (own_cookies(ada), "http://127.0.0.1:1", "another website"),
    }
    for who, (cookies, origin, why) in refusals.items():
        with pytest.raises(InvalidStatus) as refused:
            _connect(ada, path, cookies, origin).close()
        assert refused.value.response.status_code == 403, who
        assert why in str(refused.value.response.body), who
    if path == "ws":
        ada.notebook().close()
        return
    try:
        _connect(ada, path, own_cookies(ada), ada.origin).close()
    except InvalidStatus as e:
        # marimo itself refuses ws_sync without Loro and language servers that are off.
        assert path != "terminal/ws"
        assert "Not signed in" not in str(e.response.body)
        assert "website" not in str(e.response.body)


def test_a_sign_out_ends_open_websockets(hub: Hub, ada: Person) -> None:
    """Whoever has the browser next finds no terminal of the user before."""
    carol = Person(hub, "carol")
    carol.start()
    hers, adas = (p.websocket("terminal/ws") for p in (carol, ada))
    cookies = own_cookies(carol)
    carol.session.get(f"{hub.url}/hub/logout", timeout=60)
    deadline = time.monotonic() + 60
    with pytest.raises(ConnectionClosed):
        while True:
            hers.recv(timeout=deadline - time.monotonic())
    with pytest.raises(InvalidStatus, match="403"):
        carol.websocket("terminal/ws", Cookie=cookies)
    assert ask(carol, "GET", "api/status", cookies).status_code == 403
    # The nearest that goes on: a terminal of somebody who is signed in.
    adas.send("echo $((40+2))\n")
    said = ""
    while "42" not in said:
        said += str(adas.recv(timeout=30))
    adas.close()


_LARGE = "# /// script\n# [tool.marimo.runtime]\n# output_max_bytes = 100_000_000\n# ///\n"


def test_frame_of_50_mib_reaches_the_browser(ada: Person) -> None:
    source = (ada.home / "notebooks" / "first.py").read_text()
    (ada.home / "notebooks" / "large.py").write_text(_LARGE + source)
    notebook = ada.notebook("large.py")
    code = f"import marimo as mo\nmo.Html('m' * {50 * MIB})"
    assert notebook.post("api/kernel/run", {"cellIds": ["big"], "codes": [code]}).ok
    deadline = time.monotonic() + 60
    while len(notebook.socket.recv(timeout=deadline - time.monotonic())) < 50 * MIB:
        pass
    notebook.close()
