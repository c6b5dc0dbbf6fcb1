"""How notebooks open: the user's choices, in a file of a home in which anything may stand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from marimo_singleuser.frame.views import APP, EDIT, Views, view_query


def test_a_choice_is_kept_and_the_last_one_counts(tmp_path: Path) -> None:
    file = tmp_path / "state" / "views.json"
    Views(file).choose("train.py", EDIT)
    Views(file).choose("mine/o'brien & co.py", APP)
    Views(file).choose("train.py", APP)
    Views(file).choose("train.py", EDIT)
    assert Views(file).choices() == {"mine/o'brien & co.py": APP, "train.py": EDIT}
    assert view_query("train.py", Views(file).choices(), APP) == ""
    assert view_query("stream.py", Views(file).choices(), APP) == "&view-as=present"
    assert view_query("other.py", Views(file).choices(), EDIT) == ""


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    views = Views(tmp_path / "views.json")
    (tmp_path / "views.json").write_text(
        "{" + ",".join(f'"{number}.py": "app"' for number in range(600)) + "}"
    )
    views.choose("last.py", APP)
    assert len(views.choices()) == 500
    assert list(views.choices())[-1] == "last.py"


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '"app"', "\xff", '{"a.py": 3, "b.py": "window", "c.py": ["app"]}']
)
def test_a_damaged_file_is_no_choice(tmp_path: Path, text: str) -> None:
    file = tmp_path / "views.json"
    file.write_text(text)
    assert Views(file).choices() == {}
    Views(file).choose("a.py", APP)
    assert Views(file).choices() == {"a.py": APP}


@pytest.mark.timeout(20)
def test_a_pipe_in_its_place_stops_nothing(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "views.json")
    assert Views(tmp_path / "views.json").choices() == {}
