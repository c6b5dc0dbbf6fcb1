"""The demo as `make demo` starts it, under a name of its own: what the tests of a team share."""

import json
import os
import re
import secrets
import signal
import subprocess
import uuid
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, ip_network
from pathlib import Path

import requests
from mosshub_contract.ports import free_port

from tests.standins import ensure
from tests.standins.engine import docker
from tests.support import host_names
from tests.support.containers import PREFIX
from tests.support.paths import DOCKER

HUB_IMAGE = "mosshub/hub:local"
PEOPLE = ("ada", "linus", "grace", "mallory")
SERVICES = {"caddy", "proxy", "hub", "kafka", "engine", "firewall", "keycloak"}


DOMAIN = "mosshub.test"
AUTHORITY = "/data/caddy/pki/authorities/local"


def standins() -> None:
    """See to it that the images that the demo names are there."""
    ensure(
        "caddy:2.6.2", "haproxy:3.0.11", "apache/kafka:4.3.1", "quay.io/keycloak/keycloak:26.7.3"
    )


# What others log as an error and is none: a broker whose controller is not there yet tries again.
# When an access token has expired, oauthenticator uses the refresh token.
NO_ERRORS = re.compile(
    r"RegistrationResponseHandler: channel manager timed out before sending"
    r"|oauth2:\d+\] Error Fetching user info\.\.\. 401 "
)


def errors_in(log: str) -> list[str]:
    """Return the lines of a log that an admin would ask about."""
    found = re.findall(r"(?m)^.*(?:Traceback|\bERROR\b|\bFATAL\b|ALERT|\[E ).*$", log)
    return [line for line in found if not NO_ERRORS.search(line)]


def free_subnet(parts: Iterable[int]) -> str:
    """Return one of 172.29.x.0/24, x of `parts`, that overlaps no network of the engine."""
    ids = docker("network", "ls", "--quiet").split()
    networks = json.loads(docker("network", "inspect", *ids))
    configs = [config for network in networks for config in network["IPAM"]["Config"] or []]
    taken = [ip_network(config["Subnet"]) for config in configs]
    wanted = [IPv4Network(f"172.29.{part}.0/24") for part in parts]
    free = [one for one in wanted if not any(one.overlaps(other) for other in taken)]
    assert free, f"all of {wanted} overlap networks of the engine: {taken}"
    return str(secrets.choice(free))


def own_address() -> str:
    """Return an address of this host: one of four million, so that no other test has it."""
    return str(IPv4Address("127.64.0.0") + secrets.randbelow(2**22))


class Stack:
    """The demo under a name, a port and a subnet of its own.

    With `https` it has the domain `mosshub.test`, at an address of this host's own, and Caddy's own
    authority; else it is at http://localhost.
    """

    def __init__(self, directory: Path, *, https: bool = False) -> None:
        self.name = f"{PREFIX}-{uuid.uuid4().hex[:6]}"
        self.port = free_port()
        # Two stacks of one run are one of each kind.
        self.subnet = free_subnet(range(192 + https, 206, 2))
        self.bind = own_address()
        self.https = https
        self.authority = directory / "root.crt"  # once it runs
        self.settings = directory / "env"
        self.secrets = directory / "secrets"
        self.said = ""  # what `make demo` printed
        self.first_words: dict[str, str] = {}  # each service's log of the start
        self.environment = {
            **os.environ,
            "DEMO": "1",
            "SETTINGS": str(self.settings),
            "SECRETS": str(self.secrets),
            "INSTANCE": self.name,
            "PORT": str(self.port),
            "USERS_SUBNET": self.subnet,
            # A kernel for each server takes the tests' processors; the team with HTTPS has them.
            "WAITING_KERNEL": "yes" if https else "no",
        }
        if https:
            # No DNS has the domain.
            named = {"DOMAIN": DOMAIN, "TLS": "internal", "BIND": self.bind, "CHECK_DNS": "no"}
            self.environment |= named
            host_names.point(DOMAIN, self.bind)

    @property
    def url(self) -> str:
        return f"https://{DOMAIN}" if self.https else f"http://localhost:{self.port}"

    def session(self) -> requests.Session:
        """Return a session that finds and trusts this platform, as a person's browser does."""
        session = requests.Session()
        session.headers["Sec-Fetch-Mode"] = "navigate"
        if self.https:
            session.verify = str(self.authority)
            session.trust_env = False  # a machine's REQUESTS_CA_BUNDLE would win
        return session

    def answers(self) -> bool:
        """Return whether the hub answers through the edge."""
        return self.session().get(f"{self.url}/hub/health", timeout=10).ok

    def script(self, name: str, *arguments: str, **changes: str) -> subprocess.CompletedProcess:
        """Run one of docker/'s scripts; its output is standard output and error together."""
        return subprocess.run(
            [DOCKER / name, *arguments],
            env={**self.environment, **changes},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1500,
        )

    def compose(self, *arguments: str, **changes: str) -> str:
        done = self.script("compose", *arguments, **changes)
        assert done.returncode == 0, done.stdout[-6000:]
        return done.stdout

    def container(self, service: str) -> str:
        return f"{self.name}-{service}-1"

    def inspect(self, service: str) -> dict:
        return json.loads(docker("inspect", self.container(service)))[0]

    def address(self, service: str, network: str) -> str:
        return self.inspect(service)["NetworkSettings"]["Networks"][network]["IPAddress"]

    def health(self, service: str) -> str:
        return self.inspect(service)["State"]["Health"]["Status"]

    def started(self) -> dict[str, str]:
        """Return when each service's container started; a restart or a new container changes it."""
        names = sorted(SERVICES)
        found = json.loads(docker("inspect", *map(self.container, names)))
        return {n: c["Id"] + c["State"]["StartedAt"] for n, c in zip(names, found, strict=True)}

    def servers(self) -> set[str]:
        """Return the ids of people's containers, running or not."""
        filters = ("--filter", f"network={self.name}-users", "--filter", "name=--")
        return set(docker("ps", "--all", "--no-trunc", "--quiet", *filters).split())

    def kill(self, service: str) -> None:
        """Kill the service's first process from outside, which the engine takes for a crash."""
        os.kill(self.inspect(service)["State"]["Pid"], signal.SIGKILL)

    def in_hub(self, program: str, stdin: str = "") -> str:
        """Return standard output of a Python program that runs in the hub's container."""
        done = subprocess.run(
            ["docker", "exec", "-i", self.container("hub"), "python", "-c", program],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text()

    def logs(self, service: str, since: float = 0) -> str:
        """Return the log of the service's container, from this time (seconds since 1970) on."""
        command = ["docker", "logs", f"--since={since:.3f}", self.container(service)]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout + done.stderr

    def certificate(self, name: str) -> str:
        """Return a certificate of Caddy's authority as PEM: `root` or `intermediate`."""
        return docker("exec", self.container("caddy"), "cat", f"{AUTHORITY}/{name}.crt")

    def start(self) -> None:
        """Run `make demo`. Raises AssertionError with its output when it fails."""
        up = self.script("up")
        assert up.returncode == 0, up.stdout[-12000:]
        self.said = up.stdout
        if self.https:
            self.authority.write_text(self.certificate("root"))
        self.first_words = {service: self.logs(service) for service in SERVICES}

    def remove(self) -> None:
        """Remove everything, also what people made, without the patience of `make down`."""
        if containers := docker("ps", "--all", "--quiet", "--filter", f"name=^{self.name}[_-]"):
            docker("rm", "-f", "-v", *containers.split(), timeout=300)
        firewall = ("run", "--rm", "--no-deps", "-T", "firewall", "sh", "/etc/mosshub/guard", "off")
        self.script("compose", *firewall)
        self.script("compose", "down", "--volumes", "--remove-orphans", "--timeout", "0")
        of_users = f"name=^{self.name}_(home_|team)"
        if volumes := docker("volume", "ls", "--quiet", "--filter", of_users).split():
            docker("volume", "rm", "-f", *volumes)
