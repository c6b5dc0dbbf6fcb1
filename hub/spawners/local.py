"""A user's server as a process on a laptop."""

import asyncio
import shutil
from collections import deque
from pathlib import Path
from subprocess import STDOUT, SubprocessError
from typing import Any

from jupyterhub.spawner import SimpleLocalProcessSpawner
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent
from traitlets import Unicode, default

from hub.server_status.reasons import Reason, forget_stop, note_stop
from hub.signin.names import safe_name
from hub.spawners.app_server import AppServerMixin
from hub.spawners.listening import PAUSE_S, has_port, listens
from hub.spawners.progress import LOG_TAIL_LINES, ProgressMixin, SpawnError, ended_start
from hub.spawners.usage import measure_processes
from hub.starts.failures import watch_start
from hub.starts.without import StartWithoutMixin

_LOG_BYTES = 1024**2  # a larger log is emptied at the next start


class LaptopSpawner(AppServerMixin, ProgressMixin, StartWithoutMixin, SimpleLocalProcessSpawner):
    """Starts a server as a process of the laptop's owner, in a directory of the user's own.

    It separates files, not people: everybody who runs code here acts as the laptop's owner. Users
    who must be protected from each other need servers in containers.
    """

    users_dir = Unicode(config=True, help="Directory that holds a directory for each user.")
    logs_dir = Unicode(config=True, help="Directory that holds a log of each user's server.")
    popen_kwargs: dict[str, Any]
    _log_start = 0  # of the last start, in bytes; unknown to a hub that was restarted
    measure = staticmethod(measure_processes)

    @default("home_dir")
    def _default_home_dir(self) -> str:
        owner = safe_name(self.user.name)
        if self.app_slug:
            return str(Path(self.users_dir).with_name("apps") / owner / self.app_slug)
        return str(Path(self.users_dir) / owner)

    @property
    def log_path(self) -> Path:
        """The file with what the server printed, at its last starts."""
        app = f"--{self.name}" if self.app_slug else ""
        return Path(self.logs_dir) / f"{safe_name(self.user.name)}{app}.log"

    async def start(self) -> tuple[str, int]:
        """Start the process and wait until the editor in it listens.

        Returns:
            Host and port of the server.

        Raises:
            SpawnError: the operating system starts no process, or not in the user's directory, or
                the process did not stay.
        """
        watch_start(self)
        self.take_choice()
        forget_stop(self)
        self.stage = (50, "Starting your editor …")
        self.port = free_port()  # that of an earlier start may be another program's by now
        if self.app_slug:  # each start makes its home again
            await asyncio.to_thread(shutil.rmtree, self.home_dir, ignore_errors=True)
        try:
            self.log_path.parent.mkdir(parents=True, exist_ok=True)
            with self.log_path.open("ab") as log:
                if log.tell() > _LOG_BYTES:
                    log.seek(0)
                    log.truncate()
                self._log_start = log.tell()
                self.popen_kwargs = {**self.popen_kwargs, "stdout": log, "stderr": STDOUT}
                host, port = await super().start()
        except (OSError, SubprocessError) as error:
            self.log.exception("%s: no process", self._log_name)
            raise SpawnError(
                f"No process could start in {self.home_dir} ({error}).",
                reason="process",
                status_code=500,
            ) from error
        await self._wait_until_listening(host or "127.0.0.1", port)
        self.stage = (90, "Opening your editor …")
        return host, port

    async def _wait_until_listening(self, host: str, port: int) -> None:
        """Wait until the editor listens, for as long as the hub allows a start to take.

        Another program that listens there is not taken for it.

        Raises:
            SpawnError: the process ended meanwhile.
        """
        while not (await listens(host, port) and await asyncio.to_thread(has_port, self.pid, port)):
            if (code := await super().poll()) is not None:
                tail = await self.log_tail(LOG_TAIL_LINES)
                raise ended_start(f"Your editor ended while it started (exit code {code}).", tail)
            await asyncio.sleep(PAUSE_S)

    async def poll(self) -> int | None:
        """Return None while the process runs, else its exit code."""
        code = await super().poll()
        if code is not None and self.ready:
            note_stop(self, Reason.CRASH)
        return code

    async def log_tail(self, lines: int) -> str:
        """Return the last lines that the server printed since its last start; empty without one."""

        def read() -> str:
            if not self.log_path.exists():
                return ""
            with self.log_path.open(errors="replace") as log:
                log.seek(self._log_start)
                return "".join(deque(log, lines))

        return await asyncio.to_thread(read)

    def make_preexec_fn(self, name):
        """Let the server end with the hub, however the hub ends."""
        enter_home = super().make_preexec_fn(name)
        tie = die_with_parent()

        def preexec():
            if tie:
                tie()
            enter_home()

        return preexec
