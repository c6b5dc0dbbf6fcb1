"""Finding pictures in folders and lists."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from imageclass.data.limits import MAX_IMAGE_BYTES
from imageclass.data.image_files import find_images
from PIL import Image


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), 120).save(file, kind)
    return file.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, and what is none."""
    (tmp_path / "cats" / "black").mkdir(parents=True)
    (tmp_path / "cats" / "black" / "1.png").write_bytes(picture("PNG"))
    (tmp_path / "b.jpeg").write_bytes(picture("JPEG"))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "empty.png").touch()
    (tmp_path / "large.jpg").write_bytes(picture("JPEG") + bytes(MAX_IMAGE_BYTES))
    (tmp_path / "moving.gif").write_bytes(picture("GIF"))
    (tmp_path / ".hidden.png").write_bytes(picture("PNG"))
    (tmp_path / ".cache").mkdir()
    (tmp_path / ".cache" / "1.png").write_bytes(picture("PNG"))
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    return tmp_path


def test_a_folder_is_searched_and_what_is_no_picture_is_named(folder: Path) -> None:
    said: list[str] = []
    found = find_images(folder, on_skip=said.append)
    assert found == {"b.jpeg": picture("JPEG"), "cats/black/1.png": picture("PNG")}
    assert [sentence.split()[0] for sentence in said] == [
        *("empty.png", "gone.png", "large.jpg", "moving.gif", "notes.txt", "pipe.png"),
    ]
    reasons = dict(sentence.split(" is left out: ") for sentence in said)
    assert "neither PNG nor JPEG" in reasons["notes.txt"]
    assert "1.0 MB" in reasons["large.jpg"]
    assert "not a file" in reasons["pipe.png"]


def test_a_list_keeps_the_names_it_was_given(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "1.png").write_bytes(picture("JPEG"))
    one, other = folder / "cats" / "black" / "1.png", folder / "more" / "1.png"
    said: list[str] = []
    found = find_images([one, str(other), folder / "notes.txt"], on_skip=said.append)
    assert found == {str(one): picture("PNG"), str(other): picture("JPEG")}
    assert len(said) == 1
    assert find_images([folder / "cats"]) == {str(one): picture("PNG")}
    assert find_images(one) == {str(one): picture("PNG")}


def test_what_is_not_there_is_said(folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"There is no file or folder .*/dogs\."):
        find_images(folder / "dogs")


def test_links_to_folders_are_followed_but_into_none_twice(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    for path in (root / "real", elsewhere / "deep"):
        path.mkdir(parents=True)
        (path / "1.png").write_bytes(picture("PNG"))
    (root / "linked").symlink_to(elsewhere)
    (root / "linked.png").symlink_to(elsewhere / "deep" / "1.png")
    (root / "again").symlink_to(root / "real")
    (root / "real" / "up").symlink_to(root)
    (elsewhere / "deep" / "round").symlink_to(elsewhere)
    (root / "self").symlink_to(root / "self")
    said: list[str] = []
    found = find_images(root, on_skip=said.append)
    assert sorted(found) == ["linked.png", "linked/deep/1.png", "real/1.png"]
    assert sorted(sentence.split(" is left out: ")[0] for sentence in said) == [
        *("again", "linked/deep/round", "real/up", "self"),
    ]
    assert "links to a folder that is searched already" in said[0]


def test_a_folder_that_cannot_be_searched_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "1.png").write_bytes(picture("PNG"))
    search = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return search(path)

    monkeypatch.setattr(os, "scandir", refuse)
    said: list[str] = []
    assert list(find_images(tmp_path, on_skip=said.append)) == ["1.png"]
    assert said == ["closed is left out: Permission denied"]


def test_a_name_of_any_bytes_becomes_text(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.png")).write_bytes(picture("PNG"))
    (tmp_path / "café.png").write_bytes(picture("JPEG"))
    (tmp_path / r"caf\xe9.png").write_bytes(picture("JPEG"))  # what the first is written as
    said: list[str] = []
    found = find_images(tmp_path, on_skip=said.append)
    assert list(found) == [r"caf\xe9.png", "café.png"]
    assert said == [r"caf\xe9.png is left out: Another file has the same name."]
    with pytest.raises(FileNotFoundError, match=r"nowhere\\xe9"):
        find_images(tmp_path / os.fsdecode(b"nowhere\xe9"))
