"""A copy in its author's editor, and in that of whoever takes it."""

import hashlib
import json
from pathlib import Path

import pytest
from marimo_singleuser.copies.bundle import NotCopied, make_copy
from marimo_singleuser.copies.hub import Overview, audience
from marimo_singleuser.copies.listing import frame, link_to, taken_rows
from marimo_singleuser.copies.taken import Taken
from marimo_singleuser.settings import Settings
from mosshub_contract.copies import MAX_BYTES, Audience, Listed, Output, digest

from tests.support.singleuser_settings import settings_in

NOBODY = Audience()
NOTEBOOK = """import marimo

app = marimo.App()


@app.cell
def _():
    x = {}
    x
    return
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / ".local" / "share" / "mosshub").mkdir(parents=True)
    return settings_in(tmp_path)


def save(notebooks: Path, code: str, *outputs: dict) -> None:
    """Save a notebook with one cell and its outputs, as marimo does."""
    (notebooks / "a.py").write_text(NOTEBOOK.format(code))
    saved = notebooks / "__marimo__" / "session" / "a.py.json"
    saved.parent.mkdir(parents=True, exist_ok=True)
    mark = hashlib.md5(f"x = {code}\nx".encode(), usedforsecurity=False).hexdigest()
    saved.write_text(json.dumps({"cells": [{"id": "a", "code_hash": mark, "outputs": outputs}]}))


def data(**kinds: str) -> dict:
    return {"type": "data", "data": {k.replace("_", "/"): v for k, v in kinds.items()}}


@pytest.mark.parametrize(
    ("saved", "shown"),
    [
        (data(text_plain="1"), [Output("text", "1")]),
        (data(text_plain=""), []),
        (data(text_html="<p>1</p>"), [Output("html", "<p>1</p>")]),
        (data(text_html="<marimo-table data='x'></marimo-table>"), [Output("interactive", "")]),
        (data(text_html="<p>1</p><SCRIPT>alert(1)</SCRIPT>"), [Output("interactive", "")]),
        (data(text_html="<img src='./@file/1-x.png'>"), [Output("interactive", "")]),
        (data(image_png="AAAA"), [Output("image", "data:image/png;base64,AAAA")]),
        (
            data(image_png="data:image/png;base64,AA"),
            [Output("image", "data:image/png;base64,AA")],
        ),
        (
            {"type": "data", "data": {"application/vnd.marimo+mimebundle": '{"image/png": "AA"}'}},
            [Output("image", "data:image/png;base64,AA")],
        ),
        (
            data(**{"image_svg+xml": "<svg/>"}),
            [Output("image", "data:image/svg+xml;base64,PHN2Zy8+")],
        ),
        (
            {"type": "data", "data": {"application/vnd.vega.v5+json": "{}"}},
            [Output("interactive", "")],
        ),
        ({"type": "error", "ename": "KeyError", "evalue": "x"}, [Output("text", "KeyError: x")]),
    ],
)
def test_outputs_are_what_a_page_shows_without_a_script(
    settings: Settings, saved: dict, shown: list[Output]
) -> None:
    save(settings.notebooks, "1", saved)
    (cell,) = make_copy(settings.notebooks, "a.py", NOBODY).cells
    assert cell.code == "x = 1\nx"
    assert list(cell.outputs) == shown


def test_outputs_of_other_code_and_damaged_ones_are_left_out(settings: Settings) -> None:
    save(settings.notebooks, "1", data(text_plain="1"))
    (settings.notebooks / "a.py").write_text(NOTEBOOK.format(2))
    assert make_copy(settings.notebooks, "a.py", NOBODY).cells[0].outputs == ()
    for damaged in ("", "[]", "{}", '{"cells": [1]}', "\xff"):
        (settings.notebooks / "__marimo__" / "session" / "a.py.json").write_text(damaged)
        assert make_copy(settings.notebooks, "a.py", NOBODY).cells[0].outputs == ()


def test_outputs_that_are_too_large_are_left_out_and_said(settings: Settings) -> None:
    save(settings.notebooks, "1", data(text_plain="x" * MAX_BYTES))
    assert make_copy(settings.notebooks, "a.py", NOBODY).cells[0].outputs == (
        Output("interactive", ""),
    )


@pytest.mark.parametrize("path", ["b.py", "../x.py", "/etc/passwd", "a.txt", "", "d.py"])
def test_only_a_notebook_of_the_editor_is_given(settings: Settings, path: str) -> None:
    (settings.home / "x.py").write_text("secret")
    (settings.notebooks / "a.txt").write_text("secret")
    (settings.notebooks / "d.py").mkdir()
    with pytest.raises(NotCopied):
        make_copy(settings.notebooks, path, NOBODY)


def listed(**more: str) -> Listed:
    about = {"id": "0" * 32, "author": "ada", "notebook": "below/a.py", "digest": digest("1")}
    return Listed(**{**about, "original": digest("1"), "at": 1.0, **more})  # type: ignore[arg-type]


def test_a_copy_is_a_new_notebook_and_nothing_is_written_over(settings: Settings) -> None:
    taken = Taken(settings)
    mine = settings.notebooks / "a.py"
    mine.write_text("mine")
    (settings.notebooks / "a-copy.py").symlink_to(settings.home / "elsewhere.py")
    assert taken.take(listed(), "1") == "a-copy2.py"
    assert (mine.read_text(), (settings.notebooks / "a-copy2.py").read_text()) == ("mine", "1")
    assert not (settings.home / "elsewhere.py").exists()
    for name in ("../../.bashrc", "..", "/etc/x.py", ".hidden.py"):
        path = taken.take(listed(notebook=name), "1")
        assert "/" not in path and not path.startswith(".") and path.endswith(".py"), path
    assert taken.all()[-1].path == "a-copy2.py"
    (settings.notebooks / "a-copy2.py").unlink()
    assert "a-copy2.py" not in [one.path for one in taken.all()]
    for damaged in ("", "nonsense", "{}", "[1]", '[{"path": "a"}]'):
        (settings.state / "taken-copies.json").write_text(damaged)
        assert taken.all() == []


def test_a_change_of_the_original_is_said(settings: Settings) -> None:
    taken = Taken(settings)
    taken.take(listed(), "1")

    def said(*now: Listed) -> str:
        (row,) = taken_rows(Overview(taken=now), taken.all())
        return row.changed

    assert said(listed()) == said() == ""
    assert said(listed(original=digest("2"))) == "ada has changed it since"
    assert said(listed(original=digest("2"), digest=digest("2"))) == "ada gives a newer version"


def test_an_audience_is_what_the_form_says() -> None:
    assert audience(" Linus, grace,,linus ", "Lab", link=True) == Audience(
        ("linus", "grace"), ("Lab",), True
    )


def test_a_frame_has_the_html_and_a_height_within_bounds() -> None:
    small, large = (frame(Output("html", "<p>x</p>" * count)) for count in (1, 1000))
    assert small.document.endswith("<p>x</p>")
    assert 3 < small.height < large.height < 30


def test_the_link_is_the_same_for_everybody() -> None:
    for hub in ("http://h/hub/", "/hub/"):
        assert link_to(hub, "http://h", "1") == "http://h/hub/user-redirect/_mosshub/copy?id=1"
