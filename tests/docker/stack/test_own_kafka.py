"""KAFKA_BOOTSTRAP_SERVERS: a Kafka of the team's own takes the place of the platform's broker."""

from pathlib import Path

import pytest

from tests.docker.stack.test_monitoring import services

SERVERS = "kafka.example.org:9093"


def sources(service: dict) -> set[str]:
    return {one["source"] for one in service["secrets"]}


def test_hub_and_watch_reach_it_and_the_platforms_broker_does_not_run(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "kafka_admin_password").write_text("secret")
    settings = {"KAFKA_BOOTSTRAP_SERVERS": SERVERS, "MONITORING": "yes", "DOMAIN": "m.example.org"}
    found = services(tmp_path, **settings)
    assert "kafka" not in found
    assert not found["hub"]["depends_on"]["kafka"]["required"]
    for name, setting in (("hub", "KAFKA_BOOTSTRAP_SERVERS"), ("watch", "KAFKA_ADMIN_SERVER")):
        assert found[name]["environment"][setting] == SERVERS
        assert sources(found[name]) > {"kafka_admin_password", "kafka_authority", "broker_secret"}
    assert (secrets / "kafka_authority").read_text() == "", "an authority that everybody knows"


def test_without_it_nobody_gets_its_secrets(tmp_path: Path) -> None:
    found = services(tmp_path)
    assert found["hub"]["environment"]["KAFKA_BOOTSTRAP_SERVERS"] == "kafka:9092"
    assert found["hub"]["environment"]["KAFKA_ADMIN_SERVER"] == "broker:9094"
    assert "kafka" in found["hub"]["depends_on"]
    assert not {"kafka_admin_password", "kafka_authority"} & sources(found["hub"])


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "of its account mosshub.hub into"),
        ({"KAFKA_PUBLIC": "kafka.example.org:9095"}, "leave one of them empty"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(AssertionError, match=sentence):
        services(tmp_path, KAFKA_BOOTSTRAP_SERVERS=SERVERS, **settings)
