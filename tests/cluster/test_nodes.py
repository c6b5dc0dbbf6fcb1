"""What is lost with a node or a broker of three, and what is not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.support.people import words
from tests.support.waiting import TIMEOUT_FACTOR, retry_until, wait_until

pytestmark = pytest.mark.timeout(900)

BACK_S = 120
BROKERS_S = 180
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
#: Runs of 500 requests, a hundred in a second, that are answered and judged until ~/enough is
#: there. Prints in the end: sent, not answered, answers, different ones, and second answers.
RUNS = """\
import json as _json, pathlib as _pathlib, time as _time
import numpy as _np
import imageclass as _imageclass
from imageclass.agents import registry as _registry
from imageclass.data.datasets import load as _load
from imageclass.runs.judge import Judge as _Judge

class _Linear:
    image_shape = (8, 8, 1)
    def __call__(self, images):
        scores = _np.exp(images.reshape(len(images), -1)[:, :10].astype("float32") / 255)
        return scores / scores.sum(axis=1, keepdims=True)

def _pause(done, total):
    _time.sleep(0.01)

def _run(connection):
    with _Judge(connection, ["linear"]) as judge:
        run = judge.collect(judge.publish(_load("digits"), 500, on_sent=_pause))
    ids = run.predictions["request_id"]
    return _np.array([500, run.missing, len(ids), ids.n_unique(), sum(run.duplicates.values())])

def _runs():
    connection, enough = _imageclass.connect(), _pathlib.Path.home() / "enough"
    agent = _registry.start_agent(connection, "linear", _Linear(), dataset="digits")
    agent.wait_until_running()
    counts = _run(connection)
    while not enough.exists():
        counts += _run(connection)
    enough.unlink()
    _registry.stop_agent(connection, "linear")
    print(_json.dumps(counts.tolist()))

_runs()
"""


def node_of(platform: ClusterPlatform, component: str) -> str:
    """Return the node of a component's pod that runs."""
    pods = platform.cluster.get("pods", "-n", platform.namespace, "-l", f"component={component}")
    return next(
        pod["spec"]["nodeName"]
        for pod in pods["items"]
        if not pod["metadata"].get("deletionTimestamp")
    )


@contextmanager
def others_closed(cluster: Cluster, *nodes: str) -> Iterator[None]:
    """New pods go to these nodes only."""
    others = [name for name in cluster.nodes if name not in nodes]
    cluster.kubectl("cordon", *others)
    try:
        yield
    finally:
        cluster.kubectl("uncordon", *others)


def move(platform: ClusterPlatform, person: PodPerson, node: str) -> None:
    """Have a person's server run on a node."""
    if person.node != node:
        person.stop()
        with others_closed(platform.cluster, node):
            person.start()
    assert person.node == node


def test_a_lost_node_gives_its_people_back_with_files_and_kept_outputs(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson, linus: PodPerson
) -> None:
    # The only hub and, here, the only edge are elsewhere: those who are on it are cut off with it.
    needed = {node_of(platform, "hub"), node_of(platform, "edge")}
    lost = next(name for name in sorted(cluster.nodes) if name not in needed)
    move(platform, ada, lost)
    move(platform, linus, needed.pop())
    ada.attempt("echo kept > ~/file")
    ada.inside("bash", "-c", f"printf '%s' '{KEPT}' > ~/notebooks/kept.py")
    run_cells(ada, "kept.py")
    session = "/home/mosshub/notebooks/__marimo__/session/kept.py.json"
    retry_until(lambda: "is kept" in ada.inside("cat", session), 30, "the output is kept")
    theirs = linus.notebook("my_topics.py")
    theirs.run("mine = 1")
    began = time.monotonic()
    cluster.kill_node(lost)
    ada.leave_notebooks()
    try:

        def go_on() -> bool:
            # This machine's way to the services may have been the lost node: a page connects again.
            linus.session.close()
            theirs.reconnect()
            return "41" in theirs.run("print(40 + mine)")

        retry_until(go_on, 30, "others go on")

        def told() -> bool:
            ada.session.close()
            page = words(ada.session.get(ada.base, timeout=20).text)
            return "does not answer any more. Your files are safe" in page

        retry_until(told, BACK_S, "the person is told")
        told_after = time.monotonic() - began
        ada.start()
        assert ada.node != lost
        assert ada.inside("cat", "/home/mosshub/file") == "kept"
        assert "is kept" in ada.inside("cat", session)
        back = time.monotonic() - began
        print(f"\n  told after {told_after:.0f} s, back after {back:.0f} s")
        assert back < BACK_S * TIMEOUT_FACTOR
    finally:
        cluster.start_node(lost)
        cluster.wait_for_nodes()
    wait_for_brokers(platform)


def test_a_node_that_starts_again_brings_its_people_back(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson
) -> None:
    """Their pods run on, with another address, which the hub finds out."""
    hub = node_of(platform, "hub")
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
    wait_for_brokers(platform)


def run_cells(person: PodPerson, name: str) -> None:
    """Run the only cell of a notebook, as its page does when it opens."""
    notebook = person.notebook(name)
    opened = notebook.ready
    body = {"cellIds": opened["cell_ids"], "codes": opened["codes"]}
    assert notebook.post("api/kernel/run", body).ok
    notebook.until("completed-run", 60)


def wait_for_brokers(platform: ClusterPlatform) -> None:
    """Wait until all three brokers are ready."""
    limit = f"--timeout={BROKERS_S * TIMEOUT_FACTOR:.0f}s"
    platform.kubectl("rollout", "status", "statefulset/kafka", limit, timeout=BROKERS_S + 20)


@contextmanager
def each_is_judged_once(person: PodPerson) -> Iterator[None]:
    """Have requests sent, answered and judged meanwhile: each has a verdict, and only one."""
    notebook, printed = person.notebook("my_topics.py"), []
    thread = threading.Thread(target=lambda: printed.append(notebook.run(RUNS, 600)))
    thread.start()
    try:
        time.sleep(10)  # the first are on their way
        yield
    finally:
        person.inside("bash", "-c", "touch ~/enough")
        thread.join(700 * TIMEOUT_FACTOR)
    sent, missing, answers, different, again = json.loads(printed[0].splitlines()[-1])
    # An agent that seemed dead to its group, on a machine with too much to do, answers again.
    print(f"\n  {sent} requests, {again} answered a second time, which counts for nothing")
    assert (missing, answers, different) == (0, sent, sent)


@pytest.mark.parametrize("grace", [0, 60], ids=["killed", "ended in order"])
def test_a_broker_of_three_loses_nothing_and_doubles_nothing(
    platform: ClusterPlatform, ada: PodPerson, grace: int
) -> None:
    with each_is_judged_once(ada):
        force = ["--force"] if not grace else []
        platform.kubectl(
            "delete", "pod", "kafka-0", f"--grace-period={grace}", "--wait=false", *force
        )
        time.sleep(5)
        wait_for_brokers(platform)


def test_all_brokers_start_again_one_by_one_while_messages_flow(
    platform: ClusterPlatform, ada: PodPerson
) -> None:
    with each_is_judged_once(ada):
        platform.kubectl("rollout", "restart", "statefulset/kafka")
        wait_for_brokers(platform)


def test_people_of_a_drained_node_are_told_and_go_on_elsewhere(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson
) -> None:
    ada.attempt("echo kept > ~/drained")
    node = ada.node
    if node == node_of(platform, "hub"):
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
