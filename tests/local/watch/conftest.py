"""The parts that Prometheus asks, all of them real: a hub, an Apache Kafka, a proxy, `watch`."""

from __future__ import annotations

import contextlib
import json
import os
import re
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from imageclass.messages.heartbeats import encode_heartbeat
from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata
from mosshub_contract.ports import free_port
from mosshub_contract.processes import die_with_parent
from mosshub_contract.server_report import API_PATH, ServerReport, to_json
from mosshub_contract.topics import topic_settings

from tests.support.light_hub import LightHub
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.secured_kafka import KafkaUser, SecuredKafka
from tests.support.waiting import retry_until, wait_until

TOKEN = "0123456789abcdef" * 4
GRAFANA_SECRET = "fedcba9876543210" * 4
DOMAIN = "moss.example.org"
SECRET_TEXT = "what-ada-wrote-in-her-notebook"
HEARTBEAT: dict[str, Any] = {
    "name": "cnn",
    "instance": "one",
    "topic": "ada.requests",
    "state": "running",
    "model": "cnn",
    "dataset": "fashion-mnist",
    "received": 12,
    "answered": 10,
    "rejected": 2,
    "skipped": 0,
    "expired": 0,
    "errors": 0,
    "throttled": 1.5,
    "lag": 3,
    "rate": 4.5,
    "paused": False,
    "batch_size": 32,
    "max_wait": 0.1,
    "canary": "",
    "share": 0.0,
    "last_error": SECRET_TEXT,
}


class Watched:
    """The parts and their addresses.

    Attributes:
        hub: the hub, with ada's light server.
        kafka: the broker, with ada's account.
        ada: that account.
        watch: the process of `python -m watch`.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.proxy_port, self.watch_port, self.edge_port = free_port(), free_port(), free_port()
        self.kafka = SecuredKafka(directory)
        self.hub = LightHub(
            directory / "data",
            METRICS_TOKEN=TOKEN,
            GRAFANA_SECRET=GRAFANA_SECRET,
            LIGHT_PROXY_METRICS_PORT=str(self.proxy_port),
        )
        self.ada: KafkaUser
        self.watch: subprocess.Popen

    @property
    def hub_url(self) -> str:
        return f"http://127.0.0.1:{self.hub.hub_port}/hub/metrics"

    @property
    def proxy_url(self) -> str:
        return f"http://127.0.0.1:{self.proxy_port}/metrics"

    @property
    def watch_url(self) -> str:
        return f"http://127.0.0.1:{self.watch_port}/metrics"

    def read(self, url: str) -> str:
        """Return the metrics at an address, as Prometheus reads them."""
        answer = requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)
        answer.raise_for_status()
        return answer.text

    def start_watch(self) -> None:
        """Start `python -m watch` and wait for its first answer."""
        self.watch = subprocess.Popen(
            [sys.executable, "-m", "watch"],
            cwd=ROOT,
            env={
                **os.environ,
                "METRICS_TOKEN": TOKEN,
                "WATCH_PORT": str(self.watch_port),
                **self.kafka.own_settings(),
                "DOMAIN": DOMAIN,
                "BACKUP_AT": "03:00",
                "EDGE": f"127.0.0.1:{self.edge_port}",
                "BACKUP_FILE": str(self.directory / "last.json"),
            },
            preexec_fn=die_with_parent(),
        )
        retry_until(lambda: self.read(self.watch_url), 60, "watch answers")

    def work(self) -> None:
        """Have ada stream and work: some requests, an agent with a lag, a dead letter."""
        with self.ada.admin() as admin:
            admin.create_topics(topic_settings("ada."))
        with self.ada.producer() as producer:
            for number in range(5):
                producer.send("ada.requests", SECRET_TEXT.encode(), partition=number % 4)
            producer.send("ada.dead-letters", SECRET_TEXT.encode())
            producer.send("ada.agents", encode_heartbeat(HEARTBEAT), key=b"one")
            producer.flush()
        with self.ada.admin() as admin:
            # A new broker makes its topic of groups now.
            retry_until(lambda: commit_the_begin(admin), 30, "a group with a lag")
        (self.directory / "last.json").write_text(json.dumps({"ok": True, "at": "", "text": ""}))


def commit_the_begin(admin: KafkaAdminClient) -> bool:
    """Make the group `ada.cnn`, which has read nothing yet; return whether the broker took it.

    It has committed on one of its four partitions, as an agent soon after its start.
    """
    begin = OffsetAndMetadata(0, "", -1)
    answers = admin.alter_group_offsets("ada.cnn", {TopicPartition("ada.requests", 0): begin})
    return all(answer is NoError for answer in answers.values())


@contextlib.contextmanager
def tls_edge(directory: Path, port: int) -> Iterator[None]:
    """A web server with a certificate of its own, in Caddy's place."""
    key, certificate = directory / "key.pem", directory / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "40"),
            *("-keyout", key, "-out", certificate, "-subj", f"/CN={DOMAIN}"),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", port), SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    directory = tmp_path_factory.mktemp("watched")
    parts = Watched(directory)
    with parts.kafka, parts.hub, tls_edge(directory, parts.edge_port):
        parts.ada = parts.kafka.add_user("ada")
        parts.work()
        parts.start_watch()
        yield parts
        parts.watch.terminate()
        parts.watch.wait()


def server_token(hub: LightHub, name: str) -> str:
    """Return the token of a user's server, which is in its environment."""
    server = next(
        p
        for p in hub.hub_process().children(recursive=True)
        if "JUPYTERHUB_API_TOKEN" in (env := p.environ()) and env.get("JUPYTERHUB_USER") == name
    )
    return server.environ()["JUPYTERHUB_API_TOKEN"]


def open_server(hub: LightHub, name: str) -> LocalPerson:
    """Sign a user in, start their server, and have it report as a real one does."""
    person = LocalPerson(hub, name)
    asked = person.api("POST", f"users/{name}/server")
    assert asked.ok or "already running" in asked.text, asked.text  # their sign-in started it
    wait_until(
        lambda: person.api("GET", f"users/{name}").json()["servers"].get("", {}).get("ready"),
        60,
        f"{name}'s server runs",
    )
    report = ServerReport(last_used=1.0, disk_bytes=1000, disk_limit=2000)
    headers = {"Authorization": f"token {server_token(hub, name)}"}
    url = f"http://127.0.0.1:{hub.hub_port}/hub/api{API_PATH}"
    requests.post(url, data=to_json(report), headers=headers, timeout=30).raise_for_status()
    return person


def cpu_seconds(process: psutil.Process) -> float:
    """Return the processor time of a process."""
    times = process.cpu_times()
    return times.user + times.system


def metric_names(text: str) -> set[str]:
    """Return the names of the samples in metrics."""
    return set(re.findall(r"(?m)^([a-z_]+)[{ ]", text))
