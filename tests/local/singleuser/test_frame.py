"""What the frame of a page asks a user's server, and what others get there."""

from __future__ import annotations

import http.client
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.support.singleuser import Notebook, Person, ask, own_cookies
from tests.support.waiting import wait_until

STATUS = "_mosshub/status"


def status(person: Person) -> dict:
    answer = ask(person, "GET", STATUS, own_cookies(person))
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()


def test_the_status_is_for_those_who_may_open_the_server(ada: Person, bob: Person) -> None:
    mine = status(ada)
    assert (mine["viewer"], mine["owner"], mine["editor"]) == ("ada", "ada", "ready")
    assert 0 < mine["memory"]["used"] < mine["memory"]["limit"]
    assert 0 <= mine["cpu"]["used"] <= mine["cpu"]["limit"] + 1
    assert mine["hub"] == "up"
    assert mine["broker"] == "away", "this hub has no broker"
    # A stranger learns nothing, somebody else only who they are. Neither is led anywhere.
    for accept in ("text/html", "*/*"):
        stranger = ask(ada, "GET", STATUS, Accept=accept)
        assert (stranger.status_code, stranger.json()) == (401, {"viewer": None})
        theirs = bob.session.get(ada.base + STATUS, headers={"Accept": accept}, timeout=60)
        assert theirs.status_code in (401, 403)
        assert set(theirs.json()) == {"viewer"} and theirs.json()["viewer"] in (None, "bob")
    foreign = {"Origin": bob.origin, "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}
    answer = ask(ada, "GET", STATUS, own_cookies(ada), **foreign)
    assert answer.status_code == 403 and "memory" not in answer.text
    assert ask(ada, "POST", STATUS, own_cookies(ada)).status_code == 405


def test_asking_is_no_activity(ada: Person) -> None:
    def last_activity() -> str:
        return ada.hub.api("GET", "users/ada").json()["last_activity"]

    status(ada)
    wait_until(lambda: (before := last_activity()) and _still(before, last_activity), 60, "rest")
    before = last_activity()
    for _ in range(6):
        status(ada)
        time.sleep(0.5)  # the server reports every second
    assert last_activity() == before


def _still(before: str, look) -> bool:  # type: ignore[no-untyped-def]
    time.sleep(2.5)
    return look() == before


def in_pieces(size: int) -> Iterator[bytes]:
    """Yield a body whose size is not said before."""
    for _ in range(size // 100_000):
        yield b"x" * 100_000


@pytest.mark.parametrize("body", [in_pieces, bytes])
def test_a_refusal_reaches_who_sends_a_body(ada: Person, body: Callable[[int], Any]) -> None:
    """An answer sent before the body has come is lost: the proxy sees its connection end."""
    url = f"{ada.base}api/kernel/save"
    for _ in range(20):
        answer = requests.post(url, data=body(5_000_000), timeout=60)
        assert answer.status_code == 403, answer.text[:500]


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", "_mosshub/restore"), ("GET", "_mosshub/ask-hub-again"), ("GET", STATUS), ("BREW", "")],
)
def test_a_connection_stays_after_an_answer_that_does_not_end_it(
    ada: Person, method: str, path: str
) -> None:
    """The hub's proxy sends the next request on it: somebody gets 503 where it has ended."""
    listening = next(c for c in ada.process.net_connections() if c.status == psutil.CONN_LISTEN)
    connection = http.client.HTTPConnection(*listening.laddr, timeout=60)
    for _ in range(2):
        connection.request(method, urlsplit(ada.base + path).path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (401, 403, 405)
        if answer.headers.get("Connection") != "close":
            time.sleep(0.2)
            ended = select.select([connection.sock], [], [], 0)[0]
            assert not ended, f"{answer.status} ended the connection and did not say so"


def test_anybody_may_make_it_ask_the_hub_again_and_no_more(ada: Person) -> None:
    path = "_mosshub/ask-hub-again"
    before = ada.hub.log_sizes()
    assert ask(ada, "POST", path).status_code == 204
    assert ask(ada, "GET", path).status_code == 405
    url = ada.base + path
    assert requests.post(url, data="x" * 100, timeout=60).status_code == 413
    for _ in range(20):
        assert requests.post(url, data=in_pieces(900_000), timeout=60).status_code == 413
    with suppress(requests.ConnectionError):  # or the connection ends while it sends
        assert requests.post(url, data=in_pieces(50_000_000), timeout=60).status_code >= 400
    assert status(ada)["viewer"] == "ada"
    assert "Traceback" not in ada.hub.log(before)


def test_a_sign_out_is_known_at_once(ada: Person) -> None:
    other = Person(ada.hub, "ada")
    other.open()
    assert status(other)["viewer"] == "ada"
    cookies = own_cookies(other)
    other.session.get(f"{ada.hub.url}/hub/logout", timeout=60)

    def refused() -> bool:
        return ask(other, "GET", STATUS, cookies).status_code == 401

    wait_until(refused, 5, "the server knows of the sign-out")
    assert status(ada)["viewer"] == "ada", "her other browser is signed in"


@pytest.mark.slow
def test_the_hub_says_how_a_server_is_to_its_own_pages(ada: Person, bob: Person) -> None:
    def asked(server: str, origin: str | None) -> requests.Response:
        headers = {"Origin": origin} if origin else {}
        url = f"{ada.hub.url}/hub/mosshub/server-status"
        return requests.get(url, params={"server": server}, headers=headers, timeout=60)

    own = asked("/user/ada/", ada.origin)
    assert own.json() == {"state": "up", "why": None}
    assert own.headers["Access-Control-Allow-Origin"] == ada.origin
    assert "Set-Cookie" not in own.headers
    for server, origin in (
        ("/user/ada/", bob.origin),
        ("/user/ada/", ada.hub.url),
        ("/user/ada/", "https://evil.example"),
        ("/user/ada/", "null"),
        ("/user/ada/", None),
        ("/hub/", ada.origin),
        ("", ada.origin),
    ):
        answer = asked(server, origin)
        assert (answer.status_code, answer.json()) == (403, {}), (server, origin)
        assert "Access-Control-Allow-Origin" not in answer.headers
    nobody = ada.origin.replace("ada", "nobody")
    assert asked("/user/nobody/", nobody).json() == {"state": "stopped", "why": None}
    bob.stop()
    try:
        # The tests' service stops it, as one that looks for idle servers does.
        assert asked("/user/bob/", bob.origin).json() == {"state": "stopped", "why": "idle"}
    finally:
        bob.start()
    assert asked("/user/bob/", bob.origin).json() == {"state": "up", "why": None}


@pytest.mark.slow
def test_a_killed_kernel_is_said_and_starts_again(ada: Person) -> None:
    notebook = ada.notebook()
    notebook.run("import os")
    pid = int(notebook.run("print(os.getpid())"))
    time.sleep(1.1)  # a look at the server's processes counts for a second
    status(ada)  # looks at the kernel's size
    os.kill(pid, signal.SIGKILL)

    def ends(of: Notebook) -> list[dict]:  # other tests' kernels may have ended as well
        return [kernel for kernel in status(ada)["ended"] if kernel["sessions"] == [of.id]]

    (ended,) = wait_until(lambda: ends(notebook), 20, "the kernel's end is known")
    assert (ended["notebook"], ended["reason"]) == ("first.py", "signal 9")
    assert 10_000_000 < ended["size"] < ended["limit"]
    notebook.socket.close()
    ada.notebooks.remove(notebook)
    again = ada.notebook()
    assert again.run("print(40 + 2)").strip() == "42"
    again.close()  # told to end: that is nothing to say
    time.sleep(2)
    assert not ends(again)
    assert len(ends(notebook)) == 1


def test_a_page_that_connects_again_gets_what_it_missed(ada: Person) -> None:
    notebook = ada.notebook()
    cell = "cmissed"
    code = "import time; print('before', flush=True); time.sleep(2); print('after'); 6 * 7"
    assert notebook.post("api/kernel/run", {"cellIds": [cell], "codes": [code]}).ok
    time.sleep(0.5)
    notebook.socket.close()
    time.sleep(3)  # it ends while nobody is connected
    notebook.socket = ada.websocket(f"ws?session_id={notebook.id}&file=first.py")
    messages, printed, status_, output = [], "", "", ""
    deadline = time.monotonic() + 30
    while "42" not in output and time.monotonic() < deadline:
        message = json.loads(notebook.socket.recv(timeout=30))
        messages.append(message["op"])
        data = message["data"]
        if message["op"] == "cell-op" and data.get("cell_id") == cell:
            if data.get("console") is not None:
                lines = data["console"] if isinstance(data["console"], list) else [data["console"]]
                printed = printed + "".join(line["data"] for line in lines) if lines else ""
            status_ = data.get("status") or status_
            output = str((data.get("output") or {}).get("data", "")) or output
    assert messages[0] == "reconnected" and "kernel-ready" not in messages
    assert (status_, printed.split()) == ("idle", ["before", "after"])
    assert "alert" not in messages and "banner" not in messages


def test_how_a_notebook_opens_is_remembered(ada: Person) -> None:
    home = ada.get("").text
    assert "?file=first.py&amp;view-as=present" in home, "the platform's notebooks are apps"
    try:
        headers = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
        headers |= {"Origin": ada.origin, "Accept": "text/html"}

        def choose(view: str, **more: str) -> requests.Response:
            form = {"notebook": "first.py", "view": view}
            url = f"{ada.base}_mosshub/view"
            return ada.session.post(url, data=form, headers=headers | more, timeout=60)

        assert choose("edit").url == f"{ada.base}?file=first.py"
        assert "?file=first.py&amp;view-as=present" not in ada.get("").text
        assert choose("app").url == f"{ada.base}?file=first.py&view-as=present"
        assert "?file=first.py&amp;view-as=present" in ada.get("").text
        assert choose("window").status_code == 400
        assert choose("edit", **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    finally:
        (ada.home / ".local" / "share" / "mosshub" / "views.json").unlink(missing_ok=True)
