"""marimo itself with a notebook open in it, driven as its page would: by WebSocket and requests."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests
from mosshub_contract.ports import free_port
from websockets.sync.client import connect


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
        deadline = time.monotonic() + 90
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


class Kernel:
    """The kernel behind a notebook that is open in the editor. `cells`: the code of each, by id;
    `named`: the ids of those that have names; `errors`: what cells ended with."""

    def __init__(self, server: MarimoServer) -> None:
        self.server = server
        self._id = "s_" + secrets.token_hex(3)
        address = server.url.replace("http", "ws", 1)
        query = f"session_id={self._id}&file={server.notebook}"
        self._socket = connect(f"{address}/ws?{query}", max_size=80 * 1024**2)
        about = self._until("kernel-ready", 60)
        self.cells = dict(zip(about["cell_ids"], about["codes"], strict=True))
        self.named = dict(zip(about["names"], about["cell_ids"], strict=True))
        self.errors: list[str] = []
        self.outputs: dict[str, Any] = {}

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._socket.close()

    def run(self, cells: Sequence[str], seconds: float) -> None:
        """Run these cells, and what depends on them, and wait until all is done."""
        answer = requests.post(
            f"{self.server.url}/api/kernel/run",
            json={"cellIds": list(cells), "codes": [self.cells[cell] for cell in cells]},
            headers={"Marimo-Session-Id": self._id},
            timeout=60,
        )
        assert answer.ok, answer.text
        self._until("completed-run", seconds)

    def _until(self, operation: str, seconds: float) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(self._socket.recv(timeout=left))
            data = message.get("data") or {}
            if message.get("op") == "cell-op":
                output = (data.get("data") or data).get("output") or {}
                cell = (data.get("data") or data).get("cell_id")
                if output.get("channel") == "marimo-error":
                    # A cell that waits because one above it was stopped is as it should be.
                    wrong = [e for e in output["data"] if e["type"] != "ancestor-stopped"]
                    self.errors += [f"{self.cells.get(cell, cell)}\n{error}" for error in wrong]
                elif output:
                    self.outputs[cell] = output
            if message.get("op") == operation:
                return data
        raise AssertionError(f"no {operation} within {seconds} s: {self.server.log.read_text()}")
