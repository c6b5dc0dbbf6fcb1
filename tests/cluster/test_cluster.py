"""The cluster itself does what a team's would: the other tests here stand on it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster.addons import LOCAL, SHARED
from tests.cluster.cluster import Cluster
from tests.cluster.pods import Namespace, ask_from_here
from tests.support.waiting import wait_until

POLICY_S = 20.0
WRITE, READ = "echo kept > /data/file", "cat /data/file"


def test_pods_of_two_nodes_find_each_other_by_name(cluster: Cluster, namespace: Namespace) -> None:
    for pod, node in (("one", "n1"), ("two", "n2")):
        namespace.pod(pod, node=node)
        namespace.service(pod)
    assert namespace.ask("one", "two") == "two"
    assert namespace.ask("two", f"one.{namespace.name}.svc.cluster.local") == "one"
    for pod in ("one", "two"):
        assert ask_from_here(cluster.address(f"service/{pod}", namespace.name)) == pod
        assert ask_from_here(cluster.address(f"pod/{pod}", namespace.name)) == pod


def test_a_volume_keeps_its_files_and_follows_its_pod(namespace: Namespace) -> None:
    namespace.claim("home", SHARED)
    namespace.pod("first", node="n1", claim="home")
    namespace.exec("first", WRITE)
    namespace.kubectl("delete", "pod", "first")
    namespace.pod("second", node="n2", claim="home")
    assert namespace.exec("second", READ) == "kept"


def test_a_local_volume_draws_its_pod_to_its_node(namespace: Namespace) -> None:
    namespace.claim("home", LOCAL)
    namespace.pod("first", node="n2", claim="home")
    namespace.exec("first", WRITE)
    namespace.kubectl("delete", "pod", "first")
    namespace.pod("second", claim="home")
    assert namespace.node_of("second") == "n2"
    assert namespace.exec("second", READ) == "kept"


@pytest.mark.parametrize("node", ["n1", "n2"], ids=["on one node", "between nodes"])
def test_a_network_policy_holds(namespace: Namespace, node: str) -> None:
    namespace.pod("server", node="n1")
    namespace.pod("friend", node=node)
    namespace.pod("stranger", node=node)
    host = namespace.cluster.address("pod/server", namespace.name)
    assert [namespace.ask(pod, host) for pod in ("friend", "stranger")] == ["server"] * 2
    friends = {"podSelector": {"matchLabels": {"app": "friend"}}}
    namespace.apply(policy("server", ingress=[{"from": [friends]}]))
    wait_until(lambda: not namespace.ask("stranger", host), POLICY_S, "the policy holds")
    assert namespace.ask("friend", host) == "server"


def test_a_policy_of_what_a_pod_may_reach_holds(cluster: Cluster, namespace: Namespace) -> None:
    """The DNS may be allowed by its labels, and the API server is refused with the rest."""
    namespace.pod("server", node="n1")
    namespace.service("server")
    namespace.pod("person", node="n2")
    ask_api = f"timeout 3 bash -c '</dev/tcp/{cluster.network.api_service}/443' && echo reached"
    assert namespace.exec("person", ask_api) == "reached"
    dns = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
    }
    server = {"podSelector": {"matchLabels": {"app": "server"}}}
    namespace.apply(policy("person", egress=[{"to": [dns]}, {"to": [server]}]))
    refused = f"{ask_api} || echo refused"
    wait_until(
        lambda: namespace.exec("person", f"({refused}) 2>/dev/null") == "refused",
        POLICY_S,
        "the policy holds",
    )
    assert namespace.ask("person", "server") == "server"


def policy(app: str, **rules: list[dict[str, Any]]) -> dict[str, Any]:
    types = [direction.capitalize() for direction in rules]
    selector = {"matchLabels": {"app": app}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": app},
        "spec": {"podSelector": selector, "policyTypes": types, **rules},
    }


def test_pod_security_refuses_root(namespace: Namespace) -> None:
    root = namespace.manifest("root", securityContext={"runAsUser": 0})
    with pytest.raises(RuntimeError, match="violates PodSecurity"):
        namespace.apply(root)
    namespace.pod("person")
