"""The embedded Apache Kafka itself: what survives, what is refused, what is left behind."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from embedded_kafka import BrokerError, EmbeddedBroker, wait_until_ready
from embedded_kafka.java import JAVA_VARIABLE
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from mosshub_contract.ports import free_port

from tests.support.waiting import TIMEOUT_FACTOR, wait_until

PROGRAM = [sys.executable, "-m", "embedded_kafka"]


def make_topic(broker: EmbeddedBroker, name: str) -> None:
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})


def produce(broker: EmbeddedBroker, topic: str, values: list[bytes]) -> None:
    with KafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
        for sent in [producer.send(topic, value) for value in values]:
            sent.get(timeout=30)


def consume(broker: EmbeddedBroker, topic: str) -> list[bytes]:
    """All that is in the topic's only partition."""
    partition = TopicPartition(topic, 0)
    with KafkaConsumer(bootstrap_servers=broker.bootstrap_servers) as consumer:
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        end = consumer.end_offsets([partition])[partition]
        values: list[bytes] = []
        deadline = time.monotonic() + 30
        while len(values) < end and time.monotonic() < deadline:
            for records in consumer.poll(timeout_ms=500).values():
                values += [record.value for record in records]
    return values


class Program:
    """`python -m embedded_kafka` with its output in a file."""

    def __init__(self, directory: Path, *options: str, port: int | None = None) -> None:
        self.port = free_port() if port is None else port
        self.output = directory.with_suffix(f".{self.port}.out")
        command = [*PROGRAM, "--data", str(directory), "--port", str(self.port), *options]
        with self.output.open("w") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    def said(self) -> str:
        return self.output.read_text()

    def java(self) -> psutil.Process | None:
        """The Java that answers, once it does."""
        children = psutil.Process(self.process.pid).children()
        return next((child for child in children if child.name() == "java"), None)

    def ready(self) -> psutil.Process:
        """Waits until it says that it answers, and returns its Java."""
        address = f"answers at 127.0.0.1:{self.port} "
        wait_until(
            lambda: self.process.poll() is not None or address in self.said(), 60, "ready line"
        )
        java = self.java() if self.process.poll() is None else None
        assert java, self.said()
        return java


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts the program; what still runs at the end of the test is killed."""
    started: list[Program] = []

    def start(directory: Path, *options: str, port: int | None = None) -> Program:
        started.append(Program(directory, *options, port=port))
        return started[-1]

    yield start
    for one in started:
        print(one.said())
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in psutil.Process(one.process.pid).children(recursive=True):
                process.kill()
        one.process.kill()
        one.process.wait()


@pytest.mark.slow
def test_messages_survive_a_restart_and_a_kill(broker: EmbeddedBroker) -> None:
    make_topic(broker, "survivors")
    first, second = [b"%d" % n for n in range(500)], [b"%d" % n for n in range(500, 1000)]
    produce(broker, "survivors", first)
    broker.stop()
    assert not broker.running
    assert consume(broker.start(), "survivors") == first
    produce(broker, "survivors", second)
    broker.kill()
    assert broker.wait() == -signal.SIGKILL
    begin = time.monotonic()
    assert consume(broker.start(), "survivors") == first + second
    assert time.monotonic() - begin < 40 * TIMEOUT_FACTOR, "a killed broker must be back soon"


def test_an_unknown_topic_is_not_made(broker: EmbeddedBroker) -> None:
    make_topic(broker, "right")
    with KafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_block_ms=3000) as producer:
        producer.send("right", b"x").get(timeout=30)
        with pytest.raises(KafkaError):
            producer.send("mistyped", b"x").get(timeout=30)
    with KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers) as admin:
        topics = {topic["name"] for topic in admin.describe_topics() if not topic["error_code"]}
    assert "right" in topics
    assert "mistyped" not in topics


def test_a_mebibyte_arrives_and_more_is_refused(broker: EmbeddedBroker) -> None:
    make_topic(broker, "large")
    limits = {"max_request_size": 8 << 20, "bootstrap_servers": broker.bootstrap_servers}
    with KafkaProducer(**limits) as producer:
        headers = [("shape", b"1024,1024,1")]
        producer.send("large", b"p" * (1 << 20), headers=headers).get(timeout=30)
        with pytest.raises(Exception, match="MessageSizeTooLarge"):
            producer.send("large", b"p" * (5 << 20)).get(timeout=30)
    assert [len(value) for value in consume(broker, "large")] == [1 << 20]


def test_listens_on_loopback_only(broker: EmbeddedBroker) -> None:
    listening = [
        connection.laddr
        for connection in psutil.Process(broker.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert {address.ip for address in listening} <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert broker.port in {address.port for address in listening}
    assert len(listening) == 2, "the broker's and the controller's, nothing else"


@pytest.mark.slow
def test_another_port_keeps_the_messages(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path, 0) as first:
        make_topic(first, "moved")
        produce(first, "moved", [b"here"])
        old = first.port
    # The old port is not needed, not even free.
    with socket.create_server(("127.0.0.1", old)), EmbeddedBroker(tmp_path, 0) as second:
        assert second.port != old
        assert consume(second, "moved") == [b"here"]
        produce(second, "moved", [b"there"])
        assert consume(second, "moved") == [b"here", b"there"]


def test_two_on_one_directory(broker: EmbeddedBroker) -> None:
    pattern = (
        f"{re.escape(str(broker.data_dir))} is in use .*process {os.getpid()}, .*{broker.port}"
    )
    with pytest.raises(BrokerError, match=pattern):
        EmbeddedBroker(broker.data_dir, 0).start()
    assert broker.start() is broker
    wait_until_ready(broker.bootstrap_servers, timeout=10)


@pytest.mark.slow
def test_a_clean_life_says_two_things_and_leaves_nothing(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    one = program(tmp_path / "kafka")
    java = one.ready()
    one.process.terminate()
    assert one.process.wait(30 * TIMEOUT_FACTOR) == 0
    assert not java.is_running()
    lines = [line for line in one.said().splitlines() if not line.startswith("Downloading")]
    assert len(lines) == 1, one.said()
    again = program(tmp_path / "kafka", port=one.port)
    again.ready()
    again.process.send_signal(signal.SIGINT)
    assert again.process.wait(30 * TIMEOUT_FACTOR) == 0


@pytest.mark.slow
def test_a_second_signal_ends_at_once(program: Callable[..., Program], tmp_path: Path) -> None:
    one = program(tmp_path / "kafka")
    java = one.ready()
    java.suspend()  # as if its shutdown hung
    one.process.send_signal(signal.SIGINT)
    wait_until(lambda: java.status() == psutil.STATUS_STOPPED, 5, "Java suspended")
    with pytest.raises(subprocess.TimeoutExpired):
        one.process.wait(0.5)
    one.process.send_signal(signal.SIGINT)
    assert one.process.wait(5 * TIMEOUT_FACTOR) == 128 + signal.SIGINT
    wait_until(lambda: gone(java), 5, "Java gone")


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
def test_java_goes_when_its_program_is_killed(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    one = program(tmp_path / "kafka")
    java = one.ready()
    one.process.kill()
    # Started at once, while the orphan may still be writing: it is waited for, not tripped over.
    two = program(tmp_path / "kafka", port=one.port)
    two.ready()
    assert gone(java)


@pytest.mark.slow
def test_killed_kafka_ends_the_program_with_its_reason(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    one = program(tmp_path / "kafka")
    one.ready().kill()
    assert one.process.wait(30 * TIMEOUT_FACTOR) == 1
    assert "Apache Kafka was killed (signal 9)" in one.said()


@pytest.mark.slow
def test_keep_running_starts_a_killed_kafka_again(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    one = program(tmp_path / "kafka", "--keep-running")
    one.ready().kill()
    wait_until(lambda: one.said().count("answers at") == 2, 60, "started again")
    assert one.process.poll() is None
    one.process.terminate()
    assert one.process.wait(30 * TIMEOUT_FACTOR) == 0


@pytest.mark.slow
def test_keep_running_waits_for_its_port_in_silence(
    program: Callable[..., Program], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        one = program(tmp_path / "kafka", "--keep-running", port=port)
        wait_until(lambda: "is taken" in one.said(), 60, "the reason")
        with pytest.raises(subprocess.TimeoutExpired):
            one.process.wait(4)  # two more attempts
        assert one.said().count("is taken") == 1
    one.ready()


@pytest.mark.slow
def test_a_taken_port_and_prepare(program: Callable[..., Program], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        one = program(tmp_path / "kafka", "--prepare", port=port)
        assert one.process.wait(30 * TIMEOUT_FACTOR) == 1
        assert f"Port {port} on 127.0.0.1 is taken" in one.said()
        assert "Traceback" not in one.said()
    two = program(tmp_path / "kafka", "--prepare", port=port)
    assert two.process.wait(60 * TIMEOUT_FACTOR) == 0
    assert (tmp_path / "kafka" / "log" / "meta.properties").exists()


@pytest.mark.slow
def test_damaged_data_is_said_to_be(tmp_path: Path) -> None:
    EmbeddedBroker(tmp_path, 0).prepare()
    (tmp_path / "log" / "meta.properties").write_text("garbage\n")
    with pytest.raises(BrokerError, match=r"damaged\. Restore it from a backup.*\n  \| ERROR"):
        EmbeddedBroker(tmp_path, 0).start()


def test_wrong_java(
    program: Callable[..., Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(JAVA_VARIABLE, "/bin/true")
    one = program(tmp_path / "kafka")
    assert one.process.wait(30 * TIMEOUT_FACTOR) == 1
    assert f"{JAVA_VARIABLE}=/bin/true is no working Java" in one.said()
    assert "Traceback" not in one.said()


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_directory_of_somebody_else(tmp_path: Path, mode: int) -> None:
    """Root may open everything, so as root the program runs without that privilege."""
    directory = tmp_path / "kafka"
    directory.mkdir(mode=mode)
    as_person = []
    if os.geteuid() == 0:
        as_person = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    answer = subprocess.run(
        [*as_person, *PROGRAM, "--data", str(directory), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 1
    assert f"data directory {directory} cannot be used: Permission denied" in answer.stderr
    assert "Traceback" not in answer.stderr
