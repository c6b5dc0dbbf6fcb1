"""Settings of the embedded broker."""

from __future__ import annotations

from pathlib import Path

from embedded_kafka.properties import MiB, render, server_properties


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
