"""The platform's parts in marimo's pages."""

from __future__ import annotations

from pathlib import Path

import marimo
from marimo_singleuser.proxy import pages

PAGE = b"<html><body>marimo </body> in a cell</body></html>"


def test_notices_are_the_last_part_of_the_page_and_only_text() -> None:
    told = ["`~/<b>` could not be used.", 'It says "</aside>".']
    html = pages.add_notices(PAGE, "Your <home>", told, "start-1").decode()
    assert html.startswith("<html><body>marimo </body> in a cell<style>")
    assert html.endswith("</body></html>")
    assert "<code>~/&lt;b&gt;</code> could not be used." in html
    assert "Your &lt;home&gt;" in html and "&quot;&lt;/aside&gt;&quot;" in html
    assert 'data-start="start-1"' in html


def test_a_page_without_an_end_stays_as_it_is() -> None:
    assert pages.add_notices(b"<marimo-app>", "Title", ["Text."], "1") == b"<marimo-app>"


def test_the_reload_is_there_before_the_first_file_can_fail() -> None:
    page = (Path(marimo.__file__).parent / "_static/index.html").read_bytes()
    written = pages.add_reload(page)
    assert written.index(b"vite:preloadError") < written.index(b"./assets/")
    assert len(written) > len(page)


def test_the_page_knows_that_its_outputs_are_trusted_before_marimos_program_asks() -> None:
    static = Path(marimo.__file__).parent / "_static"
    written = pages.add_trust((static / "index.html").read_bytes())
    mark = b"__MARIMO_EXPORT_CONTEXT__"
    assert written.index(mark) < written.index(b"./assets/")
    (program,) = (static / "assets").glob("RenderHTML-*.js")
    assert mark in program.read_bytes(), "marimo's page asks for another name"


def test_a_page_without_a_head_stays_as_it_is() -> None:
    for add in (pages.add_reload, pages.add_trust):
        assert add(b"<p>an answer") == b"<p>an answer"
