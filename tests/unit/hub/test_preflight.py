"""Which ports a start takes."""

import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from hub.preflight import StartError, choose_ports
from hub.settings import Settings

DEFAULTS = {"port": 8000, "kafka_port": 9092}


@pytest.fixture
def taken_defaults() -> Iterator[None]:
    """Another platform of this machine has all ports that are the defaults."""
    with closing(socket.socket()) as first, closing(socket.socket()) as second:
        for taken, port in zip((first, second), DEFAULTS.values(), strict=True):
            with suppress(OSError):  # somebody has it already, which is as good
                taken.bind(("127.0.0.1", port))
                taken.listen()
        yield


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in DEFAULTS:
        monkeypatch.delenv(name.upper(), raising=False)
    return Settings(data_dir=tmp_path)


@pytest.mark.usefixtures("taken_defaults")
def test_a_default_port_that_is_taken_makes_room(settings, capsys) -> None:
    chosen = choose_ports(settings)
    said = capsys.readouterr().out
    for name, default in DEFAULTS.items():
        port = getattr(chosen, name)
        assert port != default
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", port))
        assert f"{name.upper()}: {default} is taken, {port} is used" in said


@pytest.mark.usefixtures("taken_defaults")
@pytest.mark.parametrize("name", DEFAULTS)
def test_a_port_that_was_set_is_kept_or_refused(tmp_path: Path, name: str) -> None:
    settings = Settings(data_dir=tmp_path, **{name: DEFAULTS[name]})
    with pytest.raises(StartError, match=f"{name.upper()}={DEFAULTS[name]}: another program"):
        choose_ports(settings)


def test_ports_of_a_broker_that_is_not_embedded_are_left_alone(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, kafka_bootstrap_servers="127.0.0.1:1")
    assert choose_ports(settings).kafka_port == DEFAULTS["kafka_port"]
