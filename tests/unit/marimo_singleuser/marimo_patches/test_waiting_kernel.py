"""The kernel that waits for the next notebook, with a program in its place that reads its input."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from marimo._server.api.endpoints import assets
from marimo._session.managers import ipc
from marimo_singleuser.frame.limits import Usage
from marimo_singleuser.marimo_patches import waiting_kernel
from marimo_singleuser.marimo_patches.waiting_kernel import WaitingKernel

from tests.support.waiting import wait_until

OPTIONS: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}


class Starts:
    """A waiting kernel, and the processes that it gave."""

    def __init__(self, root: Path) -> None:
        self.packages = root / "lib" / "python3.11" / "site-packages"
        self.packages.mkdir(parents=True)
        python = root / "bin" / "python"
        python.parent.mkdir()
        python.write_text(f"#!/bin/sh\nexec {sys.executable} -ISc 'print(len(input()))'\n")
        python.chmod(0o755)
        self.command = [str(python), "-m", "marimo._ipc.launch_kernel"]
        self.waiting, self.given = WaitingKernel(), []

    def waits(self) -> subprocess.Popen[bytes] | None:
        return self.waiting._process

    def begin(self) -> None:
        self.waiting.start_later(0, self.command, OPTIONS)

    def popen(self, **options: Any) -> subprocess.Popen[bytes]:
        process = self.waiting.popen(self.command, **{**OPTIONS, **options})
        self.given.append(process)
        return process


@pytest.fixture
def starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starts]:
    monkeypatch.setattr(waiting_kernel, "_NEXT_AFTER_S", 0.05)
    monkeypatch.setattr(waiting_kernel.psutil, "cpu_percent", lambda _: 0.0)
    monkeypatch.setattr(waiting_kernel, "_has_room_for_libraries", lambda: False)
    made = Starts(tmp_path)
    yield made
    monkeypatch.setattr(waiting_kernel, "_has_room", lambda *_: False)
    for process in filter(None, [*made.given, made.waits()]):
        process.kill()
        process.communicate()


def test_a_notebook_gets_the_kernel_that_waits_and_another_one_is_started(starts: Starts) -> None:
    starts.begin()
    first = wait_until(starts.waits, 20, "a kernel waits")
    assert starts.popen() is first
    second = wait_until(starts.waits, 20, "another one waits")
    assert second is not first
    assert first.communicate(b"four\n") == (b"4\n", None)
    assert starts.popen() is second


def test_one_that_was_made_for_something_else_ends(starts: Starts) -> None:
    starts.begin()
    before = wait_until(starts.waits, 20, "a kernel waits")
    (starts.packages / "numpy").mkdir()
    os.utime(starts.packages, (1, 1))
    assert starts.popen() is not before
    assert before.returncode is not None
    other = wait_until(starts.waits, 20, "another one waits")
    assert starts.popen(env={"LANG": "C"}) is not other
    assert other.returncode is not None


def test_one_that_has_ended_is_given_to_nobody(starts: Starts) -> None:
    starts.begin()
    dead = wait_until(starts.waits, 20, "a kernel waits")
    dead.kill()
    dead.wait()
    assert starts.popen().communicate(b"alive\n") == (b"5\n", None)


def test_none_waits_where_memory_is_short(starts: Starts, monkeypatch: pytest.MonkeyPatch) -> None:
    gib = 2**30

    def room(memory: float, limit: float) -> bool:
        usage = Usage(int(memory), int(limit), 0, None, 0)
        monkeypatch.setattr(waiting_kernel, "read_usage", lambda: usage)
        return waiting_kernel._has_room(2 * gib, 0.75)

    assert not room(0.5 * gib, gib)
    assert not room(4 * gib - 1, 4 * gib)
    assert room(gib, 4 * gib)
    monkeypatch.setattr(waiting_kernel, "_has_room", lambda *_: False)
    starts.waiting._start(starts.command, OPTIONS)
    assert starts.waits() is None


def test_none_is_started_while_the_processors_are_busy(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [100.0, 71.0, 10.0]
    monkeypatch.setattr(waiting_kernel.psutil, "cpu_percent", lambda _: busy.pop(0))
    starts.waiting._start_when_calm(starts.command, OPTIONS)
    assert busy == [] and starts.waits()


def test_one_starts_at_once_when_a_page_is_asked_for(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_kernel, "_wait_until_calm", lambda: time.sleep(60))
    starts.waiting.start_now()  # of what, nobody knows yet
    starts.begin()
    time.sleep(0.2)
    assert starts.waits() is None
    starts.waiting.start_now()
    first = wait_until(starts.waits, 20, "a kernel waits")
    starts.waiting.start_now()
    time.sleep(0.2)
    assert starts.waits() is first


@pytest.mark.slow
@pytest.mark.parametrize("waits", [True, False])
def test_one_that_waits_imports_the_libraries(waits: bool) -> None:
    """A notebook that gets it earlier, and may not need them, does not wait for them."""
    program, _ = waiting_kernel._PROGRAM.split("runpy.run_module(")
    program = program.replace(f"{waiting_kernel._CALM_PERCENT}", "1000")
    program += "[t.join() for t in threading.enumerate() if t.daemon]\n"
    program += "import sys; print('keras' in sys.modules)"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as kernel:
        assert kernel.stdin and kernel.stdout
        if not waits:
            kernel.stdin.write(b"what to run")
            kernel.stdin.flush()
        assert kernel.stdout.read().decode().strip() == str(waits)


def test_libraries_need_room_in_the_server_and_on_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def room(limit: float, used_of_host: float) -> bool:
        usage, host = Usage(2**28, int(limit * 2**30), 0, None, 0), 2**34
        monkeypatch.setattr(waiting_kernel, "read_usage", lambda: usage)
        memory = SimpleNamespace(total=host, available=host * (1 - used_of_host))
        monkeypatch.setattr(waiting_kernel.psutil, "virtual_memory", lambda: memory)
        return waiting_kernel._has_room_for_libraries()

    assert room(4, 0.5)
    assert not room(2, 0.5)
    assert not room(4, 0.7)


def test_marimo_starts_kernels_by_what_is_replaced() -> None:
    names = ipc.IPCKernelManagerImpl.start_kernel.__code__.co_names
    assert {"subprocess", "Popen"} <= set(names)
    assert "notebook_page_template" in assets.index.__code__.co_names
