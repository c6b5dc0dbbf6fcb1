"""What people share from their pods: apps, which are pods of their own, and the team's folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any

import pytest

from tests.cases.apps import *  # noqa: F403
from tests.cases.team_folder import *  # noqa: F403
from tests.cluster.platform import ClusterPlatform, PodPerson
from tests.support.apps import (
    NAME,
    PEEK,
    TOPICS,
    WRITE,
    app_url,
    assert_nothing_of_the_viewer,
    assert_snapshot_and_open_topic,
    open_app,
    publish,
    seen_by_code,
    server_url,
    unpublish,
)
from tests.support.waiting import retry_until, wait_until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def shared(
    platform: ClusterPlatform, ada: PodPerson, idle: PodPerson
) -> tuple[PodPerson, PodPerson]:
    """Ada and grace, with their servers on different nodes where there is room."""
    idle.start()
    return ada, idle


@pytest.fixture
def published(ada: PodPerson, linus: PodPerson) -> Iterator[None]:
    """Ada's app, for linus, whom the hub knows."""
    ada.inside("python3", "-c", WRITE, PEEK.replace("AUTHOR", "ada"))
    ada.with_account(TOPICS, "ada")
    page = publish(ada, audience="linus", topics="ada.open")
    assert page.status_code == 200, page.text
    yield
    unpublish(ada)
    ada.inside("rm", "-f", f"/home/mosshub/notebooks/{NAME}")


def pod_of_app(platform: ClusterPlatform, author: PodPerson) -> dict[str, Any]:
    """Return the only pod of an author's apps."""
    pods = platform.cluster.get("pods", "-n", platform.namespace)["items"]
    (pod,) = [one for one in pods if one["metadata"]["name"].startswith(f"{author.pod}-")]
    return pod


@pytest.fixture
def read_variables(platform: ClusterPlatform, ada: PodPerson) -> Callable[[], dict[str, str]]:
    def read() -> dict[str, str]:
        (container,) = pod_of_app(platform, ada)["spec"]["containers"]
        return {one["name"]: one.get("value", "") for one in container["env"]}

    return read


def test_an_app_is_a_pod_of_its_own_that_has_nothing_of_its_author(
    platform: ClusterPlatform, published: None, ada: PodPerson, linus: PodPerson
) -> None:
    page = open_app(linus, ada)
    assert page.url.startswith(server_url(ada))
    seen = seen_by_code(linus, ada)
    assert_nothing_of_the_viewer(seen, linus)
    assert_snapshot_and_open_topic(seen, ada)
    assert "JUPYTERHUB_API_TOKEN" not in json.dumps([seen["environment"], seen["processes"]])
    pod = pod_of_app(platform, ada)
    assert not [v for v in pod["spec"]["volumes"] if "persistentVolumeClaim" in v]
    (container,) = pod["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == str(2 * 2**30)

    assert "Peek is unpublished" in unescape(unpublish(ada).text)
    assert linus.session.get(app_url(ada), timeout=60).status_code == 404

    def gone() -> bool:
        name = pod["metadata"]["name"]
        return not platform.kubectl("get", "pod", name, "--ignore-not-found")

    wait_until(gone, 60, "the pod is gone")


def test_a_server_that_nobody_uses_is_stopped_and_one_that_is_kept_is_not(
    platform: ClusterPlatform, ada: PodPerson, linus: PodPerson
) -> None:
    platform.values["settings"]["IDLE_TIMEOUT"] = "20s"
    platform.install()
    try:
        ada.stop()
        ada.start()  # a server learns the limit at its start
        form = {"Origin": ada.origin, "Sec-Fetch-Site": "same-origin"}
        kept = ada.session.post(
            f"{ada.base}_mosshub/keep", {"until": "4h", "from": "home"}, headers=form, timeout=60
        )
        assert "It keeps running until" in kept.text
        linus.stop()
        linus.start()
        wait_until(lambda: not linus.has_container(), 300, "the server is stopped")
        assert ada.has_container()
        assert platform.kubectl("get", "pvc", "moss-home-linus"), "the files stay"
    finally:
        del platform.values["settings"]["IDLE_TIMEOUT"]
        platform.install()
    retry_until(lambda: ada.open().ok, 60, "ada goes on")
