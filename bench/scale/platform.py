"""The platform beside the cluster: hub, proxy and identity provider, and what they take."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent

from bench.hubs import BenchError
from tests.cluster.cluster import Cluster
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider
from tests.support.paths import ROOT
from tests.support.waiting import retry_until

CONFIG = Path(__file__).with_name("jupyterhub_config.py")
NAMESPACE, ADMIN = "scale", "grace"
#: What the chart lets the hub do.
RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods"],
        "verbs": ["get", "list", "watch", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]},
    {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "create"]},
    {"apiGroups": ["metrics.k8s.io"], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["create"]},
    {
        "apiGroups": ["coordination.k8s.io"],
        "resources": ["leases"],
        "verbs": ["get", "update", "delete"],
        "resourceNames": ["hub"],
    },
]


def hubs_objects() -> list[dict[str, Any]]:
    """Return the namespace, what the hub may do there, and what counts the hub's requests."""
    here = {"name": "hub", "namespace": NAMESPACE}
    user = {"kind": "User", "name": "hub", "apiGroup": "rbac.authorization.k8s.io"}
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": here}
    everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}
    rule = {
        "subjects": [{"kind": "User", "user": {"name": "hub"}}],
        "resourceRules": [{**everything, "clusterScope": True}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    }
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {**rbac, "kind": "Role", "rules": RULES},
        {
            **rbac,
            "kind": "RoleBinding",
            "roleRef": {**user, "kind": "Role"},
            "subjects": [user],
        },
        {
            "apiVersion": "flowcontrol.apiserver.k8s.io/v1",
            "kind": "FlowSchema",
            "metadata": {"name": "hub"},
            "spec": {
                "priorityLevelConfiguration": {"name": "workload-low"},
                "matchingPrecedence": 500,
                "rules": [rule],
            },
        },
    ]


@dataclass(frozen=True)
class Taken:
    """What the parts take at a moment.

    Attributes:
        memory: of the hub, unshared, in bytes.
        hub_s: the hub's processor time, in seconds.
        helpers_s: the same of its services, such as the culler.
        proxy_memory: of the proxy, unshared, in bytes.
        proxy_s: the proxy's processor time, in seconds.
        requests: that the hub has made to the API server.
        database: size of the hub's database, in bytes.
    """

    memory: int
    hub_s: float
    helpers_s: float
    proxy_memory: int
    proxy_s: float
    requests: float
    database: int


class Platform:
    """Hub, proxy and provider, whose pods are in a cluster.

    Args:
        cluster: a running cluster.
        directory: for its state, empty.
        people: the names of those who may sign in.
        settings: more settings of the platform.
    """

    def __init__(
        self, cluster: Cluster, directory: Path, people: list[str], **settings: str
    ) -> None:
        self._cluster, self._data = cluster, directory / "data"
        cluster.authority.issue("hub", "hub")
        server = f"https://{cluster.network.control}:6443"
        kubeconfig = cluster.authority.kubeconfig("hub", server)
        cluster.apply(*hubs_objects())
        port = free_port()
        self.url = f"http://localhost:{port}"
        self.provider = OidcProvider(self.url, directory / "provider.log")
        hub_port = free_port()
        self._environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "KUBECONFIG": str(kubeconfig),
            "POD_NAMESPACE": NAMESPACE,
            "BENCH_HUB_URL": f"http://{cluster.network.host}:{hub_port}",
            "SERVERS": "pods",
            "INSTANCE": "scale",
            "DATA_DIR": str(self._data),
            "PORT": str(port),
            "HUB_PORT": str(hub_port),
            "PROXY_API_PORT": str(free_port()),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody is there
            "OAUTH_PROVIDER": "oidc",
            "OAUTH_CLIENT_ID": "mosshub",
            "OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "OAUTH_URL": self.provider.issuer,
            "OAUTH_INTERNAL_URL": self.provider.internal_url,
            "ALLOWED_USERS": ",".join(people),
            "ADMIN_USERS": ADMIN,
            "ACTIVE_SERVER_LIMIT": str(len(people)),
            **{key: uuid.uuid4().hex * 2 for key in ("PROXY_TOKEN", "COOKIE_SECRET", "CRYPT_KEY")},
            **settings,
        }
        self.log = directory / "hub.log"

    def start(self) -> None:
        """Start the hub with its proxy, and wait until it answers."""
        self._data.mkdir()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub", "-f", str(CONFIG)],
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(),
            )
        retry_until(self._answers, 120, f"the hub answers\n{self.log}")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise BenchError(f"the hub ended:\n{self.log.read_text()[-4000:]}")
        return requests.get(f"{self.url}/hub/health", timeout=5).ok

    @property
    def pid(self) -> int:
        """The hub's process."""
        return self._process.pid

    def taken(self) -> Taken:
        """Return what the parts take now."""
        hub = psutil.Process(self._process.pid)
        below = hub.children(recursive=True)
        proxies = [p for p in below if "configurable-http-proxy" in " ".join(p.cmdline())]
        helpers = [p for p in below if p not in proxies]
        return Taken(
            memory=hub.memory_full_info().uss,
            hub_s=_seconds(hub),
            helpers_s=sum(map(_seconds, helpers)),
            proxy_memory=sum(p.memory_full_info().uss for p in proxies),
            proxy_s=sum(map(_seconds, proxies)),
            requests=self._requests(),
            database=(self._data / "hub/jupyterhub.sqlite").stat().st_size,
        )

    def _requests(self) -> float:
        """Return how many requests of the hub the API server has let in."""
        pattern = r'^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="hub",.*\} (\S+)$'
        metrics = self._cluster.kubectl("get", "--raw=/metrics")
        return sum(map(float, re.findall(pattern, metrics, re.MULTILINE)))

    def stop(self) -> None:
        """End hub, proxy and provider."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.provider.stop()


def _seconds(process: psutil.Process) -> float:
    used = process.cpu_times()
    return used.user + used.system
