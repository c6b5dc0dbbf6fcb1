"""Every setting of the platform, read once from the environment and `.env`, typed and checked.

A wrong setting stops the start with its name, the value that was seen and what is expected:
`load_settings` raises `SettingsError`, whose text is made for a person.
"""

import difflib
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent

Port = Annotated[int, Field(ge=1, le=65535)]
Names = Annotated[frozenset[str], NoDecode]


class SettingsError(Exception):
    """One or more settings are wrong; the message has a line for each."""


class Settings(BaseSettings):
    """The settings; the name in the environment is the field's name in capitals."""

    model_config = SettingsConfigDict(
        env_file=ROOT / ".env", extra="forbid", env_ignore_empty=True, frozen=True
    )

    port: Port = Field(8000, description="port of the platform on 127.0.0.1")
    data_dir: Path = Field(
        Path("data"), description="directory of users' files, messages and the hub's state"
    )
    admin_users: Names = Field(
        frozenset({"admin"}), description="names, separated by commas, of the admins"
    )
    kafka_bootstrap_servers: str | None = Field(
        None, description="host:port[,host:port] of a broker to use instead of the embedded one"
    )
    kafka_port: Port = Field(9092, description="port of the embedded broker on 127.0.0.1")
    node: Path | None = Field(None, description="path of a Node.js >= 20 to use instead of PyPI's")

    # Ports between the platform's own parts; 0 lets `make run` pick free ones.
    hub_port: Annotated[int, Field(ge=0, le=65535)] = Field(0, description="port of the hub's API")
    proxy_api_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="port of the proxy's API"
    )

    @field_validator("admin_users", mode="before")
    @classmethod
    def _split_names(cls, value: object) -> object:
        if isinstance(value, str):
            value = [name.strip().lower() for name in value.split(",") if name.strip()]
        if not value:
            raise ValueError("needs at least one name, or nobody could manage the platform")
        return value

    @field_validator("data_dir")
    @classmethod
    def _from_the_root(cls, value: Path) -> Path:
        return (ROOT / value.expanduser()).resolve()

    @field_validator("kafka_bootstrap_servers")
    @classmethod
    def _host_and_port(cls, value: str | None) -> str | None:
        for address in (value or "").split(","):
            host, _, port = address.strip().rpartition(":")
            if value is not None and not (host and port.isdigit() and 0 < int(port) < 65536):
                raise ValueError(f"{address.strip()!r} is not of the form host:port")
        return value

    @property
    def embedded_broker(self) -> bool:
        """Whether the platform runs a broker of its own."""
        return self.kafka_bootstrap_servers is None

    @property
    def bootstrap_servers(self) -> str:
        """`host:port[,host:port]` of the broker that everybody streams through."""
        return self.kafka_bootstrap_servers or f"127.0.0.1:{self.kafka_port}"


def _explain(error: dict) -> str:
    field = str(error["loc"][0])
    name = field.upper()
    known = Settings.model_fields.get(field.lower())
    if known is None:
        near = difflib.get_close_matches(field.lower(), Settings.model_fields, n=1)
        hint = f"did you mean {near[0].upper()}?" if near else "remove it from .env"
        return f"{name}: there is no such setting; {hint}"
    reason = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{name}={error['input']!s}: expected {known.description} ({reason})"


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
