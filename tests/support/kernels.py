"""Notebooks open in marimo's editor, driven as its page drives them: WebSocket and requests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import requests
from mosshub_contract.ports import free_port
from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import TIMEOUT_FACTOR


class KernelSocket:
    """The messages that a kernel sends to its page."""

    socket: ClientConnection

    def receive(self, seconds: float, what: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield kind and content of each message; AssertionError with `what` after `seconds`."""
        seconds *= TIMEOUT_FACTOR
        deadline = time.monotonic() + seconds
        with suppress(TimeoutError):
            while (left := deadline - time.monotonic()) > 0:
                message = json.loads(self.socket.recv(timeout=left))
                yield message.get("op", ""), message.get("data") or {}
        raise AssertionError(f"not within {seconds} s: {what}\n{self.context()}")

    def context(self) -> str:
        """Return what helps to understand a message that does not come."""
        return ""

    def until(self, operation: str, seconds: float) -> dict[str, Any]:
        """Return the content of the next message of this kind."""
        for kind, content in self.receive(seconds, operation):
            if kind == operation:
                return content


class Editor(Protocol):
    """What `Notebook` needs of a person: their server, as their browser reaches it."""

    origin: str

    def websocket(self, path: str, origin: str | None, **headers: str) -> ClientConnection: ...

    def post(self, path: str, body: Any, **headers: str) -> requests.Response: ...


class Notebook(KernelSocket):
    """A notebook that is open in a person's editor behind the hub, with its kernel.

    Attributes:
        ready: what the server said of the notebook when its kernel was ready.
        ready_after: seconds until then.
    """

    def __init__(self, person: Editor, name: str) -> None:
        self.person, self.name = person, name
        self.id = "s_" + secrets.token_hex(3)
        began = time.monotonic()
        self.connect()
        self.ready = self.until("kernel-ready", 120)
        self.ready_after = time.monotonic() - began

    def connect(self) -> None:
        """Open the WebSocket, as a page does again after the connection was lost."""
        query = f"ws?session_id={self.id}&file={self.name}"
        self.socket = self.person.websocket(query, origin=self.person.origin)

    def reconnect(self) -> None:
        """Close the WebSocket and open a new one to the same kernel."""
        self.socket.close()
        self.connect()

    def post(self, path: str, body: Any) -> requests.Response:
        """Send a POST of this notebook's page."""
        return self.person.post(path, body, **{"Marimo-Session-Id": self.id})

    def send(self, code: str) -> str:
        """Begin to run a cell in the kernel; return the cell's id."""
        cell = "c" + secrets.token_hex(3)
        answer = self.post("api/kernel/run", {"cellIds": [cell], "codes": [code]})
        assert answer.ok, answer.text
        return cell

    def run(self, code: str, seconds: float = 90) -> str:
        """Run a cell in the kernel; return what it prints."""
        cell = self.send(code)
        printed = ""
        for kind, data in self.receive(seconds, f"the end of the cell {code!r}"):
            if kind != "cell-op" or data.get("cell_id") != cell:
                continue
            console = data.get("console") or []
            for output in console if isinstance(console, list) else [console]:
                printed += output.get("data", "") if isinstance(output.get("data"), str) else ""
            if (data.get("output") or {}).get("channel") == "marimo-error":
                raise AssertionError(f"the cell failed: {data['output']}")
            if data.get("status") == "idle":
                return printed


class MarimoServer:
    """`marimo edit` (or `run`) of one notebook, without sign-in. A context manager."""

    def __init__(self, notebook: Path, mode: str, environment: Mapping[str, str]) -> None:
        self.notebook, port = notebook, free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "marimo", "--quiet", mode, "--headless", "--no-token"]
        options = ["--no-skew-protection"] if mode == "edit" else []
        self.log = notebook.parent / f"{notebook.stem}-{mode}.log"
        self._file = self.log.open("w")
        self.process = subprocess.Popen(
            [*command, *options, "--host=127.0.0.1", f"--port={port}", str(notebook)],
            env={**os.environ, **environment},
            cwd=notebook.parent,
            stdout=self._file,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> MarimoServer:
        deadline = time.monotonic() + 90 * TIMEOUT_FACTOR
        while True:
            try:
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return self
            except requests.ConnectionError:
                assert self.process.poll() is None, self.log.read_text()
                assert time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.1)

    def __exit__(self, *exc_info: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._file.close()


class Kernel(KernelSocket):
    """The kernel of a `MarimoServer`'s notebook.

    Attributes:
        cells: the code of each cell, by id.
        named: the ids of the cells that have names.
        errors: the errors with which cells ended.
        stopped: the code of the cells that showed a box because a cell above them was stopped.
        outputs: the last output of each cell, by id.
    """

    def __init__(self, server: MarimoServer) -> None:
        self.server = server
        self._id = "s_" + secrets.token_hex(3)
        address = server.url.replace("http", "ws", 1)
        query = f"session_id={self._id}&file={server.notebook}"
        self.socket = connect(f"{address}/ws?{query}", max_size=None)
        self.cells: dict[str, str] = {}
        self.errors: list[str] = []
        self.stopped: list[str] = []
        self.outputs: dict[str, Any] = {}
        about = self._follow("kernel-ready", 60)
        self.cells = dict(zip(about["cell_ids"], about["codes"], strict=True))
        self.named = dict(zip(about["names"], about["cell_ids"], strict=True))

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.socket.close()

    def run(self, cells: Sequence[str], seconds: float) -> None:
        """Run these cells and those that depend on them, and wait until all have ended."""
        answer = requests.post(
            f"{self.server.url}/api/kernel/run",
            json={"cellIds": list(cells), "codes": [self.cells[cell] for cell in cells]},
            headers={"Marimo-Session-Id": self._id},
            timeout=60,
        )
        assert answer.ok, answer.text
        self._follow("completed-run", seconds)

    def _follow(self, operation: str, seconds: float) -> dict[str, Any]:
        """Note outputs and errors until a message of this kind comes; return its content."""
        for kind, data in self.receive(seconds, operation):
            if kind == "cell-op":
                self._note(data.get("data") or data)
            if kind == operation:
                return data

    def context(self) -> str:
        return self.server.log.read_text()

    def _note(self, data: dict[str, Any]) -> None:
        output, cell = data.get("output") or {}, data.get("cell_id", "")
        if output.get("channel") == "marimo-error":
            # A cell waits rightly where one above it was stopped.
            wrong = [e for e in output["data"] if e["type"] != "ancestor-stopped"]
            if len(wrong) < len(output["data"]):
                self.stopped.append(self.cells.get(cell, cell))
            self.errors += [f"{self.cells.get(cell, cell)}\n{error}" for error in wrong]
        elif output:
            self.outputs[cell] = output
