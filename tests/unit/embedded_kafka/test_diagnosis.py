"""Errors of the broker as sentences."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from embedded_kafka import BrokerError, EmbeddedBroker, wait_until_ready
from embedded_kafka.diagnosis import diagnose
from embedded_kafka.port import choose_port


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


@pytest.mark.parametrize("servers", ["localhost", "kafka:", "kafka:port", ""])
def test_an_address_that_is_none(servers: str) -> None:
    with pytest.raises(BrokerError, match="write it as host:port"):
        wait_until_ready(servers, timeout=1)


def test_nobody_there() -> None:
    address = f"127.0.0.1:{choose_port(0)}"
    with pytest.raises(BrokerError, match=f"No Kafka broker answers at {address}"):
        wait_until_ready([address], timeout=0.2)


def test_failure_report_before_any_start(tmp_path: Path) -> None:
    assert EmbeddedBroker(tmp_path).failure_report() == "The broker was not started."
