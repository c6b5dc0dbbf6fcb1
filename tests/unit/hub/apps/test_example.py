"""The app that a new platform has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jupyterhub import orm
from mosshub_contract.snapshots import unpack
from sqlalchemy.orm import Session

from hub.apps.example import CARD, Example
from hub.apps.store import AppStore


@pytest.fixture
def db() -> Iterator[Session]:
    with orm.new_session_factory("sqlite:///:memory:")() as session:
        yield session


@pytest.fixture
def store(tmp_path: Path) -> AppStore:
    return AppStore(tmp_path / "apps")


def start(store: AppStore, tmp_path: Path, db: Session, code: str = "x = 1") -> None:
    """Publish as a hub that starts does, with a notebook of this content."""
    notebook = tmp_path / "live_dashboard.py"
    notebook.write_text(code)
    Example(store, tmp_path / "example.json", notebook).publish(db)


def test_the_first_admin_has_it_once(store: AppStore, tmp_path: Path, db: Session) -> None:
    db.add(orm.User(name="ada"))
    start(store, tmp_path, db)
    assert store.all() == []  # nobody is an admin yet
    db.add_all([orm.User(name="linus", admin=True), orm.User(name="grace", admin=True)])
    start(store, tmp_path, db)
    (app,) = store.all()
    assert (app.author, app.card) == ("grace", CARD)
    assert unpack(store.archive(app)).files == {CARD.notebook: b"x = 1"}
    start(store, tmp_path, db)
    assert store.all() == [app]
    # Unpublished, it stays so, also with another notebook.
    store.remove(app)
    start(store, tmp_path, db)
    start(store, tmp_path, db, "x = 2")
    assert store.all() == []


def test_a_new_version_of_the_platform_brings_its_notebook(
    store: AppStore, tmp_path: Path, db: Session
) -> None:
    db.add(orm.User(name="grace", admin=True))
    start(store, tmp_path, db)
    store.name_audience(store.all()[0], ["ada"])
    start(store, tmp_path, db, "x = 2")
    (app,) = store.all()
    assert unpack(store.archive(app)).files == {CARD.notebook: b"x = 2"}
    assert app.card.audience == ("ada",)  # as the admin said
    # What somebody else published there stays.
    store.publish("grace", store.archive(app))
    start(store, tmp_path, db, "x = 3")
    assert store.all()[0].current == 3
