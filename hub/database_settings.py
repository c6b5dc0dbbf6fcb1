"""Where the hub keeps its users, groups and tokens."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from hub.setting_types import DatabaseUrl


class DatabaseSettings(BaseSettings):
    """The settings of the hub's database. `hub.settings` reads them all."""

    database_url: DatabaseUrl = Field(
        SecretStr(""),
        description="postgresql://user@host/database for the hub instead of SQLite, without the "
        "password, which belongs in docker/secrets/database_password",
    )
    database_password: SecretStr = Field(
        SecretStr(""), description="the password of DATABASE_URL's user"
    )
