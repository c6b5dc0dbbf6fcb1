"""Which files of marimo a notebook's page needs, read from marimo's own page and program."""

from pathlib import Path

from marimo_singleuser.assets.files import static_directory
from marimo_singleuser.assets.page_files import linked, of_the_editor


def test_they_are_what_marimo_loads_for_a_notebook(tmp_path: Path) -> None:
    static = static_directory()
    first, then = linked(static), of_the_editor(static)
    found = [*first, *then]
    assert len(first) > 100 and len(then) > 100 and len(set(found)) == len(found)
    assert all((static / name).is_file() for name in found)
    assert any("edit-page-" in name for name in then)
    # A script waits for it, after all others have come.
    assert [name for name in then if name.endswith(".wasm")]


def test_a_page_that_is_not_as_expected_has_none(tmp_path: Path) -> None:
    assert linked(tmp_path) == of_the_editor(tmp_path) == ()
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text('<script src="./assets/index-1.js"></script>')
    assert linked(other) == ("assets/index-1.js",)
    assert of_the_editor(other) == ()
