"""Which tests can run on this machine, decided by what tests/prepare found.

The folders `docker`, `browser` and `cluster` become markers of the same name. What cannot run is
deselected, with one line that says why; in CI and as root on Debian or Ubuntu it is an error.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import host_names, waiting

pytest.register_assert_rewrite("tests.cases")

TESTS = Path(__file__).parent
AVAILABLE = TESTS / ".artifacts" / "available.json"
MARKERS = {
    "docker": "needs a Docker engine and the stand-in images (all of tests/docker)",
    "browser": "needs Chromium (all of tests/browser)",
    "cluster": "needs root and the programs of a Kubernetes node (all of tests/cluster)",
    "slow": "takes more than a few seconds: `make test-quick` leaves it out",
    "engine_alone": "restarts the Docker engine: no other test uses it at that time",
    "prometheus": "needs the programs of Debian's package prometheus",
    "postgres": "needs the server of Debian's package postgresql",
    "fashion_mnist": "needs the files of Debian's package dataset-fashion-mnist",
}


def available() -> dict[str, Any]:
    """What tests/prepare wrote; it is asked to look, and only to look, if it has not run yet."""
    if not AVAILABLE.exists():
        subprocess.run(
            [sys.executable, str(TESTS / "prepare"), "--look"],
            check=False,
            stdout=subprocess.DEVNULL,
        )
    return json.loads(AVAILABLE.read_text())


def pytest_configure(config: pytest.Config) -> None:
    # As Ctrl-C does, so that fixtures stop what they started.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    host_names.install()
    waiting.stretch_requests()
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if descriptor := os.environ.pop("MOSSHUB_TEST_PROGRESS", ""):
        config.pluginmanager.register(Progress(int(descriptor)))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        if folder in MARKERS:
            item.add_marker(folder)
    found = available()
    missing: dict[str, str] = found["missing"]
    dropped = [i for i in items if any(i.get_closest_marker(name) for name in missing)]
    if not dropped:
        return
    reason = "; ".join(f"{name} tests need {what}" for name, what in missing.items())
    if found["strict"]:
        raise pytest.UsageError(
            f"{len(dropped)} tests cannot run: {reason}. Run tests/prepare and read what it says."
        )
    config.stash[DROPPED] = f"{len(dropped)} tests left out: {reason} (see tests/prepare)"
    config.hook.pytest_deselected(items=dropped)
    items[:] = [item for item in items if item not in dropped]


DROPPED = pytest.StashKey[str]()
_REASON_CHARACTERS = 2000  # a run that is ended early prints no more of a failure


class Progress:
    """Tells tests/run how far this process is: a line for each test that begins, ends or fails."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w", buffering=1)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        print("total", len(session.items), file=self._file)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        print("begins", _one_line(nodeid), file=self._file)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        print("ends", _one_line(nodeid), file=self._file)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._tell(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._tell(report)

    def _tell(self, report: pytest.CollectReport | pytest.TestReport) -> None:
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            why = f" - {crash.message[:_REASON_CHARACTERS]}" if crash else ""
            print("failed", _one_line(report.nodeid + why), file=self._file)


def _one_line(text: str) -> str:
    return text.encode("unicode_escape", "replace").decode()


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if reason := config.stash.get(DROPPED, None):
        terminalreporter.write_line(f"NOT RUN: {reason}", yellow=True)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the Chromium that browser tests drive through Playwright."""
    return available()["chromium"]


@pytest.fixture(scope="session")
def whole_chromium() -> str:
    """Path of a Chromium with all of its parts, such as the reader of PDFs."""
    return available()["whole_chromium"]
