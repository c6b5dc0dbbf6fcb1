"""The way back to an original loses nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from marimo_singleuser.home import originals
from marimo_singleuser.home.originals import NotRestored, State, list_templates, restore


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    """Templates with a notebook, and the user's notebooks with an edited copy."""
    templates, own = tmp_path / "templates", tmp_path / "own"
    for folder, text in ((templates, "theirs\n"), (own, "mine\n")):
        folder.mkdir()
        (folder / "a.py").write_text(text)
    return templates, own


def state(places: tuple[Path, Path]) -> State:
    (found,) = list_templates(*places)
    return found.state


def test_an_edited_copy_is_kept_under_another_name(places: tuple[Path, Path]) -> None:
    _, own = places
    assert state(places) is State.EDITED
    assert restore(*places, "a.py") == "a.mine.py"
    assert (own / "a.py").read_text() == "theirs\n" and state(places) is State.ORIGINAL
    assert (own / "a.mine.py").read_text() == "mine\n"
    assert restore(*places, "a.py") is None, "pressed twice"
    (own / "a.py").write_text("again\n")
    assert restore(*places, "a.py") == "a.mine2.py"


def test_a_deleted_copy_comes_back(places: tuple[Path, Path]) -> None:
    (places[1] / "a.py").unlink()
    assert state(places) is State.MISSING
    assert restore(*places, "a.py") is None
    assert (places[1] / "a.py").read_text() == "theirs\n"


@pytest.mark.parametrize("kind", ["directory", "pipe", "dangling link"])
def test_what_is_no_file_is_kept_too(places: tuple[Path, Path], kind: str) -> None:
    own = places[1] / "a.py"
    own.unlink()
    if kind == "directory":
        own.mkdir()
    elif kind == "pipe":
        os.mkfifo(own)
    else:
        own.symlink_to("nowhere")
    assert state(places) is State.EDITED
    assert restore(*places, "a.py") == "a.mine.py"
    assert own.read_text() == "theirs\n" and os.path.lexists(places[1] / "a.mine.py")


@pytest.mark.parametrize("path", ["", "b.py", "../own/a.py", "/etc/passwd", "a.mine.py"])
def test_only_a_template_is_restored(places: tuple[Path, Path], path: str) -> None:
    with pytest.raises(NotRestored, match="no notebook of this name"):
        restore(*places, path)
    with pytest.raises(NotRestored):
        restore(None, places[1], "a.py")
    assert [p.name for p in places[1].iterdir()] == ["a.py"]


def test_a_full_disk_leaves_the_edited_copy_where_it_was(
    places: tuple[Path, Path], monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(originals, "write_atomically", full)
    with pytest.raises(NotRestored, match=r"a\.py could not be restored \(No space left"):
        restore(*places, "a.py")
    assert (places[1] / "a.py").read_text() == "mine\n"
    assert [p.name for p in places[1].iterdir()] == ["a.py"]


def test_the_newest_version_beside_an_edited_copy_is_found(places: tuple[Path, Path]) -> None:
    templates, own = places
    (own / "a.new.py").write_text("older\n")
    (own / "a.new2.py").write_text("theirs\n")
    (found,) = list_templates(templates, own)
    assert found.new_version == "a.new2.py"
    (own / "a.new2.py").write_text("edited, too\n")
    (found,) = list_templates(templates, own)
    assert found.new_version is None
