"""The stand-ins honour what this project uses of the official images. The same tests hold against
the official images: pull them, and the stand-ins' builder leaves them alone.
"""

import json
from pathlib import Path

import pytest
import requests
from kafka import KafkaConsumer, KafkaProducer
from mosshub_contract.ports import free_port

from tests.standins import RECIPES, ensure
from tests.standins.engine import docker, image_id
from tests.support.waiting import retry_until

CADDY = "caddy:2.6.2"
HAPROXY = "haproxy:3.0.11"
KAFKA = "apache/kafka:4.3.1"
KEYCLOAK = "quay.io/keycloak/keycloak:26.7.3"
POSTGRES = "postgres:17.12"


def get(url: str) -> str:
    answer = requests.get(url, timeout=5)
    answer.raise_for_status()
    return answer.text


@pytest.mark.parametrize("tag", RECIPES)
def test_second_build_is_no_build(standin, tag):
    standin(tag)
    before, said = image_id(tag), []
    ensure(tag, say=said.append)
    assert said == []
    assert image_id(tag) == before


def test_unknown_tag_is_refused_by_name():
    with pytest.raises(ValueError, match=r"no stand-in is called nginx:1; there are debian:"):
        ensure("nginx:1")


def test_debian_is_slim_trixie_that_can_install_packages(standin, containers):
    box = containers.run(standin("debian:trixie-slim"), "sleep", "infinity")
    assert "VERSION_CODENAME=trixie" in box.exec("cat", "/etc/os-release")
    for program in ("python3", "git", "curl", "java", "man"):
        with pytest.raises(RuntimeError):
            box.exec("which", program)
    box.exec("apt-get", "-q", "update", timeout=120)
    box.exec("apt-get", "-qy", "install", "--no-install-recommends", "tini", timeout=120)
    assert "tini version" in box.exec("tini", "--version")
    assert box.exec("find", "/usr/share/man", "/usr/share/doc/tini", "-name", "*.gz") == ""


def test_caddy_serves_its_caddyfile(standin, containers, tmp_path: Path):
    (tmp_path / "Caddyfile").write_text(':80 {\n\trespond "moss"\n}\n')
    caddy = containers.run(
        "-p", "127.0.0.1::80",
        "-v", f"{tmp_path}/Caddyfile:/etc/caddy/Caddyfile:ro",
        "-v", f"{containers.volume()}:/data",
        standin(CADDY),
    )  # fmt: skip
    page = retry_until(lambda: get(f"http://{caddy.address(80)}/"), 20, "Caddy answers")
    assert page == "moss"
    # Certificates belong on the volume, the last configuration in /config.
    assert caddy.exec("sh", "-c", "echo $XDG_DATA_HOME $XDG_CONFIG_HOME") == "/data /config"
    retry_until(
        lambda: caddy.exec("test", "-s", "/config/caddy/autosave.json") == "", 10, "autosave"
    )
    assert caddy.exec("caddy", "version").lstrip("v").startswith("2.6.2")


HAPROXY_CONFIG = """\
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
frontend http
    bind :8080
    http-request return status 200 content-type text/plain string open if { path /_ping }
    http-request deny deny_status 403
"""


def test_haproxy_reads_its_file_as_an_unprivileged_user(standin, containers, tmp_path: Path):
    (tmp_path / "haproxy.cfg").write_text(HAPROXY_CONFIG)
    tmp_path.chmod(0o755)
    haproxy = containers.run(
        "-p", "127.0.0.1::8080",
        "-v", f"{tmp_path}:/usr/local/etc/haproxy:ro",
        standin(HAPROXY),
    )  # fmt: skip
    assert (
        retry_until(lambda: get(f"http://{haproxy.address(8080)}/_ping"), 20, "HAProxy") == "open"
    )
    with pytest.raises(requests.HTTPError, match="403"):
        get(f"http://{haproxy.address(8080)}/containers/json")
    assert haproxy.exec("id", "-u") == "99"
    assert haproxy.exec("id", "-un") == "haproxy"
    docker("stop", "-t", "20", haproxy.name)  # SIGUSR1: ends when no connection is left
    assert haproxy.state("ExitCode") == "0"


def test_haproxy_takes_flags_alone(standin):
    assert "version 3.0.11" in docker("run", "--rm", standin(HAPROXY), "-v")


def kafka_environment(port: int) -> list[str]:
    settings = {
        "CLUSTER_ID": "bW9zc2h1Yi10ZXN0LTAwMQ",
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
        "KAFKA_HEAP_OPTS": "-Xmx512m",
    }
    return [part for name, value in settings.items() for part in ("-e", f"{name}={value}")]


def read_all(server: str, topic: str) -> list[bytes]:
    with KafkaConsumer(
        topic,
        bootstrap_servers=server,
        auto_offset_reset="earliest",
        consumer_timeout_ms=5000,
    ) as consumer:
        return [message.value for message in consumer]


def write(server: str, topic: str, *values: bytes) -> None:
    with KafkaProducer(bootstrap_servers=server) as producer:
        for value in values:
            producer.send(topic, value).get(timeout=30)


def test_kafka_from_variables_keeps_messages_on_its_volume(standin, containers):
    port, image = free_port(), standin(KAFKA)
    server = f"127.0.0.1:{port}"
    arguments = ["-p", f"{server}:{port}", "-v", f"{containers.volume()}:/var/lib/kafka/data"]
    arguments += [*kafka_environment(port), image]

    broker = containers.run(*arguments)
    retry_until(lambda: write(server, "leaves", b"first") is None, 60, "the broker takes a message")
    assert broker.exec("id", "-u") == "1000"
    assert broker.exec("id", "-un") == "appuser"
    tools = "/opt/kafka/bin"
    topics = broker.exec(f"{tools}/kafka-topics.sh", "--bootstrap-server", server, "--list")
    assert "leaves" in topics.split()
    assert "Produce" in broker.exec(
        f"{tools}/kafka-broker-api-versions.sh", "--bootstrap-server", server
    )
    properties = broker.exec("cat", "/opt/kafka/config/server.properties")
    assert "offsets.topic.replication.factor=1" in properties
    assert "heap.opts" not in properties
    docker("stop", "-t", "30", broker.name)
    assert broker.state("ExitCode") == "143"  # Java's answer to SIGTERM: an orderly end
    docker("rm", "-v", broker.name)  # the named volume stays

    again = containers.run(*arguments)
    retry_until(lambda: write(server, "leaves", b"second") is None, 60, "the broker is back")
    assert read_all(server, "leaves") == [b"first", b"second"]
    assert "cluster.id=bW9zc2h1Yi10ZXN0LTAwMQ" in again.exec(
        "cat", "/var/lib/kafka/data/meta.properties"
    )


def test_kafka_from_a_mounted_file(standin, containers, tmp_path: Path):
    port = free_port()
    server = f"127.0.0.1:{port}"
    (tmp_path / "server.properties").write_text(
        "process.roles=broker,controller\nnode.id=1\ncontroller.quorum.voters=1@localhost:9093\n"
        f"listeners=PLAINTEXT://:{port},CONTROLLER://:9093\n"
        f"advertised.listeners=PLAINTEXT://{server}\ncontroller.listener.names=CONTROLLER\n"
        "offsets.topic.replication.factor=1\nauto.create.topics.enable=false\n"
        "log.dirs=/var/lib/kafka/data\n"
    )
    tmp_path.chmod(0o755)
    arguments = ["-p", f"{server}:{port}", "-v", f"{tmp_path}:/mnt/shared/config:ro"]
    broker = containers.run(*arguments, "-e", "KAFKA_NUM_PARTITIONS=7", standin(KAFKA))
    retry_until(lambda: "Kafka Server started" in broker.logs(), 60, "the broker started")
    tool = ["/opt/kafka/bin/kafka-topics.sh", "--bootstrap-server", server]
    broker.exec(*tool, "--create", "--topic", "moss")
    # Variables come on top of the file.
    assert "PartitionCount: 7" in broker.exec(*tool, "--describe", "--topic", "moss")


def test_kafka_refuses_what_the_official_image_refuses(standin, containers):
    broker = containers.run(
        "-e", "KAFKA_ADVERTISED_LISTENERS=SASL_PLAINTEXT://kafka:9092", standin(KAFKA)
    )
    retry_until(lambda: broker.state("Status") == "exited", 20, "it gave up")
    assert broker.state("ExitCode") == "1"
    assert "KAFKA_OPTS environment variable not set" in broker.logs()


REALM = {
    "realm": "moss",
    "enabled": True,
    "users": [
        {
            "username": "ada",
            "email": "ada@example.org",
            "firstName": "Ada",
            "lastName": "L",
            "enabled": True,
            "credentials": [{"type": "password", "value": "leaf", "temporary": False}],
        }
    ],
    "clients": [
        {
            "clientId": "hub",
            "publicClient": True,
            "directAccessGrantsEnabled": True,
            "enabled": True,
        }
    ],
}


def token(base: str, realm: str, client: str, user: str, password: str) -> str:
    form = {"grant_type": "password", "client_id": client, "username": user, "password": password}
    url = f"{base}/realms/{realm}/protocol/openid-connect/token"
    answer = requests.post(url, form, timeout=10)
    answer.raise_for_status()
    return answer.json()["access_token"]


def test_keycloak_imports_a_realm_and_knows_its_people(standin, containers, tmp_path: Path):
    (tmp_path / "moss.json").write_text(json.dumps(REALM))
    tmp_path.chmod(0o755)
    keycloak = containers.run(
        "-p", "127.0.0.1::8080", "-p", "127.0.0.1::9000",
        "-v", f"{tmp_path}:/opt/keycloak/data/import:ro",
        "-e", "KC_BOOTSTRAP_ADMIN_USERNAME=root", "-e", "KC_BOOTSTRAP_ADMIN_PASSWORD=stone",
        "-e", "KC_HEALTH_ENABLED=true",
        standin(KEYCLOAK), "start-dev", "--import-realm",
    )  # fmt: skip
    ready = f"http://{keycloak.address(9000)}/health/ready"
    retry_until(lambda: '"UP"' in get(ready), 300, "Keycloak is ready")
    base = f"http://{keycloak.address(8080)}"
    assert token(base, "moss", "hub", "ada", "leaf")
    assert token(base, "master", "admin-cli", "root", "stone")
    with pytest.raises(requests.HTTPError, match=r"40[01]"):
        token(base, "moss", "hub", "ada", "wrong")
    assert keycloak.exec("id", "-u") == "1000"


def test_postgres_makes_its_database_once(standin, containers, tmp_path: Path):
    password = tmp_path / "password"
    password.write_text("a-password")
    password.chmod(0o644)
    tmp_path.chmod(0o755)
    run = (
        *("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"),
        *(f"--cap-add={c}" for c in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID")),
        *("--tmpfs=/tmp", "--tmpfs=/var/run/postgresql", "--shm-size=64m"),
        *("--env=POSTGRES_USER=moss", "--env=POSTGRES_DB=hub", f"--volume={tmp_path}:/p:ro"),
        *("--env=POSTGRES_PASSWORD_FILE=/p/password", "--env=PGDATA=/var/lib/postgresql/data/x"),
        f"--volume={containers.volume()}:/var/lib/postgresql/data",
        standin(POSTGRES),
    )
    address = "--host=$(hostname -i) --username=moss --dbname=hub --no-align --tuples-only"

    def says(sql: str, known: str = password.read_text()) -> str:
        script = f'PGPASSWORD={known} psql {address} --command="{sql}"'
        return server.exec("sh", "-c", script)

    server = containers.run(*run)
    retry_until(lambda: says("CREATE TABLE kept AS SELECT 1"), 60, "it makes a table")
    assert says("SHOW server_version").startswith(POSTGRES.partition(":")[2])
    with pytest.raises(RuntimeError):
        says("SELECT 1", "another-password")
    docker("rm", "-f", server.name)
    server = containers.run(*run)
    assert retry_until(lambda: says("SELECT * FROM kept"), 60, "it is there again") == "1"
