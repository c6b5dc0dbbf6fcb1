"""Another JupyterHub of a cluster, configured as Zero to JupyterHub is, takes our pods over."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import requests

from tests.cluster.addons import SHARED
from tests.cluster.cluster import Cluster
from tests.cluster.platform import OURS, ClusterPlatform
from tests.cluster.pods import NO_RIGHTS, RESTRICTED, Namespace
from tests.support.people import LocalPerson
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(900)

#: What that chart's configuration sets before the last line, which its values bring.
CONFIG = """\
import os

c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.bind_url = "http://:8000"
c.JupyterHub.hub_bind_url = "http://:8081"
c.JupyterHub.hub_connect_url = "http://hub:8081"
c.JupyterHub.cleanup_servers = False
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = "open"
c.Authenticator.allow_all = True
c.JupyterHub.services = []
c.JupyterHub.load_roles = []
c.KubeSpawner.namespace = os.environ["POD_NAMESPACE"]
c.KubeSpawner.common_labels = {"app": "jupyterhub", "release": "hub"}
c.KubeSpawner.environment = {}
c.KubeSpawner.uid = 1000
c.KubeSpawner.fs_gid = 100
c.KubeSpawner.pvc_name_template = "claim-{user_server}"
c.KubeSpawner.volumes = {
    "home": {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
}
c.KubeSpawner.volume_mounts = {"home": {"mountPath": "/home/jovyan", "name": "home"}}
c.Spawner.cmd = None

from hub import another_hub
another_hub.configure(c)
"""
#: What that chart grants its hub.
RULES = [
    {
        "apiGroups": [""],
        "resources": ["pods", "persistentvolumeclaims", "secrets", "services"],
        "verbs": ["get", "watch", "list", "create", "delete"],
    },
    {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "watch", "list"]},
]
SETTINGS = {
    "SERVERS": "pods",
    "INSTANCE": "own",
    "DATA_DIR": "/srv/jupyterhub",
    "SUBDOMAINS": "no",
    "USER_IMAGES": OURS[1],
    "HOME_STORAGE_CLASS": SHARED,
    "CPU_RESERVED": "0.01",
    "MEMORY_RESERVED": "0.1",
}


def objects() -> list[dict[str, Any]]:
    """Return the hub's pod with all that it needs."""
    place = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    environment: list[dict[str, Any]] = [{"name": "POD_NAMESPACE", "valueFrom": place}]
    environment += [{"name": name, "value": value} for name, value in SETTINGS.items()]
    args = ["python", "-m", "hub", "--config", "/etc/hub/jupyterhub_config.py", "--upgrade-db"]
    container = {
        "name": "hub",
        "image": OURS[0],
        "imagePullPolicy": "Never",
        "args": args,
        "env": environment,
        "securityContext": NO_RIGHTS,
        "readinessProbe": {
            "httpGet": {"path": "/hub/health", "port": 8081},
            "periodSeconds": 1,
            "failureThreshold": 120,
        },
        "volumeMounts": [
            {"name": "config", "mountPath": "/etc/hub"},
            {"name": "state", "mountPath": "/srv/jupyterhub"},
        ],
    }
    spec = {
        "serviceAccountName": "hub",
        "enableServiceLinks": False,
        "securityContext": {**RESTRICTED, "fsGroup": 1000},
        "containers": [container],
        "volumes": [
            {"name": "config", "configMap": {"name": "hub"}},
            {"name": "state", "emptyDir": {}},
        ],
    }
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "hub"}
    rbac = "rbac.authorization.k8s.io/v1"
    service = {"selector": {"app": "hub"}, "ports": [{"port": 8081}]}
    subjects = [{"kind": "ServiceAccount", "name": "hub"}]
    return [
        _object("v1", "ServiceAccount"),
        _object(rbac, "Role", rules=RULES),
        _object(rbac, "RoleBinding", roleRef=role, subjects=subjects),
        _object("v1", "ConfigMap", data={"jupyterhub_config.py": CONFIG}),
        _object("v1", "Service", spec=service),
        _object("v1", "Pod", spec=spec),
    ]


def _object(api: str, kind: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": "hub", "labels": {"app": "hub"}}
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}


def test_its_users_get_our_pods_and_pages(
    cluster: Cluster, platform: ClusterPlatform, namespace: Namespace
) -> None:
    # The platform stands for nothing here: with it the nodes have the images.
    namespace.apply(*objects())
    namespace.kubectl("wait", "--for=condition=Ready", "pod/hub", "--timeout=150s", timeout=160)
    url = f"http://{cluster.address('pod/hub', namespace.name)}:8000"
    retry_until(lambda: requests.get(f"{url}/hub/health", timeout=10).ok, 60, "the hub answers")
    place = SimpleNamespace(url=url, password="open", subdomains=False, log="")
    ada = LocalPerson(place, "ada")
    try:
        assert "ada" in ada.editor().text
        assert ada.notebook().run("print(6 * 7)").strip() == "42"
        pod = cluster.get("-n", namespace.name, "pod", "own-ada")
        assert pod["metadata"]["labels"]["release"] == "hub", "its policies choose pods by this"
        mounts = [mount["mountPath"] for mount in pod["spec"]["containers"][0]["volumeMounts"]]
        assert "/home/mosshub" in mounts and "/home/jovyan" not in mounts
        for page, title in (("home", "Home"), ("apps", "Apps")):
            shown = ada.session.get(f"{url}/hub/{page}", timeout=60)
            assert shown.ok and f"<title>{title} " in shown.text
        state = namespace.exec("hub", "ls /srv/jupyterhub")
        assert {"hub", "jupyterhub.sqlite"} <= set(state.split())
    except BaseException:
        print(namespace.kubectl("logs", "hub", "--tail=60"))
        raise
