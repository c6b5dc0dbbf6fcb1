"""A platform with a Postgres and a Kafka of the team's own, both outside the cluster."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.cluster import Cluster
from tests.cluster.platform import DOMAIN, SEND_AND_READ, SMALL, ClusterPlatform
from tests.cluster.pods import Namespace
from tests.support import host_names
from tests.support.postgres import DATABASE, Postgres
from tests.support.secured_kafka import SecuredKafka

pytestmark = [pytest.mark.timeout(900), pytest.mark.postgres]


@pytest.fixture(scope="module")
def postgres(cluster: Cluster) -> Iterator[Postgres]:
    with Postgres(cluster.network.host) as server:
        yield server


@pytest.fixture(scope="module")
def kafka(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with SecuredKafka(tmp_path_factory.mktemp("kafka"), cluster.network.host) as broker:
        yield broker


@pytest.fixture(scope="module")
def other(
    cluster: Cluster,
    platform: ClusterPlatform,
    postgres: Postgres,
    kafka: SecuredKafka,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ClusterPlatform]:
    """A platform beside the shared one, whose name leads to it meanwhile."""
    space = Namespace(cluster, f"own-{secrets.token_hex(4)}")
    own = kafka.own_settings()
    values: dict[str, Any] = {
        "proxy": {**SMALL["proxy"], "replicas": 1},
        "networkPolicy": {"allowed": [f"{cluster.network.host}/32"]},
        "settings": {
            "DATABASE_URL": postgres.address,
            "KAFKA_BOOTSTRAP_SERVERS": own["KAFKA_BOOTSTRAP_SERVERS"],
        },
    }
    made = ClusterPlatform(cluster, space.name, tmp_path_factory.mktemp("own"), **values)
    secret = {
        "database_password": postgres.password,
        "kafka_admin_password": own["KAFKA_ADMIN_PASSWORD"],
        "kafka_authority": own["KAFKA_AUTHORITY"],
    }
    try:
        space.kubectl("patch", "secret", "mosshub", "--patch", json.dumps({"stringData": secret}))
        made.install()
        yield made
    finally:
        made.stop()
        space.delete()
        edge = cluster.address("service/edge", platform.namespace)
        host_names.point(DOMAIN, edge)


def test_people_stream_through_their_own_kafka(other: ClusterPlatform, kafka: SecuredKafka) -> None:
    assert "kafka" not in other.kubectl("get", "statefulsets", "-o", "name")
    ada = other.person("ada")
    ada.start()
    try:
        key = secrets.token_hex(4)
        assert "ada.requests 50" in ada.notebook().run(SEND_AND_READ.format(key=key))
    finally:
        ada.stop()
    assert "ada" in kafka.admin().account_names()


def test_users_stay_in_their_own_postgres_when_the_hub_is_another(
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
