"""A real API server takes what the chart makes, also of values that no platform here runs with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.pods import Namespace
from tests.support.chart import CHART, VALUES, render

#: What a cluster with a Gateway and KEDA has: group, version, kind and plural.
MORE = [
    ("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
    ("keda.sh", "v1alpha1", "ScaledObject", "scaledobjects"),
    ("keda.sh", "v1alpha1", "TriggerAuthentication", "triggerauthentications"),
]


def definition(group: str, version: str, kind: str, plural: str) -> dict[str, Any]:
    """Return a definition of a kind of object, of which every content is taken."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    one = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    annotations = {"api-approved.kubernetes.io": "unapproved, for a test"}  # of *.k8s.io asked for
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": annotations},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [one],
        },
    }


@pytest.fixture(scope="module")
def kinds(cluster: Cluster) -> Iterator[None]:
    """The cluster knows the kinds of a Gateway and of KEDA."""
    names = [f"crd/{plural}.{group}" for group, _, _, plural in MORE]
    cluster.apply(*(definition(*one) for one in MORE))
    cluster.kubectl("wait", "--for=condition=Established", *names, "--timeout=60s")
    yield
    cluster.kubectl("delete", "--ignore-not-found", *names)


@pytest.mark.parametrize("name", VALUES)
def test_the_api_server_takes_it(
    kinds: None, namespace: Namespace, tmp_path: Path, name: str
) -> None:
    values = tmp_path / "values.json"
    values.write_text(json.dumps(VALUES[name]))
    install = ("install", "moss", str(CHART), "--namespace", namespace.name)
    namespace.cluster.helm(*install, "--values", str(values), "--dry-run=server")
    made = {"apiVersion": "v1", "kind": "List", "items": render(VALUES[name])}
    asked = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    said = namespace.kubectl(*asked, input=json.dumps(made))
    assert len(said.splitlines()) == len(made["items"])


def test_a_field_that_there_is_not_is_refused(namespace: Namespace) -> None:
    pod = namespace.manifest("wrong", restartPolcy="Never")
    with pytest.raises(RuntimeError, match="restartPolcy"):
        asked = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
        namespace.kubectl(*asked, input=json.dumps(pod))
