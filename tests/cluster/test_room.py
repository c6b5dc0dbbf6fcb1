"""Room on nodes that are full: what is held for the next person, and GPUs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.cluster.images import PAUSE
from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(900)
#: A node has two processors: a person's pod does not fit beside what is held.
SIZES, HELD = "Small=0.6/1G,Card=0.6/1G/gpu", "1500m"
GPU = "nvidia.com/gpu"


@pytest.fixture(scope="module")
def full(platform: ClusterPlatform) -> Iterator[ClusterPlatform]:
    """A placeholder on each node, people whose pods fit beside none, and one GPU."""
    before, settings = dict(platform.values), platform.values["settings"]
    platform.install(
        settings={**settings, "SIZES": SIZES, "CPU_RESERVED": 1, "GPUS": 1},
        images={"pause": PAUSE},
        placeholders={"replicas": len(platform.cluster.nodes), "cpu": HELD, "memory": "16Mi"},
    )
    yield platform
    platform.values = before
    platform.install(placeholders={"replicas": 0})


@pytest.fixture
def gpu_node(full: ClusterPlatform) -> Iterator[str]:
    """A node with one GPU, as its device plugin would say; nothing is behind it."""
    node = max(full.cluster.nodes)
    advertise(full, node, [{"op": "add", "path": path(), "value": "1"}])
    yield node
    advertise(full, node, [{"op": "remove", "path": path()}])


def path() -> str:
    return "/status/capacity/" + GPU.replace("/", "~1")


def advertise(platform: ClusterPlatform, node: str, change: list[dict[str, str]]) -> None:
    """Change what a node says it has."""
    platform.cluster.kubectl(
        *("patch", "node", node, "--subresource=status", "--type=json", "-p", json.dumps(change))
    )


def held(platform: ClusterPlatform) -> list[str]:
    """Return the phase of each placeholder."""
    pods = platform.cluster.get("pods", "-n", platform.namespace, "-l", "component=placeholder")
    return sorted(pod["status"]["phase"] for pod in pods["items"])


def test_a_placeholder_gives_way_to_a_person_and_comes_back(
    full: ClusterPlatform, idle: PodPerson
) -> None:
    all_of_them = ["Running"] * len(full.cluster.nodes)
    retry_until(lambda: held(full) == all_of_them, 60, "each node has one")
    idle.start(size="Small")
    assert idle.inside("id", "-u") == "1000"
    assert held(full) == ["Pending", *all_of_them[1:]]
    idle.stop()
    retry_until(lambda: held(full) == all_of_them, 60, "the room is held again")


def test_a_gpu_is_one_persons_at_a_time(
    full: ClusterPlatform, gpu_node: str, idle: PodPerson
) -> None:
    linus = full.person("linus")
    linus.stop()
    idle.start(size="Card")
    assert idle.node == gpu_node
    (container,) = full.cluster.get("pod", idle.pod, "-n", full.namespace)["spec"]["containers"]
    assert container["resources"]["limits"][GPU] == "1"
    asked = linus.api("POST", "users/linus/server", json={"size": "Card"})
    assert asked.status_code == 202, asked.text
    said = linus.api("GET", "users/linus/server/progress", stream=True)
    assert any(b"The GPU is in use" in line for line in said.iter_lines(chunk_size=1))
    said.close()
    assert not linus.has_container()
    idle.stop()
    assert linus.open().ok
    assert linus.node == gpu_node
    linus.stop()
