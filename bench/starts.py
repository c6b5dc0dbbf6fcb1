"""How long `make run` takes: until the sign-in page answers, and until the address is printed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from bench.hubs import BenchError
from bench.samples import Recording
from bench.subjects import ROOT

LAST_LINE = "Admins "
ROUNDS = 3  # they differ by little
DEADLINE_S = {"warm": 120.0, "cold": 900.0}


def measure(recording: Recording, rounds: int, *, cold: bool = False) -> None:
    """Measure starts of the installed platform, and with `cold` one of a new copy of the tree."""
    with tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch:
        # The first start of a directory makes keys and the broker's storage.
        start(ROOT, Path(scratch) / "data", "warm")
        for turn in range(1, min(rounds, ROUNDS) + 1):
            took = start(ROOT, Path(scratch) / "data", "warm")
            recording.add("sign_in_page", "warm", turn, took[0])
            recording.add("make_run", "warm", turn, took[1])
        if cold:
            tree = Path(scratch) / "tree"
            copy_tree(tree)
            took = start(tree, tree / "data", "cold")
            recording.add("sign_in_page", "cold", 1, took[0])
            recording.add("make_run", "cold", 1, took[1])


def copy_tree(tree: Path) -> None:
    """Copy what is committed."""
    tree.mkdir()
    archive = subprocess.run(
        ["git", "archive", "HEAD"], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive.stdout, check=True)


def start(tree: Path, data_dir: Path, kind: str) -> tuple[float, float]:
    """Start the platform with `make run`, and end it.

    Returns:
        Seconds until the sign-in page answered, and until the last line was printed.
    """
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "KAFKA_PORT": str(free_port())}
    environment["DATA_DIR"] = str(data_dir)
    begin = time.perf_counter()
    process = subprocess.Popen(
        ["make", "--no-print-directory", "run"],
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent(),
    )
    printed: dict[str, float] = {}
    lines: list[str] = []
    reader = threading.Thread(target=_read, args=(process, lines, printed), daemon=True)
    reader.start()
    try:
        answered = _answered(port, process, lines, begin + DEADLINE_S[kind])
        reader_end = begin + DEADLINE_S[kind]
        while LAST_LINE not in printed and time.perf_counter() < reader_end and reader.is_alive():
            time.sleep(0.01)
        if LAST_LINE not in printed:
            raise BenchError("`make run` did not become ready:\n" + "".join(lines[-30:]))
        return answered - begin, printed[LAST_LINE] - begin
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        process.wait(60)


def _read(process: subprocess.Popen[str], lines: list[str], printed: dict[str, float]) -> None:
    for line in process.stdout or ():
        lines.append(line)
        if line.startswith(LAST_LINE):
            printed[LAST_LINE] = time.perf_counter()


def _answered(
    port: int, process: subprocess.Popen[str], lines: list[str], deadline: float
) -> float:
    """Return when the sign-in page answered first."""
    while time.perf_counter() < deadline and process.poll() is None:
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
            if requests.get(f"http://localhost:{port}/hub/login", timeout=5).ok:
                return time.perf_counter()
        time.sleep(0.05)
    raise BenchError("the sign-in page did not answer:\n" + "".join(lines[-30:]))
