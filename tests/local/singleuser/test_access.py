"""marimo_singleuser in front of a real marimo, behind a real JupyterHub and its proxy."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection

from tests.support.singleuser import Hub, Person, Session, free_port, proxy_command, wait_until

MIB = 1024**2

pytestmark = pytest.mark.timeout(150)


# -- what marimo has, listed by marimo itself


def _walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    for route in routes:
        path = prefix + getattr(route, "path", "")
        if isinstance(route, Mount):
            if route.routes:
                yield from _walk(route.routes, path)
            else:
                yield "GET", path + "/index.js"
        elif isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", path
        elif isinstance(route, Route):
            for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
                yield method, path


def _marimo_routes() -> list[tuple[str, str]]:
    from marimo._server import lsp
    from marimo._server.main import create_starlette_app

    app = create_starlette_app(base_url="", enable_auth=False)
    found = {(method, re.sub(r"\{[^}]*\}", "x", path)[1:]) for method, path in _walk(app.routes)}
    for cls in vars(lsp).values():
        name = getattr(cls, "id", None)
        if isinstance(cls, type) and issubclass(cls, lsp.LspServer) and isinstance(name, str):
            found |= {("WEBSOCKET", f"lsp/{name}"), ("GET", f"lsp/{name}")}
    return sorted(found)


ROUTES = _marimo_routes()
HTTP = [r for r in ROUTES if r[0] != "WEBSOCKET"]
SOCKETS = [path for method, path in ROUTES if method == "WEBSOCKET"]


# -- a hub, two people


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    running = Hub(tmp_path_factory.mktemp("singleuser"), proxy_command())
    yield running
    running.stop()


@pytest.fixture(autouse=True)
def _show_log(hub: Hub, request: pytest.FixtureRequest) -> Iterator[None]:
    """Prints what the hub and the servers logged meanwhile; pytest shows it when a test fails."""
    before = len(hub.log())
    yield
    print(hub.log()[before:][-6000:])


@pytest.fixture(scope="module")
def ada_(hub: Hub) -> Person:
    person = Person(hub, "ada")
    person.start()
    return person


@pytest.fixture
def ada(ada_: Person) -> Iterator[Person]:
    """Ada, her editor running whatever an earlier test did to it."""
    ada_.open()
    yield ada_
    for session in list(ada_.sessions):
        with contextlib.suppress(requests.RequestException, AssertionError):
            session.close()
    ada_.sessions.clear()


@pytest.fixture(scope="module")
def bob(hub: Hub) -> Person:
    person = Person(hub, "bob")
    person.start()
    return person


def _ask(
    ada: Person, method: str, path: str, cookies: str = "", **headers: str
) -> requests.Response:
    sent = {**headers, **({"Cookie": cookies} if cookies else {})}
    return requests.request(
        method, ada.base + path, headers=sent, allow_redirects=False, timeout=60
    )


def _by_marimo(answer: requests.Response) -> bool:
    """marimo's own answers come without the version that the proxy puts on its refusals."""
    return "X-JupyterHub-Version" not in answer.headers


def _own(ada: Person) -> str:
    return ada.cookie_header(f"/user/{ada.name}/")


# -- who may come in


def test_marimo_was_asked_for_its_routes() -> None:
    assert {"ws", "terminal/ws", "ws_sync"} <= set(SOCKETS)
    assert any(path.startswith("lsp/") for path in SOCKETS)
    assert len(HTTP) > 80
    assert ("POST", "api/kernel/run") in HTTP and ("GET", "") in HTTP


@pytest.mark.parametrize(("method", "path"), HTTP)
def test_http_route_is_the_owners_only(ada: Person, bob: Person, method: str, path: str) -> None:
    origin = {"Origin": ada.hub.url}
    # Nearest allowed case: the same request as the owner is marimo's to answer. (It refuses POSTs
    # without its page's token itself, so nothing is shut down or deleted here.)
    owner = _ask(ada, method, path, _own(ada), **origin)
    assert _by_marimo(owner), (owner.status_code, owner.text[:300])

    anonymous = _ask(ada, method, path, **origin)
    assert anonymous.status_code == 403 and not _by_marimo(anonymous)

    other = _ask(ada, method, path, bob.cookie_header(), **origin)
    assert other.status_code == 403 and not _by_marimo(other)

    renamed = bob.cookie_header().replace("jupyterhub-user-bob", "jupyterhub-user-ada")
    forged = _ask(ada, method, path, renamed, **origin)
    assert forged.status_code == 403 and not _by_marimo(forged)

    foreign = _ask(ada, method, path, _own(ada), Origin="https://evil.example")
    assert foreign.status_code == 403 and not _by_marimo(foreign)

    fetched = _ask(
        ada, method, path, _own(ada), **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    )
    assert fetched.status_code == 403 and not _by_marimo(fetched)


def _connect(ada: Person, path: str, cookies: str, origin: str) -> ClientConnection:
    query = "?session_id=s_routes&file=first.py" if path == "ws" else ""
    return ada.websocket(path + query, Cookie=cookies, Origin=origin)


@pytest.mark.parametrize("path", SOCKETS)
def test_websocket_is_the_owners_only(ada: Person, bob: Person, path: str) -> None:
    refusals = {
        "anonymous": ("", ada.hub.url, "Not signed in"),
        "another person": (bob.cookie_header(), ada.hub.url, "Not signed in"),
        "foreign page": (_own(ada), "https://evil.example", "another website"),
        "opaque page": (_own(ada), "null", "another website"),
        "same host, other port": (_own(ada), "http://127.0.0.1:1", "another website"),
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
        _connect(ada, path, _own(ada), ada.hub.url).close()
    except InvalidStatus as e:
        # ws_sync without Loro, a language server that is off: marimo's own refusal.
        assert path != "terminal/ws"
        assert "Not signed in" not in str(e.response.body)
        assert "website" not in str(e.response.body)


def test_anonymous_page_load_leads_to_the_login(ada: Person) -> None:
    answer = _ask(ada, "GET", "?file=first.py", Accept="text/html")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/hub/api/oauth2/authorize")


def test_the_end_of_a_sign_in_loaded_again_leads_to_the_editor(ada: Person) -> None:
    """Back in the browser, or a network that went away: the hub's code has been used."""
    ada.session.cookies.clear(domain="127.0.0.1", path="/user/ada/")
    opened = ada.get("")
    (back,) = [step.url for step in opened.history if "oauth_callback?" in step.url]
    ada.session.cookies.clear(domain="127.0.0.1", path="/user/ada/")
    again = ada.session.get(back, headers={"Accept": "text/html"}, timeout=60)
    assert (again.status_code, again.url) == (200, ada.base), again.text[-2000:]
    assert "<marimo-" in again.text
    # Not in a circle: what fails twice in a row is shown, as a page of ours.
    ada.session.cookies.clear(domain="127.0.0.1", path="/user/ada/", name="jupyterhub-user-ada")
    twice = ada.session.get(back, headers={"Accept": "text/html"}, timeout=60)
    assert twice.status_code == 403
    assert "The sign-in could not be finished. Open your editor from the hub." in twice.text
    ada.open()


def test_another_person_is_told_whose_server_it_is(ada: Person, bob: Person) -> None:
    page = bob.session.get(ada.base, headers={"Accept": "text/html"}, timeout=60)
    assert page.status_code == 403 and "/hub/" in page.url  # the hub refuses at sign-in
    token = ada.hub.api("POST", "users/bob/tokens", json={}).json()["token"]
    answer = _ask(ada, "GET", "", Authorization=f"token {token}", Accept="text/html")
    assert answer.status_code == 403
    assert "ada" in answer.text and "bob" in answer.text


def test_api_token_of_the_owner_works(ada: Person) -> None:
    token = ada.hub.api("POST", "users/ada/tokens", json={}).json()["token"]
    answer = _ask(ada, "GET", "api/status", Authorization=f"token {token}")
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert _ask(ada, "GET", "api/status", Authorization="token nonsense").status_code == 403


def test_link_from_another_website_opens_the_editor(ada: Person) -> None:
    answer = _ask(
        ada,
        "GET",
        "",
        _own(ada),
        **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"},
    )
    assert answer.status_code == 200 and _by_marimo(answer)


def test_marimo_itself_lets_nobody_in_but_the_proxy(ada: Person) -> None:
    """Its port is open to every page in a browser on the same machine: that must not be enough."""
    port = next(c.laddr.port for c in ada.marimo.net_connections() if c.status == "LISTEN")
    url = f"http://127.0.0.1:{port}/user/ada/"
    assert requests.get(url + "health", timeout=60).status_code == 200
    assert requests.get(url + "api/usage", timeout=60).status_code == 401
    from websockets.sync.client import connect

    with pytest.raises(InvalidStatus):
        connect(url.replace("http", "ws") + "terminal/ws").close()


def test_nothing_listens_on_another_address(ada: Person) -> None:
    ada.notebook().close()
    listening = []
    for process in [ada.process, *ada.process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):  # a short-lived helper of the kernel's
            listening += [
                (process.name(), connection.laddr)
                for connection in process.net_connections("inet")
                if connection.status == "LISTEN"
            ]
    assert len(listening) >= 2
    assert {address.ip for _, address in listening} == {"127.0.0.1"}, listening
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells this machine's other address
        outside = probe.getsockname()[0]
    if not outside.startswith("127."):
        for _, address in listening:
            with pytest.raises(OSError), socket.create_connection((outside, address.port), 2):
                pass


# -- it stays up, and goes when it should


def test_marimo_killed_is_back_at_the_next_request(ada: Person) -> None:
    killed = ada.marimo
    session = ada.notebook()
    kernel = int(session.run("import os; print(os.getpid())"))
    killed.kill()
    answer = _ask(ada, "GET", "api/status", _own(ada))
    assert answer.status_code == 200 and answer.json()["status"] == "healthy"
    assert ada.marimo.pid != killed.pid
    wait_until(lambda: not psutil.pid_exists(kernel), 60, "the end of the kernel without a server")


def _running(person: Person) -> list[dict[str, Any]]:
    """Notebooks with a kernel, as marimo's list of files knows them."""
    return person.post("api/home/running_notebooks").json()["files"]


def test_a_killed_kernel_leaves_the_other_notebooks_alone(ada: Person) -> None:
    """As when it used up the memory: the page is told, and the same server starts it again."""
    marimo = ada.marimo.pid
    session = ada.notebook()
    os.kill(int(session.run("import os; print(os.getpid())")), signal.SIGKILL)
    assert session.until("banner", 60)["title"] == "Kernel stopped"
    # The server closes what is left of the session, and goes on answering.
    wait_until(lambda: not _running(ada), 60, "the session's end")
    again = ada.notebook()
    assert again.run("print(6 * 7)").strip() == "42"
    assert ada.marimo.pid == marimo


def test_marimo_shut_down_from_its_page_is_back_at_the_next_request(ada: Person) -> None:
    before = ada.marimo
    assert ada.post("api/kernel/shutdown").ok
    psutil.wait_procs([before], timeout=20)
    assert not before.is_running()
    assert ada.open().status_code == 200
    assert ada.marimo.pid != before.pid


_STRAY = """
import subprocess, sys
p = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(p.pid)
"""


@pytest.mark.parametrize("how", ["stopped by the hub", "killed"])
def test_nothing_is_left_of_a_server(ada: Person, how: str) -> None:
    ada.notebook().run(_STRAY)
    ada.websocket("terminal/ws").close()
    server = ada.process
    family = [server, *server.children(recursive=True)]
    assert len(family) >= 4
    if how == "killed":
        server.send_signal(signal.SIGKILL)
        # Without its parent marimo ends by itself, and its kernels with it. What notebook code
        # has put into a session of its own is out of anyone's reach then.
        family = [p for p in family if "time.sleep(600)" not in " ".join(_line(p))]
    else:
        ada.stop()
    wait_until(lambda: not [p for p in family if _alive(p)], 30, f"the end of {family}")
    for stray in psutil.process_iter():
        if "import time; time.sleep(600)" in _line(stray):
            stray.kill()
    ada.stop()  # the hub may not have noticed yet
    ada.start()


def _alive(process: psutil.Process) -> bool:
    """A killed server is a zombie until the hub looks at it."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def _line(process: psutil.Process) -> list[str]:
    with contextlib.suppress(psutil.Error):
        return process.cmdline()
    return []


# -- large things


_LARGE = "# /// script\n# [tool.marimo.runtime]\n# output_max_bytes = 100_000_000\n# ///\n"


def test_frame_of_50_mib_reaches_the_browser(ada: Person) -> None:
    source = (ada.home / "notebooks" / "first.py").read_text()
    (ada.home / "notebooks" / "large.py").write_text(_LARGE + source)
    session = ada.notebook("large.py")
    code = f"import marimo as mo\nmo.Html('m' * {50 * MIB})"
    assert session.post("api/kernel/run", {"cellIds": ["big"], "codes": [code]}).ok
    deadline = time.monotonic() + 60
    while len(session.socket.recv(timeout=deadline - time.monotonic())) < 50 * MIB:
        pass
    session.close()


class _Peak:
    """The largest resident memory of a process while something runs (bytes)."""

    def __init__(self, process: psutil.Process) -> None:
        self.file = Path(f"/proc/{process.pid}/status")

    def now(self) -> int:
        found = re.search(r"VmRSS:\s+(\d+) kB", self.file.read_text())
        assert found
        return int(found[1]) * 1024


def _upload(size: int, boundary: str, folder: str, peak: _Peak, seen: list[int]) -> Iterator[bytes]:
    for name, value in {"path": folder, "type": "file", "name": "large.bin"}.items():
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode()
        yield value.encode() + b"\r\n"
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    piece = b"\x00" * MIB
    for number in range(size // MIB):
        if number % 32 == 0:
            seen.append(peak.now())
        yield piece
    yield f"\r\n--{boundary}--\r\n".encode()


def test_upload_and_download_of_1_gib_in_bounded_memory(ada: Person) -> None:
    peak, seen = _Peak(ada.process), []
    before = peak.now()
    folder = str(ada.home / "notebooks")
    answer = ada.session.post(
        ada.base + "api/files/create",
        data=_upload(1024 * MIB, "b0undary", folder, peak, seen),
        headers={
            "Content-Type": "multipart/form-data; boundary=b0undary",
            "Origin": ada.hub.url,
            "Marimo-Server-Token": ada.skew_token(),
        },
        timeout=300,
    )
    assert answer.ok, answer.text[:500]
    large = ada.home / "notebooks" / "large.bin"
    assert large.stat().st_size == 1024 * MIB
    got = 0
    with ada.get("api/files/download", params={"path": str(large)}, stream=True) as download:
        assert download.ok, download.text[:500]
        for number, piece in enumerate(download.iter_content(MIB)):
            got += len(piece)
            if number % 32 == 0:
                seen.append(peak.now())
    large.unlink()
    assert got == 1024 * MIB
    print(f"proxy: {before / MIB:.0f} MiB before, at most {max(seen) / MIB:.0f} MiB")
    assert max(seen) - before < 64 * MIB


# -- what notebook code sees


def test_hub_credentials_are_hidden_from_notebook_code(ada: Person) -> None:
    session = ada.notebook()
    env = session.run("import os; print(dict(os.environ))")
    assert "'JUPYTERHUB_USER': 'ada'" in env
    assert "'KAFKA_BOOTSTRAP_SERVERS': '127.0.0.1:9092'" in env
    assert "'MOSSHUB_TOPIC_PREFIX': 'ada.'" in env
    shown = set(re.findall(r"'((?:JUPYTERHUB|JPY|CONFIGPROXY)_\w+)'", env))
    assert shown == {"JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"}

    # A request that carries everything a browser has.
    headers = {
        "Marimo-Session-Id": session.id,
        "X-XSRFToken": "hub-xsrf",
        "Authorization": "token hub-token",
        "Referer": ada.base + "?token=hub-token&file=first.py",
    }
    code = (
        "import marimo as mo; r = mo.app_meta().request\n"
        "print(r.headers, r.cookies, r.query_params, r.url, 'the' + 'end')"
    )
    answer = ada.post(
        "api/kernel/run?token=hub-token&kept=1",
        {"cellIds": ["meta"], "codes": [code]},
        headers=headers,
    )
    assert answer.ok
    printed = ""
    while "theend" not in printed:
        printed += str(session.socket.recv(timeout=30))
    assert "referer" in printed and "kept" in printed
    assert "hub-token" not in printed and "hub-xsrf" not in printed
    for cookie in ada.session.cookies:
        assert cookie.value and cookie.value not in printed, cookie.name
    session.close()


def test_the_proxys_memory_is_hidden_from_the_same_user(tmp_path: Path) -> None:
    # Root reads everything through its capabilities: none of the three gets them.
    plain = ["setpriv", "--bounding-set=-all", "--"] if os.getuid() == 0 else []
    url = f"http://127.0.0.1:{free_port()}/user/ada/"
    env = {
        **_HUB_ENV,
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "JUPYTERHUB_SERVICE_URL": url,
    }
    server = [*plain, sys.executable, "-m", "marimo_singleuser"]
    other = [*plain, sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with (tmp_path / "log").open("w") as log:
        hidden = subprocess.Popen(server, env=env, stdout=log, stderr=log, cwd=tmp_path)
    control = subprocess.Popen(other, env=env, stdout=subprocess.PIPE)
    try:
        assert control.stdout and control.stdout.readline()
        log_file = tmp_path / "log"
        wait_until(lambda: "serving" in log_file.read_text(), 60, "the server")

        def read(process: subprocess.Popen[bytes]) -> subprocess.CompletedProcess[bytes]:
            return subprocess.run(
                [*plain, "cat", f"/proc/{process.pid}/environ"], capture_output=True
            )

        assert b"JUPYTERHUB_API_TOKEN=t" in read(control).stdout
        refused = read(hidden)
        assert refused.returncode != 0 and b"JUPYTERHUB" not in refused.stdout
    finally:
        control.kill()
        control.wait()
        hidden.terminate()
        hidden.wait(30)


# -- packages


def _wheel(folder: Path, name: str, version: str, code: str) -> Path:
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{name}/__init__.py", code)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def test_package_from_the_panel_survives_a_restart(ada: Person, tmp_path: Path) -> None:
    probe = _wheel(tmp_path, "mosshub_probe", "1.0", "print('probe is here')")
    session = ada.notebook()
    answer = session.post("api/packages/add", {"package": str(probe)})
    assert answer.json()["success"], answer.text
    assert "probe is here" in session.run("import mosshub_probe")
    panel = ada.session.get(
        ada.base + "api/packages/list", headers={"Marimo-Session-Id": session.id}, timeout=60
    ).json()
    names = {p["name"].replace("_", "-") for p in panel["packages"]}
    assert "mosshub-probe" in names and "marimo" in names
    assert list(ada.home.glob(".venv/lib/python*/site-packages/mosshub_probe"))

    # Something that would keep marimo's server from starting, were it to see it.
    broken = _wheel(tmp_path, "starlette", "0.0.1", "raise ImportError('too old')")
    assert session.post("api/packages/add", {"package": str(broken)}).json()["success"]
    (ada.home / "tornado.py").write_text("raise ImportError('a file of the person')")
    session.close()

    ada.stop()
    ada.start()
    (ada.home / "tornado.py").unlink()
    session = ada.notebook()
    assert "probe is here" in session.run("import mosshub_probe")
    for name in ("mosshub_probe", "starlette"):
        assert session.post("api/packages/remove", {"package": name}).json()["success"]
    assert not list(ada.home.glob(".venv/lib/python*/site-packages/mosshub_probe"))
    assert "ModuleNotFoundError" in session.run(
        "import subprocess, sys\n"
        "done = subprocess.run([sys.executable, '-c', 'import mosshub_probe'],"
        " capture_output=True, text=True)\nprint(done.stderr)"
    )
    session.close()


def test_pip_in_the_terminal_is_the_persons_own(ada: Person) -> None:
    session = ada.notebook()
    said = session.run(
        "import subprocess\n"
        "print(subprocess.run(['sh', '-c', 'command -v pip; command -v python; pip --version'],"
        " capture_output=True, text=True).stdout)"
    )
    assert f"{ada.home}/.venv/bin/pip" in said and f"{ada.home}/.venv/bin/python" in said
    session.close()


# -- notebooks


def test_templates_reach_the_person_and_spare_their_edits(ada: Person) -> None:
    templates, own = ada.hub.notebooks, ada.home / "notebooks"
    first = (templates / "first.py").read_text()
    (templates / "second.py").write_text(first)
    ada.stop()
    ada.start()
    assert (own / "second.py").read_text() == first
    (own / "second.py").write_text(first + "# mine\n")
    (templates / "second.py").write_text(first + "# theirs\n")
    ada.stop()
    ada.start()
    assert (own / "second.py").read_text() == first + "# mine\n"
    assert (own / "second.new.py").read_text() == first + "# theirs\n"
    assert "second.new.py" in ada.hub.log()
    (templates / "second.py").unlink()


# -- activity


def _last(ada: Person) -> datetime:
    server = ada.hub.api("GET", "users/ada").json()["servers"][""]
    return datetime.fromisoformat(server["last_activity"])


def test_activity_is_a_persons_or_a_kernels(ada: Person) -> None:
    session = ada.notebook()
    # Wait until the start of the kernel is over.
    before = _last(ada)

    def settled() -> bool:
        nonlocal before
        last, now = before, _last(ada)
        before = now
        pings = [ada.get("api/usage").ok for _ in range(25) if not time.sleep(0.1)]
        return all(pings) and last == now

    wait_until(settled, 60, "an idle server, its tab open and asking all the time")
    # A person's edit.
    document = {"cellIds": ["a"], "codes": ["1 + 1"]}
    assert session.post("api/kernel/run", document).ok
    wait_until(lambda: _last(ada) > before, 60, "the edit to count")
    # A kernel that works while nobody is there.
    session.post(
        "api/kernel/run",
        {
            "cellIds": ["b"],
            "codes": ["import time\nend = time.time() + 8\nwhile time.time() < end: pass"],
        },
    )
    session.socket.close()
    started = _last(ada)
    wait_until(lambda: (_last(ada) - started).total_seconds() > 4, 30, "the kernel to count")


# -- what a person or an admin reads


def _start_alone(**env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "marimo_singleuser"],
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=60,
    )


_HUB_ENV = {
    "JUPYTERHUB_API_TOKEN": "t",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:9/hub/api/users/ada/activity",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!user=ada"]',
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/ada/",
    "JUPYTERHUB_USER": "ada",
}


def test_started_without_a_hub_it_says_so(tmp_path: Path) -> None:
    done = _start_alone(HOME=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "JUPYTERHUB_API_TOKEN" in done.stderr


def test_home_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = _start_alone(**_HUB_ENV, HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "cannot be written" in done.stderr


def test_log_is_quiet_and_keeps_secrets(ada: Person) -> None:
    lines = [line for line in ada.hub.log().splitlines() if "marimo_singleuser" in line]
    allowed = ("serving ", "marimo ended", "marimo runs again", "was edited here", "Spawning")
    assert lines and [x for x in lines if not any(a in x for a in allowed)] == []
    ours = "\n".join(lines)
    assert "token=" not in ours and "hub-token" not in ours


_KEPT = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo
    from pathlib import Path

    return Path, mo


@app.cell
def _(mo):
    slider = mo.ui.slider(0, 100, value=10)
    slider
    return (slider,)


@app.cell
def _(Path, slider):
    with Path("runs.txt").open("a") as runs:
        runs.write(f"{slider.value}\\n")
    f"slid to {slider.value}"
    return


@app.cell
def _(mo):
    mo.image(b"no picture, but bytes in the kernel's memory")
    return


@app.cell
def _(Path, mo):
    _there = Path("choices.txt").read_text().split()
    choice = mo.ui.dropdown(_there, value=_there[0])
    choice
    return (choice,)


@app.cell
def _(choice):
    f"chosen {choice.value}"
    return


@app.cell
def _(mo):
    button = mo.ui.button(value=0, on_click=lambda pressed: pressed + 1)
    button
    return (button,)


@app.cell
def _(button):
    f"pressed {button.value} times"
    return
"""


def _opened(person: Person) -> Session:
    """The notebook, opened as its page does it; what it shows is waiting in the socket."""
    session = person.notebook("kept.py")
    body = {"objectIds": [], "values": [], "autoRun": False}
    assert session.post("api/kernel/instantiate", body).ok
    return session


def _shown(session: Session, words: str) -> dict[str, Any]:
    """The cell with these words in its output."""
    while True:
        cell = session.until("cell-op", 60)
        if words in str((cell.get("output") or {}).get("data")):
            return cell


def _move(session: Session, cell: dict[str, Any], value: Any) -> None:
    """Move the control in a cell's output, as its page does it."""
    control = re.search(r"object-id='([^']+)'", cell["output"]["data"])
    assert control
    body = {"objectIds": [control[1]], "values": [value]}
    assert session.post("api/kernel/set_ui_element_value", body).ok


def test_a_notebook_opens_with_its_outputs_and_runs_when_it_is_touched(ada: Person) -> None:
    folder = ada.home / "notebooks"
    (folder / "kept.py").write_text(_KEPT)
    (folder / "choices.txt").write_text("one two")
    kept, runs = folder / "__marimo__/session/kept.py.json", folder / "runs.txt"

    def close(session: Session, words: str) -> None:
        wait_until(lambda: kept.is_file() and words in kept.read_text(), 30, f"{words} to be kept")
        session.close()

    first = _opened(ada)
    _shown(first, "slid to 10")  # nothing was kept: it runs at once
    _shown(first, "./@file/")  # a picture in the kernel's memory
    close(first, "chosen one")

    second = _opened(ada)
    slider = _shown(second, "marimo-slider")
    _shown(second, "slid to 10")
    _shown(second, ";base64,")
    assert runs.read_text() == "10\n"
    _move(second, slider, 11)
    choice = _shown(second, "marimo-dropdown")
    _move(second, choice, ["two"])
    _shown(second, "chosen two")
    assert runs.read_text() == "10\n11\n"
    close(second, "chosen two")

    # Controls stand where they were left. What was chosen is gone, and the rest goes on.
    (folder / "choices.txt").write_text("three four")
    third = _opened(ada)
    slider = _shown(third, "data-initial-value='11'")
    choice = _shown(third, "data-initial-value='[&quot;two&quot;]'")
    _move(third, slider, 12)
    _shown(third, "slid to 12")
    _shown(third, "chosen three")
    close(third, "chosen three")

    # What is pressed is pressed once, when all have run.
    pressed = _opened(ada)
    _move(pressed, _shown(pressed, "marimo-button"), 1)
    _shown(pressed, "slid to 12")
    _shown(pressed, "pressed 1 times")
    close(pressed, "pressed 1 times")

    # To run a cell wakes it too, with the code that the page has.
    fourth = _opened(ada)
    cell = _shown(fourth, "slid to 12")["cell_id"]
    code = _KEPT.split("def _(Path, slider):\n")[1].split("    return")[0]
    edited = textwrap.dedent(code).strip().replace("slid to", "at")
    assert fourth.post("api/kernel/run", {"cellIds": [cell], "codes": [edited]}).ok
    _shown(fourth, "at 12")
    _shown(fourth, "chosen three")
    assert runs.read_text() == "10\n11\n12\n12\n12\n"

    # A control that is made anew stands where the code says, and so it is kept.
    code = "slider = mo.ui.slider(0, 100, value=10)\nslider"
    assert fourth.post("api/kernel/run", {"cellIds": [slider["cell_id"]], "codes": [code]}).ok
    _shown(fourth, "at 10")
    close(fourth, "at 10")
    assert "data-initial-value='12'" not in kept.read_text()
