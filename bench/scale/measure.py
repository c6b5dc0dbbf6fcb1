"""Starts everything, and takes the figures at each number of active servers."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from itertools import islice
from pathlib import Path

from bench.report import percentile
from bench.samples import Recording
from bench.scale.kwok import SimulatedNodes
from bench.scale.people import HOME, arrive, load, start_servers
from bench.scale.platform import ADMIN, NAMESPACE, Platform
from tests.cluster.cluster import Cluster
from tests.support import host_names
from tests.support.people import Person

NODES = 8
AT_ONCE = 4  # people who sign in at the same time
SIGN_INS = 60
LOADS = 40
REST_S = 60.0
SETTLE_S = 15.0
LOG_TAIL = 6000  # characters
PAGES = {
    "people": ("/hub/mosshub/admin", "People and editors"),
    "people_data": ("/hub/mosshub/admin/people.json", "running"),
    "panel": ("/hub/api/users?include_stopped_servers&offset=0&limit=50", "name"),
    "home": (HOME, "editor"),
}


def measure(
    recording: Recording, rounds: int, *, people: int, servers: int, **settings: str
) -> None:
    """Take the figures with 0, a third and all of the servers; once, whatever `rounds` is.

    Args:
        recording: takes the figures.
        rounds: not used: one round takes a quarter of an hour.
        people: how many the hub knows.
        servers: how many run in the end.
        settings: more settings of the platform.
    """
    host_names.install()
    names = [f"person-{number:04}" for number in range(people)]
    cluster = Cluster()
    with tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch:
        try:
            cluster.start(1)
            cluster.kubectl("cordon", "n1")  # it has the DNS only
            nodes = SimulatedNodes(cluster, NODES)
            platform = Platform(cluster, Path(scratch), names, **settings)
            figures = Path(scratch) / "editors.json"
            figures.touch()
            nodes.join(NAMESPACE, figures)
            platform.start()
            print(f"hub {platform.pid}, {platform.log}", flush=True)
            try:
                _Round(recording, platform, figures, names).run(servers)
            except BaseException:
                print(platform.log.read_text()[-LOG_TAIL:], flush=True)
                raise
            finally:
                platform.stop()
        finally:
            nodes.kill()
            cluster.stop()


class _Round:
    """Takes the figures of one hub."""

    def __init__(
        self, recording: Recording, platform: Platform, figures: Path, names: list[str]
    ) -> None:
        self._recording, self._platform, self._figures = recording, platform, figures
        self._names = iter(names)
        self._people: list[Person] = []
        admins, _ = arrive(platform.url, [ADMIN], 1)
        self._admin = admins[0].session

    def run(self, servers: int) -> None:
        """Take them with 0, a third and all of the servers."""
        third = servers // 3
        self._take(0, third)
        self._start(third)
        self._take(third, servers - third)
        self._start(servers)
        self._take(servers, SIGN_INS)

    def _take(self, active: int, arrivals: int) -> None:
        """Take the figures of pages and of rest, while `arrivals` more people sign in."""
        time.sleep(SETTLE_S)
        before, began = self._platform.taken(), time.time()
        time.sleep(REST_S)
        after, passed = self._platform.taken(), time.time() - began
        self._add("load", active, os.getloadavg()[0])
        self._add("hub_memory", active, after.memory / 1e6)
        self._add("hub_cpu", active, 100 * (after.hub_s - before.hub_s) / passed)
        self._add("helpers_cpu", active, 100 * (after.helpers_s - before.helpers_s) / passed)
        self._add("proxy_memory", active, after.proxy_memory / 1e6)
        self._add("api_requests", active, (after.requests - before.requests) / passed)
        self._add("database", active, after.database / 1e6)
        self._editors(active, began)
        people, took = arrive(self._platform.url, islice(self._names, arrivals), AT_ONCE)
        self._people += people
        if took:
            self._percentiles("sign_in", active, took)
        for page, (path, expected) in PAGES.items():
            took = load(self._admin, self._platform.url + path, LOADS, expected)
            self._percentiles(page, active, took)

    def _editors(self, active: int, since: float) -> None:
        """Add how the requests of the servers themselves fared."""
        lines = [json.loads(line) for line in self._figures.read_text().splitlines()]
        lines = [line for line in lines if line["at"] > since + 10]
        took = [seconds for line in lines for seconds in line["seconds"]]
        if took:
            self._add("editors_requests", active, len(took) / 10 / len(lines))
            self._percentiles("editors", active, took)
            self._add("editors_refused", active, sum(line["refused"] for line in lines))

    def _start(self, active: int) -> None:
        """Start the servers of all who signed in and have none."""
        running = getattr(self, "_running", 0)
        asking, self._running = self._people[running:active], active
        before = self._platform.taken()
        took, passed, failed = asyncio.run(start_servers(asking))
        after = self._platform.taken()
        self._add("spawn_rate", active, 60 * len(asking) / passed)
        self._percentiles("spawn", active, took, factor=1)
        self._add("spawn_failed", active, failed)
        self._add("spawn_cpu", active, 100 * (after.hub_s - before.hub_s) / passed)
        self._add("spawn_requests", active, (after.requests - before.requests) / len(asking))

    def _percentiles(
        self, measure: str, active: int, took: list[float], factor: float = 1000
    ) -> None:
        for percent in (50, 95):
            self._add(f"{measure}_p{percent}", active, factor * percentile(took, percent))

    def _add(self, measure: str, active: int, value: float) -> None:
        self._recording.add(measure, f"{active} active", 1, value)
