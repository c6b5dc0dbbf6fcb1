"""A small JupyterHub whose servers are `marimo_singleuser`, and people signed in to it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import requests
from mosshub_contract.ports import free_port
from requests.cookies import get_cookie_header
from websockets.sync.client import ClientConnection, connect

from hub.signin.names import safe_name
from tests.support.host_names import ALL_FILES, origin_of, server_of
from tests.support.paths import ROOT
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

_CONFIG = """
import os, sys
c = get_config()  # noqa
s = {settings!r}
from hub.origins.hosts import user_host
c.JupyterHub.bind_url = "http://127.0.0.1:%d" % s["port"]
c.JupyterHub.subdomain_host = s["url"]
c.JupyterHub.subdomain_hook = user_host
c.JupyterHub.hub_ip = "127.0.0.1"
c.JupyterHub.hub_port = s["hub_port"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:%d" % s["api_port"]
c.ConfigurableHTTPProxy.command = s["proxy"]
c.JupyterHub.db_url = "sqlite:///" + s["dir"] + "/hub.sqlite"
c.JupyterHub.cookie_secret_file = s["dir"] + "/cookie_secret"
c.ConfigurableHTTPProxy.pid_file = s["dir"] + "/proxy.pid"
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = s["password"]
c.Authenticator.allow_all = True
c.JupyterHub.spawner_class = "hub.spawners.local.LaptopSpawner"
c.LaptopSpawner.users_dir = s["dir"] + "/users"
c.Spawner.cmd = [sys.executable, "-P", "-s", "-m", "marimo_singleuser"]
c.Spawner.env_keep = ["PATH", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CERT", "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy",
    "no_proxy"]
c.Spawner.environment = {{
    "MOSSHUB_NOTEBOOKS": s["notebooks"],
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "MOSSHUB_TOPIC_PREFIX": lambda spawner: spawner.user.name + ".",
    "JUPYTERHUB_ACTIVITY_INTERVAL": "1",
}}
c.Spawner.start_timeout = 120
c.Spawner.http_timeout = 120
c.JupyterHub.last_activity_interval = 3600
c.JupyterHub.services = [{{"name": "test", "api_token": s["api_token"]}}]
c.JupyterHub.load_roles = [{{"name": "test", "services": ["test"],
    "scopes": ["admin:users", "admin:servers", "tokens", "access:servers"]}}]
"""

NOTEBOOK = """
import marimo

__generated_with = "0.25.2"
app = marimo.App()


@app.cell
def _():
    import marimo as mo

    return (mo,)


if __name__ == "__main__":
    app.run()
"""


class Hub:
    """JupyterHub with configurable-http-proxy, all of it on 127.0.0.1."""

    def __init__(self, folder: Path, proxy: list[str]) -> None:
        self.dir = folder
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.password = secrets.token_hex(16)
        self.api_token = secrets.token_hex(16)
        self.notebooks = folder / "templates"
        self.notebooks.mkdir()
        (self.notebooks / "first.py").write_text(NOTEBOOK)
        (folder / "users").mkdir()
        config = {
            "url": self.url,
            "port": self.port,
            "hub_port": free_port(),
            "api_port": free_port(),
            "dir": str(folder),
            "password": self.password,
            "api_token": self.api_token,
            "notebooks": str(self.notebooks),
            "proxy": proxy,
        }
        (folder / "config.py").write_text(_CONFIG.format(settings=config))
        self.log_file = folder / "hub.log"
        with self.log_file.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hub", "-f", str(folder / "config.py")],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_until(self._up, 120, f"the hub:\n{self.log()[-4000:]}")
        except BaseException:
            self.stop()
            raise

    def _up(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the hub ended:\n{self.log()[-4000:]}")
        with contextlib.suppress(requests.ConnectionError):
            return requests.get(f"{self.url}/hub/health", timeout=5).ok
        return False

    def log(self, since: Mapping[Path, int] | None = None) -> str:
        """Return what the hub logged, and behind it each server, since `log_sizes` was called."""
        text = ""
        for path in self.log_sizes():
            text += path.read_bytes()[(since or {}).get(path, 0) :].decode(errors="replace")
        return text

    def log_sizes(self) -> dict[Path, int]:
        """Return the size of each log file, in bytes; the hub's first."""
        servers = sorted(set(self.dir.glob("*.log")) - {self.log_file})
        return {path: path.stat().st_size for path in [self.log_file, *servers]}

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the hub's API as a service with all rights."""
        headers = {"Authorization": f"token {self.api_token}"}
        return requests.request(
            method, f"{self.url}/hub/api/{path}", headers=headers, timeout=60, **options
        )

    def stop(self) -> None:
        """Stop the hub and every process below it."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        for process in below:
            with contextlib.suppress(psutil.Error):
                process.kill()


class Person:
    """A person who is signed in, with a browser's cookies."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name = hub, name
        self.origin = origin_of(hub.url, name)
        self.base = server_of(hub.url, name)
        self.path = urlsplit(self.base).path
        self.home = hub.dir / "users" / safe_name(name)
        self._api = f"users/{quote(name, safe='')}"
        self.session = requests.Session()
        self.notebooks: list[Notebook] = []
        page = self.session.get(f"{hub.url}/hub/login", timeout=30)
        xsrf = re.search(r'name="_xsrf" value="([^"]+)"', page.text)
        form = {"username": name, "password": hub.password, "_xsrf": xsrf[1] if xsrf else ""}
        answer = self.session.post(f"{hub.url}/hub/login?next=/hub/home", data=form, timeout=60)
        assert answer.ok, answer.text[-2000:]

    # -- the server

    def start(self) -> None:
        """Start this person's server and sign in there."""
        answer = self.hub.api("POST", f"{self._api}/server")
        assert answer.status_code in (201, 202, 400), answer.text
        wait_until(self._ready, 120, f"{self.name}'s server:\n{self.hub.log()[-3000:]}")
        self.open()

    def _ready(self) -> bool:
        return bool(self.hub.api("GET", f"{self._api}").json()["server"])

    def open(self) -> requests.Response:
        """Wait for marimo's list of files and return it."""

        def page() -> requests.Response | None:
            answer = self.get(ALL_FILES)
            return answer if answer.status_code == 200 and "<marimo-" in answer.text else None

        return wait_until(page, 90, f"{self.name}'s editor:\n{self.hub.log()[-3000:]}")

    def stop(self) -> None:
        """Stop this person's server and wait until it is gone."""
        self.hub.api("DELETE", f"{self._api}/server")
        wait_until(
            lambda: not self.hub.api("GET", f"{self._api}").json()["servers"],
            60,
            f"the end of {self.name}'s server",
        )

    @property
    def process(self) -> psutil.Process:
        """The process of `marimo_singleuser`."""
        for process in psutil.Process(self.hub.process.pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                ours = "marimo_singleuser" in line
                # Its environment is hidden, but its working directory is the home.
                if ours and process.cwd() == str(self.home):
                    return process
        raise AssertionError(f"{self.name} has no server:\n{self.hub.log()[-3000:]}")

    @property
    def marimo(self) -> psutil.Process:
        """The process of marimo's server."""
        module = "marimo_singleuser.marimo_patches"
        return next(p for p in self.process.children() if module in p.cmdline())

    # -- as a browser

    def get(self, path: str, **options: Any) -> requests.Response:
        """Load a page of the server."""
        headers = {"Accept": "text/html", **options.pop("headers", {})}
        return self.session.get(self.base + path, headers=headers, timeout=90, **options)

    def cookie_header(self, url: str | None = None) -> str:
        """Return the Cookie header: all cookies, or those that a browser sends to `url`."""
        if url is None:
            return "; ".join(f"{c.name}={c.value}" for c in self.session.cookies)
        request = requests.Request("GET", url).prepare()
        return get_cookie_header(self.session.cookies, request) or ""

    def post(self, path: str, body: Any = None, **options: Any) -> requests.Response:
        """Send a POST as marimo's page does."""
        headers = {
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Marimo-Server-Token": self.skew_token(),
            **options.pop("headers", {}),
        }
        if body is not None:
            options["json"] = body
        return self.session.post(self.base + path, headers=headers, timeout=120, **options)

    def skew_token(self) -> str:
        """Return the token that marimo puts into its page."""
        page = self.get(ALL_FILES).text
        found = re.search(r'"serverToken":\s*"([^"]+)"', page) or re.search(
            r'<marimo-server-token[^>]*data-token="([^"]+)"', page
        )
        assert found, page[:3000]
        return found[1]

    def websocket(self, path: str, **headers: str) -> ClientConnection:
        """Open a WebSocket on the server as the person's browser does, but for `headers`."""
        url = self.base.replace("http://", "ws://") + path
        sent = {
            "Cookie": self.cookie_header(self.base),
            "Origin": self.origin,
            **headers,
        }
        origin = sent.pop("Origin")
        return connect(
            url,
            additional_headers={k: v for k, v in sent.items() if v},
            origin=origin or None,  # type: ignore[arg-type]
            max_size=None,
            open_timeout=90,
            compression=None,
        )

    def notebook(self, name: str = "first.py") -> Notebook:
        """Open a notebook in the editor and return it when its kernel is ready."""
        self.notebooks.append(Notebook(self, name))
        return self.notebooks[-1]


class Notebook:
    """A notebook that is open in the editor, with its kernel."""

    def __init__(self, person: Person, name: str) -> None:
        self.person, self.name = person, name
        self.id = "s_" + secrets.token_hex(3)
        self.token = person.skew_token()
        query = f"ws?session_id={self.id}&file={name}"
        began = time.monotonic()
        self.socket = person.websocket(query)
        self.ready = self.until("kernel-ready", 90)
        self.ready_after = time.monotonic() - began

    def until(self, operation: str, seconds: float) -> dict[str, Any]:
        """Return the content of the next message of this kind."""
        deadline = time.monotonic() + seconds * TIMEOUT_FACTOR
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(self.socket.recv(timeout=left))
            if message.get("op") == operation:
                return message["data"]
        raise AssertionError(f"no {operation} within {seconds} s")

    def post(self, path: str, body: Any) -> requests.Response:
        """Send a POST of this notebook's page."""
        headers = {"Marimo-Session-Id": self.id, "Marimo-Server-Token": self.token}
        return self.person.post(path, body, headers=headers)

    def run(self, code: str, seconds: float = 60) -> str:
        """Run a cell in the kernel; return what it prints."""
        cell = "c" + secrets.token_hex(3)
        answer = self.post("api/kernel/run", {"cellIds": [cell], "codes": [code]})
        assert answer.ok, answer.text
        printed = ""
        deadline = time.monotonic() + seconds * TIMEOUT_FACTOR
        while (left := deadline - time.monotonic()) > 0:
            data = json.loads(self.socket.recv(timeout=left))
            if data.get("op") != "cell-op" or data["data"].get("cell_id") != cell:
                continue
            console = data["data"].get("console") or []
            for output in console if isinstance(console, list) else [console]:
                printed += output.get("data", "") if isinstance(output.get("data"), str) else ""
            if data["data"].get("status") == "idle":
                return printed
        raise AssertionError(f"the cell did not end within {seconds} s; printed {printed!r}")

    def close(self) -> None:
        """Shut the kernel down and close the page."""
        try:
            self.post("api/home/shutdown_session", {"sessionId": self.id})
        finally:
            self.socket.close()
            self.person.notebooks.remove(self)


def ask(
    person: Person, method: str, path: str, cookies: str = "", **headers: str
) -> requests.Response:
    """Send a request to a person's server with these cookies and no others."""
    sent = {**headers, **({"Cookie": cookies} if cookies else {})}
    return requests.request(
        method, person.base + path, headers=sent, allow_redirects=False, timeout=60
    )


def by_marimo(answer: requests.Response) -> bool:
    """Return whether marimo answered; the proxy's refusals name JupyterHub's version."""
    return "X-JupyterHub-Version" not in answer.headers


def own_cookies(person: Person) -> str:
    """Return the cookies that a browser sends to the person's own server."""
    return person.cookie_header(person.base)


def proxy_command() -> list[str]:
    """Return the command of configurable-http-proxy as the hub installs it."""
    from hub.proxy import proxy_command as command
    from hub.settings import load_settings

    os.environ.setdefault("DATA_DIR", "data")
    return command(load_settings())


#: What a hub sets for a server, without an address on which that can listen.
HUB_ENV = {
    "JUPYTERHUB_API_TOKEN": "t",
    "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
    "JUPYTERHUB_ACTIVITY_URL": "http://127.0.0.1:9/hub/api/users/ada/activity",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ada",
    "JUPYTERHUB_OAUTH_ACCESS_SCOPES": '["access:servers!user=ada"]',
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ada/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:1/user/ada/",
    "JUPYTERHUB_USER": "ada",
}
