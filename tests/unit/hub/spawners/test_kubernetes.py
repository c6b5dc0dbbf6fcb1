"""The pod of a user, of an app and of each size; a real cluster is in tests/cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiClient, ApiException, V1Pod
from kubernetes_asyncio.config import kube_config
from traitlets.config import Config

from hub.settings import Settings
from hub.sizes import parse_sizes
from hub.spawners import kubernetes
from hub.spawners.cluster_errors import cluster_failure
from hub.spawners.kubernetes import PodSpawner
from hub.spawners.pod_usage import pod_sample, quantity
from hub.spawners.pod_watch import RememberingReflector
from hub.spawners.progress import SpawnError
from tests.support.pod_security import violations

SIZES = parse_sizes("Small=2/4G, GPU=8/32G/gpu@lab")
NOBODY = """
apiVersion: v1
kind: Config
current-context: nobody
contexts: [{name: nobody, context: {cluster: nobody, user: nobody}}]
clusters: [{name: nobody, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
"""


@pytest.fixture(autouse=True)
def a_cluster_that_nobody_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A spawner reads where the API server is as soon as it is made."""
    path = tmp_path / "kubeconfig"
    path.write_text(NOBODY)
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(path))


def settings(**more: object) -> Settings:
    defaults = Settings.model_construct().model_dump()
    return Settings.model_construct(**{**defaults, "servers": "pods", "instance": "moss", **more})


def spawner(
    name: str = "", user: str = "ada", groups: tuple[str, ...] = (), **more: Any
) -> PodSpawner:
    """A spawner that the hub has just made."""
    options = more.pop("options", {})
    config = Config()
    kubernetes.configure(config, settings(**more))
    orm_user = SimpleNamespace(groups=[SimpleNamespace(name=group) for group in groups])
    person = SimpleNamespace(name=user, url=f"/user/{user}/", id=1, admin=False, orm_user=orm_user)
    person.escaped_name = user
    server = SimpleNamespace(name=name, user_options=options, state={}, server=None)
    hub = SimpleNamespace(
        public_host="", url="", base_url="/hub/", api_url="http://hub:8081/hub/api"
    )
    made = PodSpawner(
        config=config, user=person, orm_spawner=server, hub=hub, _mock=True, api_token="t"
    )
    made.namespace = "team"
    made.user_options = options
    return made


def with_spawner(do: Callable[[PodSpawner], Any], *args: Any, **more: Any) -> Any:
    """Return what `do` returns for a spawner, in an event loop as the hub has one."""

    async def run() -> Any:
        found = do(spawner(*args, **more))
        return await found if asyncio.iscoroutine(found) else found

    return asyncio.run(run())


def manifest(*args: Any, **more: Any) -> dict[str, Any]:
    """Return the pod as the API server gets it."""

    async def describe(made: PodSpawner) -> dict[str, Any]:
        made.begin_start()
        pod: V1Pod = await made.get_pod_manifest()
        return ApiClient().sanitize_for_serialization(pod)

    return with_spawner(describe, *args, **more)


def container(pod: dict[str, Any]) -> dict[str, Any]:
    return pod["spec"]["containers"][0]


def test_a_users_pod_is_restricted_and_knows_nothing_of_the_cluster() -> None:
    pod = manifest()
    assert violations(pod["spec"]) == []
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["enableServiceLinks"] is False
    assert pod["metadata"]["name"] == "moss-ada"
    assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "moss"
    assert pod["spec"]["securityContext"]["fsGroup"] == 1000
    waits = {t["key"]: t.get("tolerationSeconds") for t in pod["spec"]["tolerations"]}
    assert waits["node.kubernetes.io/unreachable"] == 30


@pytest.mark.parametrize(
    ("user", "pod", "claim"),
    [
        ("ada", "moss-ada", "moss-home-ada"),
        ("a.b", "moss-a-2eb", "moss-home-a-2eb"),
        ("team", "moss--74eam", "moss-home--74eam"),
        ("ada@x", "moss-ada-40x", "moss-home-ada-40x"),
    ],
)
def test_names_are_those_that_files_and_topics_have(user: str, pod: str, claim: str) -> None:
    found = with_spawner(lambda s: (s.pod_name, s.pvc_name), user=user)
    assert found == (pod, claim)


def test_a_user_has_a_home_and_an_app_has_none() -> None:
    home = {"name": "home", "mountPath": "/home/mosshub", "readOnly": False}
    assert home in container(manifest())["volumeMounts"]
    app = manifest("app-peek", team_storage_class="nfs")
    assert app["metadata"]["name"] == "moss-ada--app-peek"
    assert [mount["name"] for mount in container(app)["volumeMounts"]] == ["shm"]
    assert container(app)["resources"]["limits"] == {"cpu": 1.0, "memory": 2 * 2**30}
    makes_volume = [with_spawner(lambda s: s.storage_pvc_ensure, name) for name in ("", "app-peek")]
    assert makes_volume == [True, False]


def test_members_write_and_others_read_in_the_teams_folder() -> None:
    team = {"team_storage_class": "nfs", "team_groups": frozenset({"lab"})}
    for groups, reads_only in (((), True), (("lab",), False)):
        pod = manifest(groups=groups, shared_data_claim="sets", **team)
        places = {m["mountPath"]: m.get("readOnly") for m in container(pod)["volumeMounts"]}
        assert places["/srv/team/everybody"] is False
        assert places["/srv/team/lab"] is reads_only
        assert places["/srv/data"] is True
        claims = [
            v.get("persistentVolumeClaim", {}).get("claimName") for v in pod["spec"]["volumes"]
        ]
        assert claims == [None, "moss-home-ada", "moss-team", "moss-team-lab", "sets"]


def test_without_such_storage_there_is_no_team_folder() -> None:
    assert "/srv/team/everybody" not in str(manifest(team_groups=frozenset({"lab"})))


@pytest.mark.parametrize(
    ("options", "limits", "requests"),
    [
        ({}, {"cpu": 2.0, "memory": 4 * 2**30}, {"cpu": 0.2, "memory": 2 * 2**30}),
        (
            {"size": "GPU"},
            {"cpu": 8.0, "memory": 32 * 2**30, "nvidia.com/gpu": "1"},
            {"cpu": 0.8, "memory": 16 * 2**30},
        ),
    ],
)
def test_each_size_has_its_limits_and_what_its_node_reserves(
    options: dict, limits: dict, requests: dict
) -> None:
    pod = manifest(groups=("lab",), sizes=SIZES, gpus=1, options=options)
    assert container(pod)["resources"] == {"limits": limits, "requests": requests}


def environment(monkeypatch: pytest.MonkeyPatch, **given: str) -> dict[str, Any]:
    """Return the settings of a hub with these variables."""
    monkeypatch.setitem(Settings.model_config, "env_file", None)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return dict(Settings())


def test_volumes_nodes_and_registries_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def describe(made: PodSpawner) -> tuple[dict, dict]:
        pod, claim = await made.get_pod_manifest(), made.get_pvc_manifest()
        write = ApiClient().sanitize_for_serialization
        return write(pod)["spec"], write(claim)["spec"]

    given = environment(
        monkeypatch,
        SERVERS="pods",
        HOME_SIZE="5G",
        HOME_STORAGE_CLASS="fast",
        CPU_LIMIT="3",
        MEMORY_LIMIT="6G",
        MEMORY_RESERVED="1.0",
        CPU_RESERVED="0.5",
        PRIORITY_CLASS="people",
        IMAGE_PULL_SECRETS="registry",
    )
    pod, claim = with_spawner(describe, **given)
    assert pod["containers"][0]["resources"] == {
        "limits": {"cpu": 3.0, "memory": 6 * 2**30},
        "requests": {"cpu": 1.5, "memory": 6 * 2**30},
    }
    assert pod["priorityClassName"] == "people"
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    assert claim["resources"]["requests"] == {"storage": "5Gi"}
    assert (claim["storageClassName"], claim["accessModes"]) == ("fast", ["ReadWriteOnce"])
    # An empty name would be a claim that no provisioner takes.
    assert "storageClassName" not in with_spawner(describe)[1]


def test_gpus_and_what_the_team_shares_are_those_of_the_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = environment(
        monkeypatch,
        SERVERS="pods",
        SIZES="Small=1/2G, GPU=8/32G/gpu",
        GPUS="1",
        GPU_RESOURCE="amd.com/gpu",
        TEAM_STORAGE_CLASS="nfs",
        TEAM_SIZE="7G",
        SHARED_DATA_CLAIM="sets",
    )
    pod = manifest(options={"size": "GPU"}, **given)
    assert container(pod)["resources"]["limits"]["amd.com/gpu"] == "1"
    claims = [v.get("persistentVolumeClaim", {}) for v in pod["spec"]["volumes"]]
    assert {"claimName": "sets"} in claims

    async def make_claims(made: PodSpawner) -> list[dict[str, Any]]:
        asked: list[Any] = []

        async def note(claim: Any, timeout: float) -> bool:
            asked.append(ApiClient().sanitize_for_serialization(claim))
            return True

        made._make_create_pvc_request = note
        await made._ensure_claims()
        return asked

    (team,) = with_spawner(make_claims, **given)
    assert team["metadata"]["name"].endswith("-team"), "the data of everybody is yours to make"
    assert team["spec"]["resources"]["requests"] == {"storage": "7Gi"}
    assert team["spec"]["storageClassName"] == "nfs"


def test_an_image_is_chosen_by_its_name() -> None:
    images = ("r/user:cpu", "r/user:gpu")
    assert with_spawner(lambda s: s.chosen_image, user_images=images) == "r/user:cpu"
    chosen = with_spawner(lambda s: s.chosen_image, user_images=images, options={"image": "gpu"})
    assert chosen == "r/user:gpu"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"profile": "root"}, "A start cannot be given profile"),
        ({"image": "evil"}, "There is no image 'evil' here, only: cpu."),
        ({"size": "GPU"}, "There is no such size for you: Small."),
    ],
)
def test_what_nobody_offered_is_refused(options: dict, said: str) -> None:
    def start(made: PodSpawner) -> None:
        made.db = SimpleNamespace(commit=lambda: None)
        made.user_options = dict(options)
        made.begin_start()

    with pytest.raises(SpawnError) as refused:
        with_spawner(start, sizes=SIZES, gpus=1)
    assert said in refused.value.jupyterhub_message


def test_an_announcement_may_have_braces() -> None:
    async def variables(made: PodSpawner) -> dict[str, str]:
        made.environment = {"MOSSHUB_ANNOUNCEMENT": "Use {name} and {}"}
        return made.get_env()

    assert with_spawner(variables)["MOSSHUB_ANNOUNCEMENT"] == "Use {name} and {}"


def refusal(message: str) -> ApiException:
    """What the client raises when the API server refuses."""
    error = ApiException(403, "Forbidden")
    error.body = json.dumps({"kind": "Status", "message": message})
    return error


def test_a_watch_that_gave_up_begins_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the API server was away, the hub would know old pods for ever."""

    async def watch(made: PodSpawner) -> list[bool]:
        asked: list[bool] = []

        async def start(replace: bool = False) -> None:
            asked.append(replace)

        made._start_watching_pods = start
        ended, runs = asyncio.get_running_loop().create_future(), asyncio.Future()
        ended.set_result(None)
        for task in (ended, runs):
            key = made._get_reflector_key("pods")
            monkeypatch.setitem(made.reflectors, key, SimpleNamespace(watch_task=task))
            await made._watch_pods()
        return asked

    assert with_spawner(watch) == [True, False]


def test_why_a_pod_went_is_known_when_it_is_gone_before_anybody_looks() -> None:
    """A drained node's pods end within a second, and the hub looks every five."""
    drained = {
        "metadata": {"name": "moss-ada", "deletionTimestamp": "2026-11-28T05:00:00Z"},
        "spec": {},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
            ],
        },
    }

    async def look(made: PodSpawner) -> str:
        watch = RememberingReflector(parent=made, namespace="team", labels={})
        made.reflectors[made._get_reflector_key("pods")] = watch
        watch.resources = {"team/moss-ada": drained}
        assert watch.resources.pop("team/moss-ada") is drained
        watch.resources = {}  # as after a new list of all pods
        try:
            return made._exit_reason()
        finally:
            del made.reflectors[made._get_reflector_key("pods")]

    assert with_spawner(look) == "its node is taken out of service"
    assert with_spawner(lambda made: made._exit_reason()) == "it was removed from the cluster"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ApiException(403, "Forbidden"), "The cluster refused to start your pod: Forbidden"),
        (refusal("exceeded quota"), "The cluster refused to start your pod: exceeded quota. Tell"),
        (OSError("refused"), "The cluster does not answer"),
    ],
)
def test_a_cluster_that_does_not_help_is_explained(error: Exception, said: str) -> None:
    assert said in cluster_failure(error).jupyterhub_message


def test_what_a_pod_uses_is_read_as_kubernetes_writes_it() -> None:
    usage = [{"cpu": "250m", "memory": "64Mi"}, {"cpu": "1500000n", "memory": "1024"}]
    sample = pod_sample({"containers": [{"usage": part} for part in usage]}, at=1.0)
    assert (sample.memory_bytes, sample.processors) == (64 * 2**20 + 1024, 0.2515)
    with pytest.raises(ValueError, match="'a lot' is no quantity"):
        quantity("a lot")
