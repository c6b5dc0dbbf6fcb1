"""People of a running stack: a browser's cookies without the browser, and their containers."""

import json
import re
import secrets
import subprocess
import time
from typing import Any
from urllib.parse import urlsplit

import requests
from websockets.sync.client import ClientConnection, connect

from tests.docker.containers import eventually
from tests.docker.stack import Stack, sign_in
from tests.standins.engine import docker


class Member:
    """Somebody of the demo, signed in through Keycloak.

    `landed` is where the hub sent them after the sign-in, as it said it.
    """

    def __init__(self, stack: Stack, name: str, next: str = "/hub/home") -> None:
        self.stack, self.name = stack, name
        self.base = f"{stack.url}/user/{name}/"
        self.container = f"{stack.name}_{name}--"
        self.notebooks: list[Notebook] = []
        self.session, back = sign_in(stack, name, stack.secret(name), next)
        assert back.is_redirect, back.text
        self.landed = back.headers["Location"]
        assert self.session.get(f"{stack.url}/hub/home", timeout=60).status_code == 200

    # -- the hub

    def _xsrf(self) -> str:
        return self.session.cookies.get("_xsrf", path="/hub/") or ""

    def api(self, method: str, path: str, **options: Any) -> requests.Response:
        """Call the hub's API as the page's own scripts do."""
        return self.session.request(
            method,
            f"{self.stack.url}/hub/api/{path}",
            headers={
                "X-XSRFToken": self._xsrf(),
                "Referer": f"{self.stack.url}/hub/home",
                "Sec-Fetch-Mode": "cors",
                "Sec-Fetch-Site": "same-origin",
            },
            timeout=120,
            **options,
        )

    def post_form(self, path: str, data: dict[str, Any]) -> requests.Response:
        """Send a form of the hub's own pages."""
        return self.session.post(
            f"{self.stack.url}{path}",
            data={**data, "_xsrf": self._xsrf()},
            headers={"Referer": f"{self.stack.url}{path}", "Sec-Fetch-Site": "same-origin"},
            timeout=120,
        )

    def start(self, **options: str) -> requests.Response:
        """Start the server if it is not running, and sign in there; return the editor's page."""
        asked = self.api("POST", f"users/{self.name}/server", json=options)
        assert asked.status_code in (201, 202) or "already" in asked.text, asked.text
        return self.open()

    def open(self, seconds: float = 180) -> requests.Response:
        """The editor's first page, waited for."""

        def page() -> requests.Response | None:
            answer = self.session.get(self.base, timeout=60)
            return answer if answer.ok and "<marimo-" in answer.text else None

        return eventually(page, seconds, f"{self.name}'s editor")

    def stop(self) -> None:
        """Stop the server and wait until its container is gone."""
        for notebook in self.notebooks:
            notebook.socket.close()
        self.notebooks.clear()
        found = ("ps", "--all", "--quiet", "--filter", f"name=^{self.container}$")

        def gone() -> bool:
            self.api("DELETE", f"users/{self.name}/server")
            return docker(*found) == ""

        eventually(gone, 90, f"{self.container} is gone")

    # -- the editor

    def cookies(self, path: str | None = None) -> dict[str, str]:
        """The Cookie header that a browser sends to the server's address."""
        path = path or urlsplit(self.base).path
        jar = [c for c in self.session.cookies if path.startswith(c.path)]
        return {"Cookie": "; ".join(f"{c.name}={c.value}" for c in jar)}

    def hub_cookies(self) -> dict[str, str]:
        """The Cookie header that a browser sends to the hub's pages."""
        return self.cookies("/hub/")

    def skew_token(self) -> str:
        """marimo's per-page token, as its page carries it."""
        page = self.session.get(self.base, timeout=60).text
        found = re.search(r'"serverToken":\s*"([^"]+)"', page)
        assert found, page[:3000]
        return found[1]

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        """A POST as marimo's own page sends it."""
        own = {
            "Origin": self.stack.url,
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "cors",
            "Marimo-Server-Token": self.skew_token(),
        }
        return self.session.post(self.base + path, json=body, headers=own | headers, timeout=120)

    def websocket(self, path: str, origin: str | None, **headers: str) -> ClientConnection:
        return connect(
            self.base.replace("http://", "ws://") + path,
            origin=origin,  # type: ignore[arg-type]
            additional_headers={**self.cookies(), **headers},
            max_size=80 * 1024**2,
            open_timeout=90,
        )

    def notebook(self, name: str = "image_class.py") -> "Notebook":
        """A notebook of theirs with its kernel ready: the open one if it is open already."""
        for notebook in self.notebooks:
            if notebook.name == name:
                return notebook
        opened = Notebook(self, name)
        self.notebooks.append(opened)
        return opened

    # -- the container

    def attempt(self, script: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a shell script as the person, as their terminal would; it may fail."""
        command = ["docker", "exec", "--user", "1000", self.container, "bash", "-c", script]
        return subprocess.run(command, capture_output=True, text=True, timeout=timeout)

    def inside(self, *command: str, timeout: float = 300) -> str:
        """Standard output of a command run as the person."""
        return docker("exec", "--user", "1000", self.container, *command, timeout=timeout)

    def with_account(self, program: str, *arguments: str, timeout: float = 300) -> str:
        """Standard output of a Python program that has the broker account a kernel has."""
        script = (
            "export MOSSHUB_BROKER_ACCOUNT=$(echo /dev/shm/mosshub-*/broker-account.json); "
            'exec python -c "$@"'
        )
        return self.inside("bash", "-c", script, "bash", program, *arguments, timeout=timeout)

    @property
    def address(self) -> str:
        """The container's IP address among people's servers."""
        found = json.loads(docker("inspect", self.container))[0]["NetworkSettings"]["Networks"]
        return found[f"{self.stack.name}-users"]["IPAddress"]

    def listening(self) -> set[int]:
        """TCP ports on which something in the container listens, on any address."""
        rows = self.inside("cat", "/proc/net/tcp", "/proc/net/tcp6").splitlines()
        cells = [row.split() for row in rows]
        return {int(c[1].rpartition(":")[2], 16) for c in cells if len(c) > 3 and c[3] == "0A"}


class Notebook:
    """A notebook open in the editor, with its kernel."""

    def __init__(self, person: Member, name: str) -> None:
        self.person, self.name = person, name
        self.id = "s_" + secrets.token_hex(3)
        self.connect()
        self.until("kernel-ready", 120)

    def connect(self) -> None:
        """Open the WebSocket, as a page does again after it was cut off."""
        query = f"ws?session_id={self.id}&file={self.name}"
        self.socket = self.person.websocket(query, origin=self.person.stack.url)

    def until(self, operation: str, seconds: float) -> dict[str, Any]:
        """The next message of this kind."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(self.socket.recv(timeout=left))
            if message.get("op") == operation:
                return message["data"]
        raise AssertionError(f"no {operation} within {seconds} s")

    def send(self, code: str) -> str:
        """Begin to run a cell in the kernel; return the cell's id."""
        cell = "c" + secrets.token_hex(3)
        answer = self.person.post(
            "api/kernel/run",
            {"cellIds": [cell], "codes": [code]},
            **{"Marimo-Session-Id": self.id},
        )
        assert answer.ok, answer.text
        return cell

    def run(self, code: str, seconds: float = 90) -> str:
        """Run a cell in the kernel; return what it prints."""
        cell = self.send(code)
        printed = ""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            data = json.loads(self.socket.recv(timeout=left))
            if data.get("op") != "cell-op" or data["data"].get("cell_id") != cell:
                continue
            console = data["data"].get("console") or []
            for output in console if isinstance(console, list) else [console]:
                printed += output.get("data", "") if isinstance(output.get("data"), str) else ""
            if (data["data"].get("output") or {}).get("channel") == "marimo-error":
                raise AssertionError(f"the cell failed: {data['data']['output']}")
            if data["data"].get("status") == "idle":
                return printed
        raise AssertionError(f"the cell did not end within {seconds} s; printed {printed!r}")
