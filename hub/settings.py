"""Every setting of the platform, read once from the environment and `.env`, typed and checked.

A wrong setting stops the start with its name, the value that was seen and what is expected:
`load_settings` raises `SettingsError`, whose text is made for a person. Secrets may also be files
in /run/secrets, where Docker Compose puts them.
"""

import difflib
import re
import sys
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
SECRETS = Path("/run/secrets")


class SettingsError(Exception):
    """One or more settings are wrong; the message has a line for each."""


def _split(value: object) -> object:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    return value


def _hex_key(value: SecretStr) -> SecretStr:
    if value.get_secret_value() and not re.fullmatch("[0-9a-f]{64}", value.get_secret_value()):
        raise ValueError("64 hexadecimal digits: 32 bytes")
    return value


def _bytes(value: object) -> object:
    """Return `25M` as 25 times 1024², anything else as it is."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT])", value) if isinstance(value, str) else None
    return float(found[1]) * 1024 ** ("KMGT".index(found[2]) + 1) if found else value


def _memory(value: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+)?[KMGT]", value):
        raise ValueError("a number and K, M, G or T, for example 2G")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
FreePort = Annotated[int, Field(ge=0, le=65535)]
Words = Annotated[frozenset[str], NoDecode, BeforeValidator(_split)]
Names = Annotated[Words, AfterValidator(lambda names: frozenset(n.lower() for n in names))]
Images = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), Field(min_length=1)]
HexKey = Annotated[SecretStr, AfterValidator(_hex_key)]
Memory = Annotated[str, AfterValidator(_memory)]
Bytes = Annotated[float, BeforeValidator(_bytes), Field(gt=0)]
Web = Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")]


class Settings(BaseSettings):
    """The settings; the name in the environment is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env",
        extra="forbid",
        env_ignore_empty=True,
        frozen=True,
        secrets_dir=SECRETS if SECRETS.is_dir() else None,
    )

    # Where
    servers: Literal["processes", "containers"] = Field(
        "processes", description="what people's servers are: processes (one laptop) or containers"
    )
    port: Port = Field(8000, description="port of the platform on 127.0.0.1")
    domain: str | None = Field(
        None, description="public DNS name of the platform, without https://"
    )
    data_dir: Path = Field(
        Path("data"), description="directory of users' files, messages and the hub's state"
    )

    # Who
    admin_users: Names = Field(frozenset(), description="names, separated by commas, of the admins")
    admin_groups: Words = Field(
        frozenset(), description="the provider's groups whose members are admins"
    )
    allowed_users: Names = Field(frozenset(), description="names of people who may sign in")
    allowed_groups: Words = Field(
        frozenset(), description="the provider's groups (GitHub: organisations) that may sign in"
    )
    oauth_provider: Literal[
        "github", "gitlab", "google", "azuread", "okta", "auth0", "keycloak", "oidc", ""
    ] = Field("", description="the identity provider")
    oauth_client_id: str = Field("", description="the id the provider gave this platform")
    oauth_client_secret: SecretStr = Field(
        SecretStr(""), description="the secret that goes with it"
    )
    oauth_url: Web | Literal[""] = Field("", description="address of the provider (its issuer URL)")
    oauth_internal_url: Web | Literal[""] = Field(
        "", description="the same as the hub reaches it, where that differs"
    )
    auth_refresh_age: Annotated[int, Field(ge=1)] = Field(
        300, description="seconds until the provider is asked again whether somebody may be here"
    )
    oauth_tenant: str = Field("", description="Microsoft: the tenant's id")

    # Secrets that `make up` makes, as files in /run/secrets
    proxy_token: SecretStr = Field(SecretStr(""), description="what the hub shows to the proxy")
    cookie_secret: HexKey = Field(SecretStr(""), description="what signs the hub's cookies")
    crypt_key: HexKey = Field(SecretStr(""), description="what encrypts sign-in state at rest")
    broker_secret: HexKey = Field(
        SecretStr(""), description="what the passwords on the broker are derived from"
    )

    # People's servers in containers
    instance: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9-]{0,30}$")] = Field(
        "mosshub", description="name of this platform among the host's containers and volumes"
    )
    user_images: Images = Field(
        ("mosshub/user:cpu",), description="images to choose from, the first is the default"
    )
    memory_limit: Memory = Field("4G", description="memory of one server")
    cpu_limit: Annotated[float, Field(gt=0)] = Field(2.0, description="processors of one server")
    process_limit: Annotated[int, Field(ge=64)] = Field(1024, description="processes of one server")
    active_server_limit: Annotated[int, Field(ge=1)] = Field(
        10, description="servers that run at the same time"
    )

    # Broker
    kafka_bootstrap_servers: str | None = Field(
        None, description="host:port[,host:port] of a broker to use instead of the embedded one"
    )
    kafka_port: Port = Field(9092, description="port of the embedded broker on 127.0.0.1")
    kafka_admin_server: str | None = Field(
        None, description="host:port where the hub keeps the accounts of a broker in a container"
    )
    kafka_groups: Words = Field(
        frozenset(), description="the hub's groups that share the prefix group.<name>."
    )
    kafka_services: Names = Field(
        frozenset(), description="names of agents that run as a service, each with an account"
    )
    kafka_produce_quota: Bytes = Field(
        25 * 2**20, description="bytes per second that a person may send, for example 25M"
    )
    kafka_consume_quota: Bytes = Field(
        50 * 2**20, description="bytes per second that a person may read, for example 50M"
    )
    kafka_request_quota: Annotated[float, Field(gt=0)] = Field(
        200, description="percent of one of the broker's threads that a person may take"
    )
    kafka_topic_quota: Annotated[float, Field(gt=0)] = Field(
        10, description="partitions per second that a person may make or delete"
    )

    # Between the platform's own parts; 0 lets `make run` pick free ports.
    hub_port: FreePort = Field(0, description="port of the hub's API")
    proxy_api_port: FreePort = Field(0, description="port of the proxy's API")
    node: Path | None = Field(None, description="path of a Node.js >= 20 to use instead of PyPI's")

    @field_validator("data_dir")
    @classmethod
    def _from_the_root(cls, value: Path) -> Path:
        return (ROOT / value.expanduser()).resolve()

    @field_validator("domain")
    @classmethod
    def _bare_name(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*", value):
            raise ValueError("letters, digits, hyphens and dots only")
        return value

    @field_validator("kafka_bootstrap_servers", "kafka_admin_server")
    @classmethod
    def _host_and_port(cls, value: str | None) -> str | None:
        for address in (value or "").split(","):
            host, _, port = address.strip().rpartition(":")
            if value is not None and not (host and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{address.strip()!r} is not of the form host:port")
        return value

    @model_validator(mode="after")
    def _a_team_signs_in_with_a_provider(self) -> "Settings":
        if self.servers == "processes":
            return self
        needed = ["oauth_provider", "oauth_client_id", "oauth_client_secret"]
        needed += ["proxy_token", "cookie_secret", "crypt_key", "kafka_bootstrap_servers"]
        if self.kafka_admin_server:
            needed.append("broker_secret")
        if self.oauth_provider in ("auth0", "okta", "keycloak", "oidc"):
            needed.append("oauth_url")
        if self.oauth_provider == "azuread":
            needed.append("oauth_tenant")
        missing = [name for name in needed if not _plain(getattr(self, name))]
        if missing:
            raise ValueError("; ".join(f"{n.upper()} is not set: {_described(n)}" for n in missing))
        if self.admin_groups and self.oauth_provider in ("google", "gitlab"):
            raise ValueError(
                f"ADMIN_GROUPS: {self.oauth_provider} does not say who is in which group; "
                "name the admins in ADMIN_USERS"
            )
        if not any((self.allowed_users, self.allowed_groups, self.admin_users, self.admin_groups)):
            raise ValueError(
                "nobody could sign in: "
                "set ALLOWED_USERS, ALLOWED_GROUPS, ADMIN_USERS or ADMIN_GROUPS"
            )
        return self

    @property
    def admins(self) -> frozenset[str]:
        """Names of the admins. A laptop has one called admin, who has a password of their own."""
        return self.admin_users or frozenset({"admin"} if self.servers == "processes" else ())

    @property
    def embedded_broker(self) -> bool:
        """Whether the hub runs a broker of its own."""
        return self.kafka_bootstrap_servers is None

    @property
    def broker_accounts(self) -> bool:
        """Whether the hub keeps accounts on the broker: on its own, not on one it only uses."""
        return self.embedded_broker or self.kafka_admin_server is not None

    @property
    def quotas(self) -> dict[str, float]:
        """What one person may take of the broker, by Kafka's keys."""
        return {
            "producer_byte_rate": self.kafka_produce_quota,
            "consumer_byte_rate": self.kafka_consume_quota,
            "request_percentage": self.kafka_request_quota,
            "controller_mutation_rate": self.kafka_topic_quota,
        }

    @property
    def bootstrap_servers(self) -> str:
        """`host:port[,host:port]` of the broker that everybody streams through."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}"

    @property
    def public_url(self) -> str:
        """Where people come in, without a slash at the end."""
        return f"https://{self.domain}" if self.domain else f"http://localhost:{self.port}"


def _plain(value: object) -> object:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _described(field: str) -> str:
    return Settings.model_fields[field].description or field


def _explain(error: dict) -> str:
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if not error["loc"]:
        return reason
    field = str(error["loc"][0]).lower()
    if field not in Settings.model_fields:
        near = difflib.get_close_matches(field, Settings.model_fields, n=1)
        hint = f"did you mean {near[0].upper()}?" if near else "remove it from .env"
        return f"{field.upper()}: there is no such setting; {hint}"
    secret = "SecretStr" in str(Settings.model_fields[field].annotation)
    seen = "…" if secret else error["input"]
    return f"{field.upper()}={seen}: expected {_described(field)} ({reason})"


@cache
def load_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        SettingsError: something is wrong; its text names each setting and what it expects.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [_explain(dict(e)) for e in error.errors()]
        raise SettingsError("\n".join(lines)) from None


def main() -> int:
    """`python -m hub.settings`: check the settings, say what is wrong."""
    try:
        load_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
