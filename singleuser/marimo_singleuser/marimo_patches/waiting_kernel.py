"""A kernel waits for the next notebook that is opened: it has imported marimo by then.

WORKAROUND(marimo 0.25.2): who opens a notebook waits for a Python that imports marimo.
That Python then reads from its standard input what it is to run. Here one more is started than
there are notebooks. The next one that opens gets it, and another one is started. It ends with
marimo, whose end closes its input. There is none where memory is short.
Where there is plenty of memory, it imports Keras and TensorFlow as well, as long as it waits.
Both wait for a moment in which the machine has a processor to spare: people come first. When a
notebook's page is asked for and no kernel waits yet, one starts at once: the page needs longer.
Test: test_a_notebook_gets_the_kernel_that_waits_and_another_one_is_started
"""

import contextlib
import os
import random
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from marimo._config.manager import get_default_config_manager
from marimo._server.api.endpoints import assets
from marimo._session._venv import get_configured_venv_python
from marimo._session.managers import ipc

from marimo_singleuser.frame.limits import read_usage
from marimo_singleuser.home.packages import site_packages

#: `yes`: a kernel waits.
VARIABLE = "MOSSHUB_WAITING_KERNEL"
_FIRST_AFTER_S = 2.0  # marimo itself starts first
_NEXT_AFTER_S = 5.0  # the cells of the notebook that was opened run first
_LEAST_LIMIT = 2 * 2**30  # bytes; a waiting kernel has some 70 MB
_MOST_USED = 0.75  # of the limit
_LEAST_LIMIT_LIBRARIES = 4 * 2**30  # bytes; with its libraries it has some 260 MB
_MOST_USED_LIBRARIES = 0.5  # of the limit
_MOST_USED_HOST = 0.6  # of the machine's memory, which all servers share
_CALM_PERCENT = 60.0  # of all processors: one of two may be busy
_CALM_S = (1.5, 3.5)  # for so long, by chance: servers that look together would start together

_COMMAND = ["-m", "marimo._ipc.launch_kernel"]
# What runs in place of it. Input means that a notebook has got this kernel.
_PROGRAM = f"""\
import random, runpy, select, threading
def is_taken():
    return select.select([0], [], [], 0)[0]
def prepare():
    import psutil
    for library in ("tensorflow", "keras"):
        while not is_taken() and psutil.cpu_percent(random.uniform(*{_CALM_S})) > {_CALM_PERCENT}:
            pass
        if is_taken():
            return
        try:
            __import__(library)
        except Exception:
            return  # the notebook that imports it says why
threading.Thread(target=prepare, daemon=True).start()
runpy.run_module("{_COMMAND[1]}", run_name="__main__", alter_sys=True)
"""


class WaitingKernel:
    """The kernel that waits, if one does. For several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._made_for: object = None
        self._known: tuple[Sequence[str], dict[str, Any]] | None = None

    def popen(self, command: Sequence[str], **options: Any) -> subprocess.Popen[bytes]:
        """Start a program as `subprocess.Popen` does; a kernel may be the one that waits."""
        if list(command[1:]) != _COMMAND:
            return subprocess.Popen(command, **options)
        process = self._take(_place(command, options))
        self.start_later(_NEXT_AFTER_S, command, options)
        return process or subprocess.Popen(command, **options)

    def start_later(self, wait_s: float, command: Sequence[str], options: dict[str, Any]) -> None:
        """Let a kernel wait that was started so, beginning in `wait_s` seconds.

        Args:
            wait_s: seconds.
            command: the kernel's command.
            options: those of `subprocess.Popen`.
        """
        self._known = command, options
        timer = threading.Timer(wait_s, self._start_when_calm, self._known)
        timer.daemon = True
        timer.start()

    def start_now(self) -> None:
        """Start the next kernel in the background, if none waits: it is about to be needed."""
        if self._known:
            threading.Thread(target=self._start, args=self._known, daemon=True).start()

    def _start_when_calm(self, command: Sequence[str], options: dict[str, Any]) -> None:
        _wait_until_calm()
        self._start(command, options)

    def _start(self, command: Sequence[str], options: dict[str, Any]) -> None:
        with self._lock:
            if self._process or not _has_room(_LEAST_LIMIT, _MOST_USED):
                return
            self._made_for = _place(command, options)
            program = [command[0], "-c", _PROGRAM] if _has_room_for_libraries() else command
            with contextlib.suppress(OSError):  # the next notebook that is opened says so
                self._process = subprocess.Popen(program, **options)

    def _take(self, made_for: object) -> subprocess.Popen[bytes] | None:
        """Return the kernel that waits; None if there is none that was made for this."""
        with self._lock:
            process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return None
        if made_for == self._made_for:
            return process
        process.kill()  # packages were installed meanwhile, or it is of another environment
        process.communicate()
        return None


def _place(command: Sequence[str], options: dict[str, Any]) -> object:
    """Return all on which it depends what a kernel has imported."""
    try:
        changed = site_packages(Path(command[0]).parents[1]).stat().st_mtime_ns
    except OSError:
        changed = 0
    return list(command), options, changed


def _wait_until_calm() -> None:
    while psutil.cpu_percent(random.uniform(*_CALM_S)) > _CALM_PERCENT:  # noqa: S311  no secret
        pass


def _has_room(least_limit: int, most_used: float) -> bool:
    """Return whether the server's limit is so high, and no more than this part of it is used."""
    usage = read_usage()
    if usage is None or usage.memory_limit is None:
        return True
    return usage.memory_limit >= least_limit and usage.memory < most_used * usage.memory_limit


def _has_room_for_libraries() -> bool:
    host = psutil.virtual_memory()
    return (
        _has_room(_LEAST_LIMIT_LIBRARIES, _MOST_USED_LIBRARIES)
        and host.total - host.available < _MOST_USED_HOST * host.total
    )


def install() -> None:
    """Have marimo take kernels that wait, in this process, if `VARIABLE` says so."""
    if os.environ.get(VARIABLE) != "yes":
        return
    waiting = WaitingKernel()
    with_waiting = SimpleNamespace(**{**vars(subprocess), "Popen": waiting.popen})
    ipc.subprocess = with_waiting  # type: ignore[assignment]
    config = get_default_config_manager(current_path=None).get_config(hide_secrets=False)
    chosen = config.get("venv", {})
    if python := get_configured_venv_python(chosen):
        pipes = ("stdin", "stdout", "stderr")
        options: dict[str, Any] = dict.fromkeys(pipes, subprocess.PIPE)
        environment = ipc.construct_kernel_env(
            base_env=os.environ.copy(),
            venv_python=python,
            is_ephemeral_sandbox=False,
            writable=chosen.get("writable", False),
        )
        options |= {"env": environment, "start_new_session": False}
        waiting.start_later(_FIRST_AFTER_S, [python, *_COMMAND], options)
        make_page = assets.notebook_page_template

        def page_of_a_notebook(*arguments: Any, **options: Any) -> str:
            waiting.start_now()
            return make_page(*arguments, **options)

        assets.notebook_page_template = page_of_a_notebook  # type: ignore[assignment]
