"""The one broker that everybody streams through."""

import secrets
import sys
from pathlib import Path

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
    """Return where a laptop's broker secret is; `broker_secret` makes it."""
    return settings.data_dir / "hub" / "broker_secret"


def broker_secret(settings: Settings) -> str:
    """Return what the broker's passwords are derived from; on a laptop it is made if need be."""
    if not settings.embedded_broker:
        return settings.broker_secret.get_secret_value()
    path = secret_file(settings)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(32) + "\n")
    path.chmod(0o600)
    return path.read_text().strip()


def admin_server(settings: Settings) -> str:
    """Return `host:port` of the door for the hub. The embedded broker chooses it at each start.

    Raises:
        OSError: the embedded broker has not been started yet.
    """
    if settings.kafka_admin_server:
        return settings.kafka_admin_server
    return (settings.data_dir / "kafka" / "admin.address").read_text()
