"""The chart on a real cluster: from nothing to people at work, and what they may reach."""

from __future__ import annotations

import json
import secrets
import time

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import SEND_AND_READ, ClusterPlatform, PodPerson
from tests.support.kernels import Notebook
from tests.support.waiting import retry_until, wait_until

HUB_BACK_S = 30
POLICY_S = 20
NOTEBOOK = "import marimo\n\napp = marimo.App()\n"
#: Prints how many messages are read of each topic, with a way that knows the topics' partitions.
READ = """\
import collections, time
import imageclass
from kafka import TopicPartition
from kafka.errors import KafkaError
found, until = collections.Counter(), time.monotonic() + 10
with imageclass.connect().consumer() as consumer:
    consumer.assign([TopicPartition(t, n) for t in {topics} for n in range(4)])
    while time.monotonic() < until:
        try:
            records = consumer.poll(timeout_ms=500)
        except KafkaError as error:
            print(type(error).__name__)
            continue
        found.update({{place.topic: len(each) for place, each in records.items()}})
print(sorted(found))"""
#: Prints the racks of all brokers, and of each partition its copies and those in sync.
WHERE = """\
import json
import imageclass
connection = imageclass.connect()
with connection.admin() as admin:
    brokers = admin.describe_cluster()["brokers"]
    topic, = admin.describe_topics([connection.topics.requests])
copies = [[part["replica_nodes"], part["isr_nodes"]] for part in topic["partitions"]]
print(json.dumps([sorted(broker["rack"] for broker in brokers), copies]))"""
#: Asks a port, and says whether somebody is there.
REACHES = "timeout 3 bash -c '</dev/tcp/{host}/{port}' 2>/dev/null && echo yes || echo no"

pytestmark = pytest.mark.timeout(900)


def notebook_of(person: PodPerson, name: str) -> Notebook:
    """Open an empty notebook of this name."""
    script = f"printf '%s' '{NOTEBOOK}' > ~/notebooks/{name}.py"
    person.inside("bash", "-c", script)
    return person.notebook(f"{name}.py")


def reaches(person: PodPerson, host: str, port: int) -> bool:
    return person.inside("bash", "-c", REACHES.format(host=host, port=port)) == "yes"


def test_a_user_signs_in_and_runs_a_notebook(ada: PodPerson) -> None:
    assert "6 * 7 = 42" in notebook_of(ada, "small").run("print('6 * 7 =', 6 * 7)")
    assert ada.inside("bash", "-c", "id -u; stat -c %U ~/notebooks/small.py").split() == [
        "1000",
        "mosshub",
    ]
    assert ada.attempt("ls /var/run/secrets").returncode != 0


def test_a_user_has_an_account_on_the_broker(ada: PodPerson) -> None:
    key = secrets.token_hex(4)
    assert "ada.requests 50" in notebook_of(ada, "account").run(SEND_AND_READ.format(key=key))


def test_a_user_reads_nothing_of_others(ada: PodPerson, linus: PodPerson) -> None:
    for person in (ada, linus):
        notebook_of(person, "account").run(SEND_AND_READ.format(key=secrets.token_hex(4)))
    topics = ["ada.requests", "linus.requests"]
    said = notebook_of(ada, "others").run(READ.format(topics=topics))
    assert said.splitlines()[-1] == "['ada.requests']"


def test_each_message_is_on_three_nodes(cluster: Cluster, ada: PodPerson) -> None:
    notebook_of(ada, "sent").run(SEND_AND_READ.format(key=secrets.token_hex(4)))
    said = notebook_of(ada, "copies").run(WHERE)
    racks, copies = json.loads(said.splitlines()[-1])
    assert racks == sorted(cluster.nodes)
    for replicas, in_sync in copies:
        assert sorted(replicas) == sorted(in_sync) == [1, 2, 3]


def test_users_reach_what_they_need_and_nothing_else(
    cluster: Cluster, platform: ClusterPlatform, ada: PodPerson, linus: PodPerson
) -> None:
    neighbour = cluster.address(f"pod/{linus.pod}", platform.namespace)
    wait_until(lambda: not reaches(ada, neighbour, 8888), POLICY_S, "the policies hold")
    network = cluster.network
    cluster.control.answer_outside()
    for address in (network.OUTSIDE, network.METADATA):  # from a node both are there
        cluster.nodes[ada.node].wait_for("bash", "-c", f"</dev/tcp/{address}/80")
    allowed = {
        ("hub", 8081),
        ("kafka", 9092),
        ("kafka-0.brokers", 9092),
        (network.OUTSIDE, 80),
    }
    refused = {
        (neighbour, 8888),
        ("proxy", 8000),
        ("proxy-api", 8001),
        ("edge", 443),
        ("broker", 9094),
        ("kafka-0.brokers", 9093),
        ("kubernetes.default", 443),
        (network.METADATA, 80),
        (network.control, 6443),
        (network.node(1), 10250),
    }
    found = {way for way in allowed | refused if reaches(ada, *way)}
    assert found == allowed


def test_a_hub_that_is_gone_comes_back_and_ends_no_session(
    platform: ClusterPlatform, ada: PodPerson
) -> None:
    notebook = notebook_of(ada, "hub")
    notebook.run("kept = 1")
    platform.kubectl("delete", "pod", "-l", "component=hub", "--grace-period=1")  # waits for it
    wait_until(lambda: "41" in notebook.run("print(40 + kept)"), 5, "the kernel goes on")
    began = time.monotonic()
    retry_until(platform.answers, HUB_BACK_S, "another hub answers")
    print(f"the hub was back after {time.monotonic() - began:.1f} s")
    assert "41" in notebook.run("print(40 + kept)")
    retry_until(lambda: ada.open().ok, 60, "the hub knows the server")


def test_an_upgrade_keeps_keys_and_sessions(platform: ClusterPlatform, ada: PodPerson) -> None:
    keys = platform.kubectl("get", "secret", "mosshub-keys", "-o", "jsonpath={.data}")
    notebook = notebook_of(ada, "upgrade")
    notebook.run("kept = 2")
    platform.values["settings"]["TEAM_NAME"] = "Moss and friends"
    platform.install()
    assert_all_lead_to(platform, ada)
    assert platform.kubectl("get", "secret", "mosshub-keys", "-o", "jsonpath={.data}") == keys

    def go_on() -> bool:
        notebook.reconnect()  # the proxy shows the team's name, so it was started again
        return "42" in notebook.run("print(40 + kept)")

    retry_until(go_on, 60, "the page goes on, as often as it tries")
    assert "Moss and friends" in ada.session.get(f"{platform.url}/hub/home", timeout=60).text


def assert_all_lead_to(platform: ClusterPlatform, person: PodPerson) -> None:
    """Each of the two proxies that gets requests knows the person's server."""
    tables = platform.routes()
    assert len(tables) == 2
    for proxy, routes in tables.items():
        assert any(route.endswith(f"/user/{person.name}") for route in routes), (proxy, routes)


def test_a_proxy_that_starts_again_gets_requests_when_it_has_its_routes(
    platform: ClusterPlatform, ada: PodPerson
) -> None:
    lost, _ = sorted(platform.routes())

    def restarts() -> int:
        pod = platform.cluster.get("pod", lost, "-n", platform.namespace)
        return pod["status"]["containerStatuses"][0]["restartCount"]

    before = restarts()
    platform.kubectl("exec", lost, "--", "sh", "-c", "kill 1")
    wait_until(lambda: restarts() > before, 60, "the proxy starts again")
    retry_until(lambda: lost in platform.routes(), 60, "it gets requests")
    assert_all_lead_to(platform, ada)


def test_a_server_that_dies_starts_again_with_the_users_files(ada: PodPerson) -> None:
    ada.attempt("echo kept > ~/file")
    ada.platform.kubectl("delete", "pod", ada.pod, "--grace-period=1")
    ada.notebooks.clear()
    status = f"users/{ada.name}"

    def noticed() -> bool:
        return not ada.api("GET", status).json()["servers"]

    wait_until(noticed, 60, "the hub notices that the pod is gone")
    page = ada.session.get(ada.base, timeout=60)
    assert "was removed from the cluster" in page.text
    ada.start()
    assert ada.inside("cat", "/home/mosshub/file") == "kept"
