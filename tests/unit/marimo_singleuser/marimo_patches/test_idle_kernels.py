"""Which kernels end because nobody uses them. Other processes stand for the kernels."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from marimo._session.types import KernelState
from marimo_singleuser.frame import ended
from marimo_singleuser.frame.seen import Seen
from marimo_singleuser.marimo_patches.idle_kernels import KernelWatch

TIMEOUT_S = 100.0


class Sessions:
    """marimo's sessions, as far as the watch knows them."""

    def __init__(self) -> None:
        self.sessions: dict[str, Any] = {}
        self.closed: list[str] = []

    def add(self, key: str, pid: int, *, status: str = "idle", pages: tuple[str, ...] = ()) -> None:
        cells = {"cell": SimpleNamespace(status=status)}
        self.sessions[key] = SimpleNamespace(
            kernel_state=lambda: KernelState.RUNNING,
            kernel_pid=lambda: pid,
            session_view=SimpleNamespace(cell_notifications=cells),
            room=SimpleNamespace(consumers=dict.fromkeys(pages)),
            initialization_id=f"{key}.py",
            app_file_manager=SimpleNamespace(path=f"/home/ada/notebooks/{key}.py"),
        )

    def close_session(self, key: str) -> None:
        self.closed.append(key)
        del self.sessions[key]


@pytest.fixture
def broker() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture
def programs() -> Iterator[Any]:
    """Start programs in place of kernels."""
    started: list[subprocess.Popen] = []

    def start(code: str) -> int:
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", f"{code}\nprint(1, flush=True)\ninput()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        assert started[-1].stdout
        if "while" not in code:
            started[-1].stdout.readline()
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_only_a_kernel_that_nobody_uses_ends(
    tmp_path: Path, broker: socket.socket, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ended.FILE_VARIABLE, str(tmp_path / "ended.jsonl"))
    port = broker.getsockname()[1]
    marimo, seen = Sessions(), Seen(tmp_path / "seen")
    watch = KernelWatch(marimo, TIMEOUT_S, seen.directory, {port})
    idle = programs("")
    marimo.add("idle", idle, pages=("s_hidden",))
    marimo.add("runs", programs(""), status="running")
    marimo.add("waits", programs(""), status="queued")
    marimo.add("looked-at", programs(""), pages=("s_seen",))
    marimo.add("works", programs("while True: pass"))
    agent = f"import socket; s = socket.create_connection(('127.0.0.1', {port}))"
    marimo.add("agent", programs(agent))
    marimo.add("dead", 2**22 + 1)
    now = time.time()
    watch.sample(now)
    assert marimo.closed == []
    time.sleep(0.3)  # of which the one that works uses all
    page = seen.directory / "s_seen"
    seen.note("s_seen")
    os.utime(page, (now + 60, now + 60))
    watch.sample(now + TIMEOUT_S - 1)
    assert marimo.closed == []
    time.sleep(0.3)
    watch.sample(now + TIMEOUT_S)
    assert sorted(marimo.closed) == ["dead", "idle"]
    (written, *_) = [k for k in ended.read(tmp_path / "ended.jsonl") if k.notebook == "idle.py"]
    assert set(written.sessions) == {"idle", "s_hidden"}
    assert ended.describe(written, {}, None)["reason"] == "idle"
    # A page that is hidden for as long is one that nobody looks at.
    watch.sample(now + 60 + TIMEOUT_S)
    assert "looked-at" in marimo.closed


def test_only_ids_of_pages_become_files(tmp_path: Path) -> None:
    seen = Seen(tmp_path / "seen")
    for page in ("../../x", "", "a/b", "s" * 65, "."):
        seen.note(page)
    seen.note("s_1ab2c3")
    assert [path.name for path in tmp_path.rglob("*")] == ["seen", "s_1ab2c3"]
