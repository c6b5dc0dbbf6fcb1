"""What goes into a snapshot: the notebook, the files that it names, and what it showed."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from marimo_singleuser.publishing import command
from marimo_singleuser.publishing.collect import candidates, collect
from marimo_singleuser.publishing.hub_apps import HubApps
from marimo_singleuser.publishing.kept import kept_page, kept_picture, session_file
from marimo_singleuser.publishing.publisher import Publisher
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import BadSnapshot, Snapshot, pack, unpack
from mosshub_contract.team_folder import Part, parts_to_json

from tests.support.singleuser_settings import settings_in

SOURCE = (
    "import marimo\n\napp = marimo.App()\n"
    'import helper\nopen("numbers.csv")\nopen("data/deep.csv")\n'
)
CARD = AppCard("peek", "Peek", "peek.py", audience=("linus",))


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    folder = tmp_path / "notebooks"
    for name in ("numbers.csv", "data/deep.csv", "other.csv", "helper.py", "helpers.py", ".secret"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link.csv").symlink_to("/etc/passwd")
    (folder / "another.py").write_text("import marimo\n\napp = marimo.App()\n")
    (folder / "peek.py").write_text(SOURCE)
    return folder / "peek.py"


def outputs(notebook: Path, *contents: dict[str, str]) -> None:
    file = session_file(notebook)
    file.parent.mkdir(parents=True)
    cells = [{"outputs": [{"type": "data", "data": data}]} for data in contents]
    file.write_text(json.dumps({"cells": cells}))


def test_files_that_the_notebook_names_are_chosen(notebook: Path) -> None:
    found = {one.name: one.is_named for one in candidates(notebook)}
    assert found == {
        "data/deep.csv": True,
        "helper.py": True,
        "numbers.csv": True,
        "helpers.py": False,
        "other.csv": False,
    }


def test_a_snapshot_has_the_notebook_and_the_chosen_files(notebook: Path, tmp_path: Path) -> None:
    found = collect(settings_in(tmp_path), notebook, CARD, ["data/deep.csv"])
    assert set(found.files) == {"peek.py", "data/deep.csv"}
    assert unpack(pack(found)) == found
    assert found.card.picture.startswith("data:image/")


def test_it_names_the_packages_that_the_author_installed(notebook: Path, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert collect(settings, notebook, CARD, []).requirements == ""  # no environment of their own
    folder = settings.own_venv / "lib" / "python3.11" / "site-packages"
    for name, is_requested in {"zebra": True, "ant": True, "dependency": False}.items():
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        if is_requested:
            (info / "REQUESTED").touch()
    found = collect(settings, notebook, CARD, [])
    assert found.requirements == "ant==1.0\nzebra==1.0"
    assert unpack(pack(found)).requirements == found.requirements


@pytest.mark.parametrize("name", ["../../x", "/etc/passwd", "link.csv", "nothing.csv", ""])
def test_no_other_file_gets_in(notebook: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSnapshot, match="no file beside the notebook"):
        collect(settings_in(tmp_path), notebook, CARD, [name])


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "nothing.py"])
def test_only_notebooks_of_the_home_are_published(
    notebook: Path, tmp_path: Path, name: str
) -> None:
    settings = settings_in(tmp_path)
    publisher = Publisher(settings, HubApps(settings, None))  # type: ignore[arg-type]
    assert publisher.notebook_at("peek.py") == notebook
    assert publisher.notebook_at(str(notebook)) == notebook
    with pytest.raises(BadSnapshot, match="no notebook"):
        publisher.notebook_at(name)


def test_a_notebook_of_the_team_is_not_published(notebook: Path, tmp_path: Path) -> None:
    team = tmp_path / "team"
    (team / "lab").mkdir(parents=True)
    ours = team / "lab" / "ours.py"
    ours.write_text(SOURCE)
    (notebook.parent / "link.py").symlink_to(ours)
    parts = parts_to_json([Part("lab", "Lab", True)])
    settings = settings_in(tmp_path, MOSSHUB_TEAM=str(team), MOSSHUB_TEAM_PARTS=parts)
    publisher = Publisher(settings, HubApps(settings, None))  # type: ignore[arg-type]
    for name in (str(ours), "link.py"):
        with pytest.raises(BadSnapshot, match=r"~/team/lab/ours.py is the team's. Copy it"):
            publisher.notebook_at(name)
    assert publisher.notebook_at("peek.py") == notebook


def test_kept_outputs_are_a_page(notebook: Path) -> None:
    assert kept_page(notebook) == "" == kept_picture(notebook)
    picture = "data:image/png;base64," + base64.b64encode(b"x" * 900).decode()
    outputs(
        notebook,
        {"text/html": "<h1>Title</h1>"},
        {"image/png": picture},
        {"text/html": "<marimo-table data-x='1'></marimo-table>"},
        {"text/html": "<marimo-chart></marimo-chart>"},
        {"text/plain": "<b>"},
    )
    page = kept_page(notebook)
    assert "<h1>Title</h1>" in page
    assert picture in page
    assert page.count("appears when the app is running") == 1
    assert "<pre>&lt;b&gt;</pre>" in page
    assert kept_picture(notebook) == picture


def test_outputs_that_are_damaged_are_none(notebook: Path) -> None:
    session_file(notebook).parent.mkdir(parents=True)
    for text in ("", "[]", '{"cells": 1}', '{"cells": [{"outputs": [1, null, {"data": 3}]}]}'):
        session_file(notebook).write_text(text)
        assert kept_page(notebook) == ""


def test_the_command_says_where_it_can_be_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("MOSSHUB_PUBLISH", raising=False)
    assert command.main(["apps"]) == 1
    assert "open one in marimo" in capsys.readouterr().err
    monkeypatch.setenv("MOSSHUB_PUBLISH", str(tmp_path / "nobody"))
    assert command.main(["publish", "a.py", "--to", "linus"]) == 1
    assert "The editor does not answer" in capsys.readouterr().err


def test_a_snapshot_that_nobody_would_take_is_not_sent() -> None:
    with pytest.raises(BadSnapshot):
        pack(Snapshot(CARD, {"../peek.py": b"", "peek.py": b""}))


def test_a_notebook_that_nothing_can_run_is_refused(notebook: Path, tmp_path: Path) -> None:
    notebook.write_text("import marimo\n\napp = marimo.App()\nx = (\n")
    with pytest.raises(BadSnapshot, match=r"peek.py cannot be an app. Its code is no Python: line"):
        collect(settings_in(tmp_path), notebook, CARD, [])
