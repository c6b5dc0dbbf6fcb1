"""What a person reads when a part of the platform is away. The servers are light ones."""

import contextlib
import os
import re
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import psutil
import pytest
import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from hub.proxy import proxy_command
from hub.settings import Settings
from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson
from tests.support.waiting import retry_until, wait_until

PAGE = {"Accept": "text/html,*/*;q=0.8"}
KEPT_S = 1  # of hub/node/preload.mjs
COMES_BACK = '<meta http-equiv="refresh" content="5">'


@pytest.fixture
def light_hub(tmp_path: Path) -> Iterator[LightHub]:
    with LightHub(tmp_path / "data") as running:
        yield running


def server_of(hub: LightHub, name: str) -> psutil.Process:
    return next(
        p
        for p in hub.hub_process().children(recursive=True)
        if p.environ().get("JUPYTERHUB_USER") == name
    )


@pytest.mark.slow
def test_a_hub_that_is_away_is_explained(light_hub: LightHub) -> None:
    ada = LocalPerson(light_hub, "ada")
    ada.editor()
    light_hub.hub_process().kill()
    assert light_hub.process
    light_hub.process.wait()
    for path in ("/hub/home", "/", "/user/nobody/"):
        answer = ada.session.get(light_hub.url + path, headers=PAGE, timeout=30)
        assert answer.status_code == 503
        assert "Mosshub does not answer at the moment" in answer.text
        assert COMES_BACK in answer.text
    program = requests.get(f"{light_hub.url}/hub/api/user", timeout=30)
    assert program.status_code == 503
    assert program.headers["Content-Type"].startswith("text/plain")
    assert program.text == "Mosshub does not answer at the moment. Try again in a minute.\n"
    light_hub.start()
    back = ada.session.get(f"{light_hub.url}/hub/home", headers=PAGE, timeout=30)
    assert "Hello, ada" in back.text


@pytest.mark.slow
def test_a_server_that_died_is_explained_until_the_hub_knows(light_hub: LightHub) -> None:
    ada = LocalPerson(light_hub, "ada")
    ada.editor()
    server_of(light_hub, "ada").kill()
    page = ada.session.get(f"{light_hub.url}/user/ada/", headers=PAGE, timeout=30)
    assert page.status_code in (503, 424)
    if page.status_code == 503:  # the hub looks every second here
        assert "This editor does not answer at the moment" in page.text
        assert COMES_BACK in page.text
        assert "Sign in" not in page.text

    def offered() -> bool:
        page = ada.session.get(f"{light_hub.url}/user/ada/", headers=PAGE, timeout=30)
        return "Your editor is not running" in page.text

    wait_until(offered, 60, "the page that offers a start")


@contextlib.contextmanager
def proxy_to(server: int) -> Iterator[str]:
    """The platform's proxy, which leads to a port of this machine; yields where."""
    port, api = free_port(), free_port()
    command = [*proxy_command(Settings(_env_file=None)), "--ip=127.0.0.1", f"--port={port}"]
    proxy = subprocess.Popen(
        [*command, f"--api-port={api}", "--log-level=error"],
        env={"CONFIGPROXY_AUTH_TOKEN": "of-the-tests"},
        preexec_fn=die_with_parent(),
    )
    try:
        routes = f"http://127.0.0.1:{api}/api/routes/user/ada"
        token = {"Authorization": "token of-the-tests"}
        body = {"target": f"http://127.0.0.1:{server}"}
        retry_until(
            lambda: requests.post(routes, headers=token, json=body, timeout=5).ok, 30, "a proxy"
        )
        yield f"http://127.0.0.1:{port}/user/ada/"
    finally:
        proxy.kill()
        proxy.wait()


@pytest.mark.slow
def test_a_server_whose_machine_is_gone_is_explained_before_the_kernel_gives_up() -> None:
    """What is gone with its node neither takes nor refuses a connection."""
    with contextlib.ExitStack() as ends:
        silent = ends.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        target = silent.getsockname()
        for _ in range(2):  # its queue is full then, and the kernel drops who comes
            full = ends.enter_context(socket.socket())
            full.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                full.connect(target)
        url = ends.enter_context(proxy_to(target[1]))
        page = requests.get(url, headers=PAGE, timeout=60)
        assert page.status_code == 503


class AnswersOnce(socketserver.BaseRequestHandler):
    """A server whose connections say nothing after their first answer, as if it were lost."""

    def handle(self) -> None:
        asked = self.request.recv(65536)
        if b"slow" in asked:
            time.sleep(2 * KEPT_S)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        while self.request.recv(65536):
            pass


@pytest.mark.slow
def test_a_connection_is_not_kept_for_longer_than_its_machine_may_live() -> None:
    """What was lost meanwhile does not say so, and another server may have its address."""
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), AnswersOnce)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with server, proxy_to(server.server_address[1]) as url:
        assert requests.get(url, timeout=60).text == "ok"
        time.sleep(2 * KEPT_S)
        assert requests.get(url, timeout=20).text == "ok"
        time.sleep(2 * KEPT_S)
        assert requests.get(f"{url}slow", timeout=60).text == "ok", "an answer may take longer"
        server.shutdown()


@pytest.mark.slow
def test_a_start_without_a_process_is_explained(tmp_path: Path) -> None:
    hub = LightHub(tmp_path / "data", LIGHT_COMMAND="/nowhere/python")
    hub.start()
    try:
        ada = LocalPerson(hub, "ada")
        page = ada.session.get(f"{hub.url}/hub/spawn-pending/ada", headers=PAGE, timeout=60)
        for text in (ada.login.text, page.text):
            assert "No process could start in" in text
            assert "No such file or directory" in text
            assert "None" not in text
    finally:
        hub.stop()


@pytest.mark.slow
def test_a_start_that_takes_too_long_is_explained(tmp_path: Path) -> None:
    hub = LightHub(tmp_path / "data", start_seconds=60, LIGHT_SPAWN_TIMEOUT="3")
    hub.start()
    try:
        ada = LocalPerson(hub, "ada")

        def page() -> str:
            return ada.session.get(
                f"{hub.url}/hub/spawn-pending/ada", headers=PAGE, timeout=60
            ).text

        retry_until(lambda: "Your editor could not start" in page(), 60, "the end of the start")
        assert "It did not answer in time." in page()
        assert "None" not in page()
    finally:
        hub.stop()


@pytest.fixture(scope="module")
def shared_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    with LightHub(tmp_path_factory.mktemp("hub") / "data") as running:
        yield running


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/hub/nowhere", 404, "This page does not exist"),
        ("/nowhere", 404, "This page does not exist"),
        ("/hub/error/503", 200, "This editor does not answer at the moment"),
        ("/hub/error/500", 200, "Something went wrong"),
    ],
)
def test_pages_that_are_not_there(shared_hub: LightHub, path: str, status: int, said: str) -> None:
    answer = requests.get(shared_hub.url + path, headers=PAGE, timeout=30)
    assert answer.status_code == status
    assert said in answer.text
    assert "moons" not in answer.text


def test_a_stranger_at_a_users_address_signs_in_first(shared_hub: LightHub) -> None:
    """The handler before JupyterHub's waited for a redirect, an error in the log for each visit."""
    for path in ("/hub/user/ada/", "/hub/user/ada/app-plots/"):
        page = requests.get(shared_hub.url + path, headers=PAGE, timeout=30)
        assert page.status_code == 200 and "/hub/login" in page.url
    assert "Traceback" not in shared_hub.log


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 413, 429, 500, 502, 503, 504])
def test_every_status_code_is_a_sentence(shared_hub: LightHub, code: int) -> None:
    """The proxy asks for these pages, and the hub shows the same ones for its own errors."""
    page = requests.get(f"{shared_hub.url}/hub/error/{code}", headers=PAGE, timeout=30).text
    card = re.sub("<[^>]+>", " ", page.partition('class="moss-card"')[2].partition("</h1>")[2])
    words = re.split(r"\s(?:To my|Sign in)", unescape(card))[0].split()
    assert len(words) >= 6, card
    assert words[-1].endswith(".")
    assert "None" not in words
    assert (COMES_BACK in page) == (code in (502, 503, 504))


def test_a_form_that_was_open_too_long(shared_hub: LightHub) -> None:
    """Its token is no longer the browser's. JupyterHub's own sign-in page says so itself."""
    ada = LocalPerson(shared_hub, "ada")
    sign_in = {"username": "ada", "password": shared_hub.password}
    for old in ({"_xsrf": "old"}, {}):
        answer = ada.session.post(f"{shared_hub.url}/hub/spawn", old, headers=PAGE, timeout=30)
        assert answer.status_code == 403
        assert "This page is too old" in answer.text
        assert "load it again" in answer.text
        card = answer.text.partition('class="moss-card"')[2]
        assert "xsrf" not in re.sub("<[^>]+>", "", card.partition("</div>")[0]).lower()
        url = f"{shared_hub.url}/hub/login"
        answer = requests.post(url, {**sign_in, **old}, headers=PAGE, timeout=30)
        assert "Login form invalid or expired. Try again." in answer.text


@pytest.mark.slow
def test_a_proxy_that_knows_no_route_yet_is_explained(tmp_path: Path) -> None:
    """The hub, which starts beside it, has not told it any. A page must not end there."""
    port, api_port, nobody = free_port(), free_port(), free_port()
    settings = Settings(data_dir=tmp_path)
    process = subprocess.Popen(
        [
            *proxy_command(settings),
            *("--ip=127.0.0.1", f"--port={port}", f"--api-port={api_port}"),
            f"--error-target=http://127.0.0.1:{nobody}/hub/error",
        ],
        env={
            **os.environ,
            "CONFIGPROXY_AUTH_TOKEN": "t",
            "TEAM_NAME": "Vision <Lab> & $' friends",
            "TEAM_COLOUR": "#7a3fb5",
        },
        preexec_fn=die_with_parent(),
    )
    try:

        def pages() -> list[requests.Response]:
            return [requests.get(f"http://127.0.0.1:{port}/hub/login", headers=PAGE, timeout=10)]

        (answer,) = retry_until(pages, 60, "the proxy")
        assert answer.status_code == 503
        assert "<title>Vision &#60;Lab&#62; &#38; $' friends</title>" in answer.text
        assert "friends does not answer at the moment</h1>" in answer.text
        assert "<style>:root { --team: #7a3fb5; }</style>" in answer.text
        assert "{{" not in answer.text
        assert COMES_BACK in answer.text
    finally:
        process.kill()
        process.wait()
