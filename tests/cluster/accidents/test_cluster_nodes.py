"""The cluster itself gets a node back that was lost: the other tests of lost nodes stand on it."""

from __future__ import annotations

from pathlib import Path

from tests.cluster.addons import LOCAL
from tests.cluster.cluster import Cluster
from tests.cluster.pods import Namespace, ask_from_here
from tests.cluster.test_cluster import READ, WRITE
from tests.support.waiting import retry_until

NODE_LOST_S = 90.0


def test_a_killed_node_comes_back_with_its_pods(cluster: Cluster, namespace: Namespace) -> None:
    namespace.claim("home", LOCAL)
    namespace.pod("lost", node="n2", claim="home")
    namespace.exec("lost", WRITE)
    namespace.pod("other", node="n1")
    killed = cluster.nodes["n2"]
    cluster.kill_node("n2")
    assert not Path(f"/proc/{killed.pid}").exists()
    cluster.kubectl("wait", "--for=condition=Ready=Unknown", "node/n2", "--timeout=90s")
    assert ask_from_here(cluster.address("pod/other", namespace.name)) == "other"

    cluster.start_node("n2")
    cluster.wait_for_nodes()

    def back() -> bool:
        return namespace.exec("lost", READ) == "kept"

    retry_until(back, NODE_LOST_S, "the pod runs again, with its file")
    assert ask_from_here(cluster.address("pod/lost", namespace.name)) == "lost"
