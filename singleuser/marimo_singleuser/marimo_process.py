"""marimo itself: started at boot, restarted with back-off whenever it exits, ended with us."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import socket
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from . import processes

log = logging.getLogger("marimo_singleuser")

_LOG_LINES = 60
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_STABLE = 60.0  # seconds after which a server counts as having run well
_SECRET = re.compile(r"((?:access_)?token=)[^&\s\"']+", re.IGNORECASE)

# Never for notebook code: the hub's tokens, OAuth clients, API addresses.
_HIDDEN_PREFIXES = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
_SHOWN = frozenset({"JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"})


def notebook_environment(env: Mapping[str, str], venv: Path, home: Path) -> dict[str, str]:
    """The environment of marimo, its kernels and its terminal.

    Without the hub's credentials, and with the person's own Python environment first, so that
    `pip install` in the terminal lands there.
    """
    out = {k: v for k, v in env.items() if not k.startswith(_HIDDEN_PREFIXES) or k in _SHOWN}
    out.pop("PYTHONHOME", None)
    out["HOME"] = str(home)
    out["VIRTUAL_ENV"] = str(venv)
    server_bin = str(Path(sys.executable).parent)
    out["PATH"] = ":".join([str(venv / "bin"), server_bin, env.get("PATH", "/usr/bin:/bin")])
    return out


def free_port() -> int:
    """A TCP port that is free on 127.0.0.1 just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Marimo:
    """Keeps one `marimo edit` running.

    `token` is marimo's own: a loopback port is open to everyone on the machine, and to every web
    page in a browser on it (WebSockets know no same-origin rule), so marimo asks for it.
    """

    def __init__(
        self, notebooks: Path, base_url: str, env: Mapping[str, str], *, start_timeout: float = 60
    ) -> None:
        self.notebooks = notebooks
        self.base_url = base_url
        self.env = dict(env)
        self.start_timeout = start_timeout
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self.pid: int | None = None
        self.said = "marimo has not been started yet"
        self.failing = False  # it ended before it answered, the last time
        self.lines: deque[str] = deque(maxlen=_LOG_LINES)
        self.keep_pids: set[int] = set()  # helpers of ours that are not marimo's
        self._ready = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Where it answers just now, e.g. ``http://127.0.0.1:40001`` (no path)."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ready(self) -> bool:
        return self._ready.is_set()

    async def wait_ready(self, seconds: float) -> bool:
        """Wait until it answers; False after `seconds`."""
        if self.ready:
            return True
        try:
            await asyncio.wait_for(self._ready.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def start(self) -> None:
        """Start it and keep it running until `stop`."""
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """End it and everything it started."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(processes.end_descendants, (), 3.0)

    def command(self, port: int) -> list[str]:
        """The command line. -P and -s: a `random.py` among the notebooks or something in ~/.local
        must not break the server."""
        return [
            *(sys.executable, "-P", "-s", "-m", "marimo_singleuser.marimo_patches"),
            *("--quiet", "edit", "--headless"),
            *("--token", "--token-password-file=-", "--skip-update-check", "--no-sandbox"),
            *("--host=127.0.0.1", f"--port={port}", f"--base-url={self.base_url.rstrip('/')}"),
            str(self.notebooks),
        ]

    async def _keep_running(self) -> None:
        pause, starts = _FIRST_PAUSE, 0
        while True:
            began = time.monotonic()
            starts += 1
            try:
                self.said = await self._run_once(first=starts == 1)
            except OSError as e:
                self.said = f"marimo could not be started: {e}"
            ran = time.monotonic() - began
            pause = _FIRST_PAUSE if ran > _STABLE else pause
            log.warning("%s after %.0f s; starting it again in %.1f s", self.said, ran, pause)
            # Kernels and what they started go with the server they belonged to.
            await asyncio.to_thread(processes.end_descendants, self.keep_pids, 1.0)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _run_once(self, *, first: bool) -> str:
        self.port = free_port()
        process = await asyncio.create_subprocess_exec(
            *self.command(self.port),
            cwd=self.notebooks,
            env=self.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C on the hub's terminal is for us to pass on
            preexec_fn=processes.die_with_parent(),
        )
        self.pid = process.pid
        reader = asyncio.create_task(self._read(process))
        exited = asyncio.create_task(process.wait())
        try:
            with contextlib.suppress(ConnectionError):
                await _tell(process, self.token)
            answering = asyncio.create_task(self._answers())
            await asyncio.wait({answering, exited}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done() and answering.result():
                self._ready.set()
                self.failing = False
                if not first:
                    log.warning("marimo runs again")
            else:
                answering.cancel()
                if process.returncode is None:
                    process.kill()
            code = await exited
            if not self.ready:
                self.failing = True
                return f"marimo ended before it answered ({_exit(code)})"
            return f"marimo ended ({_exit(code)})"
        finally:
            self._ready.clear()
            self.pid = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 3)
            exited.cancel()
            reader.cancel()

    async def _answers(self) -> bool:
        """Whether it answers within twice the start time."""
        url = f"{self.url}{self.base_url}health"
        deadline = time.monotonic() + 2 * self.start_timeout
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, timeout=aiohttp.ClientTimeout(total=5)) as answer:
                        if answer.status == 200:
                            return True
                await asyncio.sleep(0.05)
        return False

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout and (chunk := await process.stdout.read(65536)):
            for line in chunk.decode(errors="replace").splitlines():
                if line.strip():
                    self.lines.append(_SECRET.sub(r"\1…", line).replace(self.token, "…")[:500])


async def _tell(process: asyncio.subprocess.Process, token: str) -> None:
    """Through stdin: an argument or a variable could be read by others."""
    if process.stdin:
        process.stdin.write(token.encode())
        await process.stdin.drain()
        process.stdin.close()


def _exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
