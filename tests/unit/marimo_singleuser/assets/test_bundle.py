"""Pages of marimo lead to the bundle that an image has."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from marimo_singleuser.assets import bundle, files
from marimo_singleuser.assets.bundle import find_bundle, with_bundle
from marimo_singleuser.assets.page_files import linked, of_the_editor

FOUND = {
    "page": ["bundle-program-1.js", "bundle-page-2.js"],
    "editor": ["bundle-editor-3.js"],
    "app": ["bundle-app-4.js"],
    "replaced": [],
}
PAGE = (files.static_directory() / "index.html").read_bytes()


@pytest.fixture
def static(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """marimo's directory as an image has it."""
    shutil.copytree(files.static_directory(), tmp_path, dirs_exist_ok=True, copy_function=_link)
    (tmp_path / "bundle.json").write_text(json.dumps(FOUND))
    monkeypatch.setattr(bundle, "static_directory", lambda: tmp_path)
    return tmp_path


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(source)


def scripts(page: bytes) -> list[str]:
    return re.findall(r'(?:src|href)="\./(assets/[^"]+\.js)"', page.decode())


def test_marimo_as_it_comes_is_left_alone() -> None:
    assert find_bundle(files.static_directory()) is None
    assert with_bundle(PAGE) == PAGE


def test_a_page_has_the_bundles_scripts_and_none_of_marimos(static: Path) -> None:
    page = with_bundle(PAGE)
    assert sorted(scripts(page)) == ["assets/bundle-page-2.js", "assets/bundle-program-1.js"]
    assert b'<script type="module" crossorigin src="./assets/bundle-program-1.js"' in page
    assert b'<link rel="modulepreload" crossorigin href="./assets/bundle-page-2.js">' in page
    kept = re.compile(rb'<link rel="(?:stylesheet|preload|icon)"[^>]*>')
    assert kept.findall(page) == kept.findall(PAGE)


def test_an_app_names_what_it_needs_too(static: Path) -> None:
    assert "assets/bundle-app-4.js" in scripts(with_bundle(PAGE, is_app=True))


def test_a_page_without_marimos_program_stays(static: Path) -> None:
    other = b'<head><link rel="modulepreload" href="x.js"></head>'
    assert with_bundle(other) == other


def test_what_is_fetched_ahead_has_the_bundles_scripts(static: Path) -> None:
    first, then = linked(static), of_the_editor(static)
    assert [name for name in first if name.endswith(".js")] == [
        "assets/bundle-program-1.js",
        "assets/bundle-page-2.js",
    ]
    assert [name for name in then if name.endswith(".js")] == ["assets/bundle-editor-3.js"]
    own = files.static_directory()
    for found, before in ((first, linked(own)), (then, of_the_editor(own))):
        others = [name for name in before if not name.endswith((".js", ".wasm"))]
        assert [name for name in found if not name.endswith(".js")] == others
