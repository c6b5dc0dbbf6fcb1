"""The account that the hub gave to this server, as both of Kafka's clients take it."""

from __future__ import annotations

from pathlib import Path

import pytest
from imageclass.kafka.credentials import Account, MissingCredentials, find_account, read_account
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
