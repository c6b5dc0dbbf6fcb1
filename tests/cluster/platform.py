"""The whole platform on the cluster: the chart with our images, and people who sign in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

from hub.signin.names import safe_name
from tests.cluster.addons import SHARED
from tests.cluster.cluster import Cluster
from tests.standins import ensure
from tests.support import host_names
from tests.support.engine_lock import engine
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider, browser, sign_in
from tests.support.paths import ROOT
from tests.support.people import ContainerPerson
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

CHART = ROOT / "kubernetes/chart"
DOMAIN = "moss.test"
OURS = ("mosshub/hub:local", "mosshub/user:cpu")
OTHERS = ("apache/kafka:4.3.1", "caddy:2.6.2")
START_TIMEOUT_S = 240
BROKERS_TIMEOUT_S = 180
#: Prints the names of a proxy's routes, in its container.
READ_ROUTES = """
import json, pathlib, urllib.request
token = pathlib.Path("/run/secrets/proxy_token").read_text().strip()
headers = {"Authorization": f"token {token}"}
asked = urllib.request.Request("http://127.0.0.1:8001/api/routes", headers=headers)
print(json.dumps(list(json.load(urllib.request.urlopen(asked)))))
"""
#: Sends 50 messages, reads them again and prints how many came. {key} tells them from others.
SEND_AND_READ = """\
import imageclass
from imageclass.kafka.reader import TopicReader
connection = imageclass.connect()
connection.ensure_topics()
with connection.producer() as out:
    for number in range(50):
        out.send(connection.topics.requests, b"%d" % number, key=b"{key}")
with TopicReader(connection, [connection.topics.requests]) as reader:
    mine = [record for record in reader.read_to_end() if record.key == b"{key}"]
print(connection.topics.requests, len(mine))"""
#: Less than a team has: everything runs on one machine with two cores. What a part requests is
#: also its share of them where others want all: a hub without one loses its lead.
SMALL: dict[str, Any] = {
    "edge": {"replicas": 1, "resources": {"requests": {"cpu": "20m", "memory": "16Mi"}}},
    "kafka": {"heap": "256m", "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}}},
    "hub": {"resources": {"requests": {"cpu": "200m", "memory": "128Mi"}}},
    "proxy": {"resources": {"requests": {"cpu": "50m", "memory": "64Mi"}}},
    "prepull": {"enabled": False},
}


def images() -> list[str]:
    """Build the images of the platform; return their names."""
    with engine(alone=False):
        ensure(*OTHERS)
        subprocess.run(["make", "images"], cwd=ROOT, check=True, capture_output=True)
    return [*OURS, *OTHERS]


class ClusterPlatform:
    """The platform in a namespace of its own.

    Args:
        cluster: where it runs; its nodes have the images.
        namespace: the name of a namespace that exists.
        directory: for the files of this installation.
        values: values of the chart, beside SMALL and those that a sign-in needs.

    Attributes:
        way_in: the service to which its host names lead, and that service's namespace.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, directory: Path, **values: dict[str, Any]
    ) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.way_in = ("service/edge", namespace)
        self.url = f"https://{DOMAIN}"
        self.authority = str(cluster.authority.certificate_file)
        self.provider = OidcProvider(self.url, directory / "oidc.log", cluster.network.host)
        self._people: dict[str, PodPerson] = {}
        self._values_file = directory / "values.json"
        self._make_secrets()
        self.values = {**SMALL, **values, "settings": self._settings(values.pop("settings", {}))}

    def _settings(self, more: dict[str, Any]) -> dict[str, Any]:
        return {
            "DOMAIN": DOMAIN,
            "OAUTH_PROVIDER": "oidc",
            "OAUTH_CLIENT_ID": "mosshub",
            "OAUTH_URL": self.provider.issuer,
            "OAUTH_SCOPE": "groups",
            "ALLOWED_USERS": ["ada", "linus"],
            "ADMIN_USERS": ["grace"],
            "CPU_RESERVED": 0.01,
            "MEMORY_RESERVED": 0.1,
            "TEAM_STORAGE_CLASS": SHARED,
            "TEAM_GROUPS": ["team", "admins"],
            **more,
        }

    def _make_secrets(self) -> None:
        if not (self.cluster.authority.directory / "edge.crt").exists():
            self.cluster.authority.issue("edge", "edge", hosts=(DOMAIN, f"*.{DOMAIN}"))
        files = self.cluster.authority.directory
        self.kubectl(
            *("create", "secret", "generic", "mosshub"),
            f"--from-literal=oauth_client_secret={CLIENT_SECRET}",
        )
        self.kubectl(
            *("create", "secret", "tls", "mosshub-tls"),
            *(f"--cert={files}/edge.crt", f"--key={files}/edge.key"),
        )

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """Return standard output of kubectl in the platform's namespace. Raises RuntimeError."""
        return self.cluster.kubectl("-n", self.namespace, *arguments, **options)

    def install(self, **values: dict[str, Any]) -> None:
        """Install it, or upgrade what is installed, and wait until all of it is ready.

        Args:
            values: further values.
        """
        self.values |= values
        self._values_file.write_text(json.dumps(self.values))
        limit = f"{START_TIMEOUT_S * TIMEOUT_FACTOR:.0f}s"
        self.cluster.helm(
            *("upgrade", "--install", "moss", str(CHART), "--namespace", self.namespace),
            *("--values", str(self._values_file), "--wait", "--timeout", limit),
            timeout=START_TIMEOUT_S + 60,
        )
        host_names.point(DOMAIN, self.cluster.address(*self.way_in))

    def routes(self) -> dict[str, set[str]]:
        """Return the routes of each proxy that gets requests, by its pod."""
        pods = self.cluster.get("pods", "-n", self.namespace, "-l", "component=proxy")["items"]
        found = {}
        for pod in pods:
            conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
            name = pod["metadata"]["name"]
            if conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]:
                said = self.kubectl("exec", name, "--", "python", "-c", READ_ROUTES)
                found[name] = set(json.loads(said))
        return found

    def wait_for_brokers(self) -> None:
        """Wait until all brokers are ready."""
        limit = f"--timeout={BROKERS_TIMEOUT_S * TIMEOUT_FACTOR:.0f}s"
        wait = ("rollout", "status", "statefulset/kafka", limit)
        self.kubectl(*wait, timeout=BROKERS_TIMEOUT_S + 20)

    def node_of(self, component: str) -> str:
        """Return the node of a component's pod that runs."""
        pods = self.cluster.get("pods", "-n", self.namespace, "-l", f"component={component}")
        return next(
            pod["spec"]["nodeName"]
            for pod in pods["items"]
            if not pod["metadata"].get("deletionTimestamp")
        )

    def answers(self) -> bool:
        """Return whether the hub answers through edge and proxy."""
        return requests.get(f"{self.url}/hub/health", verify=self.authority, timeout=5).ok

    @contextmanager
    def at_work(self, name: str) -> Iterator[PodPerson]:
        """A person whose server runs; it goes on running, the notebooks are closed."""
        with self.person(name).at_work() as person:
            yield person

    def person(self, name: str) -> PodPerson:
        """Return a person with a valid sign-in, through the provider."""
        # A test that failed may have left the hub starting.
        retry_until(self.answers, START_TIMEOUT_S, "the hub answers")
        known = self._people.get(name)
        if known:
            known.session.close()  # its connections may have been to a node that is gone
        if known is None or not known.is_signed_in():
            known = self._people[name] = self._sign_in(name)
        return known

    def _sign_in(self, name: str) -> PodPerson:
        session = browser()
        session.verify, session.trust_env = self.authority, False
        page, _ = sign_in(session, self.url, name)
        assert page.ok, page.text
        return PodPerson(self, name, session)

    def stop(self) -> None:
        """End the identity provider; the namespace takes the rest with it."""
        self.provider.stop()


class PodPerson(ContainerPerson):
    """A person whose server is a pod."""

    def __init__(self, platform: ClusterPlatform, name: str, session: requests.Session) -> None:
        super().__init__(platform.url, name, session)
        self.platform = platform
        self.provider = platform.provider.issuer
        self.pod = f"moss-{safe_name(name)}"

    def context(self) -> str:
        """Return what the cluster says about the person's pod."""
        try:
            return self.platform.kubectl("describe", "pod", self.pod)[-3000:]
        except RuntimeError as error:  # there is none
            return str(error)

    def enter(self) -> list[str]:
        cluster = self.platform.cluster
        program = (str(cluster.tools / "kubectl"), f"--kubeconfig={cluster.kubeconfig}")
        return [*program, "-n", self.platform.namespace, "exec", self.pod, "--"]

    def has_container(self) -> bool:
        return self.platform.kubectl("get", "pod", self.pod, "--ignore-not-found") != ""

    @property
    def node(self) -> str:
        """The node on which the pod runs."""
        pod = self.platform.cluster.get("pod", self.pod, "-n", self.platform.namespace)
        return pod["spec"]["nodeName"]
