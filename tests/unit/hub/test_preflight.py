"""Which ports a start takes."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from mosshub_contract.ports import free_port

from hub import port_claims
from hub.preflight import StartError, choose_ports
from hub.settings import Settings

DEFAULTS = {"port": 8000, "kafka_port": 9092}


@pytest.fixture(autouse=True)
def _claims_end_with_the_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    claims: list[socket.socket] = []
    monkeypatch.setattr(port_claims, "_claims", claims)
    yield
    for claim in claims:
        claim.close()


@pytest.fixture
def taken_defaults() -> Iterator[None]:
    """Another platform of this machine has all ports that are the defaults."""
    with closing(socket.socket()) as first, closing(socket.socket()) as second:
        for taken, port in zip((first, second), DEFAULTS.values(), strict=True):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
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


def test_platforms_that_start_at_the_same_time_share_no_port(settings) -> None:
    """None of them listens yet."""
    chosen = [choose_ports(settings) for _ in range(3)]
    for name in (*DEFAULTS, "hub_port", "proxy_api_port"):
        assert len({getattr(each, name) for each in chosen}) == 3
    with pytest.raises(StartError, match=r"PORT=.* another program"):
        choose_ports(settings.model_copy(update={"port": chosen[0].port}))


def test_a_claim_ends_with_its_process() -> None:
    port = free_port()
    claim = f"from hub.port_claims import claim_port; claim_port({port})"
    for _ in range(2):
        subprocess.run([sys.executable, "-c", claim], check=True, timeout=60)
    port_claims.claim_port(port)
    assert subprocess.run([sys.executable, "-c", claim], stderr=subprocess.PIPE).returncode == 1
