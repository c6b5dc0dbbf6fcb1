"""Twenty people open, run, stream and close for hours: does anything of the platform grow?

    make soak [HOURS=2] [PEOPLE=20] [PAUSE=60]

The demo runs as `make demo` starts it, with Keycloak, Kafka and a container for each person. Each
of them signs in, starts a server, runs a cell, sends messages to the broker, reads them back, and
stops the server, again and again. Meanwhile memory and descriptors of the services are taken.
`results/soak.md` has the first quarter of the time beside the last.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from bench.samples import RESULTS, begin
from tests.standins.engine import docker
from tests.support import host_names
from tests.support.keycloak import KeycloakAdmin
from tests.support.members import TeamMember
from tests.support.stack import Stack, standins

SERVICES = ("hub", "proxy", "caddy", "engine", "kafka")
PASSWORD = "soaked-through"  # noqa: S105  of a Keycloak that lives as long as this program
#: What each person does in a notebook, after the cell before has ended.
CELLS = (
    "import imageclass, numpy as np; print(np.ones((500, 500)).sum())",
    """\
from imageclass.kafka.reader import TopicReader
connection = imageclass.connect()
connection.ensure_topics()
with connection.producer() as out:
    for number in range(50):
        out.send(connection.topics.requests, b"%d" % number * 700)
with TopicReader(connection, [connection.topics.requests]) as reader:
    print("read", sum(1 for _ in reader.read_to_end()))""",
)
_SAMPLE_S = 15.0


@dataclass
class Log:
    """What happened, by all threads.

    Attributes:
        sessions: how often somebody came, worked and left.
        failures: why somebody could not.
        figures: seconds since the beginning, and a value, by what was measured.
    """

    sessions: int = 0
    failures: list[str] = field(default_factory=list)
    figures: dict[str, list[tuple[float, float]]] = field(default_factory=dict)


def work(stack: Stack, name: str, pause_s: float, until: float, log: Log) -> None:
    """Be one person until the time is up; `pause_s` is the mean between two things that they do."""
    chance = random.Random(name)  # noqa: S311

    def pause() -> None:
        time.sleep(min(chance.uniform(0, 2 * pause_s), max(0, until - time.monotonic())))

    pause()
    while time.monotonic() < until:
        member = None
        try:
            member = TeamMember(stack, name, password=PASSWORD)
            member.start()
            notebook = member.notebook("my_topics.py")
            for cell in CELLS:
                notebook.run(cell, 180)
                pause()
            log.sessions += 1
        except (Exception, pytest.fail.Exception) as error:
            log.failures.append(f"{name}: {type(error).__name__}: {str(error)[:300]}")
            print(log.failures[-1], flush=True)
        finally:
            with contextlib.suppress(Exception, pytest.fail.Exception):
                member and member.stop()
        pause()


def watch(stack: Stack, until: float, log: Log) -> None:
    """Take the figures of all services until the time is up."""
    began = time.monotonic()
    while time.monotonic() < until:
        now = time.monotonic() - began
        for service in SERVICES:
            memory, descriptors = usage(stack.inspect(service)["State"]["Pid"])
            log.figures.setdefault(f"{service}: memory, MB", []).append((now, memory / 1e6))
            log.figures.setdefault(f"{service}: descriptors", []).append((now, descriptors))
        log.figures.setdefault("users' containers", []).append((now, len(stack.servers())))
        time.sleep(_SAMPLE_S)


def usage(pid: int) -> tuple[float, int]:
    """Return private memory (USS, bytes) and descriptors of a process and all below it."""
    memory, descriptors = 0, 0
    first = psutil.Process(pid)
    for process in (first, *first.children(recursive=True)):
        try:
            memory += process.memory_full_info().uss
            descriptors += process.num_fds()
        except psutil.NoSuchProcess:
            continue
    return memory, descriptors


def render(log: Log, about: dict[str, str], options: argparse.Namespace) -> str:
    """Return the page of results, Markdown."""
    lines = [
        "# Results of `make soak`",
        "",
        f"{about['when']}, commit {about['commit']}, {about['machine']}."
        f" {options.people} people for {options.hours:.2g} hours, a thing each {options.pause:g} s:"
        f" {log.sessions} sessions, {len(log.failures)} failed.",
        "",
        "| | first quarter | last quarter | ratio |",
        "|---|---|---|---|",
    ]
    for what, figures in log.figures.items():
        end = figures[-1][0]
        first = statistics.median(value for at, value in figures if at <= end / 4)
        last = statistics.median(value for at, value in figures if at >= 3 * end / 4)
        ratio = f"{last / first:.2f}" if first else "–"
        lines.append(f"| {what} | {first:,.0f} | {last:,.0f} | {ratio} |")
    lines += [
        "",
        "A figure is the median of its quarter; memory is what only the service has (USS).",
    ]
    lines += ["", *(f"- {failure}" for failure in log.failures[:20])] if log.failures else []
    return "\n".join(lines) + "\n"


def main() -> int:
    """Soak; return 1 if a session failed or a container stayed."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--pause", type=float, default=60.0, help="mean seconds between two acts")
    options = parser.parse_args()
    host_names.install()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # containers go as well
    log, about, left = Log(), begin("soak").about, []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mosshub-soak-") as scratch:
        stack = Stack(Path(scratch))
        stack.environment["ACTIVE_SERVER_LIMIT"] = str(options.people)
        try:
            standins()
            stack.start()
            keycloak = KeycloakAdmin(stack)
            names = [f"soaker{number:02}" for number in range(options.people)]
            for name in names:
                keycloak.add_to_team(name, PASSWORD)
            until = time.monotonic() + 3600 * options.hours
            threads = [threading.Thread(target=watch, args=(stack, until, log), daemon=True)]
            threads += [
                threading.Thread(
                    target=work, args=(stack, name, options.pause, until, log), daemon=True
                )
                for name in names
            ]
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                time.sleep(60)
                print(f"{log.sessions} sessions, {len(log.failures)} failed", flush=True)
        except KeyboardInterrupt:
            print("ended early: the page has what there is", flush=True)
            options.hours = (time.monotonic() - began) / 3600
        else:
            left = docker(
                "ps", "--all", "--quiet", "--filter", f"name=^{stack.name}_soaker"
            ).split()
        finally:
            stack.remove()
    page = render(log, about, options)
    (RESULTS / "soak.md").write_text(page, "utf-8")
    print(page)
    return 1 if log.failures or left else 0


if __name__ == "__main__":
    sys.exit(main())
