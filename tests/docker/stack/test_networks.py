"""What people's containers reach: hub and broker, and nothing else."""

import json
import socket
import uuid

import pytest

from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.stack import HUB_IMAGE
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


REACH = """
import json, socket, sys
def reach(host, port):
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        return True
    except OSError:
        return False
print(json.dumps([reach(*a.rsplit(":", 1)) for a in sys.argv[1:]]))
"""


def reached(container, addresses: list[str]) -> dict[str, bool]:
    """Which of the addresses (host:port) accept a connection from there."""
    answers = json.loads(container.exec("python", "-c", REACH, *addresses, timeout=180))
    return dict(zip(addresses, answers, strict=True))


# What reaches what


def test_people_reach_hub_and_broker_and_nothing_else(stack, person):
    edge, hub, engine, users = (
        *(f"{stack.name}_{n}" for n in ("edge", "hub", "engine")),
        f"{stack.name}-users",
    )
    open_to_them = ["hub:8081", "kafka:9092", "proxy:8000"]
    closed = [
        "proxy-api:8001",
        f"{stack.address('proxy', users)}:8001",
        f"{stack.address('proxy', hub)}:8001",
        f"{stack.address('proxy', hub)}:8002",
        f"{stack.address('proxy', users)}:8002",
        f"{stack.address('proxy', edge)}:8001",
        "kafka:9093",
        "kafka:9094",
        f"{stack.address('kafka', users)}:9094",
        f"{stack.address('kafka', f'{stack.name}_broker')}:9094",
        "engine:2375",
        f"{stack.address('engine', engine)}:2375",
        f"{stack.address('hub', engine)}:8081",
        "keycloak:8080",
        f"{stack.address('keycloak', hub)}:8080",
        f"{stack.address('keycloak', edge)}:9000",
        "caddy:80",
        f"{stack.address('caddy', edge)}:80",
        "caddy:2019",
    ]
    found = reached(person, open_to_them + closed)
    assert [a for a in open_to_them if not found[a]] == []
    assert [a for a in closed if found[a]] == []
    # The nearest that may: the hub reaches what people do not.
    inside = ["proxy-api:8001", "proxy-api:8002", "engine:2375", "broker:9094"]
    program = f"import sys; sys.argv[1:] = {inside}\n{REACH}"
    assert json.loads(stack.in_hub(program)) == [True] * len(inside)


OUTSIDE = "169.254.77.2"


@pytest.fixture
def outside(containers: Containers) -> str:
    """Address of a host behind this one, link-local as clouds' metadata services are, with two
    open ports. The engine knows nothing of it: packets get there by this host's routes alone.
    """
    link = f"mh{uuid.uuid4().hex[:8]}"
    listen = "import socket, time; s = [socket.create_server(('', p)) for p in (80, 53)]; "
    server = containers.run(
        *("--network=none", "--user=0", "--cap-add=NET_ADMIN", "--no-healthcheck", HUB_IMAGE),
        *("python", "-c", f"{listen}time.sleep(3600)"),
    )
    # The link goes with the container's network namespace.
    wire = f"""set -e
ip link add {link} type veth peer name up0 netns {server.state("Pid")}
ip addr add 169.254.77.1/30 dev {link}
ip link set {link} up"""
    docker(
        *("run", "--rm", "--user=0", "--network=host", "--pid=host", "--cap-add=NET_ADMIN"),
        *("--cap-add=SYS_ADMIN", "--cap-add=SYS_PTRACE", "--entrypoint=sh", HUB_IMAGE, "-c", wire),
    )
    server.exec("ip", "addr", "add", f"{OUTSIDE}/30", "dev", "up0")
    server.exec("ip", "link", "set", "up0", "up")
    server.exec("ip", "route", "add", "default", "via", "169.254.77.1")
    other = containers.run("--no-healthcheck", HUB_IMAGE, "sleep", "infinity")
    addresses = [f"{OUTSIDE}:80", f"{OUTSIDE}:53"]
    retry_until(lambda: all(reached(other, addresses).values()), 20, "others reach it")
    return OUTSIDE


def test_hub_and_engine_networks_have_no_way_out(stack, containers, outside):
    for network in ("hub", "engine"):
        box = containers.run(
            f"--network={stack.name}_{network}", "--no-healthcheck", HUB_IMAGE, "sleep", "infinity"
        )
        assert reached(box, [f"{outside}:80"]) == {f"{outside}:80": False}


def test_the_metadata_service_is_out_of_peoples_reach(stack, person, outside):
    # Names are served from there on some clouds.
    assert reached(person, [f"{outside}:80", f"{outside}:53"]) == {
        f"{outside}:80": False,
        f"{outside}:53": True,
    }

    rules = ("exec", stack.container("firewall"), "ip", "rule", "show", "from", stack.subnet)
    assert docker(*rules).count("prohibit") == 4
    docker("exec", stack.container("firewall"), "sh", "/etc/mosshub/guard", "off")
    assert docker(*rules) == ""
    retry_until(lambda: docker(*rules).count("prohibit") == 4, 30, "the rules are back")
    assert reached(person, [f"{outside}:80"]) == {f"{outside}:80": False}


def test_the_hub_reaches_a_provider_on_the_host_by_name(stack):
    """docs/sign-in.md: OAUTH_INTERNAL_URL=http://host.docker.internal:PORT/…"""
    name = "host.docker.internal"
    address = stack.in_hub(f"import socket; print(socket.gethostbyname({name!r}))").strip()
    with socket.create_server((address, 0)) as provider:
        port = provider.getsockname()[1]
        connect = f"import socket; socket.create_connection(({name!r}, {port}), 10).close()"
        stack.in_hub(connect)
