"""Keeps marimo running: starts it, restarts it with back-off when it ends, stops it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import sys
import time
from collections import deque
from collections.abc import Mapping
from pathlib import Path

import aiohttp
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from . import processes
from .cpu import wait_until_calm

log = logging.getLogger("marimo_singleuser")

_LOG_TAIL_LINES = 60
_LOG_LINE_CHARS = 500
_MIN_BACKOFF_S, _MAX_BACKOFF_S = 0.2, 30.0
_STABLE_AFTER_S = 60.0  # after this the back-off begins at its minimum again
_KERNELS_GRACE_S = 1.0  # for what a marimo that ended left behind
_STOP_GRACE_S = 3.0
_HEALTH_TIMEOUT_S = 5.0
_HEALTH_INTERVAL_S = 0.05
_SECRET = re.compile(r"((?:access_)?token=)[^&\s\"']+", re.IGNORECASE)

# The hub's tokens, OAuth clients and API addresses are hidden from notebook code.
_HIDDEN_PREFIXES = ("JUPYTERHUB_", "JPY_", "CONFIGPROXY_")
_SHOWN = frozenset({"JUPYTERHUB_USER", "JUPYTERHUB_SERVER_NAME"})


def notebook_environment(env: Mapping[str, str], venv: Path, home: Path) -> dict[str, str]:
    """Return the environment variables of marimo, its kernels and its terminal.

    They do not contain the hub's credentials. The user's own Python environment comes first in the
    path, so that `pip install` in the terminal installs there.

    Args:
        env: the variables of this program.
        venv: the user's Python environment.
        home: the user's home directory.
    """
    out = {k: v for k, v in env.items() if not k.startswith(_HIDDEN_PREFIXES) or k in _SHOWN}
    out.pop("PYTHONHOME", None)
    out["HOME"] = str(home)
    out["VIRTUAL_ENV"] = str(venv)
    server_bin = str(Path(sys.executable).parent)
    out["PATH"] = ":".join([str(venv / "bin"), server_bin, env.get("PATH", "/usr/bin:/bin")])
    return out


class Marimo:
    """One `marimo edit` that is kept running.

    A loopback port is open to every user of the machine and to every web page in a browser on it,
    because WebSockets know no same-origin rule. That is why marimo asks for a token.

    Attributes:
        directory: what marimo opens; it may be set before the start.
        token: marimo's token; only this program has it.
        port: marimo's TCP port; 0 before the first start.
        pid: marimo's process id; None while it does not run.
        status: one clause that says how marimo ended last.
        failing: marimo ended before it answered, the last time.
        log_tail: the last lines of marimo's output, without secrets.
        helper_pids: ids of processes below this one that are not marimo's.
    """

    def __init__(
        self, directory: Path, env: Mapping[str, str], *, start_timeout_s: float = 60
    ) -> None:
        self.directory = directory
        self.env = dict(env)
        self.start_timeout_s = start_timeout_s
        self.token = secrets.token_urlsafe(32)
        self.port = 0
        self.pid: int | None = None
        self.status = "marimo has not been started yet"
        self.failing = False
        self.log_tail: deque[str] = deque(maxlen=_LOG_TAIL_LINES)
        self.helper_pids: set[int] = set()
        self._ready, self._wanted = asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Address of marimo without a path, e.g. ``http://127.0.0.1:40001``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def ready(self) -> bool:
        """Whether marimo answers requests."""
        return self._ready.is_set()

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until marimo answers requests; return False when it does not in time.

        Args:
            timeout_s: how long to wait, in seconds.
        """
        if self.ready:
            return True
        self._wanted.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        except TimeoutError:
            return False
        return True

    def start(self) -> None:
        """Start marimo and keep it running until `stop`.

        Home needs no marimo. Where many people come at once, all see theirs first.
        """
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self) -> None:
        """End marimo and everything that it started."""
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await asyncio.to_thread(processes.end_descendants, (), _STOP_GRACE_S)

    def command(self, port: int) -> list[str]:
        """Return marimo's command line.

        By -P and -s, a `random.py` among the notebooks and packages in ~/.local cannot break the
        server.

        Args:
            port: TCP port on which marimo shall listen.
        """
        return [
            *(sys.executable, "-P", "-s", "-m", "marimo_singleuser.marimo_patches"),
            *("--quiet", "edit", "--headless"),
            *("--token", "--token-password-file=-", "--skip-update-check", "--no-sandbox"),
            *("--host=127.0.0.1", f"--port={port}"),
            str(self.directory),
        ]

    async def _keep_running(self) -> None:
        await wait_until_calm(self._wanted)
        backoff_s, starts = _MIN_BACKOFF_S, 0
        while True:
            began = time.monotonic()
            starts += 1
            try:
                self.status = await self._run_once(first=starts == 1)
            except OSError as e:
                self.status = f"marimo could not be started: {e}"
            ran_s = time.monotonic() - began
            if ran_s > _STABLE_AFTER_S:
                backoff_s = _MIN_BACKOFF_S
            log.warning(
                "%s after %.0f s; it is started again in %.1f s", self.status, ran_s, backoff_s
            )
            # Kernels and their children end with the server they belonged to.
            await asyncio.to_thread(processes.end_descendants, self.helper_pids, _KERNELS_GRACE_S)
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, _MAX_BACKOFF_S)

    async def _run_once(self, *, first: bool) -> str:
        """Run marimo until it ends; return how it ended."""
        self.port = free_port()
        process = await asyncio.create_subprocess_exec(
            *self.command(self.port),
            cwd=self.directory,
            env=self.env,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # this program passes Ctrl-C on, not the terminal
            preexec_fn=die_with_parent(),
        )
        self.pid = process.pid
        reader = asyncio.create_task(self._read_output(process))
        exited = asyncio.create_task(process.wait())
        try:
            with contextlib.suppress(ConnectionError):
                await _send_token(process, self.token)
            healthy = asyncio.create_task(self._becomes_healthy())
            await asyncio.wait({healthy, exited}, return_when=asyncio.FIRST_COMPLETED)
            if healthy.done() and healthy.result():
                self._ready.set()
                self.failing = False
                if not first:
                    log.warning("marimo runs again")
            else:
                healthy.cancel()
                if process.returncode is None:
                    process.kill()
            code = await exited
            if not self.ready:
                self.failing = True
                return f"marimo ended before it answered ({_describe_exit(code)})"
            return f"marimo ended ({_describe_exit(code)})"
        finally:
            self._ready.clear()
            self.pid = None
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_STOP_GRACE_S):
                        await process.wait()
            exited.cancel()
            reader.cancel()

    async def _becomes_healthy(self) -> bool:
        """Wait until marimo answers, for twice the start's time; return whether it does."""
        url = f"{self.url}/health"
        timeout = aiohttp.ClientTimeout(total=_HEALTH_TIMEOUT_S)
        deadline = time.monotonic() + 2 * self.start_timeout_s
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(url, timeout=timeout) as answer:
                        if answer.status == 200:
                            return True
                await asyncio.sleep(_HEALTH_INTERVAL_S)
        return False

    async def _read_output(self, process: asyncio.subprocess.Process) -> None:
        while process.stdout and (chunk := await process.stdout.read(65536)):
            for line in chunk.decode(errors="replace").splitlines():
                if line.strip():
                    clean = _SECRET.sub(r"\1…", line).replace(self.token, "…")
                    self.log_tail.append(clean[:_LOG_LINE_CHARS])


async def _send_token(process: asyncio.subprocess.Process, token: str) -> None:
    """Send the token through stdin: other processes can read arguments and variables."""
    if process.stdin:
        process.stdin.write(token.encode())
        await process.stdin.drain()
        process.stdin.close()


def _describe_exit(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
