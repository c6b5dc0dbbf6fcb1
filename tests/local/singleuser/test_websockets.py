"""WebSockets: who may open them, and large messages."""

from __future__ import annotations

import base64
import json
import re
import time

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.support.marimo_routes import WEBSOCKET, marimo_routes
from tests.support.memory import Memory
from tests.support.singleuser import Hub, Person, ask, own_cookies
from tests.support.waiting import TIMEOUT_FACTOR

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


@pytest.mark.slow
def test_a_sign_out_ends_open_websockets(hub: Hub, ada: Person) -> None:
    """Whoever has the browser next finds no terminal of the user before."""
    carol = Person(hub, "carol")
    carol.start()
    hers, adas = (p.websocket("terminal/ws") for p in (carol, ada))
    cookies = own_cookies(carol)
    carol.session.get(f"{hub.url}/hub/logout", timeout=60)
    deadline = time.monotonic() + 60 * TIMEOUT_FACTOR
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


@pytest.mark.slow
def test_frame_of_50_mib_reaches_the_browser(ada: Person) -> None:
    source = (ada.home / "notebooks" / "first.py").read_text()
    (ada.home / "notebooks" / "large.py").write_text(_LARGE + source)
    notebook = ada.notebook("large.py")
    code = f"import marimo as mo\nmo.Html('m' * {50 * MIB})"
    assert notebook.post("api/kernel/run", {"cellIds": ["big"], "codes": [code]}).ok
    deadline = time.monotonic() + 60 * TIMEOUT_FACTOR
    while len(notebook.socket.recv(timeout=deadline - time.monotonic())) < 50 * MIB:
        pass
    notebook.close()


_UPLOAD = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    chosen = mo.ui.file(max_size=200_000_000)
    chosen
    return (chosen,)


@app.cell
def _(chosen):
    f"{len(chosen.contents() or b'')} bytes"
    return
"""


@pytest.mark.slow
def test_a_notebook_with_an_upload_of_90_mb_opens_again(ada: Person) -> None:
    """marimo sends the upload to a page that opens the notebook again, all of it in one frame."""
    (ada.home / "notebooks" / "upload.py").write_text(_UPLOAD)
    notebook = ada.notebook("upload.py")
    body = {"objectIds": [], "values": [], "autoRun": True}
    assert notebook.post("api/kernel/instantiate", body).ok
    while "marimo-file" not in (shown := str(notebook.until("cell-op", 60).get("output"))):
        pass
    control = re.search(r"object-id='([^']+)'", shown)
    assert control
    memory = Memory(ada.process)
    memory.forget_peak()
    before = memory.now()
    content = base64.b64encode(bytes(90_000_000)).decode()
    upload = {"objectIds": [control[1]], "values": [[["large.bin", content]]]}
    assert notebook.post("api/kernel/set_ui_element_value", upload).ok
    while "90000000 bytes" not in str(notebook.until("cell-op", 60).get("output")):
        pass
    notebook.socket.close()
    # The page is loaded again: the same kernel has another session.
    notebook.id = f"{notebook.id}again"
    notebook.socket = ada.websocket(f"ws?session_id={notebook.id}&file=upload.py")
    message = notebook.socket.recv(timeout=90)
    while json.loads(message)["op"] != "kernel-ready":
        message = notebook.socket.recv(timeout=90)
    assert len(message) > 120_000_000
    assert len(json.loads(message)["data"]["cell_ids"]) == 2
    used = memory.peak() - before
    print(f"proxy: {before / MIB:.0f} MiB before, {used / MIB:.1f} MiB more at most")
    assert used < 16 * MIB
    notebook.close()
