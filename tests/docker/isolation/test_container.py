"""What a person can do from inside their container.

Beside each denial stands the nearest allowed case.
"""

import json
import re
import uuid

import pytest

from tests.standins.engine import docker
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
    network = json.loads(docker("network", "inspect", f"{stack.name}-users"))[0]
    gateway = network["IPAM"]["Config"][0].get("Gateway") or str(
        stack.subnet.rpartition(".")[0] + ".1"
    )
    assert reached(ada, [f"{gateway}:{stack.port}", f"{gateway}:2375"]) == []


def test_files_of_others_of_the_hub_and_of_the_engine_are_not_there(stack, ada, linus):
    secret = f"only-linus-{uuid.uuid4().hex}"
    linus.inside("sh", "-c", f"echo {secret} > ~/notebooks/mine.txt")
    assert linus.inside("cat", "/home/mosshub/notebooks/mine.txt").strip() == secret
    found = ada.inside(
        "sh", "-c",
        f"grep -rlsF -m1 {secret} /home /srv /tmp /var /mnt /media /root /run /opt/mosshub/*.* "
        "2>/dev/null; true",
    )  # fmt: skip
    assert found.strip() == ""
    search = (
        "find / -xdev \\( -name docker.sock -o -name 'jupyterhub.sqlite*' -o -name 'identities.*' "
        "-o -name cookie_secret -o -name crypt_key -o -name proxy_token \\) 2>/dev/null; true"
    )
    assert ada.inside("sh", "-c", search).strip() == ""
    assert (
        ada.inside("sh", "-c", "ls /run/secrets /srv/mosshub/data 2>&1; true").count("No such") == 2
    )
    mounts = json.loads(docker("inspect", "--format", "{{json .Mounts}}", ada.container))
    assert sorted((m["Type"], m["Name"], m["Destination"]) for m in mounts) == [
        ("volume", f"{stack.name}_home_ada", "/home/mosshub"),
        ("volume", f"{stack.name}_team", "/srv/team/everybody"),
    ]


def test_the_process_has_no_right_and_no_way_to_gain_one(ada):
    status = ada.inside("cat", "/proc/self/status")
    for key in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert re.search(rf"^{key}:\s+0+$", status, re.MULTILINE), status
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Seccomp:\s+2$", status, re.MULTILINE)
    assert re.search(r"^Uid:\s+1000\s+1000\s+1000\s+1000$", status, re.MULTILINE)
    # The same for the kernel that runs people's code, and not only for what the test starts.
    assert ada.notebook().run(
        "import os as _os; _s = open('/proc/self/status').read();"
        "_a = [x.split()[1] for x in _s.splitlines() if x[:6] in ('CapEff', 'NoNewP')];"
        "print(_os.getuid(), *_a)"
    ).split() == ["1000", "0" * 16, "1"]


@pytest.mark.parametrize(
    "attempt",
    [
        "unshare -r id",
        "mount -t tmpfs none /mnt",
        "mknod /tmp/disk b 8 0",
        "chown root /tmp",
        "su -c id",
        "chroot / id",
        "cp /bin/sh /tmp/sh && chmod u+s /tmp/sh && chown root /tmp/sh",
        "echo 1 > /proc/sys/net/ipv4/ip_forward",
        "echo x > /proc/sysrq-trigger",
        "touch /opt/mosshub/x",
        "touch /opt/mosshub/venv/lib/python3.13/site-packages/x.py",
        "touch /srv/mosshub/notebooks/x.py",
        "touch /etc/x",
        "touch /usr/local/bin/x",
        "cat /etc/shadow",
        "cat /proc/1/environ",
        "ls /proc/1/root/",
        "cat /dev/mem",
    ],
)
def test_what_only_root_may_do_fails(ada, attempt):
    done = ada.attempt(attempt)
    assert done.returncode != 0, done.stdout


def test_what_everybody_may_do_works(ada):
    """The nearest allowed to the list above."""
    for allowed in ("touch ~/x && rm ~/x", "touch /tmp/x", "cat /proc/self/environ", "ls /proc/1"):
        assert ada.attempt(allowed).returncode == 0, allowed


def test_the_hubs_token_is_in_no_process_that_notebook_code_can_read(ada):
    look = (
        "import pathlib as _path\n"
        "_read = 0\n"
        "for _p in _path.Path('/proc').glob('[0-9]*/environ'):\n"
        "    try: _found = b'JUPYTERHUB_API_TOKEN' in _p.read_bytes()\n"
        "    except OSError: continue\n"
        "    _read += 1\n"
        "    if _found: print(_p)\n"
        "print(_read > 0)\n"
    )
    # Some can be read: the kernel's own and marimo's, which have none.
    assert ada.notebook().run(look).strip() == "True"


# What has to work from there


def test_the_hubs_api_with_ones_own_token_is_ones_own(stack, ada, linus):
    token = ada.api("POST", "users/ada/tokens", json={"note": "test", "expires_in": 600})
    assert token.status_code == 201, token.text
    asking = (
        "import sys, urllib.request, urllib.error\n"
        "for path in sys.argv[2:]:\n"
        "    r = urllib.request.Request('http://hub:8081/hub/api/' + path,"
        " headers={'Authorization': 'token ' + sys.argv[1]})\n"
        "    try: print(urllib.request.urlopen(r, timeout=20).status)\n"
        "    except urllib.error.HTTPError as e: print(e.code)\n"
    )
    paths = ["user", "users/ada", "users", "users/linus", "users/linus/tokens", "proxy", "info"]
    answers = ada.inside("python3", "-c", asking, token.json()["token"], *paths).split()
    assert answers[:2] == ["200", "200"]
    assert set(answers[2:]) <= {"403", "404"}, dict(zip(paths, answers, strict=True))


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
