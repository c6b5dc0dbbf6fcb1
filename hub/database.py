"""The hub's database: a file of SQLite, or Postgres if DATABASE_URL names one."""

from pathlib import Path

from sqlalchemy import make_url

from hub.settings import Settings


class DatabaseUnavailable(Exception):
    """The hub's database does not answer, or not as it should."""

    def __init__(self, error: Exception) -> None:
        lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [repr(error)]
        super().__init__(
            f"the hub's database does not answer: {lines[0]}. Check DATABASE_URL and the file "
            "docker/secrets/database_password"
        )


def sqlite_file(settings: Settings) -> Path:
    """Return the path of the hub's database if DATABASE_URL names none."""
    return settings.data_dir / "hub" / "jupyterhub.sqlite"


def database_url(settings: Settings) -> str:
    """Return the address of the hub's database as SQLAlchemy takes it, with its password."""
    if not is_postgres(settings):
        return f"sqlite:///{sqlite_file(settings)}"
    url, password = settings.database_url, settings.database_password
    return with_driver(url.get_secret_value(), password.get_secret_value())


def is_postgres(settings: Settings) -> bool:
    """Return whether DATABASE_URL names a Postgres."""
    return bool(settings.database_url.get_secret_value())


def with_driver(url: str, password: str = "") -> str:
    """Return a Postgres address with the driver that is installed here.

    Args:
        url: `postgresql://user@host/database`.
        password: its password, unless the address has one.
    """
    address = make_url(url).set(drivername="postgresql+psycopg")
    if password and address.password is None:
        address = address.set(password=password.strip())
    return address.render_as_string(hide_password=False)
