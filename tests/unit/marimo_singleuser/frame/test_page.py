"""The frame in marimo's page."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

from marimo_singleuser.assets.files import static_directory
from marimo_singleuser.assets.page_files import of_the_editor
from marimo_singleuser.frame.page import Shown, add_frame, script, version
from marimo_singleuser.settings import read_settings
from mosshub_contract.team_folder import Part, parts_to_json

from tests.support.singleuser import HUB_ENV

MAX_BYTES = 15 * 1000
TEAM = {"MOSSHUB_TEAM": "/team", "MOSSHUB_TEAM_PARTS": parts_to_json([Part("lab", "Lab", True)])}
SETTINGS = read_settings({**HUB_ENV, **TEAM, "HOME": "/nowhere"})


def page(**shown: str) -> str:
    spec = importlib.util.find_spec("marimo")
    assert spec and spec.origin
    marimo = (Path(spec.origin).parent / "_static" / "index.html").read_bytes()
    about = Shown(**{"notebook": "a.py", "title": "a.py", "view": "edit", "viewer": "ada"} | shown)
    return add_frame(marimo, SETTINGS, about).decode()


def test_the_script_is_small_and_is_a_module(tmp_path: Path) -> None:
    assert 5000 < len(script()) < MAX_BYTES
    (tmp_path / "frame.mjs").write_bytes(script())
    subprocess.run(["node", "--check", tmp_path / "frame.mjs"], check=True, timeout=60)


def test_it_comes_before_every_script_of_marimo() -> None:
    text = page()
    address = f'src="/user/ada/_mosshub/frame.js?v={version()}"'
    assert 0 < text.index(address) == text.index("src=") + text[text.index("src=") :].index(address)
    assert text.index("<mosshub-frame") > text.index('id="root"')


def test_names_are_text() -> None:
    text = page(notebook='"><script>1</script>.py', title="<b>", viewer="o'brien <x>")
    assert "<script>1" not in text and '">&lt;b&gt;</b>' in text
    assert "<x>" not in text


def test_a_page_of_somebody_else_says_so() -> None:
    assert "You are in ada's editor" not in page()
    assert "You are in ada's editor" in page(viewer="root")


def test_a_notebook_has_a_button_for_the_other_view() -> None:
    assert ">View as app<" in page() and 'name="view" value="app"' in page()
    assert ">Edit<" in page(view="app") and 'name="view" value="edit"' in page(view="app")
    for none in ("", "__new__s_1a2b3c"):
        assert "_mosshub/view" not in page(notebook=none)


def test_only_a_notebook_of_ones_own_has_the_link_to_publish_it() -> None:
    link = "_mosshub/publish?file="
    assert f"{link}a.py" in page() and link in page(view="app")
    for other in ({"notebook": "/team/lab/a.py"}, {"viewer": "root"}, {"notebook": ""}):
        assert link not in page(**other)
        assert "_mosshub/history" in page(**other) or other == {"notebook": ""}


def test_a_notebook_names_all_files_that_it_needs_and_no_picture() -> None:
    framed = page()
    for name in of_the_editor(static_directory()):
        assert framed.count(name) == 1, name
    hint = (
        r'<link rel="(\w+)"(?: as="(\w+)")?(?: fetchpriority="high")? crossorigin href="\./assets/'
    )
    kinds = re.findall(hint, framed)
    assert {("modulepreload", ""), ("preload", "style"), ("preload", "fetch")} <= set(kinds)
    assert 'as="image"' in page(notebook="") and 'as="image"' not in framed
    assert ".wasm" not in page(notebook="")  # the list of files has no editor
