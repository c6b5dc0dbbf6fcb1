"""What the hub knows of the team's folder."""

import json
import time
from pathlib import Path

import pytest
from mosshub_contract.team_folder import Told, is_path, told_from_json

from hub.team_folder import records
from hub.team_folder.records import Records


def test_saves_outlive_a_restart_and_nobody_saves_where_they_may_not(tmp_path: Path) -> None:
    known = Records(tmp_path / "team.json")
    now = time.time()
    known.note("ada", Told({"lab/x.py": now - 60, "everybody/y.py": now - 50}), {"everybody"})
    known.note("linus", Told({"everybody/y.py": now - 20, "lab/x.py": now + 500}), {"lab"})
    saved = Records(tmp_path / "team.json").known("grace").saved
    assert saved["everybody/y.py"] == ("ada", now - 50)
    assert saved["lab/x.py"][0] == "linus"
    assert saved["lab/x.py"][1] <= time.time(), "nobody saves in the future"


def test_an_older_save_changes_nothing(tmp_path: Path) -> None:
    known = Records(tmp_path / "team.json")
    known.note("linus", Told({"lab/x.py": 200.0}), {"lab"})
    known.note("ada", Told({"lab/x.py": 100.0}), {"lab"})
    assert known.known("ada").saved == {"lab/x.py": ("linus", 200.0)}


def test_what_is_open_elsewhere_is_said_for_a_while(tmp_path: Path, monkeypatch) -> None:
    known = Records(tmp_path / "team.json")
    known.note("ada", Told(opened=("lab/x.py",)), ())
    known.note("linus", Told(opened=("lab/x.py", "lab/z.py")), ())
    assert known.known("ada").opened == {"lab/x.py": ("linus",), "lab/z.py": ("linus",)}
    assert known.known("grace").opened["lab/x.py"] == ("ada", "linus")
    later = time.time() + 200
    monkeypatch.setattr(records.time, "time", lambda: later)
    assert known.known("ada").opened == {}


def test_the_file_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_MOST_SAVED", 2)
    known = Records(tmp_path / "team.json")
    for number in range(3):
        known.note("ada", Told({f"lab/{number}.py": 100.0 + number}), {"lab"})
    assert set(json.loads((tmp_path / "team.json").read_text())) == {"lab/1.py", "lab/2.py"}


@pytest.mark.parametrize(
    "path", ["", "lab", "/lab/x", "lab/../x", "lab//x", "lab/./x", "lab/\n", "lab/" + "x" * 300]
)
def test_what_is_no_path_of_a_part_is_left_out(path: str) -> None:
    assert not is_path(path)
    told = told_from_json(json.dumps({"saved": {path: 1, "lab/x.py": 2}, "opened": [path]}))
    assert told == Told({"lab/x.py": 2.0})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"saved": 1, "opened": []}', "\xff"])
def test_what_says_nothing_of_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        told_from_json(text)
