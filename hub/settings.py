"""Every setting of the platform, read once from the environment and `.env`, typed and checked.

A wrong setting stops the start: `load_settings` raises `SettingsError`, whose text names each
setting, the value that was seen and what is expected. Secrets may also be files in /run/secrets,
where Docker Compose mounts them.
"""

import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from hub.app_settings import AppSettings
from hub.database_settings import DatabaseSettings
from hub.kubernetes_settings import KubernetesSettings
from hub.own_kafka_settings import OwnKafkaSettings
from hub.setting_checks import check_subdomains, check_team
from hub.setting_errors import explain
from hub.setting_types import (
    Addresses,
    AnyPort,
    Bytes,
    DnsName,
    HexKey,
    Images,
    Names,
    Port,
    Scopes,
    Url,
    Words,
)
from hub.size_settings import SizeSettings
from hub.watch_settings import WatchSettings

ROOT = Path(__file__).resolve().parent.parent
SECRETS = Path("/run/secrets")


class SettingsError(Exception):
    """Some settings are wrong; the message has a line for each."""


class Settings(
    OwnKafkaSettings, DatabaseSettings, WatchSettings, AppSettings, KubernetesSettings, SizeSettings
):
    """The settings. A setting's name in the environment is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
    )

    # Where
    servers: Literal["processes", "containers", "pods"] = Field(
        "processes", description="users' servers: processes, containers of one host, or pods"
    )
    port: Port = Field(8000, description="port of the platform on 127.0.0.1")
    domain: DnsName | None = Field(
        None, description="public DNS name of the platform, without https://"
    )
    subdomains: bool = Field(
        True,
        description="yes: each user's pages have an origin of their own, such as ada.DOMAIN; no: "
        "all share one origin, and nobody opens another user's server",
    )
    data_dir: Path = Field(
        Path("data"), description="directory of users' files, messages and the hub's state"
    )

    # Who
    admin_users: Names = Field(
        frozenset(), description="names of users who are admins, separated by commas"
    )
    admin_groups: Words = Field(
        frozenset(), description="the provider's groups whose members are admins"
    )
    allowed_users: Names = Field(frozenset(), description="names of users who may sign in")
    allowed_groups: Words = Field(
        frozenset(),
        description="the provider's groups (GitHub: organisations) whose members may sign in",
    )
    oauth_provider: Literal[
        "github", "gitlab", "google", "azuread", "okta", "auth0", "keycloak", "oidc", ""
    ] = Field("", description="the identity provider")
    oauth_client_id: str = Field("", description="the client id of this platform at the provider")
    oauth_client_secret: SecretStr = Field(
        SecretStr(""), description="the client secret of this platform at the provider"
    )
    oauth_url: Url | Literal[""] = Field("", description="address of the provider (its issuer URL)")
    oauth_internal_url: Url | Literal[""] = Field(
        "", description="address of the provider for the hub, if it differs from OAUTH_URL"
    )
    oauth_scope: Scopes = Field(
        (), description="scopes to ask the provider for, in addition to those it always gets"
    )
    auth_refresh_age: Annotated[int, Field(ge=1)] = Field(
        300,
        description="seconds after which the hub asks the provider again whether a user is allowed",
    )
    start_early: bool = Field(
        True,
        description="yes: a user's server starts while they are still at the provider, in browsers "
        "with which they signed in before",
    )
    oauth_tenant: str = Field("", description="Microsoft: the tenant's id")

    # Secrets: `make up` generates them, containers find them in /run/secrets.
    proxy_token: SecretStr = Field(
        SecretStr(""), description="the token with which hub and proxy authenticate to each other"
    )
    cookie_secret: HexKey = Field(SecretStr(""), description="the key that signs the hub's cookies")
    crypt_key: HexKey = Field(
        SecretStr(""), description="the key that encrypts sign-in state in the hub's database"
    )
    broker_secret: HexKey = Field(
        SecretStr(""), description="the secret from which passwords on the broker are derived"
    )

    # marimo offers to publish a notebook outside: as a web page, a WebAssembly link, or on molab.
    external_sharing: bool = Field(
        False, description="yes: marimo's menus offer to publish notebooks outside this platform"
    )

    # Users' servers in containers
    instance: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,30}$")] = Field(
        "mosshub", description="name of this platform among the host's containers and volumes"
    )
    user_images: Images = Field(
        ("mosshub/user:cpu",), description="images to choose from; the first is the default"
    )
    active_server_limit: Annotated[int, Field(ge=1)] = Field(
        10, description="number of servers that may run at the same time"
    )

    # Broker
    kafka_bootstrap_servers: Addresses | None = Field(
        None, description="host:port[,host:port] of a broker to use instead of the embedded one"
    )
    kafka_port: Port = Field(9092, description="port of the embedded broker on 127.0.0.1")
    kafka_admin_server: Addresses | None = Field(
        None,
        description="host:port of the listener where the hub manages a broker's accounts",
    )
    kafka_groups: Words = Field(
        frozenset(), description="the hub's groups whose members share the prefix group.<name>."
    )
    kafka_services: Names = Field(
        frozenset(), description="names of agents that run as a service, each with an account"
    )
    kafka_produce_quota: Bytes = Field(
        25 * 2**20, description="bytes per second that a user may send, for example 25M"
    )
    kafka_consume_quota: Bytes = Field(
        50 * 2**20, description="bytes per second that a user may read, for example 50M"
    )
    kafka_request_quota: Annotated[float, Field(gt=0)] = Field(
        200, description="percent of one of the broker's threads that a user may take"
    )
    kafka_topic_quota: Annotated[float, Field(gt=0)] = Field(
        10, description="partitions per second that a user may create or delete"
    )

    # Between the platform's own parts; 0 lets `make run` pick free ports.
    hub_port: AnyPort = Field(0, description="port of the hub's API")
    proxy_api_port: AnyPort = Field(0, description="port of the proxy's API")
    node: Path | None = Field(None, description="path of a Node.js >= 20 to use instead of PyPI's")

    @field_validator("data_dir")
    @classmethod
    def _resolve_from_root(cls, value: Path) -> Path:
        return (ROOT / value.expanduser()).resolve()

    @model_validator(mode="after")
    def _check_together(self) -> "Settings":
        check_subdomains(self)
        return self

    @property
    def admins(self) -> frozenset[str]:
        """Names of the admins; on a laptop `admin`, unless ADMIN_USERS names others."""
        return self.admin_users or frozenset({"admin"} if self.servers == "processes" else ())

    @property
    def embedded_broker(self) -> bool:
        """Whether the hub runs its own broker."""
        return self.kafka_bootstrap_servers is None

    @property
    def broker_accounts(self) -> bool:
        """Whether the hub manages accounts on the broker. It does not on one that it only uses."""
        return self.embedded_broker or self.kafka_admin_server is not None

    @property
    def quotas(self) -> dict[str, float]:
        """Quotas of one user on the broker, by Kafka's keys."""
        return {
            "producer_byte_rate": self.kafka_produce_quota,
            "consumer_byte_rate": self.kafka_consume_quota,
            "request_percentage": self.kafka_request_quota,
            "controller_mutation_rate": self.kafka_topic_quota,
        }

    @property
    def bootstrap_servers(self) -> str:
        """`host:port[,host:port]` of the broker that all users share."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}"

    @property
    def public_url(self) -> str:
        """Address of the platform for browsers, without a slash at the end."""
        return f"https://{self.domain}" if self.domain else f"http://localhost:{self.port}"


@cache
def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        SettingsError: some are wrong; the text names each setting and what it expects.
    """
    try:
        settings = Settings()
        check_team(settings)
        return settings
    except ValidationError as error:
        lines = [explain(dict(e), Settings.model_fields) for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    except ValueError as error:
        raise SettingsError(str(error)) from None


def main() -> int:
    """Check the settings and print what is wrong; return the exit status."""
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
