"""The whole platform on the cluster: the chart with our images, and people who sign in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests

from hub.signin.names import safe_name
from tests.cluster.cluster import Cluster
from tests.support import host_names
from tests.support.oidc_provider import CLIENT_SECRET, OidcProvider, browser, sign_in
from tests.support.paths import ROOT
from tests.support.people import Person
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

CHART = ROOT / "kubernetes/chart"
DOMAIN = "moss.test"
HUB, USER, KAFKA, CADDY = (
    *("mosshub/hub:local", "mosshub/user:cpu"),
    *("apache/kafka:4.3.1", "caddy:2.6.2"),
)
START_TIMEOUT_S = 240
#: Less than a team has: everything runs on one machine with two cores.
SMALL: dict[str, Any] = {
    "edge": {"replicas": 1, "resources": {"requests": {"cpu": "1m", "memory": "16Mi"}}},
    "kafka": {"replicas": 1, "resources": {"requests": {"cpu": "1m", "memory": "256Mi"}}},
    "hub": {"resources": {"requests": {"cpu": "1m", "memory": "128Mi"}}},
    "proxy": {"resources": {"requests": {"cpu": "1m", "memory": "64Mi"}}},
    "prepull": {"enabled": False},
}


class ClusterPlatform:
    """The platform in a namespace of its own.

    Args:
        cluster: where it runs; its nodes have the images.
        namespace: the name of a namespace that exists.
        directory: for the files of this installation.
        values: values of the chart, beside SMALL and those that a sign-in needs.
    """

    def __init__(
        self, cluster: Cluster, namespace: str, directory: Path, **values: dict[str, Any]
    ) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.url = f"https://{DOMAIN}"
        self.authority = str(cluster.authority.certificate_file)
        self.provider = OidcProvider(self.url, directory / "oidc.log", cluster.network.host)
        self._values_file = directory / "values.json"
        self._make_secrets()
        self.values = {**SMALL, **values, "settings": self._settings(values.pop("settings", {}))}

    def _settings(self, more: dict[str, Any]) -> dict[str, Any]:
        return {
            "DOMAIN": DOMAIN,
            "OAUTH_PROVIDER": "oidc",
            "OAUTH_CLIENT_ID": "mosshub",
            "OAUTH_URL": self.provider.issuer,
            "ALLOWED_USERS": ["ada", "linus"],
            "ADMIN_USERS": ["grace"],
            "CPU_RESERVED": 0.01,
            "MEMORY_RESERVED": 0.1,
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
        host_names.point(DOMAIN, self.cluster.address("service/edge", self.namespace))

    def answers(self) -> bool:
        """Return whether the hub answers through edge and proxy."""
        return requests.get(f"{self.url}/hub/health", verify=self.authority, timeout=5).ok

    def person(self, name: str) -> PodPerson:
        """Return a person who has signed in through the provider."""
        retry_until(self.answers, START_TIMEOUT_S, "the hub answers")
        session = browser()
        session.verify, session.trust_env = self.authority, False
        page, _ = sign_in(session, self.url, name)
        assert page.ok, page.text
        return PodPerson(self, name, session)

    def stop(self) -> None:
        """End the identity provider; the namespace takes the rest with it."""
        self.provider.stop()


class PodPerson(Person):
    """A person whose server is a pod."""

    wait = staticmethod(retry_until)

    def __init__(self, platform: ClusterPlatform, name: str, session: requests.Session) -> None:
        super().__init__(platform.url, name, session)
        self.platform = platform
        self.pod = f"moss-{safe_name(name)}"

    def context(self) -> str:
        """Return what the cluster says about the person's pod."""
        return self.platform.kubectl("describe", "pod", self.pod)[-3000:]

    def inside(self, script: str) -> str:
        """Return what a bash script prints that runs as the person. Raises RuntimeError."""
        return self.platform.kubectl("exec", self.pod, "--", "bash", "-c", script).strip()
