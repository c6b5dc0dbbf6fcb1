"""Agents that scale: more of them while requests wait, one again afterwards, and nothing lost.

KEDA takes long to build, so these tests run only on demand: `make test-cluster AGENTS=1`.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import keda
from tests.cluster.cluster import Cluster
from tests.cluster.platform import CADDY, HUB, KAFKA, USER, ClusterPlatform, PodPerson
from tests.cluster.pods import Namespace
from tests.support.waiting import retry_until, wait_until

LAG = 300  # messages that wait for one agent
FEW, MANY = LAG // 5, 6 * LAG
CALM_S, BUSY_S = 25, 30  # how long throughput is measured
GROW_TIMEOUT_S, SHRINK_TIMEOUT_S = 300, 300
FLOOD_TIMEOUT_S = 900.0
FLOOD = (Path(__file__).parent / "flood.py").read_text("utf-8")
TRAIN = """\
import imageclass
print(imageclass.train_or_load("cnn", "digits", epochs=1, batch_size=64).path)"""
GROUP = """\
import json, imageclass
with imageclass.connect(prefix="team.").admin() as admin:
    members = admin.describe_groups(["team.agent.cnn"])["team.agent.cnn"]["members"]
print(json.dumps([
    sorted(p for topic in (m["member_assignment"] or {}).get("assigned_partitions", ())
           for p in topic["partitions"])
    for m in members]))"""
#: Runs a program with the account on the broker that a user's kernels have.
AS_IN_A_NOTEBOOK = """\
export MOSSHUB_BROKER_ACCOUNT=$(echo /dev/shm/mosshub-*/broker-account.json)
exec python - "$@\""""
#: Asks for the numbers, and says whether somebody is there.
ASKS = (
    "timeout 3 bash -c '</dev/tcp/watch.{namespace}.svc.cluster.local/9101' 2>/dev/null"
    " && echo yes || echo no"
)
#: Four agents share two cores with everything else, so each gets a part of one.
VALUES: dict[str, Any] = {
    "agents": [{"name": "cnn", "model": "cnn", "claim": "models", "min": 1, "max": 4, "lag": LAG}],
    "agentResources": {
        "requests": {"cpu": "1m", "memory": "64Mi"},
        "limits": {"cpu": "400m", "memory": "1Gi"},
    },
    "settings": {"KAFKA_SERVICES": ["cnn"]},
}

pytestmark = [
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        not keda.is_wanted(),
        reason="agents that scale need KEDA, which takes long to build: make test-cluster AGENTS=1",
    ),
]


class Agents:
    """The agents of the platform, as an admin of the cluster and the user ada see them."""

    def __init__(self, platform: ClusterPlatform, ada: PodPerson) -> None:
        self.platform, self.ada = platform, ada

    @property
    def ready(self) -> int:
        return self._deployment()["status"].get("readyReplicas", 0)

    @property
    def wanted(self) -> int:
        return self._deployment()["spec"]["replicas"]

    def _deployment(self) -> Any:
        return self.platform.cluster.get("-n", self.platform.namespace, "deployment/agent-cnn")

    def partitions(self) -> list[list[int]]:
        """Return the partitions of each member of the group."""
        return json.loads(self.python(GROUP).splitlines()[-1])

    def lag(self) -> float | None:
        """Return what KEDA has told the autoscaler; None if nothing."""
        name = "hpa/keda-hpa-agent-cnn"
        status = self.platform.cluster.get("-n", self.platform.namespace, name)["status"]
        metrics = status.get("currentMetrics") or []
        values = [m["external"]["current"].get("averageValue") for m in metrics if "external" in m]
        return quantity(values[0]) if values and values[0] else None

    def flood(self, messages: int, seconds: float) -> dict[str, Any]:
        """Keep so many messages waiting for so long; return what `flood.py` has counted."""
        return json.loads(self.python(FLOOD, "cnn", str(messages), str(seconds)).splitlines()[-1])

    def python(self, program: str, *arguments: str) -> str:
        """Return what a program prints in ada's server."""
        command = ("exec", "-i", self.ada.pod, "--", "bash", "-c", AS_IN_A_NOTEBOOK, "python")
        return self.platform.kubectl(*command, *arguments, input=program, timeout=FLOOD_TIMEOUT_S)


def quantity(text: str) -> float:
    """Return a Kubernetes quantity as a number, such as 0.5 for 500m."""
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def per_second(counts: dict[str, Any], begin: float, end: float) -> float:
    """Return how many images were answered in a second, between two times since 1970."""
    seconds = range(int(begin) + 1, int(end))
    return sum(counts["by_second"].get(str(second), 0) for second in seconds) / len(seconds)


@pytest.fixture(scope="module")
def monitoring(cluster: Cluster) -> Iterator[Namespace]:
    """Make the namespace in which a team's Prometheus would be."""
    space = Namespace(cluster, f"monitoring-{secrets.token_hex(4)}")
    yield space
    space.delete()


@pytest.fixture(scope="module")
def platform(
    cluster: Cluster, monitoring: Namespace, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClusterPlatform]:
    cluster.load(HUB, CADDY, KAFKA, USER)
    keda.install(cluster)
    space = Namespace(cluster, f"agents-{secrets.token_hex(4)}")
    watch = {"enabled": True, "namespaces": [keda.NAMESPACE, monitoring.name]}
    directory = tmp_path_factory.mktemp("agents")
    made = ClusterPlatform(cluster, space.name, directory, watch=watch, **VALUES)
    try:
        train(space)
        made.install()
        yield made
    finally:
        made.stop()
        space.delete()


def train(space: Namespace) -> None:
    """Fill the claim `models` with a trained version, as docs/kubernetes.md says."""
    space.claim("models", "shared")
    pod = space.manifest("trainer", claim="models")
    pod["spec"]["restartPolicy"] = "Never"
    pod["spec"]["containers"][0] |= {
        "image": USER,
        "command": ["python", "-c", TRAIN],
        "env": [{"name": "MOSSHUB_MODELS", "value": "/data"}],
        "readinessProbe": None,
    }
    space.apply(pod)
    ended = "--for=jsonpath={.status.phase}=Succeeded"
    space.kubectl("wait", ended, "pod/trainer", "--timeout=300s", timeout=300)


@pytest.fixture(scope="module")
def agents(platform: ClusterPlatform) -> Agents:
    person = platform.person("ada")
    person.start()
    return Agents(platform, person)


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
        agents.ada.inside("touch ~/enough")
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
        f"1 agent: {one:,.0f} images/s; 4 agents: {four:,.0f} images/s, 0.4 of a core each\n"
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
    assert agents.ada.inside(asks) == "no"
    agent = ("exec", "deployment/agent-cnn", "-c", "agent", "--", "bash", "-c", asks)
    assert platform.kubectl(*agent).strip() == "no"
