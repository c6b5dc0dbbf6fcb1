"""What whoever watches the platform needs: tokens of Prometheus and Grafana."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from hub.setting_types import HexKey


class WatchSettings(BaseSettings):
    """The settings of those who watch. `hub.settings` reads them all."""

    metrics_token: HexKey = Field(
        SecretStr(""), description="the token with which Prometheus reads /metrics"
    )
    grafana_secret: HexKey = Field(
        SecretStr(""), description="the secret with which Grafana asks the hub who signs in"
    )
