"""Agents that scale: more of them while requests wait, one again afterwards, and nothing lost.

KEDA takes long to build, so these tests run only on demand: `make test-cluster AGENTS=1`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster import keda
from tests.cluster.agents import FLOOD_TIMEOUT_S, Agents
from tests.cluster.cluster import Cluster
from tests.cluster.platform import SMALL, ClusterPlatform
from tests.cluster.pods import Namespace
from tests.support.waiting import retry_until, wait_until

LAG = 300  # messages that wait for one agent
FEW, MANY = LAG // 5, 6 * LAG
CALM_S, BUSY_S = 25, 30  # how long throughput is measured
GROW_TIMEOUT_S, SHRINK_TIMEOUT_S = 300, 300
#: Asks for the numbers, and says whether somebody is there.
ASKS = (
    "timeout 3 bash -c '</dev/tcp/watch.{namespace}.svc.cluster.local/9101' 2>/dev/null"
    " && echo yes || echo no"
)
#: Four agents share two cores with everything else, so each gets a part of one.
AGENTS: dict[str, Any] = {
    "agents": [{"name": "cnn", "model": "cnn", "claim": "models", "min": 1, "max": 4, "lag": LAG}],
    "agentResources": {
        "requests": {"cpu": "1m", "memory": "64Mi"},
        "limits": {"cpu": "200m", "memory": "1Gi"},
    },
}

pytestmark = pytest.mark.timeout(2400)


def per_second(counts: dict[str, Any], begin: float, end: float) -> float:
    """Return how many images were answered in a second, between two times since 1970."""
    seconds = range(int(begin) + 1, int(end))
    return sum(counts["by_second"].get(str(second), 0) for second in seconds) / len(seconds)


@pytest.fixture(scope="module")
def scaler(cluster: Cluster) -> Iterator[None]:
    """Install KEDA for these tests: the others find the cluster without it."""
    try:
        keda.install(cluster)
        yield
    finally:
        keda.remove(cluster)


@pytest.fixture(scope="module")
def monitoring(cluster: Cluster) -> Iterator[Namespace]:
    """Make the namespace in which a team's Prometheus would be."""
    space = Namespace(cluster, f"monitoring-{secrets.token_hex(4)}")
    yield space
    space.delete()


@pytest.fixture(scope="module")
def platform(
    cluster: Cluster,
    scaler: None,
    monitoring: Namespace,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ClusterPlatform]:
    """A platform with one broker, whose topics have four partitions as everywhere."""
    space = Namespace(cluster, f"agents-{secrets.token_hex(4)}")
    values: dict[str, Any] = {
        "kafka": {**SMALL["kafka"], "replicas": 1},
        "proxy": {**SMALL["proxy"], "replicas": 1},
        "watch": {"enabled": True, "namespaces": [keda.NAMESPACE, monitoring.name]},
        "settings": {"KAFKA_SERVICES": ["cnn"]},
    }
    made = ClusterPlatform(cluster, space.name, tmp_path_factory.mktemp("agents"), **values)
    try:
        space.claim("models", "shared")
        made.install()
        yield made
    finally:
        made.stop()
        space.kubectl("delete", "scaledobject", "--all")  # KEDA lets go of it
        space.delete()


@pytest.fixture(scope="module")
def agents(platform: ClusterPlatform) -> Agents:
    """Have agents answer with a version that ada trains, as docs/kubernetes.md says."""
    person = platform.person("ada")
    person.start()
    made = Agents(platform, person)
    made.train()
    platform.install(**AGENTS)
    return made


@pytest.fixture
def flooding() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def test_agents_follow_the_requests_that_wait(agents: Agents, flooding: ThreadPoolExecutor) -> None:
    calm = agents.flood(FEW, CALM_S)
    assert_answered(calm)
    assert agents.wanted == 1, "so few requests are work for one agent"
    answered = sorted(map(int, calm["by_second"]))
    one = per_second(calm, answered[0], answered[0] + CALM_S)

    began = time.monotonic()
    running = flooding.submit(agents.flood, MANY, FLOOD_TIMEOUT_S / 2)
    try:
        shared = [[0], [1], [2], [3]]

        def grown() -> bool:
            fail_with(running)
            return agents.ready == 4

        wait_until(grown, GROW_TIMEOUT_S, "four agents run")
        pods = time.monotonic() - began
        retry_until(lambda: sorted(agents.partitions()) == shared, 120, "each has a partition")
        grew, four_at = time.monotonic() - began, time.time()
        time.sleep(BUSY_S)  # what is measured
        four_until = time.time()
    finally:
        agents.ada.inside("bash", "-c", "touch ~/enough")
    busy = running.result()
    assert_answered(busy)
    four = per_second(busy, four_at, four_until)

    ended = time.monotonic()
    wait_until(lambda: agents.lag() == 0, 120, "the autoscaler is told that nothing waits")
    wait_until(lambda: agents.wanted == 1, SHRINK_TIMEOUT_S, "one agent is left")
    shrank = time.monotonic() - ended
    whole = [[0, 1, 2, 3]]
    retry_until(lambda: agents.partitions() == whole, 60, "it has all partitions")
    after = agents.flood(FEW, 1)
    assert_answered(after)
    print(
        f"1 agent: {one:,.0f} images/s; 4 agents: {four:,.0f} images/s, 0.2 of a core each\n"
        f"4 pods ready after {pods:.0f} s, at work after {grew:.0f} s; 1 again {shrank:.0f} s after"
        f" the end\n{busy['sent']:,} sent, {busy['twice']:,} answered twice, 0 lost"
    )


def fail_with(running: Future[Any]) -> None:
    """Raise what a thread has raised, rather than to wait for what does not come."""
    if running.done():
        running.result()


def assert_answered(counts: dict[str, Any]) -> None:
    """Check that every image was answered, and that nothing else was."""
    assert counts["sent"] > 0
    assert (counts["lost"], counts["strange"], counts["dead"]) == (0, 0, 0), counts


def test_only_who_is_named_reaches_the_numbers(
    platform: ClusterPlatform, agents: Agents, monitoring: Namespace, namespace: Namespace
) -> None:
    asks = ASKS.format(namespace=platform.namespace)
    for space in (monitoring, namespace):
        space.pod("asking")
    wait_until(lambda: namespace.exec("asking", asks) == "no", 20, "the policies hold")
    assert monitoring.exec("asking", asks) == "yes"  # KEDA's own way the other test has seen
    assert agents.ada.inside("bash", "-c", asks) == "no"
    agent = ("exec", "deployment/agent-cnn", "-c", "agent", "--", "bash", "-c", asks)
    assert platform.kubectl(*agent).strip() == "no"
