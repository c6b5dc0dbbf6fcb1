"""What whoever watches the platform needs: tokens of Prometheus and Grafana."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from hub.setting_types import HexKey, Url


class WatchSettings(BaseSettings):
    """The settings of those who watch. `hub.settings` reads them all."""

    metrics_token: HexKey = Field(
        SecretStr(""), description="the token with which Prometheus reads /metrics"
    )
    grafana_secret: HexKey = Field(
        SecretStr(""), description="the secret with which Grafana asks the hub who signs in"
    )
    grafana_url: Url | None = Field(
        None, description="address of Grafana for the proxy, such as http://grafana:3000"
    )
