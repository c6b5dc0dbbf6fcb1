"""A platform whose hub has its users in a Postgres of the team's own, outside the cluster."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import DOMAIN, SMALL, ClusterPlatform
from tests.cluster.pods import Namespace
from tests.support import host_names
from tests.support.postgres import DATABASE, Postgres

pytestmark = [pytest.mark.timeout(900), pytest.mark.postgres]


@pytest.fixture
def postgres(cluster: Cluster) -> Iterator[Postgres]:
    with Postgres(cluster.network.host) as server:
        yield server


@pytest.fixture
def other(
    cluster: Cluster, platform: ClusterPlatform, postgres: Postgres, tmp_path: Path
) -> Iterator[ClusterPlatform]:
    """A platform beside the shared one, whose name leads to it meanwhile."""
    space = Namespace(cluster, f"postgres-{secrets.token_hex(4)}")
    values: dict[str, Any] = {
        "kafka": {**SMALL["kafka"], "replicas": 1},
        "proxy": {**SMALL["proxy"], "replicas": 1},
        "settings": {"DATABASE_URL": postgres.address},
    }
    made = ClusterPlatform(cluster, space.name, tmp_path, **values)
    try:
        password = json.dumps({"stringData": {"database_password": postgres.password}})
        space.kubectl("patch", "secret", "mosshub", "--patch", password)
        made.install()
        yield made
    finally:
        made.stop()
        space.delete()
        edge = cluster.address("service/edge", platform.namespace)
        host_names.point(DOMAIN, edge)


def test_users_stay_in_it_when_the_hub_is_another(
    other: ClusterPlatform, postgres: Postgres
) -> None:
    ada = other.person("ada")
    assert ada.is_signed_in()
    assert "ada" in postgres.command("select name from users", DATABASE).split()
    other.kubectl("delete", "pod", "-l", "component=hub", "--grace-period=1")
    other.kubectl("rollout", "status", "deployment/hub", "--timeout=120s", timeout=130)
    assert other.person("ada") is ada, "nobody signs in again"
    log = other.kubectl("logs", "-l", "component=hub", "--tail=-1")
    assert postgres.password not in log
