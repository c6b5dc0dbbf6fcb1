"""The Helm chart, rendered by Helm itself, which is here a library."""

from __future__ import annotations

from functools import cache
from typing import Any

import helm_python
import yaml

from tests.support.paths import ROOT

CHART = ROOT / "kubernetes/chart"
#: The least that a platform needs.
NEEDED: dict[str, Any] = {
    "settings": {
        "DOMAIN": "moss.example.org",
        "OAUTH_PROVIDER": "oidc",
        "OAUTH_CLIENT_ID": "mosshub",
        "OAUTH_URL": "https://id.example.org",
        "ALLOWED_USERS": ["ada", "linus"],
    }
}


def with_settings(**settings: object) -> dict[str, Any]:
    """Return the least values with more settings."""
    return {"settings": {**NEEDED["settings"], **settings}}


AGENT = {"name": "cnn", "model": "cnn", "claim": "models", "min": 1, "max": 4, "lag": 500}
TRIAL = with_settings(DOMAIN="") | {
    "edge": {"tls": "none"},
    "kafka": {"replicas": 1},
    "prepull": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
MANAGED = with_settings(
    KAFKA_BOOTSTRAP_SERVERS="kafka.example.org:9093",
    DATABASE_URL="postgresql://mosshub@db.example.org/mosshub",
    IDLE_TIMEOUT="30m",
    SUBDOMAINS=False,
) | {
    "edge": {"tls": "elsewhere", "ingress": {"className": "haproxy", "tlsSecret": "moss-tls"}},
    "networkPolicy": {"allowed": ["10.1.2.0/24"]},
    "keysSecret": "my-keys",
}
GATEWAY = with_settings(USER_IMAGES=["r/user:cpu", "r/user:gpu"], TEAM_STORAGE_CLASS="nfs") | {
    "edge": {"tls": "elsewhere", "gateway": {"name": "public", "namespace": "gateways"}},
    "images": {"pullSecrets": ["registry"]},
    "hub": {"teamFiles": "look"},
}
LARGE = with_settings(
    SIZES="Small=2/4G, GPU=8/32G/gpu@lab", GPUS=4, KAFKA_SERVICES="cnn", ACTIVE_SERVER_LIMIT=1000
) | {"agents": [AGENT], "watch": {"enabled": True}, "placeholders": {"replicas": 2}}
#: Sets of values that differ as teams do.
VALUES = {
    "least": NEEDED,
    "trial": TRIAL,
    "managed": MANAGED,
    "gateway": GATEWAY,
    "large": LARGE,
}


@cache
def chart() -> helm_python.Chart:
    """Return the chart of this repository."""
    return helm_python.Chart.load(CHART)


def render(values: dict[str, Any], name: str = "moss") -> list[dict[str, Any]]:
    """Return the objects that `helm install NAME --namespace team` makes.

    Raises:
        helm_python.HelmError: the values are refused.
    """
    files = chart().render(values, name=name, namespace="team")
    texts = [text for path, text in files.items() if path.endswith(".yaml")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


def one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    """Return the object of this kind and name."""
    (found,) = (o for o in objects if (o["kind"], o["metadata"]["name"]) == (kind, name))
    return found


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the `spec` of every pod, by the kind and name of what makes it."""
    return {
        f"{found['kind']} {found['metadata']['name']}": found["spec"]["template"]["spec"]
        for found in objects
        if "template" in (found.get("spec") or {})
    }
