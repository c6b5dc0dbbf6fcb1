"""Templates in the user's directory: new ones come, edited ones stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from marimo_singleuser.home.workspace import CopyPlan, copy_templates, plan_copies


@pytest.mark.parametrize(
    ("own", "last", "copies"),
    [
        ({}, {}, {"a.py": "a.py"}),  # new
        ({"a.py": "v2"}, {}, {}),  # the same already
        ({"a.py": "v1"}, {"a.py": "v1"}, {"a.py": "a.py"}),  # not edited
        ({"a.py": "mine"}, {"a.py": "v1"}, {"a.new.py": "a.py"}),  # edited
        ({"a.py": "mine"}, {"a.py": "v2"}, {}),  # edited, no news
        ({"a.py": "mine"}, {}, {"a.new.py": "a.py"}),  # the user's own file of this name
        ({}, {"a.py": "v1"}, {}),  # deleted stays deleted
        ({}, {"a.py": "v2"}, {}),
        ({"a.py": "mine", "a.new.py": "other"}, {"a.py": "v1"}, {"a.new2.py": "a.py"}),
        ({"a.py": "mine", "a.new.py": "v2"}, {"a.py": "v1"}, {}),  # is there already
    ],
)
def test_plan_copies(own: dict[str, str], last: dict[str, str], copies: dict[str, str]) -> None:
    assert plan_copies({"a.py": "v2"}, own, last) == CopyPlan(copies, {"a.py": "v2"})


def test_a_file_that_is_no_longer_a_template_stays() -> None:
    assert plan_copies({}, {"a.py": "v1"}, {"a.py": "v1"}) == CopyPlan({}, {"a.py": "v1"})


def test_copies_follow_a_template_through_its_versions(tmp_path: Path) -> None:
    templates, own, manifest = tmp_path / "t", tmp_path / "own", tmp_path / "m.json"
    (templates / "sub" / "__pycache__").mkdir(parents=True)
    (templates / "sub" / "__pycache__" / "x.pyc").write_text("")
    own.mkdir()
    (own / "theirs.py").write_text("untouched")
    (templates / "sub" / "n.py").write_text("1")
    copy_templates(templates, own, manifest)
    (templates / "sub" / "n.py").write_text("2")
    copy_templates(templates, own, manifest)
    assert (own / "sub" / "n.py").read_text() == "2"
    (own / "sub" / "n.py").write_text("edited")
    (templates / "sub" / "n.py").write_text("3")
    copy_templates(templates, own, manifest)
    copy_templates(templates, own, manifest)
    found = sorted(p.relative_to(own).as_posix() for p in own.rglob("*") if p.is_file())
    assert found == ["sub/n.new.py", "sub/n.py", "theirs.py"]
    assert (own / "sub" / "n.py").read_text() == "edited"
    assert (own / "sub" / "n.new.py").read_text() == "3"


def test_damaged_manifest_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "own").mkdir()
    (tmp_path / "t" / "n.py").write_text("2")
    (tmp_path / "own" / "n.py").write_text("mine")
    (tmp_path / "m.json").write_text("{")
    copy_templates(tmp_path / "t", tmp_path / "own", tmp_path / "m.json")
    assert (tmp_path / "own" / "n.py").read_text() == "mine"
    assert (tmp_path / "own" / "n.new.py").read_text() == "2"
    assert json.loads((tmp_path / "m.json").read_text())
