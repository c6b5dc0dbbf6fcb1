"""Accounts in the team's size: what is visible of them, what is refused, TLS for outside."""

import json
import secrets
import subprocess
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from mosshub_contract.broker_admin import admin_password
from mosshub_contract.ports import free_port

from hub.accounts import acls
from tests.standins.engine import docker
from tests.support.containers import Containers
from tests.support.paths import DOCKER
from tests.support.waiting import retry_until

pytestmark = pytest.mark.timeout(1800)

KAFKA = "apache/kafka:4.3.1"


TRY = """
import json, sys, uuid
from imageclass.kafka.credentials import find_account
from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import KafkaError
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
own, other = (f"{n}.{uuid.uuid4().hex[:8]}" for n in ("ada", "linus"))
said = {}
with KafkaAdminClient(**known) as admin:
    for topic in (own, other):
        try:
            admin.create_topics({topic: {"num_partitions": 1}})
            said[topic.partition(".")[0]] = "made"
        except KafkaError as error:
            said[topic.partition(".")[0]] = type(error).__name__
    said["team"] = "team.requests" in admin.list_topics()
with KafkaProducer(**known) as producer:
    said["sent"] = producer.send(own, b"x").get(20).offset
try:
    KafkaAdminClient(bootstrap_servers="kafka:9092", bootstrap_timeout_ms=2000)
    said["anonymous"] = "in"
except KafkaError:
    said["anonymous"] = "refused"
print(json.dumps(said))
"""


def test_a_persons_account_is_theirs_alone_and_nowhere_to_be_seen(stack, ada):
    said = json.loads(ada.with_account(TRY))
    assert said == {
        "ada": "made",
        "linus": "TopicAuthorizationFailedError",
        "team": True,
        "sent": 0,
        "anonymous": "refused",
    }
    account = json.loads(ada.with_account(READ))
    secret = stack.secret("broker_secret")
    words = [account["password"], secret, admin_password(secret)]
    kafka, hub = stack.container("kafka"), stack.container("hub")
    for container in (kafka, hub, ada.container):
        seen = {
            "inspect": docker("inspect", container),
            "arguments": docker("top", container, "-eo", "pid,args"),
            "log": logs(container),
            "history": docker("history", "--no-trunc", image_of(container)),
        }
        for where, text in seen.items():
            assert [w for w in words if w in text] == [], f"{where} of {container}"
    # Environments: of everything in the person's container, and of the broker itself.
    environments = ada.attempt("cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'").stdout
    assert "MOSSHUB_BROKER_ACCOUNT=" in environments
    broker = docker("exec", kafka, "bash", "-c", "tr '\\0' '\\n' < /proc/1/environ")
    assert "CLUSTER_ID=" in broker
    assert [w for w in words if w in environments + broker] == []
    mode = ada.attempt("stat -c %a /dev/shm/mosshub-* /dev/shm/mosshub-*/broker-account.json")
    assert mode.stdout.split() == ["700", "600"]


READ = "import os; print(open(os.environ['MOSSHUB_BROKER_ACCOUNT']).read())"


def logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", container], capture_output=True, text=True)
    return done.stdout + done.stderr


def image_of(container: str) -> str:
    return json.loads(docker("inspect", container))[0]["Image"]


def test_check_accounts_agrees_after_a_start(stack, ada):
    said = stack.compose("exec", "-T", "hub", "python", "-m", "hub.accounts", "check")
    assert "Hub and broker agree." in said


def test_a_new_secret_reaches_servers_that_run_and_nothing_is_lost(stack, ada):
    """`make up` after the secret was replaced restarts broker and hub; servers go on."""
    before = json.loads(ada.with_account(READ))
    topic = f"ada.{secrets.token_hex(4)}"
    ada.with_account(WRITE, topic)
    file, old = stack.secrets / "broker_secret", stack.secret("broker_secret")
    file.unlink()
    try:
        up = stack.script("up", BUILD="no")
        assert up.returncode == 0, up.stdout[-6000:]
        assert stack.secret("broker_secret") != old

        def changed() -> dict | None:
            now = json.loads(ada.with_account(READ))
            return now if now["password"] != before["password"] else None

        assert retry_until(changed, 90, "the server has the new password")["username"] == "ada"
        said = retry_until(lambda: ada.with_account(FETCH, topic), 60, "it is let in")
        assert said.split() == ["kept"]
    finally:
        file.write_text(old)
        back = stack.script("up", BUILD="no")
    assert back.returncode == 0, back.stdout[-6000:]
    retry_until(lambda: ada.with_account(FETCH, topic).split() == ["kept"], 90, "as before")


WRITE = """
import sys
from imageclass.kafka.credentials import find_account
from kafka import KafkaAdminClient, KafkaProducer
known = {"bootstrap_servers": "kafka:9092", **find_account().settings}
with KafkaAdminClient(**known) as admin:
    admin.create_topics({sys.argv[1]: {"num_partitions": 1}})
with KafkaProducer(**known) as producer:
    producer.send(sys.argv[1], b"kept").get(30)
"""
FETCH = """
import sys
from imageclass.kafka.credentials import find_account
from kafka import KafkaConsumer
with KafkaConsumer(
    sys.argv[1], bootstrap_servers="kafka:9092", auto_offset_reset="earliest",
    consumer_timeout_ms=20000, **find_account().settings,
) as consumer:
    print(next(iter(consumer)).value.decode())
"""


def test_a_removed_person_has_no_account(stack, team):
    linus, grace = team.member("linus"), team.member("grace")
    linus.start()
    linus.with_account(READ)
    names = "from hub.accounts import *\nfrom hub.settings import load_settings\n" + NAMES
    assert "linus" in json.loads(stack.in_hub(names))
    gone = grace.api("DELETE", "users/linus")
    assert gone.status_code == 204, gone.text
    retry_until(lambda: "linus" not in json.loads(stack.in_hub(names)), 60, "the account is gone")


NAMES = """
import json
settings = load_settings()
kafka = KafkaAdmin(lambda: admin_server(settings), admin_login(settings))
held = {name for name, acls in kafka.acls().items() if acls}
print(json.dumps(sorted(kafka.account_names() | held)))
"""


def test_outside_the_host_it_is_tls(standin, containers: Containers, tmp_path: Path):
    """The broker's container as kafka-public.yaml starts it, with a certificate made here."""
    port, secret = free_port(), secrets.token_hex(32)
    admin_port = free_port()
    (tmp_path / "broker_secret").write_text(secret)
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    (tmp_path / "kafka_certificate").write_text(key.read_text() + certificate.read_text())
    for file in tmp_path.iterdir():
        file.chmod(0o644)
    tmp_path.chmod(0o755)
    writable = ("/mnt/shared/config", "/opt/kafka/config", "/opt/kafka/logs")
    broker = containers.run(
        *("--read-only", "--cap-drop=ALL", "--hostname=broker", "--add-host=kafka:127.0.0.1"),
        *("--env=CLUSTER_ID=bW9zc2h1Yi1jbHVzdGVyMQ", "--env=KAFKA_HEAP_OPTS=-Xmx256m"),
        f"--env=KAFKA_PUBLIC=localhost:{port}",
        *(f"--publish=127.0.0.1:{port}:9095", f"--publish=127.0.0.1:{admin_port}:9092"),
        *(f"--volume={DOCKER / 'kafka'}:/etc/mosshub:ro", f"--volume={tmp_path}:/run/secrets:ro"),
        *(f"--tmpfs={path}:uid=1000,gid=1000,mode=0755" for path in writable),
        *("--tmpfs=/tmp", "--tmpfs=/etc/kafka/secrets", standin(KAFKA)),
        *("bash", "/etc/mosshub/start"),
    )
    retry_until(lambda: "Kafka Server started" in broker.logs(), 90, "the broker has started")
    # The hub's listener is reached in the container only: the account is made there.
    account = acls.user_account(secret, "ada")
    password = account.password
    make_account(broker, account)
    outside = {
        "bootstrap_servers": f"localhost:{port}",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ada",
        "sasl_plain_password": password,
        "bootstrap_timeout_ms": 5_000,
    }
    tls = {"security_protocol": "SASL_SSL", "ssl_cafile": str(certificate)}

    def made() -> bool:
        with KafkaAdminClient(**outside, **tls) as admin:
            admin.create_topics({"ada.x": {"num_partitions": 1}})
            return True

    retry_until(made, 30, "the account may make a topic")
    with KafkaProducer(**outside, **tls) as producer:
        producer.send("ada.x", b"from outside").get(20)
    consumer = KafkaConsumer(
        "ada.x", auto_offset_reset="earliest", consumer_timeout_ms=20_000, **outside, **tls
    )
    assert next(iter(consumer)).value == b"from outside"
    consumer.close()
    for wrong in (
        {"security_protocol": "SASL_PLAINTEXT"},  # no TLS
        {"security_protocol": "SASL_SSL"},  # nobody the system trusts has signed it
        {**tls, "sasl_plain_password": "wrong"},
    ):
        with pytest.raises(KafkaError):
            KafkaAdminClient(**{**outside, **wrong})


def make_account(broker, account: acls.Account) -> None:
    """Through Kafka's own tools in the container, as there is no hub beside it."""
    tool = "/opt/kafka/bin/kafka-"
    known = "/tmp/client.properties"  # noqa: S108  in a container
    broker.exec(
        "bash",
        "-c",
        f"sed -n 's/^ *username=\\(.*\\) user_.*/\\1/p' /opt/kafka/config/server.jaas > /tmp/who; "
        "printf 'security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config="
        "org.apache.kafka.common.security.plain.PlainLoginModule required username=%s;\\n' "
        f'"$(cat /tmp/who)" > {known}',
    )
    hub = ("--bootstrap-server", "broker:9094", "--command-config", known)
    broker.exec(
        *(f"{tool}configs.sh", *hub, "--alter", "--entity-type", "users"),
        *("--entity-name", account.name, "--add-config"),
        f"SCRAM-SHA-512=[password={account.password}]",
    )
    broker.exec(
        *(f"{tool}acls.sh", *hub, "--add", "--allow-principal", f"User:{account.name}"),
        *("--operation", "All", "--topic", f"{account.name}.", "--group", f"{account.name}."),
        *("--resource-pattern-type", "prefixed"),
    )
