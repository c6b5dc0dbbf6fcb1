"""Signed-in people: a browser's cookies and headers, without the browser."""

from __future__ import annotations

import abc
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self
from urllib.parse import quote, urlsplit

import requests
from jupyterhub.utils import url_escape_path
from requests.cookies import get_cookie_header
from websockets.sync.client import ClientConnection, connect

from tests.support.host_names import ALL_FILES, origin_of, server_of
from tests.support.kernels import Notebook
from tests.support.platform import RunningPlatform
from tests.support.waiting import retry_until, wait_until


def words(page: str) -> str:
    """Return what a page says, for a failure that shows it."""
    return " ".join(re.sub(r"(?s)<(style|script).*?</\1>|<[^>]*>", " ", page).split())


class Person:
    """A person of a platform at `url`, with the session of their sign-in.

    Attributes:
        origin: where their pages come from: a host of their own, or the only one.
        base: the address of their server.
    """

    wait: Callable[..., Any] = staticmethod(wait_until)

    def __init__(
        self, url: str, name: str, session: requests.Session, *, subdomains: bool = True
    ) -> None:
        self.url, self.name, self.session = url, name, session
        self.origin = origin_of(url, name) if subdomains else url
        self.base = server_of(url, name) if subdomains else f"{url}/user/{url_escape_path(name)}/"
        self.notebooks: list[Notebook] = []

    # -- the hub

    def xsrf(self) -> str:
        """Return the token that the hub's pages send with every request."""
        jar = self.session.cookies
        return jar.get("__Host-_xsrf") or jar.get("_xsrf", path="/hub/") or ""

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the hub's API as the hub's pages do."""
        return self.session.request(
            method,
            f"{self.url}/hub/api/{path}",
            headers={
                "X-XSRFToken": self.xsrf(),
                "Referer": f"{self.url}/hub/home",
                "Sec-Fetch-Mode": "cors",
                "Sec-Fetch-Site": "same-origin",
            },
            timeout=120,
            **options,
        )

    def post_form(self, path: str, data: dict[str, Any]) -> requests.Response:
        """Send a form of the hub's pages."""
        return self.session.post(
            f"{self.url}{path}",
            data={**data, "_xsrf": self.xsrf()},
            headers={"Referer": f"{self.url}{path}", "Sec-Fetch-Site": "same-origin"},
            timeout=120,
        )

    def consent(self, url: str) -> requests.Response:
        """Open another person's server and say yes to JupyterHub's question; return its page."""
        question = self.session.get(url, timeout=60)
        assert "'s editor?" in question.text, question.text
        self.session.post(
            question.url,
            data={
                "_xsrf": self.xsrf(),
                "scopes": re.findall(r'name="scopes"[^>]*value="([^"]+)"', question.text),
            },
            headers={"Referer": question.url},
            timeout=60,
        )
        return self.editor_at(url + ALL_FILES, 90)

    # -- the server

    def start(self, **options: str) -> requests.Response:
        """Start the server if it does not run and sign in there; return the editor's page."""
        asked = self.api("POST", f"users/{quote(self.name, safe='')}/server", json=options)
        assert asked.status_code in (201, 202) or "already" in asked.text, asked.text
        return self.open()

    def open(self, timeout: float = 180) -> requests.Response:
        """Wait for marimo's list of the person's files and return it."""
        return self.editor_at(self.base + ALL_FILES, timeout)

    def editor_at(self, url: str, timeout: float) -> requests.Response:
        """Wait for an editor's page at this address and return it."""

        def opened() -> requests.Response | None:
            reply = self.session.get(url, timeout=60)
            on_server = urlsplit(reply.url).path.startswith("/user/")
            return reply if reply.ok and on_server and "<marimo-" in reply.text else None

        return self.wait(opened, timeout, f"{url}\n{self.context()}")

    def context(self) -> str:
        """Return what helps to understand a page that does not come."""
        return ""

    # -- the editor, as its page uses it

    def cookies(self, url: str | None = None) -> dict[str, str]:
        """Return the Cookie header that a browser sends to the server's address (or to `url`)."""
        request = requests.Request("GET", url or self.base).prepare()
        return {"Cookie": get_cookie_header(self.session.cookies, request) or ""}

    def every_cookie(self) -> dict[str, str]:
        """Return a Cookie header with all of the person's cookies, whatever host they are for."""
        return {"Cookie": "; ".join(f"{c.name}={c.value}" for c in self.session.cookies)}

    def hub_cookies(self) -> dict[str, str]:
        """Return the Cookie header that a browser sends to the hub's pages."""
        return self.cookies(f"{self.url}/hub/")

    def skew_token(self) -> str:
        """Return the token that marimo puts into its page."""
        page = self.session.get(self.base + ALL_FILES, timeout=60).text
        found = re.search(r'"serverToken":\s*"([^"]+)"', page)
        assert found, page[:3000]
        return found[1]

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        """Send a POST as marimo's page does."""
        own = {
            "Origin": self.origin,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Marimo-Server-Token": self.skew_token(),
        }
        return self.session.post(self.base + path, json=body, headers=own | headers, timeout=120)

    def upload(self, name: str, content: bytes) -> requests.Response:
        """Put a file among the notebooks, as marimo's page does."""
        return self.session.post(
            self.base + "api/files/create",
            data={"path": "/home/mosshub/notebooks", "type": "file", "name": name},
            files={"file": (name, content)},
            headers={"Origin": self.origin, "Marimo-Server-Token": self.skew_token()},
            timeout=120,
        )

    def tls(self, url: str) -> ssl.SSLContext | None:
        """Return what verifies the certificate at an address; None where there is none."""
        if not url.startswith("https://"):
            return None
        trusted = self.session.verify
        made = ssl.create_default_context(cafile=trusted if isinstance(trusted, str) else None)
        # websockets 17.4 reads in a thread while it writes its first request. A ticket of TLS 1.3
        # that comes in this moment makes it lose the request and wait: one of 600 connections.
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        return made

    def websocket(self, path: str, origin: str | None, **headers: str) -> ClientConnection:
        """Open a WebSocket on the person's server."""
        return connect(
            self.base.replace("http", "ws", 1) + path,
            ssl=self.tls(self.base),
            origin=origin,  # type: ignore[arg-type]
            additional_headers={**self.cookies(), **headers},
            max_size=None,
            open_timeout=90,
        )

    def leave_notebooks(self) -> None:
        """Close the pages of the notebooks that are open."""
        for notebook in self.notebooks:
            notebook.socket.close()
        self.notebooks.clear()

    def notebook(self, name: str = "image_class.py") -> Notebook:
        """Return a notebook of theirs with its kernel ready: the open one if it is open."""
        for notebook in self.notebooks:
            if notebook.name == name:
                return notebook
        self.notebooks.append(Notebook(self, name))
        return self.notebooks[-1]


class ContainerPerson(Person, abc.ABC):
    """A person whose server is a container, or the container of a pod.

    Attributes:
        provider: what the addresses of their identity provider begin with.
    """

    provider: str
    wait = staticmethod(retry_until)  # a container that starts refuses connections

    @abc.abstractmethod
    def enter(self) -> list[str]:
        """Return the command before one that runs in the container, as the person."""

    @abc.abstractmethod
    def has_container(self) -> bool:
        """Return whether there is one, running or not."""

    def is_signed_in(self) -> bool:
        """Return whether the hub shows the person their page without a sign-in."""
        home = f"{self.url}/hub/home"
        page = self.session.get(home, timeout=60)
        return page.status_code == 200 and page.url == home

    def stop(self) -> None:
        """Stop the server and wait until its container is gone, and the hub knows it."""
        self.leave_notebooks()

        def gone() -> bool:
            asked = self.api("DELETE", f"users/{quote(self.name, safe='')}/server")
            return asked.status_code != 202 and not self.has_container()

        retry_until(gone, 90, f"the container of {self.name} is gone")

    def attempt(self, script: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell script as the person, as their terminal would; it may fail."""
        command = [*self.enter(), "bash", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def inside(self, *command: str, timeout: float = 300) -> str:
        """Return standard output, stripped, of a command that runs as the person.

        Raises:
            RuntimeError: it failed; with the end of what it said.
        """
        whole = [*self.enter(), *command]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            said = (done.stdout + done.stderr)[-4000:]
            raise RuntimeError(f"{command} ended with {done.returncode}:\n{said}")
        return done.stdout.strip()

    def with_account(self, program: str, *arguments: str, timeout: float = 300) -> str:
        """Return standard output of a Python program with the broker account of a kernel."""
        script = (
            "export MOSSHUB_BROKER_ACCOUNT=$(echo /dev/shm/mosshub-*/broker-account.json); "
            'exec python -c "$@"'
        )
        return self.inside("bash", "-c", script, "bash", program, *arguments, timeout=timeout)

    def listening(self) -> set[int]:
        """Return the TCP ports on which a program in the container listens."""
        rows = self.inside("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
        cells = [row.split() for row in rows]
        return {int(c[1].rpartition(":")[2], 16) for c in cells if len(c) > 3 and c[3] == "0A"}

    @contextmanager
    def at_work(self) -> Iterator[Self]:
        """Have the server run; it goes on running, the notebooks are closed."""
        self.start()
        try:
            yield self
        finally:
            self.end_kernels()

    def end_kernels(self) -> None:
        """Shut down the kernels of the notebooks that are open, as far as they still answer."""
        for notebook in self.notebooks:
            with suppress(requests.RequestException, AssertionError):
                notebook.post("api/home/shutdown_session", {"sessionId": notebook.id})
        self.leave_notebooks()


class LocalPerson(Person):
    """A person of the laptop's platform, signed in with the shared password.

    Attributes:
        login: the hub's answer to the sign-in.
    """

    def __init__(self, platform: RunningPlatform, name: str, password: str | None = None) -> None:
        super().__init__(platform.url, name, requests.Session(), subdomains=platform.subdomains)
        self.platform = platform
        self.session.headers["Sec-Fetch-Mode"] = "navigate"
        page = self.session.get(f"{platform.url}/hub/login", timeout=30)
        self.login = self.session.post(
            f"{platform.url}/hub/login",
            data={
                "username": name,
                "password": platform.password if password is None else password,
                "_xsrf": self.xsrf(),
            },
            headers={"Referer": page.url},
            timeout=60,
        )

    def context(self) -> str:
        return self.platform.log[-4000:]

    def editor(self, timeout: float = 240) -> requests.Response:
        """Start the server as the hub's page does, and return the editor's page."""
        self.session.get(f"{self.url}/hub/spawn", timeout=60)
        return self.open(timeout)
