"""The hub's database in a real Postgres: moved there from SQLite, backed up, and used by a hub."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub import orm

from backup import database
from backup.errors import BackupError
from hub.migrate import NotPossible, migrate
from tests.support.hub_database import contents, fill, without_servers
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.postgres import Postgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with Postgres() as running:
        yield running


@pytest.fixture
def postgres(server: Postgres) -> Postgres:
    """The server with an empty database."""
    server.create()
    return server


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    """The database of a hub that was used."""
    url = f"sqlite:///{tmp_path / 'jupyterhub.sqlite'}"
    fill(url)
    return url


def test_a_hub_of_sqlite_moves_with_every_row(postgres: Postgres, sqlite: str) -> None:
    counts = migrate(sqlite, postgres.url)
    assert (counts["users"], counts["groups"], counts["api_tokens"]) == (2, 1, 2)
    assert contents(postgres.url) == contents(sqlite)
    db = orm.new_session_factory(postgres.url)()
    assert orm.APIToken.find(db, "a-token-of-ada").user.name == "ada"
    new = orm.User(name="new")
    db.add(new)
    db.commit()
    assert new.id > max(row["id"] for row in contents(sqlite)["users"])
    db.close()
    db.get_bind().dispose()
    # Again it would overwrite what came since.
    with pytest.raises(NotPossible, match="has users already"):
        migrate(sqlite, postgres.url)
    assert {row["name"] for row in contents(postgres.url)["users"]} == {"ada", "größe", "new"}


def test_what_a_backup_has_of_postgres_comes_back(
    postgres: Postgres, sqlite: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, there = tmp_path / "hub", tmp_path / "there" / "hub"
    hub.mkdir()
    (hub / "identities.sqlite").touch()
    monkeypatch.setattr(database, "HUB", hub)
    monkeypatch.setattr(database, "RESTORED_HUB", there)
    monkeypatch.setattr(database.os, "chown", lambda *_: None)
    migrate(sqlite, postgres.url)
    before = contents(postgres.url)
    database.save(postgres.url, tmp_path / "saved")
    postgres.create()
    monkeypatch.setattr(database, "HUB", there)
    assert database.is_new(postgres.url)
    database.restore(postgres.url, tmp_path / "saved")
    assert contents(postgres.url) == without_servers(before)
    assert not database.is_new(postgres.url)
    assert sorted(user.name for user in database.users(postgres.url, there)) == ["ada", "größe"]
    assert (there / "identities.sqlite").exists()


def test_a_server_that_is_away_is_named(postgres: Postgres, tmp_path: Path) -> None:
    away = postgres.url.replace(str(postgres.port), "1")
    with pytest.raises(BackupError, match="Check DATABASE_URL and the file"):
        database.users(away, tmp_path)


@pytest.mark.slow
def test_a_hub_works_on_postgres(postgres: Postgres, tmp_path: Path) -> None:
    where = {"DATABASE_URL": postgres.address, "DATABASE_PASSWORD": postgres.password}
    platform = RunningPlatform(tmp_path / "data", **where)
    platform.start()
    try:
        admin = LocalPerson(platform, "admin", platform.admin_password)
        assert admin.api("POST", "users/eve").status_code == 201
        assert {"admin", "eve"} <= {user["name"] for user in admin.api("GET", "users").json()}
        assert {"admin", "eve"} <= {row["name"] for row in contents(postgres.url)["users"]}
        assert not (tmp_path / "data/hub/jupyterhub.sqlite").exists()
        assert postgres.password not in platform.log + platform.output
    finally:
        platform.stop()


def test_moving_says_what_is_missing(postgres: Postgres, tmp_path: Path) -> None:
    def said(**environment: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hub.migrate"],
            cwd=ROOT,
            env={"PATH": "/usr/bin", "DATA_DIR": str(tmp_path), **environment},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 1
        return done.stderr

    assert "DATABASE_URL is not set" in said()
    where = {"DATABASE_URL": postgres.address, "DATABASE_PASSWORD": "wrong"}
    assert "there is no SQLite database" in said(**where)
