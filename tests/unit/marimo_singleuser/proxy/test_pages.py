"""What is written into marimo's page."""

from __future__ import annotations

from pathlib import Path

import marimo
from marimo_singleuser.proxy import pages


def test_the_reload_is_there_before_the_first_file_can_fail() -> None:
    page = (Path(marimo.__file__).parent / "_static/index.html").read_bytes()
    written = pages.add_reload(page)
    assert written.index(b"vite:preloadError") < written.index(b"./assets/")
    assert len(written) > len(page)


def test_a_page_without_a_head_stays_as_it_is() -> None:
    assert pages.add_reload(b"<p>an answer") == b"<p>an answer"
