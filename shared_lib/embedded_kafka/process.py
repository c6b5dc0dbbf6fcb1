"""A Java process that ends with the program that started it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import cast

from mosshub_contract.processes import tied_command

# What Java is told about its environment: no tokens of a hub, no JAVA_TOOL_OPTIONS.
_KEPT_ENVIRONMENT = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR")


def java_environment() -> dict[str, str]:
    """Return the environment variables that Java gets."""
    return {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}


class JavaProcess:
    """A running Java, its last lines of output, and its end.

    The kernel ties a parent's death to the *thread* that started the child, so one thread starts
    Java, reads its output and lives exactly as long.

    Args:
        command: the executable and its arguments.
        show: called with each line of output; None keeps them to `output` alone.
        keep_open: file descriptors that Java inherits.
    """

    def __init__(
        self,
        command: Sequence[str],
        show: Callable[[str], None] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        self._command = list(command)
        self._show = show
        self._keep_open = tuple(keep_open)
        self._process: subprocess.Popen[str] | None = None
        self._failure: OSError | None = None
        self._launched = threading.Event()
        self._ended = threading.Event()
        self.output: deque[str] = deque(maxlen=200)
        self._thread = threading.Thread(target=self._run, name="kafka", daemon=True)
        self._thread.start()
        self._launched.wait()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            self._process = subprocess.Popen(
                tied_command(self._command),
                env=java_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,  # a terminal's Ctrl-C is for us, who stop it in order
                pass_fds=self._keep_open,
            )
        except OSError as error:
            self._failure = error
            return
        finally:
            self._launched.set()
        try:
            for line in self._process.stdout or ():
                self.output.append(line.rstrip("\n"))
                if self._show is not None:
                    with contextlib.suppress(Exception):  # a closed terminal must not block Java
                        self._show(line.rstrip("\n"))
            self._process.wait()
        finally:
            self._ended.set()

    @property
    def pid(self) -> int:
        """Java's process id."""
        return cast("subprocess.Popen[str]", self._process).pid  # set by the constructor

    @property
    def running(self) -> bool:
        """Whether Java has not ended yet."""
        return not self._ended.is_set()

    @property
    def returncode(self) -> int | None:
        """Java's exit status, negative for a signal; None while it runs."""
        return self._process.returncode if self._process and self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until Java has ended, at most `timeout` seconds; return whether it has."""
        return self._ended.wait(timeout)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if Java still runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)
