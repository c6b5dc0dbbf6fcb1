"""What is lost with a node of three, and what is not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.cluster.pods import others_closed
from tests.support.people import words
from tests.support.waiting import TIMEOUT_FACTOR, retry_until, wait_until

pytestmark = pytest.mark.timeout(900)

BACK_S = 120
SESSION = "/home/mosshub/notebooks/__marimo__/session/kept.py.json"
KEPT = """\
import marimo

app = marimo.App()


@app.cell
def _():
    print("an output that is kept")
    return


if __name__ == "__main__":
    app.run()
"""


def move(platform: ClusterPlatform, person: PodPerson, node: str) -> None:
    """Have a person's server run on a node."""
    if person.node != node:
        person.stop()
        with others_closed(platform.cluster, node):
            person.start()
    assert person.node == node


@contextmanager
def lost(platform: ClusterPlatform, node: str) -> Iterator[None]:
    """A node is without power meanwhile; in the end all is as it was."""
    platform.cluster.kill_node(node)
    try:
        yield
    finally:
        platform.cluster.start_node(node)
        platform.cluster.wait_for_nodes()
    platform.wait_for_brokers()


def leave_behind(person: PodPerson) -> None:
    """Have a person write a file, and a notebook whose output is kept."""
    person.attempt("echo kept > ~/file")
    person.inside("bash", "-c", f"printf '%s' '{KEPT}' > ~/notebooks/kept.py")
    run_cells(person, "kept.py")
    retry_until(lambda: "is kept" in person.inside("cat", SESSION), 30, "the output is kept")
    person.leave_notebooks()


def come_back(person: PodPerson, gone: str) -> None:
    """Have a person whose node is lost be told, and go on elsewhere with what they left behind."""
    began = time.monotonic()

    def told() -> bool:
        person.session.close()
        page = words(person.session.get(person.base, timeout=20).text)
        return "does not answer any more. Your files are safe" in page

    retry_until(told, BACK_S, "the person is told")
    told_after = time.monotonic() - began
    person.start()
    assert person.node != gone
    assert person.inside("cat", "/home/mosshub/file") == "kept"
    assert "is kept" in person.inside("cat", SESSION)
    back = time.monotonic() - began
    print(f"\n  told after {told_after:.0f} s, back after {back:.0f} s")
    assert back < BACK_S * TIMEOUT_FACTOR


def test_a_lost_node_gives_its_people_back_with_files_and_kept_outputs(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson, linus: PodPerson
) -> None:
    # The only hub and, here, the only edge are elsewhere: those who are on it are cut off with it.
    needed = {platform.node_of("hub"), platform.node_of("edge")}
    gone = next(name for name in sorted(cluster.nodes) if name not in needed)
    move(platform, ada, gone)
    move(platform, linus, needed.pop())
    leave_behind(ada)
    theirs = linus.notebook("my_topics.py")
    theirs.run("mine = 1")

    def go_on() -> bool:
        # This machine's way to the services may have been the lost node: a page connects again.
        linus.session.close()
        theirs.reconnect()
        return "41" in theirs.run("print(40 + mine)")

    with lost(platform, gone):
        retry_until(go_on, 30, "others go on")
        come_back(ada, gone)


def test_a_lost_node_with_the_hub_gives_its_people_back(
    platform: ClusterPlatform, ada: PodPerson
) -> None:
    """All that is on it is lost with it: a broker, and whatever else happens to be there."""
    gone = platform.node_of("hub")
    move(platform, ada, gone)
    leave_behind(ada)
    with lost(platform, gone):
        come_back(ada, gone)
        assert platform.node_of("hub") != gone


def test_a_node_that_starts_again_brings_its_people_back(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson
) -> None:
    """Their pods run on, with another address, which the hub finds out."""
    hub = platform.node_of("hub")
    node = next(name for name in sorted(cluster.nodes) if name != hub)
    move(platform, ada, node)
    ada.leave_notebooks()
    before = cluster.get("pod", ada.pod, "-n", platform.namespace)["metadata"]["uid"]
    cluster.kill_node(node)
    cluster.start_node(node)
    cluster.wait_for_nodes()
    began = time.monotonic()

    def answers() -> bool:
        # This machine's way to the services may have been that node: its connections are dead.
        ada.session.close()
        return ada.open(timeout=5).ok

    retry_until(answers, 90, "the editor answers")
    print(f"\n  the editor answered after {time.monotonic() - began:.0f} s")
    after = cluster.get("pod", ada.pod, "-n", platform.namespace)["metadata"]["uid"]
    assert after == before
    platform.wait_for_brokers()


def run_cells(person: PodPerson, name: str) -> None:
    """Run the only cell of a notebook, as its page does when it opens."""
    notebook = person.notebook(name)
    opened = notebook.ready
    body = {"cellIds": opened["cell_ids"], "codes": opened["codes"]}
    assert notebook.post("api/kernel/run", body).ok
    notebook.until("completed-run", 60)


def test_people_of_a_drained_node_are_told_and_go_on_elsewhere(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson
) -> None:
    ada.attempt("echo kept > ~/drained")
    node = ada.node
    if node == platform.node_of("hub"):
        move(platform, ada, next(name for name in cluster.nodes if name != node))
        node = ada.node
    ada.leave_notebooks()
    try:
        cluster.kubectl(
            *("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=200s"),
            *("--force", "--pod-selector", "component=singleuser-server"),
        )

        def told() -> bool:
            page = words(ada.session.get(ada.base, timeout=20).text)
            return "its node is taken out of service" in page

        wait_until(told, 60, "the person is told")
        ada.start()
        assert ada.node != node
        assert ada.inside("cat", "/home/mosshub/drained") == "kept"
    finally:
        cluster.kubectl("uncordon", node)
