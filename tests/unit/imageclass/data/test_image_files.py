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
