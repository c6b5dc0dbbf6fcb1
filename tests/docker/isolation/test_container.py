"""What a person can do from inside their container.

Beside each denial stands the nearest allowed case.
"""

import json
import uuid

import pytest

from tests.cases.container import *  # noqa: F403
from tests.standins.engine import docker
from tests.support.containers import gateway
from tests.support.members import TeamMember

pytestmark = pytest.mark.timeout(1200)


# From inside the container

REACH = """
import concurrent.futures, json, socket, sys
def reach(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return True
    except OSError:
        return False
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    print(json.dumps(list(pool.map(reach, sys.argv[1:]))))
"""


def reached(person: TeamMember, addresses: list[str]) -> list[str]:
    """Which of the addresses (host:port) accept a connection from the person's container."""
    answers = json.loads(person.inside("python3", "-c", REACH, *addresses))
    return [a for a, answered in zip(addresses, answers, strict=True) if answered]


PORTS = (80, 2019, 2375, 8000, 8001, 8002, 8080, 8081, 9094)


def test_nothing_of_the_others_and_of_the_platform_can_be_reached(stack, ada, linus):
    theirs = linus.address
    closed = [f"{theirs}:{port}" for port in linus.listening() - {8888}]
    assert closed, "marimo listens somewhere in the other container"
    for network in ("edge", "hub", "engine", "broker"):
        for service in ("caddy", "proxy", "hub", "engine", "kafka", "keycloak"):
            networks = stack.inspect(service)["NetworkSettings"]["Networks"]
            if f"{stack.name}_{network}" in networks:
                address = networks[f"{stack.name}_{network}"]["IPAddress"]
                closed += [f"{address}:{port}" for port in PORTS]
    users = stack.address("proxy", f"{stack.name}-users")
    closed += [
        f"{users}:8001",
        f"{users}:8002",
        "proxy-api:8001",
        "engine:2375",
        "caddy:2019",
        "keycloak:8080",
    ]
    closed += ["kafka:9093", "kafka:9094", "broker:9094"]
    closed += ["169.254.169.254:80", "100.100.100.200:80", "168.63.129.16:80"]
    assert reached(ada, closed) == []
    # The nearest that may.
    open_to_them = ["hub:8081", "kafka:9092", f"{theirs}:8888", "proxy:8000"]
    assert reached(ada, open_to_them) == open_to_them


def test_the_hosts_own_ports_are_closed(stack, ada):
    """The engine's gateway address is the host: what it publishes on 127.0.0.1 stays there."""
    host = gateway(f"{stack.name}-users")
    assert reached(ada, [f"{host}:{stack.port}", f"{host}:2375"]) == []


def test_the_only_volumes_are_ones_own_and_the_teams(stack, ada):
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", ada.container))
    assert sorted((m["Type"], m["Name"], m["Destination"]) for m in mounts) == [
        ("volume", f"{stack.name}_home_ada", "/home/mosshub"),
        ("volume", f"{stack.name}_team", "/srv/team/everybody"),
    ]


# What has to work from there


def test_the_broker_the_package_index_and_ones_own_files(ada):
    topic = f"ada.{uuid.uuid4().hex[:8]}"
    stream = (
        "import sys\n"
        "from kafka import KafkaConsumer, KafkaProducer\n"
        "from kafka.admin import KafkaAdminClient\n"
        "from imageclass.kafka.credentials import find_account\n"
        "b = {'bootstrap_servers': 'kafka:9092', **find_account().settings}; t = sys.argv[1]\n"
        "a = KafkaAdminClient(**b)\n"
        "a.create_topics({t: {'num_partitions': 1, 'replication_factor': 1}})\n"
        "p = KafkaProducer(**b); p.send(t, b'hello').get(20); p.close()\n"
        "c = KafkaConsumer(t, **b, auto_offset_reset='earliest',"
        " consumer_timeout_ms=20000)\n"
        "print(next(iter(c)).value.decode()); c.close()\n"
        "a.delete_topics([t]); a.close()\n"
    )
    assert ada.with_account(stream, topic).split() == ["hello"]
    done = ada.attempt("pip download -q --no-deps -d /tmp/wheels six && ls /tmp/wheels")
    assert "six-" in done.stdout, done.stderr
    ada.inside("sh", "-c", "echo mine > ~/notebooks/own.txt && rm ~/notebooks/own.txt")
