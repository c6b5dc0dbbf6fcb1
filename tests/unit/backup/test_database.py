"""The hub's SQLite files, copied while they are used, and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from backup import create, database, restore
from backup.errors import BackupError
from backup.settings import BackupSettings
from tests.support.hub_database import contents, fill, without_servers


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's directory. What is restored goes to `there/hub` beside it."""
    hub = tmp_path / "hub"
    hub.mkdir()
    monkeypatch.setattr(database, "HUB", hub)
    monkeypatch.setattr(database, "RESTORED_HUB", tmp_path / "there" / "hub")
    monkeypatch.setattr(database.os, "chown", lambda *_: None)
    return hub


def test_the_hub_comes_back_without_the_servers_of_the_other_host(
    hub: Path, tmp_path: Path
) -> None:
    used = f"sqlite:///{hub / 'jupyterhub.sqlite'}"
    fill(used)
    (hub / "blocked.json").write_text("[]")
    app = hub / "apps" / "ada" / "peek"
    app.mkdir(parents=True)
    (app / "app.json").write_text("{}")
    (app / ".app.json.half").write_text("")
    (hub / "jupyterhub.sqlite.2026-01-01").touch()  # JupyterHub's copy of before an upgrade
    before = contents(used)
    assert [row["base_url"] for row in before["servers"]] == ["/user/ada/"]
    # Somebody is in the middle of a change.
    with closing(sqlite3.connect(hub / "jupyterhub.sqlite", isolation_level=None)) as busy:
        busy.execute("BEGIN")
        busy.execute("UPDATE users SET admin = 1")
        database.save("", tmp_path / "saved")
    database.restore("", tmp_path / "saved")

    there = tmp_path / "there" / "hub"
    assert contents(f"sqlite:///{there / 'jupyterhub.sqlite'}") == without_servers(before)
    names = ["apps", "blocked.json", "jupyterhub.sqlite"]
    assert sorted(path.name for path in there.iterdir()) == names
    assert [path.name for path in (there / "apps" / "ada" / "peek").iterdir()] == ["app.json"]
    assert sorted(user.name for user in database.users("", there)) == ["ada", "größe"]


def test_a_hub_that_never_ran_has_nothing_to_save(hub: Path, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="the hub was never started"):
        database.save("", tmp_path / "saved")


def test_what_is_on_a_kafka_of_the_teams_own_is_left_to_it(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(f"sqlite:///{hub / 'jupyterhub.sqlite'}")
    staging = tmp_path / "staging"
    places = {"DATABASES": staging / "hub", "TOPICS": staging / "topics"}
    for module in (create, restore):
        for name, place in places.items():
            monkeypatch.setattr(module, name, place)
    monkeypatch.setattr(create, "STAGING", staging)
    monkeypatch.setattr(create, "MANIFEST", staging / "manifest.json")
    (tmp_path / "there").mkdir()
    settings = BackupSettings(kafka_own="kafka.example.org:9093")
    manifest = create._stage(settings)
    assert (manifest.topics, manifest.groups) == (0, 0) and manifest.users
    assert "own Kafka" in restore._restore_staged(settings, "")
    assert (tmp_path / "there" / "hub" / "jupyterhub.sqlite").exists()
