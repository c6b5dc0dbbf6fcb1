"""What the chart makes of agents that run as a service, and of their numbers."""

from __future__ import annotations

from typing import Any

import helm_python
import pytest

from tests.support.chart import AGENT, one, pods, render, with_settings

ACCOUNT = with_settings(KAFKA_SERVICES="cnn")
WATCH = {"enabled": True, "namespaces": ["keda", "monitoring"]}


@pytest.fixture(scope="module")
def rendered() -> list[dict[str, Any]]:
    return render(ACCOUNT | {"agents": [AGENT], "watch": WATCH})


def test_agents_scale_by_their_lag_with_an_account_of_their_own(rendered: list) -> None:
    agent = pods(rendered)["Deployment agent-cnn"]
    (container,) = agent["containers"]
    assert [m["name"] for m in container["volumeMounts"]] == ["models", "account", "tmp"]
    assert "command" not in container, "the image's tini stays the first process"
    spec = one(rendered, "ScaledObject", "agent-cnn")["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)
    (trigger,) = spec["triggers"]
    assert 'group="team.agent.cnn"' in trigger["metadata"]["valueLocation"]
    assert trigger["metadata"]["targetValue"] == "500"


def test_a_number_that_does_not_change_needs_no_keda() -> None:
    objects = render(ACCOUNT | {"agents": [AGENT | {"max": 1}]})
    assert one(objects, "Deployment", "agent-cnn")["spec"]["replicas"] == 1
    assert [o["kind"] for o in objects if o["apiVersion"].startswith("keda")] == []


def test_only_the_namespaces_that_are_named_ask_for_numbers(rendered: list) -> None:
    policy = one(rendered, "NetworkPolicy", "watch")["spec"]
    assert policy["podSelector"]["matchLabels"]["component"] == "watch"
    (way,) = policy["ingress"]
    (who,) = way["from"]
    (named,) = who["namespaceSelector"]["matchExpressions"]
    assert (named["key"], named["values"]) == (
        "kubernetes.io/metadata.name",
        ["keda", "monitoring"],
    )
    assert [port["port"] for port in way["ports"]] == [9101]


def test_nobody_asks_where_no_namespace_is_named() -> None:
    objects = render(with_settings() | {"watch": WATCH | {"namespaces": []}})
    assert not one(objects, "NetworkPolicy", "watch")["spec"]["ingress"]


def test_one_agent_is_the_least() -> None:
    with pytest.raises(helm_python.HelmError, match="/agents/0/min"):
        render(ACCOUNT | {"agents": [AGENT | {"min": 0}], "watch": WATCH})
