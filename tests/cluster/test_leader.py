"""One hub at a time, also where a node is cut off and its hub runs on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from hub.leader import LEASE_S, LOST_S
from tests.cluster.cluster import Cluster
from tests.cluster.pods import Namespace
from tests.support.paths import ROOT
from tests.support.waiting import TIMEOUT_FACTOR, wait_until
from tests.support.ways import Way

# A program in the hub's place: it says when it leads.
PROGRAM = """
import signal, sys, time
from hub.leader import Leader

hub = Leader(*sys.argv[1:])
hub.wait_to_lead()
print("leads", flush=True)
signal.signal(signal.SIGTERM, lambda *_: hub.resign())
time.sleep(600)
"""


class Candidate:
    """A process that wants to lead, and reaches the API server by a way of its own."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, directory: Path) -> None:
        settings = yaml.safe_load(cluster.kubeconfig.read_text())
        server = settings["clusters"][0]["cluster"]
        self.way = Way(server["server"].removeprefix("https://"))
        self.way.__enter__()
        server |= {"server": f"https://{self.way.address}", "tls-server-name": "kubernetes"}
        file = directory / f"{name}.conf"
        file.write_text(yaml.safe_dump(settings))
        self.said = directory / f"{name}.log"
        command = [sys.executable, "-c", PROGRAM, namespace, name]
        environment = {**os.environ, "KUBECONFIG": str(file)}
        with self.said.open("w") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log
            )

    def leads(self) -> bool:
        return "leads\n" in self.said.read_text()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.way.cut()


@pytest.fixture
def candidates(
    cluster: Cluster, namespace: Namespace, tmp_path: Path
) -> Iterator[tuple[Candidate, Candidate]]:
    first = Candidate(cluster, namespace.name, "first", tmp_path)
    wait_until(first.leads, 30, f"the first leads: {first.said.read_text()}")
    second = Candidate(cluster, namespace.name, "second", tmp_path)
    yield first, second
    first.end()
    second.end()


def test_a_hub_that_is_cut_off_ends_before_another_leads(
    candidates: tuple[Candidate, Candidate],
) -> None:
    first, second = candidates
    time.sleep(LEASE_S + 5)
    assert first.process.poll() is None and not second.leads(), "one that answers keeps leading"
    first.way.cut()
    began = time.monotonic()
    assert first.process.wait((LOST_S + 10) * TIMEOUT_FACTOR) == 1
    ended = time.monotonic() - began
    assert not second.leads()
    wait_until(second.leads, LEASE_S, "the second leads")
    print(f"ended after {ended:.1f} s, the second led after {time.monotonic() - began:.1f} s")
    assert "does not lead any more: this hub ends" in first.said.read_text()


def test_a_hub_that_ends_in_order_lets_the_next_one_lead_at_once(
    candidates: tuple[Candidate, Candidate],
) -> None:
    first, second = candidates
    first.process.terminate()
    began = time.monotonic()
    wait_until(second.leads, LEASE_S / 2, "the second leads")
    print(f"the second led after {time.monotonic() - began:.1f} s")
