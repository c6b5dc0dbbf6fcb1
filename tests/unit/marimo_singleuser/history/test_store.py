"""Versions of notebooks: which are kept, which go, and what a damaged file does."""

import os
import sqlite3
from pathlib import Path

import pytest
from marimo_singleuser.history import store
from marimo_singleuser.history.store import History

DAY = 86_400.0
NOW = 1_800_000_000.0


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "state" / "history.sqlite")


def test_each_save_is_kept_once_and_can_be_read(history: History) -> None:
    for text, at in (("one", 1.0), ("one", 2.0), ("two é", 3.0), ("one", 4.0)):
        history.keep("a.py", text, NOW + at)
    history.keep("below/b.py", "other", NOW + 2)
    versions = history.versions("a.py")
    assert [one.at - NOW for one in versions] == [4, 3, 1]
    read = [history.read(one.id) for one in versions]
    assert [found and found[1] for found in read] == ["one", "two é", "one"]
    assert [(one.notebook, one.at - NOW) for one in history.newest()] == [
        ("a.py", 4),
        ("below/b.py", 2),
    ]
    assert history.versions("none.py") == [] and history.read(999) is None


def test_outputs_are_those_of_the_version_that_was_there(history: History, tmp_path: Path) -> None:
    saved = tmp_path / "a.py.json"
    saved.write_text("shown")
    history.keep("a.py", "one", NOW)
    os.utime(saved, (NOW - 1, NOW - 1))
    history.keep_outputs("a.py", saved)  # of an earlier version
    assert history.outputs(history.versions("a.py")[0].id) == ""
    os.utime(saved, (NOW + 1, NOW + 1))
    history.keep_outputs("a.py", saved)
    history.keep("a.py", "two", NOW + 2)
    assert [history.outputs(one.id) for one in history.versions("a.py")] == ["", "shown"]
    with pytest.raises(OSError):
        history.keep_outputs("a.py", tmp_path / "none")


def test_outputs_go_before_versions_and_with_them(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = tmp_path / "a.py.json"
    for number in range(20):
        history.keep("a.py", f"{number}", NOW + number)
        saved.write_bytes(os.urandom(200))
        os.utime(saved, (NOW + number + 0.5,) * 2)
        history.keep_outputs("a.py", saved)

    def count() -> tuple[int, int]:
        versions = history.versions("a.py")
        return len(versions), sum(bool(history.outputs(one.id)) for one in versions)

    assert count() == (20, 20)
    monkeypatch.setattr(store, "MAX_BYTES", 1500)
    history.keep("a.py", "the last", NOW + 30)
    assert count()[0] == 21 and 3 < count()[1] < 7
    monkeypatch.setattr(store, "MAX_BYTES", 0)
    history.keep("a.py", "another", NOW + 31)
    assert count() == (1, 0)
    monkeypatch.setattr(store, "MAX_OUTPUT_BYTES", 10)
    os.utime(saved, (NOW + 40,) * 2)
    history.keep_outputs("a.py", saved)
    assert count() == (1, 0), "this one is too large"


def test_the_older_the_fewer(history: History) -> None:
    minutes = [0.5 * number for number in range(2 * 24 * 60)]  # a save every half minute, a day
    for minute in minutes[::6]:
        history.keep("a.py", f"at {minute}", NOW + 60 * minute)
    kept = len(history.versions("a.py"))
    assert 130 < kept < 160  # every ten minutes, and the last ten
    history.keep("a.py", "a week later", NOW + 7 * DAY)
    assert 24 <= len(history.versions("a.py")) <= 28
    history.keep("a.py", "half a year later", NOW + 180 * DAY)
    texts = [history.read(one.id) for one in history.versions("a.py")]
    assert 3 <= len(texts) <= 4
    assert texts[0] and texts[0][1] == "half a year later"


def test_together_they_are_bounded_and_the_newest_of_each_stays(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "MAX_BYTES", 300)
    history.keep("deleted.py", "the only one", NOW)
    for number in range(100):
        history.keep("a.py", f"{number}" * 30, NOW + number)
    versions = history.versions("a.py")
    assert 2 < len(versions) < 50
    newest = history.read(versions[0].id)
    assert newest and newest[1] == "99" * 30
    assert len(history.versions("deleted.py")) == 1


def test_a_notebook_that_is_too_large_has_none(history: History) -> None:
    history.keep("a.py", "x" * (store.MAX_NOTEBOOK_BYTES + 1), NOW)
    assert history.newest() == []


def test_a_file_that_is_none_of_ours_is_an_error_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "history.sqlite"
    file.write_text("not a database " * 100)
    with pytest.raises(sqlite3.Error):
        History(file).keep("a.py", "text", NOW)
    assert file.read_text().startswith("not a database")
