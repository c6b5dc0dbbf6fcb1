"""The hub's databases: consistent copies of a hub that runs, and back."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from jupyterhub import dbutil, orm
from sqlalchemy import create_engine, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from backup.errors import BackupError
from backup.places import HUB, RESTORED_HUB
from hub.accounts.__main__ import users_at
from hub.accounts.reconciler import HubUser
from hub.apps.store import DIRECTORY as APPS
from hub.database import DatabaseUnavailable

_log = logging.getLogger("mosshub")
_HUBS = "jupyterhub.sqlite"
_DUMP = "jupyterhub.pgdump"
#: The number of the user who owns the hub's files, and everybody's, in their containers.
OWNER = 1000
# Copies that JupyterHub made before an upgrade, and what SQLite has beside a database in use.
_LEFT_OUT = ("*.sqlite.*", "*.sqlite-*", "*.pid", ".*")


def kind(url: str) -> str:
    """Return the kind of the hub's database, `sqlite` or `postgres`.

    Args:
        url: its address; empty for the file in the hub's volume.
    """
    return "postgres" if url else "sqlite"


def save(url: str, directory: Path) -> None:
    """Copy the hub's state into an empty directory.

    Args:
        url: address of the hub's database, with its password; empty for the hub's own file.
        directory: where the copies go.

    Raises:
        BackupError: there is no hub's database, or it does not answer.
        OSError: a file cannot be read or written.
    """
    if not url and not (HUB / _HUBS).exists():
        raise BackupError("There is nothing to back up yet: the hub was never started (make up).")
    directory.mkdir(parents=True)
    for path in sorted(HUB.iterdir()):
        if path.name == APPS:
            shutil.copytree(path, directory / APPS, ignore=shutil.ignore_patterns(".*"))
        if not path.is_file() or any(path.match(pattern) for pattern in _LEFT_OUT):
            continue
        if path.suffix != ".sqlite":
            shutil.copy2(path, directory)
        elif not (url and path.name == _HUBS):
            _copy_sqlite(path, directory / path.name)
    if url:
        _postgres("pg_dump", url, "--format=custom", "--no-owner", f"--file={directory / _DUMP}")


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that others use with SQLite's own backup."""
    try:
        with (
            closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=60)) as old,
            closing(sqlite3.connect(target)) as new,
        ):
            old.backup(new)
    except sqlite3.Error as error:
        raise BackupError(f"The hub's {source.name} cannot be copied: {error}.") from error


def users(url: str, directory: Path) -> list[HubUser]:
    """Return every user in the hub's database.

    Args:
        url: address of the hub's database, with its password; empty for a file.
        directory: where that file is.
    """
    try:
        return users_at(url if url else f"sqlite:///{directory / _HUBS}")
    except SQLAlchemyError as error:
        raise _unavailable(error) from error


def is_new(url: str) -> bool:
    """Return whether the platform has no hub's database yet.

    Args:
        url: address of the hub's database, with its password; empty for the hub's own file.
    """
    if (HUB / _HUBS).exists() or (HUB / "identities.sqlite").exists():
        return False
    if not url:
        return True
    engine = create_engine(url)
    try:
        with engine.connect() as db:
            if "users" not in inspect(db).get_table_names():
                return True
            return not db.execute(text("SELECT count(*) FROM users")).scalar_one()
    except SQLAlchemyError as error:
        raise _unavailable(error) from error
    finally:
        engine.dispose()


def restore(url: str, directory: Path) -> None:
    """Put copies back, as the hub's own files. The database comes last."""
    RESTORED_HUB.mkdir(parents=True, exist_ok=True)
    for path in (RESTORED_HUB.parent, RESTORED_HUB):
        os.chown(path, OWNER, OWNER)
        path.chmod(0o700)
    if url:
        _postgres(
            *("pg_restore", url, "--clean", "--if-exists", "--no-owner", "--exit-on-error"),
            directory / _DUMP,
        )
        _forget_servers(url)
    else:
        _forget_servers(f"sqlite:///{directory / _HUBS}")
    files = [path for path in directory.iterdir() if path.name != _DUMP]
    for path in sorted(files, key=lambda path: path.name == _HUBS):
        target = RESTORED_HUB / path.name
        half = RESTORED_HUB / f".{path.name}.new"
        if path.is_dir():
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(path, half)
            shutil.rmtree(target, ignore_errors=True)
        else:
            shutil.copy2(path, half)
        for own in (half, *half.rglob("*")):
            os.chown(own, OWNER, OWNER)
        half.replace(target)


def _forget_servers(url: str) -> None:
    """Let no user have a running server: those that ran are on the host of the backup.

    A hub that finds them in its database asks for them at their old address. If that host is this
    one, it would even send users to the other platform's servers.
    """
    dbutil.upgrade_if_needed(url, log=_log)
    db = orm.new_session_factory(url)()
    try:
        for spawner in db.query(orm.Spawner):
            spawner.server = spawner.oauth_client = None
            spawner.state = {}
        # As JupyterHub names the tokens that it gives to servers.
        db.query(orm.APIToken).filter(orm.APIToken.note.like("Server at %")).delete()
        db.commit()
    finally:
        db.close()
        db.get_bind().dispose()


def _postgres(program: str, url: str, *arguments: str | Path) -> None:
    """Run one of Postgres's programs; the password is in its environment."""
    address = make_url(url)
    plain = address.set(drivername="postgresql", password=None).render_as_string(
        hide_password=False
    )
    done = subprocess.run(
        [program, f"--dbname={plain}", *map(str, arguments)],
        env={**os.environ, "PGPASSWORD": address.password or ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise BackupError(f"{program} failed with the hub's database: {last}")


def _unavailable(error: Exception) -> BackupError:
    return BackupError(str(DatabaseUnavailable(error)))
