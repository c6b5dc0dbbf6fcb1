"""The account that the hub gave to this server, as both of Kafka's clients take it."""

from __future__ import annotations

import socket
import threading
from contextlib import closing
from pathlib import Path

import pytest
from imageclass.kafka import credentials
from imageclass.kafka.credentials import (
    Account,
    MissingCredentials,
    find_account,
    read_account,
    refusal,
)
from mosshub_contract.broker_account import FILE_VARIABLE, BrokerAccount


def test_the_account_in_the_file_is_found(tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(BrokerAccount("ada", "secret", cafile="/etc/ca.pem", away=True).to_json())
    account = find_account({FILE_VARIABLE: str(file)})
    assert account == Account("ada", "secret", cafile="/etc/ca.pem")
    assert account.away
    assert "secret" not in repr(account)
    assert account.settings == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "ada",
        "sasl_plain_password": "secret",
        "ssl_cafile": "/etc/ca.pem",
    }
    assert account.librdkafka_settings == {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "ada",
        "sasl.password": "secret",
        "ssl.ca.location": "/etc/ca.pem",
    }
    assert "ssl.ca.location" not in Account("ada", "secret").librdkafka_settings
    assert find_account({}) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"username": "ada"}', "\x00"])
def test_another_file_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / "account.json"
    file.write_text(text)
    with pytest.raises(MissingCredentials, match=rf"{file} is not an account on the broker"):
        read_account(file)
    with pytest.raises(MissingCredentials, match="You have no account on the broker"):
        find_account({FILE_VARIABLE: str(tmp_path / "gone")})


@pytest.mark.parametrize("does", ["answers", "hangs up", "hangs", "is gone"])
def test_only_a_broker_that_answers_refuses(does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_ANSWER_TIMEOUT_S", 1.0)
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listening.getsockname()[1]}"

    def serve() -> None:
        with closing(listening.accept()[0]) as client:
            assert client.recv(14) == b"\0\0\0\x0a\0\x12\0\0\0\0\0\0\xff\xff"
            if does == "answers":
                client.sendall(b"\0")
            elif does == "hangs":
                client.recv(1)  # until the other side has had enough

    if does == "is gone":
        listening.close()
    else:
        threading.Thread(target=serve, daemon=True).start()
    said = refusal([address], Account("ada", "secret"))
    listening.close()
    if does in ("hangs", "is gone"):
        assert said == ""
    else:
        assert said.startswith(f"The broker at {address} does not let in 'ada': the password is")
