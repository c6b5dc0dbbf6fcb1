"""The user's own notebooks: a home may hold anything, and very much of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from marimo_singleuser.start_page.recent import recent_notebooks, time_ago

NOTEBOOK = "import marimo\n\napp = marimo.App()\n"


def write(path: Path, age_s: float, text: str = NOTEBOOK) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))


def names(directory: Path, **options: object) -> list[str]:
    return [found.path for found in recent_notebooks(directory, {"image_class.py"}, **options)]  # type: ignore[arg-type]


def test_the_newest_come_first_and_the_platforms_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "image_class.py", 0)
    for number in range(12):
        write(tmp_path / f"{number}.py", number * 60)
    write(tmp_path / "thesis" / "chapter.py", 30)
    assert names(tmp_path) == ["0.py", "thesis/chapter.py", *(f"{n}.py" for n in range(1, 7))]
    assert names(tmp_path, most=1) == ["0.py"]


def test_only_notebooks_count(tmp_path: Path) -> None:
    write(tmp_path / "module.py", 0, "import marimo\n")
    write(tmp_path / "text.md", 0)
    for folder in (".venv", "__marimo__", "__pycache__", "node_modules", ".git"):
        write(tmp_path / folder / "inside.py", 0)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to(tmp_path / "nothing")
    (tmp_path / "circle").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.py")  # reading it would never end
    write(tmp_path / "mine.py", 0)
    assert names(tmp_path) == ["mine.py"]
    assert names(tmp_path / "missing") == []


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    write(tmp_path / "closed.py", 0)
    write(tmp_path / "open.py", 60)
    (tmp_path / "closed.py").chmod(0)
    assert set(names(tmp_path)) - {"closed.py"} == {"open.py"}  # root reads both


def test_a_name_that_is_no_text_is_found(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.py")).write_text(NOTEBOOK)
    assert names(tmp_path) == [os.fsdecode(b"caf\xe9.py")]


def test_five_thousand_files_take_no_time(tmp_path: Path) -> None:
    for folder in range(50):
        (tmp_path / str(folder)).mkdir()
        for number in range(100):
            (tmp_path / str(folder) / f"{number}.py").write_text("x = 1\n")
    write(tmp_path / "mine.py", 0)
    began = time.monotonic()
    assert names(tmp_path) == ["mine.py"]
    assert time.monotonic() - began < 1


def test_a_home_without_end_is_not_searched_to_its_end(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("marimo_singleuser.start_page.recent._MAX_ENTRIES", 50)
    write(tmp_path / "mine.py", 0)
    for number in range(200):
        write(tmp_path / "deep" / f"{number}.py", 60)
    found = names(tmp_path)
    assert "mine.py" in found, "the nearest are looked at first"
    assert len(found) == 8


@pytest.mark.parametrize(
    ("age_s", "said"),
    [
        (-3600, "just now"),  # the clock of a file may be ahead
        (0, "just now"),
        (60, "1 minute ago"),
        (3599, "59 minutes ago"),
        (3600, "1 hour ago"),
        (86_400, "1 day ago"),
        (13 * 86_400, "13 days ago"),
        (14 * 86_400, "12 November 2026"),
    ],
)
def test_times_are_said_in_words(age_s: float, said: str) -> None:
    now = 1_795_651_200  # 2026-11-26
    assert time_ago(now - age_s, now) == said
