"""How the hub starts the embedded broker, and how it reaches any broker as its admin."""

import secrets
import sys
from pathlib import Path
from typing import Any

from mosshub_contract.broker_admin import admin_client_settings
from mosshub_contract.files import write_atomically

from hub.settings import Settings


def broker_command(settings: Settings) -> list[str]:
    """Return the command line of the embedded Apache Kafka, which is a program of `shared_lib`."""
    return [
        *(sys.executable, "-m", "embedded_kafka"),
        *("--data", str(settings.data_dir / "kafka")),
        *("--port", str(settings.kafka_port)),
        *("--secret-file", str(secret_file(settings))),
    ]


def secret_file(settings: Settings) -> Path:
    """Return the path of a laptop's broker secret. `broker_secret` writes the file."""
    return settings.data_dir / "hub" / "broker_secret"


def broker_secret(settings: Settings) -> str:
    """Return the secret from which the broker's passwords are derived.

    On a laptop the first call generates it.
    """
    if not settings.embedded_broker:
        return settings.broker_secret.get_secret_value()
    path = secret_file(settings)
    if not path.exists():
        write_atomically(path, secrets.token_hex(32) + "\n", mode=0o600)
    path.chmod(0o600)
    return path.read_text().strip()


def admin_server(settings: Settings) -> str:
    """Return `host:port` of the broker's listener for the hub.

    The embedded broker listens on another port after each start.

    Raises:
        OSError: the embedded broker has not been started yet.
    """
    if settings.kafka_admin_server:
        return settings.kafka_admin_server
    return (settings.data_dir / "kafka" / "admin.address").read_text()


def admin_login(settings: Settings) -> dict[str, Any]:
    """Return what kafka-python's clients need to be the hub on the broker."""
    return admin_client_settings(
        broker_secret(settings),
        settings.kafka_admin_password.get_secret_value(),
        settings.kafka_authority,
    )


def way_of_accounts(settings: Settings) -> dict[str, Any]:
    """Return how users' clients reach the broker, as `BrokerAccount` has it beside the account."""
    if not settings.kafka_admin_password.get_secret_value():
        return {}
    return {"security_protocol": "SASL_SSL", "authority": settings.kafka_authority}
