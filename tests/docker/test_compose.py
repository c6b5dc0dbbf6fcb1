"""`make up` on a host: the services of docker/, started by docker/up as a person would, with the
demo's Keycloak. Names, port and subnets are this test's own; all of it goes at the end.
"""

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.paths import DOCKER
from tests.support.stack import HUB_IMAGE, PEOPLE, SERVICES, Stack, errors_in, sign_in
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)  # the first build of the images takes minutes


@pytest.fixture
def person(stack: Stack, containers: Containers):
    """A container where people's servers are, with nothing but Python to try things with."""
    return containers.run(
        *(f"--network={stack.name}-users", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *("--no-healthcheck", HUB_IMAGE, "sleep", "infinity"),
    )


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


# Starting


def test_up_ends_with_the_address_and_the_people(stack):
    said = stack.said
    assert f"\nMosshub is at {stack.url}\n" in said
    for name in PEOPLE:
        assert re.search(rf"^  {name} +{stack.secret(name)} ", said, re.MULTILINE)


def test_every_service_is_healthy_and_hardened(stack):
    for service in SERVICES:
        found = stack.inspect(service)
        assert found["State"]["Health"]["Status"] == "healthy", service
        host = found["HostConfig"]
        assert host["CapDrop"] == ["ALL"], service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert host["ReadonlyRootfs"] == (service != "keycloak"), service
        assert host["Memory"] > 0, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        assert host["LogConfig"]["Config"] == {"max-file": "3", "max-size": "10m"}, service
        assert not host["Privileged"], service


def test_one_port_is_published_on_this_host_alone(stack):
    ports = {s: stack.inspect(s)["HostConfig"]["PortBindings"] for s in SERVICES}
    wanted = {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
    assert {s: p for s, p in ports.items() if p} == {"caddy": wanted}
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


@pytest.mark.parametrize("changes", [{}, {"DOMAIN": "mosshub.test"}])
def test_compose_config_has_no_warning(stack, changes):
    done = subprocess.run(
        [DOCKER / "compose", "config", "--quiet"],
        env={**stack.environment, **changes},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_logs_of_a_clean_start_have_no_error(stack):
    for service in SERVICES:
        assert errors_in(stack.first_words[service]) == [], service


def test_second_up_leaves_everything_and_everybody_running(stack, person):
    before = stack.started()
    again = stack.script("up", BUILD="no")
    assert again.returncode == 0, again.stdout[-6000:]
    assert stack.started() == before
    assert person.state("Running") == "true"


# Who may come in


@pytest.mark.parametrize(("name", "admin"), [("ada", False), ("linus", False), ("grace", True)])
def test_people_of_the_team_sign_in_through_keycloak(stack, name, admin):
    session, answer = sign_in(stack, name, stack.secret(name))
    assert answer.status_code == 302, answer.text
    assert session.get(f"{stack.url}/hub/home", timeout=60).status_code == 200
    panel = session.get(f"{stack.url}/hub/admin", timeout=60)
    assert panel.status_code == (200 if admin else 403)


def test_strangers_and_wrong_passwords_do_not(stack):
    session, answer = sign_in(stack, "mallory", stack.secret("mallory"))
    assert answer.status_code == 403, answer.text
    assert "/hub/login" in session.get(f"{stack.url}/hub/home", timeout=60).url
    _, answer = sign_in(stack, "ada", "not-hers")
    assert answer.status_code == 200
    assert "/auth/realms/mosshub" in answer.url


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
    program = (
        f"import sys; sys.argv[1:] = {['proxy-api:8001', 'engine:2375', 'broker:9094']}\n{REACH}"
    )
    assert json.loads(stack.in_hub(program)) == [True, True, True]


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


# The gate to the engine

CALLS = """
import http.client, json, sys
answers = []
for method, path, body in json.load(sys.stdin):
    gate = http.client.HTTPConnection("engine", 2375, timeout=60)
    data = None if body is None else body if isinstance(body, str) else json.dumps(body)
    gate.request(method, path, data, {"Content-Type": "application/json"})
    answer = gate.getresponse()
    answers.append([answer.status, answer.read().decode(errors="replace")])
print(json.dumps(answers))
"""


def ask(stack: Stack, *calls: tuple) -> list[tuple[int, str]]:
    """Status and text of the gate's answer to each (method, path[, body]), asked by the hub."""
    full = [(*call, None)[:3] for call in calls]
    return [tuple(a) for a in json.loads(stack.in_hub(CALLS, json.dumps(full)))]


def creation(stack: Stack, **host: object) -> dict:
    return {
        "Image": HUB_IMAGE,
        "Cmd": ["sleep", "60"],
        "Env": ['SCOPES=["access:servers!server=ad\\u00e4/"]', "A=b"],
        "Volumes": {"/home/mosshub": {}},
        "HostConfig": {
            "NetworkMode": f"{stack.name}-users",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Binds": [f"{stack.name}_home_zoe:/home/mosshub:rw"],
            "Mounts": [],
            "Memory": 100_000_000,
            **host,
        },
    }


def test_the_gate_lets_a_persons_container_live_and_die(stack):
    name = f"{stack.name}_zoe--"
    (created,) = ask(stack, ("POST", f"/v1.41/containers/create?name={name}", creation(stack)))
    try:
        assert created[0] == 201, created
        key = json.loads(created[1])["Id"]
        answers = ask(
            stack,
            ("GET", "/_ping"),
            ("GET", "/version"),
            ("GET", f"/v1.41/images/{HUB_IMAGE}/json"),
            ("GET", f"/v1.41/containers/{name}/json"),
            ("POST", f"/v1.41/containers/{key}/start"),
            ("GET", f"/v1.41/containers/{key}/logs?stdout=1&stderr=1&tail=12"),
            ("POST", f"/v1.41/containers/{key}/stop?t=1"),
            ("DELETE", f"/v1.41/containers/{key}?v=True"),
        )
        assert [status for status, _ in answers] == [200, 200, 200, 200, 204, 200, 204, 204]
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)
        docker("volume", "rm", "-f", f"{stack.name}_home_zoe")


def test_the_gate_refuses_every_other_call(stack):
    kafka = stack.container("kafka")
    key = "0" * 64
    calls = [
        ("GET", "/containers/json"),
        ("GET", "/v1.41/containers/json?all=1"),
        ("GET", "/info"),
        ("GET", "/events"),
        ("GET", "/system/df"),
        ("POST", "/auth", {}),
        ("GET", f"/containers/{kafka}/json"),
        ("POST", f"/containers/{kafka}/stop"),
        ("DELETE", f"/containers/{kafka}?force=1"),
        ("POST", f"/containers/{key}/exec", {"Cmd": ["sh"]}),
        ("POST", f"/exec/{key}/start", {}),
        ("POST", f"/containers/{key}/kill"),
        ("POST", f"/containers/{key}/restart"),
        ("POST", f"/containers/{key}/update", {}),
        ("POST", f"/containers/{key}/rename?name=x"),
        ("POST", f"/containers/{key}/attach?stream=1"),
        ("POST", f"/containers/{key}/pause"),
        ("GET", f"/containers/{key}/archive?path=/"),
        ("PUT", f"/containers/{key}/archive?path=/", ""),
        ("GET", f"/containers/{key}/export"),
        ("GET", f"/containers/{key}/top"),
        ("GET", f"/containers/{key}/start"),
        ("POST", f"/containers/{key}/json"),
        ("DELETE", f"/containers/{key}/json"),
        ("POST", "/containers/prune"),
        ("POST", "/commit?container=x", {}),
        ("POST", "/build"),
        ("GET", "/images/json"),
        ("POST", "/images/create?fromImage=x"),
        ("POST", "/images/load"),
        ("DELETE", f"/images/{HUB_IMAGE}"),
        ("POST", f"/images/{HUB_IMAGE}/push"),
        ("GET", f"/images/{HUB_IMAGE}/get"),
        ("GET", "/images/../containers/json"),
        ("GET", "/images/x/../../containers/json"),
        ("GET", "/images//containers/json"),
        ("GET", "/images/%2e%2e/containers/json"),
        ("GET", "/volumes"),
        ("POST", "/volumes/create", {"Name": "x"}),
        ("DELETE", f"/volumes/{stack.name}_hub-data"),
        ("GET", "/networks"),
        ("POST", "/networks/create", {"Name": "x"}),
        ("POST", f"/networks/{stack.name}_engine/connect", {"Container": "x"}),
        ("GET", "/swarm"),
        ("POST", "/swarm/init", {}),
        ("GET", "/secrets"),
        ("GET", "/services"),
        ("GET", "/plugins"),
        ("POST", "/session"),
        ("POST", "/grpc"),
    ]
    answers = ask(stack, *calls)
    passed = [c for c, (status, _) in zip(calls, answers, strict=True) if status != 403]
    assert passed == []
    # The nearest that may: the same id, asked about.
    assert ask(stack, ("GET", f"/containers/{key}/json"))[0][0] == 404


def test_the_gate_refuses_containers_with_more_of_the_host(stack):
    name = f"{stack.name}_zoe--"
    path = f"/v1.41/containers/create?name={name}"
    bodies = [
        creation(stack, Privileged=True),
        creation(stack, CapDrop=[]),
        creation(stack, CapAdd=["SYS_ADMIN"]),
        creation(stack, SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
        creation(stack, SecurityOpt=[]),
        creation(stack, Binds=["/:/home/mosshub:rw"]),
        creation(stack, Binds=[f"{stack.name}_home_zoe:/home/mosshub:rw", "/etc:/host"]),
        creation(stack, Binds=[f"{stack.name}_hub-data:/home/mosshub"]),
        creation(stack, Binds=["/var/run/docker.sock:/home/mosshub"]),
        creation(stack, Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
        creation(stack, NetworkMode="host"),
        creation(stack, NetworkMode=f"{stack.name}_engine"),
        creation(stack, PidMode="host"),
        creation(stack, IpcMode="host"),
        creation(stack, Devices=[{"PathOnHost": "/dev/vda"}]),
        creation(stack, VolumesFrom=[stack.container("hub")]),
        creation(stack, CgroupParent="/"),
        creation(stack, Sysctls={"kernel.msgmax": "1"}),
        creation(stack, PortBindings={"80/tcp": [{"HostPort": "80"}]}),
        creation(stack, MaskedPaths=["/x"]),
        creation(stack, privileged=True),
        creation(stack, capdrop=[]),
        creation(stack, BINDS=["/:/host"]),
        {**creation(stack), "hostconfig": {"Binds": ["/:/host"]}},
        {**creation(stack), "NetworkingConfig": {"EndpointsConfig": {f"{stack.name}_hub": {}}}},
        json.dumps(creation(stack)).replace('"Memory"', '"Privil\\u0065ged": true, "Memory"'),
        json.dumps(creation(stack)) + " " * 60_000,
        {},
    ]
    names = [
        "",
        "?name=",
        f"?name={stack.container('kafka')}",
        "?name=other",
        f"?name={stack.name}_x",
    ]
    calls = [("POST", path, body) for body in bodies]
    calls += [("POST", f"/containers/create{n}", creation(stack)) for n in names]
    answers = ask(stack, *calls)
    passed = [c for c, (status, _) in zip(calls, answers, strict=True) if status != 403]
    subprocess.run(["docker", "rm", "-f", name], capture_output=True)
    assert passed == []


# Secrets


def test_secrets_are_in_no_setting_and_no_log(stack):
    values = [stack.secret(s) for s in ("proxy_token", "cookie_secret", "crypt_key")]
    values += [stack.secret(s) for s in ("broker_secret", "oauth_client_secret")]
    assert all(len(value) >= 32 for value in values)
    for service in SERVICES - {"keycloak"}:  # the demo's own secret is in its environment
        seen = docker("inspect", stack.container(service))
        assert [v for v in values if v in seen] == [], service
    logs = stack.compose("logs", "--no-color")
    assert [v for v in values if v in logs] == []


def test_the_directory_of_secrets_is_closed(stack):
    assert stack.secrets.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in stack.secrets.iterdir()} == {0o644}


def test_the_access_log_has_no_query_no_cookie_no_token(stack):
    canary = uuid.uuid4().hex
    requests.get(
        f"{stack.url}/hub/{canary[:8]}?token=q{canary}",
        headers={"Authorization": f"token a{canary}", "Cookie": f"x=c{canary}", "Referer": canary},
        timeout=10,
    )
    log = retry_until(
        lambda: next(
            (x for x in stack.compose("logs", "caddy").splitlines() if canary[:8] in x), None
        ),
        20,
        "the request is logged",
    )
    assert canary not in log
    assert '"status":' in log


# The edge


def test_answers_carry_the_edges_headers(stack):
    answer = requests.get(f"{stack.url}/hub/login", timeout=20)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert "Server" not in answer.headers or "Caddy" not in answer.headers["Server"]
    assert "Strict-Transport-Security" not in answer.headers


def over_tls(address: str, ca: str, path: str) -> http.client.HTTPResponse:
    """The answer of mosshub.test at that address, whose certificate `ca` must vouch for."""
    trust = ssl.create_default_context(cadata=ca)
    plain = socket.create_connection((address, 443), timeout=20)
    with trust.wrap_socket(plain, server_hostname="mosshub.test") as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: mosshub.test\r\n\r\n".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer


def test_with_a_domain_it_speaks_https(stack):
    """Caddy's own authority; the address is one of this host's own, for this test alone."""
    address = f"127.0.0.{64 + uuid.uuid4().int % 128}"
    changes = {"DOMAIN": "mosshub.test", "TLS": "internal", "BIND": address}
    start = ("up", "--detach", "--no-deps", "--wait", "caddy")
    try:
        stack.compose(*start, **changes)
        ports = stack.inspect("caddy")["HostConfig"]["PortBindings"]
        assert set(ports) == {"80/tcp", "443/tcp", "443/udp"}
        root = "/data/caddy/pki/authorities/local/root.crt"
        ca = retry_until(
            lambda: docker("exec", stack.container("caddy"), "cat", root), 30, "an authority"
        )
        answer = retry_until(
            lambda: over_tls(address, ca, "/hub/health"), 30, "HTTPS with a good certificate"
        )
        assert answer.status == 200
        assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
        plain = requests.get(
            f"http://{address}/hub/", headers={"Host": "mosshub.test"}, allow_redirects=False,
            timeout=10,
        )  # fmt: skip
        assert plain.status_code in (301, 308)
        assert plain.headers["Location"] == "https://mosshub.test/hub/"
    finally:
        stack.compose(*start)
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


# Accidents


def test_the_hub_restarts_alone(stack):
    before = stack.started()
    stack.compose("restart", "hub")
    retry_until(lambda: stack.health("hub") == "healthy", 120, "the hub's health")
    after = stack.started()
    assert {s for s in SERVICES if before[s] != after[s]} == {"hub"}
    assert requests.get(f"{stack.url}/hub/health", timeout=10).status_code == 200


@pytest.mark.parametrize("service", ["proxy", "caddy", "hub", "engine", "kafka", "firewall"])
def test_a_killed_service_is_back_without_a_hand(stack, service):
    stack.kill(service)
    retry_until(lambda: stack.health(service) == "healthy", 120, f"{service} is back")
    answer = retry_until(
        lambda: requests.get(f"{stack.url}/hub/health", timeout=10).ok, 60, "the hub answers"
    )
    assert answer
    if service == "engine":

        def open_again() -> bool:
            try:
                return ask(stack, ("GET", "/_ping")) == [(200, "OK")]
            except AssertionError:  # the hub was refused: the gate is not there yet
                return False

        assert retry_until(open_again, 60, "the gate lets the hub through")


# Refusals


@pytest.fixture
def fresh(stack: Stack, tmp_path: Path) -> Iterator[Stack]:
    """A team's platform (not the demo) that was never started."""
    other = Stack(tmp_path)
    other.subnet = other.environment["USERS_SUBNET"] = "172.29.207.0/24"
    other.environment |= {"DEMO": "0", "BUILD": "no"}
    yield other
    if other.settings.exists():
        other.script("compose", "down", "--volumes")


def test_the_first_up_lays_out_the_settings_and_says_what_is_needed(fresh):
    up = fresh.script("up")
    assert up.returncode == 1
    assert "OAUTH_PROVIDER and OAUTH_CLIENT_ID" in up.stdout
    assert fresh.settings.read_text() == (DOCKER / ".env.example").read_text()


def test_up_asks_for_the_client_secret(fresh):
    shutil.copy(DOCKER / ".env.example", fresh.settings)
    up = fresh.script("up")
    assert up.returncode == 1
    assert "oauth_client_secret, then run make up again" in up.stdout


def test_up_refuses_wrong_settings_with_the_hubs_words(fresh):
    fresh.settings.write_text("OAUTH_PROVIDER=gitbub\nOAUTH_CLIENT_ID=x\nALLOWED_USERS=ada\n")
    fresh.secrets.mkdir()
    (fresh.secrets / "oauth_client_secret").write_text("not-a-secret")
    up = fresh.script("up")
    assert up.returncode == 1
    assert "OAUTH_PROVIDER=gitbub: expected the identity provider" in up.stdout
    assert "Nothing was started." in up.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={fresh.name}") == ""


def test_every_setting_of_the_hub_is_in_the_example():
    from hub.settings import Settings

    named = set(re.findall(r"(?m)^([A-Z_]+)=", (DOCKER / ".env.example").read_text()))
    given = {"SERVERS", "DATA_DIR", "KAFKA_BOOTSTRAP_SERVERS", "USERS_NETWORK"}  # by compose.yaml
    given.add("KAFKA_ADMIN_SERVER")
    secret = {"OAUTH_CLIENT_SECRET", "PROXY_TOKEN", "COOKIE_SECRET", "CRYPT_KEY", "BROKER_SECRET"}
    laptop = {"KAFKA_PORT", "HUB_PORT", "PROXY_API_PORT", "NODE"}
    assert {f.upper() for f in Settings.model_fields} - given - secret - laptop <= named


# The end


def test_purge_user_deletes_one_persons_files_after_asking(stack):
    name = f"a.{uuid.uuid4().hex[:8]}"
    volume = f"{stack.name}_home_{name.replace('.', '-2e')}"
    docker("volume", "create", volume)
    try:
        refused = stack.script("purge-user", name)
        assert refused.returncode == 1
        assert "Nothing was deleted" in refused.stdout
        assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == volume
        done = subprocess.run(
            [DOCKER / "purge-user", name],
            input=f"{name}\n",
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        assert docker("volume", "ls", "--quiet", "--filter", f"name={volume}") == ""
        assert "has no files here" in stack.script("purge-user", name).stdout
    finally:
        docker("volume", "rm", "-f", volume)


def test_down_stops_everything_and_keeps_what_people_made(stack):
    name = f"{stack.name}_zoe--"
    docker("run", "-d", "--name", name, f"--network={stack.name}-users", HUB_IMAGE, "sleep", "60")
    down = stack.script("down")
    assert down.returncode == 0, down.stdout
    assert docker("ps", "--all", "--quiet", "--filter", f"name={stack.name}") == ""
    assert docker("network", "ls", "--quiet", "--filter", f"name={stack.name}") == ""
    volumes = docker("volume", "ls", "--quiet", "--filter", f"name={stack.name}_").split()
    wanted = {f"{stack.name}_{v}-data" for v in ("hub", "kafka", "caddy", "keycloak")}
    assert wanted <= set(volumes)
    rules = ("run", "--rm", "--network=host", "--entrypoint=ip", HUB_IMAGE, "rule")
    assert stack.subnet not in docker(*rules)
    # Other tests go on with it, and a team does so after a break.
    up = stack.script("up", BUILD="no")
    assert up.returncode == 0, up.stdout[-6000:]
