"""The settings of this program, from the environment and from secrets' files."""

from pathlib import Path
from typing import Any

from mosshub_contract.broker_admin import admin_client_settings
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hub.setting_errors import explain
from hub.setting_types import AnyPort, HexKey

SECRETS = Path("/run/secrets")


class WatchSettings(BaseSettings):
    """The settings. A setting's name in the environment is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
    )

    metrics_token: HexKey = Field(
        SecretStr(""), description="the token with which Prometheus reads /metrics"
    )
    watch_ip: str = Field("127.0.0.1", description="address to listen on")
    watch_port: AnyPort = Field(9101, description="port to listen on")
    data_dir: Path = Field(Path("data"), description="the hub's, for an embedded broker")
    kafka_admin_server: str = Field("", description="host:port of the broker's listener HUB")
    kafka_admin_password: SecretStr = Field(
        SecretStr(""), description="the hub's password on a Kafka of the team's own"
    )
    kafka_authority: str = Field(
        "", description="the certificate of the authority that signed that Kafka's"
    )
    broker_secret: HexKey = Field(
        SecretStr(""), description="the secret from which the hub's password is derived"
    )
    domain: str = Field("", description="the name that the certificate is for; empty: none")
    tls: str = Field(
        "auto", description="whose certificate it is; internal, elsewhere: it is not watched"
    )
    edge: str = Field("caddy:443", description="host:port of the program that has it")
    backup_at: str = Field("", description="time of day of the daily backup; empty: there is none")
    backup_file: Path = Field(
        Path("/srv/backup/last.json"), description="what the daily backup notes of itself"
    )

    @property
    def expects_certificate(self) -> bool:
        """Whether the edge has a certificate that lives longer than twelve hours."""
        return bool(self.domain) and self.tls in ("auto", "files")

    def admin_server(self) -> str:
        """Return `host:port` of the broker's listener for the hub.

        Raises:
            OSError: the embedded broker has not been started yet.
        """
        return self.kafka_admin_server or (self.data_dir / "kafka" / "admin.address").read_text()

    def login(self) -> dict[str, Any]:
        """Return what kafka-python's clients need to be the hub on the broker."""
        password = self.kafka_admin_password.get_secret_value()
        return admin_client_settings(self.secret(), password, self.kafka_authority)

    def secret(self) -> str:
        """Return the broker secret: a setting, or a laptop's file.

        Raises:
            OSError: there is neither.
        """
        given = self.broker_secret.get_secret_value()
        return given or (self.data_dir / "hub" / "broker_secret").read_text().strip()


def load_settings() -> WatchSettings:
    """Return the settings.

    Raises:
        ValueError: some are wrong; the message has a line for each.
    """
    try:
        settings = WatchSettings()
    except ValidationError as error:
        lines = [explain(dict(e), WatchSettings.model_fields) for e in error.errors()]
        raise ValueError("\n".join(lines)) from None
    if not settings.metrics_token.get_secret_value():
        raise ValueError("METRICS_TOKEN is not set: nobody could read the metrics")
    return settings
