"""The settings of backups, from the environment that `docker/backup.yaml` sets."""

import re
from typing import Annotated

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from backup.errors import BackupError
from backup.places import SECRETS
from hub.database import with_driver
from hub.setting_errors import explain

#: An address of a repository: a directory of the host, or one that restic reaches by itself.
_ADDRESS = re.compile(r"/|sftp:[^@\s]+@[^:\s]+:.|s3:https?://[^/\s]+/.")
Count = Annotated[int, Field(ge=0)]


class BackupSettings(BaseSettings):
    """The settings. A setting's name in the environment is the field's name in capitals."""

    model_config = SettingsConfigDict(env_ignore_empty=True, frozen=True)

    instance: str = Field("mosshub", description="the platform's name")
    backup_to: str = Field(
        "", description="an absolute path, sftp:user@host:/path, or s3:https://host/bucket"
    )
    backup_at: str = Field("", description="time of day of the daily backup, such as 03:00")
    backup_secrets: bool = Field(True, description="yes, or no to leave secrets out")
    backup_keep_daily: Count = Field(7, description="days of which the last backup is kept")
    backup_keep_weekly: Count = Field(5, description="weeks of which the last backup is kept")
    backup_keep_monthly: Count = Field(12, description="months of which the last backup is kept")
    kafka_admin_server: str = Field("broker:9094", description="the broker's listener for the hub")
    kafka_own: str = Field(
        "", description="address of the team's own Kafka, whose messages are not in the backups"
    )
    kafka_groups: str = Field("", description="groups that share a prefix on the broker")
    kafka_services: str = Field("", description="agents that run as a service")
    database_url: str = Field("", description="the hub's database, if it is not SQLite")

    @field_validator("backup_to")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and not _ADDRESS.match(value):
            raise ValueError("no address of a repository")
        return value

    @field_validator("backup_at")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
            raise ValueError("no time of day")
        return value

    @property
    def hub_database(self) -> str:
        """Address of the hub's database with its password; empty for SQLite."""
        password = SECRETS / "database_password"
        if not self.database_url:
            return ""
        return with_driver(self.database_url, password.read_text() if password.exists() else "")

    @property
    def keep(self) -> dict[str, int]:
        """How many backups are kept, by restic's words."""
        return {
            "daily": self.backup_keep_daily,
            "weekly": self.backup_keep_weekly,
            "monthly": self.backup_keep_monthly,
        }


def load_settings() -> BackupSettings:
    """Return the settings.

    Raises:
        BackupError: some are wrong; the message has a line for each.
    """
    try:
        return BackupSettings()
    except ValidationError as error:
        lines = [explain(dict(e), BackupSettings.model_fields) for e in error.errors()]
        raise BackupError("\n".join(lines)) from None
