"""What a browser may do with an answer."""

from __future__ import annotations

import pytest
from marimo_singleuser.proxy.content_policy import content_policy

from tests.support.marimo_routes import WEBSOCKET, marimo_routes

IN_FRAME = {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": "same-origin"}
AS_PAGE = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "same-origin"}
#: marimo's pages and assets: all else that it answers is opened in a sandbox.
OWN = {
    "", "assets/index.js", "public-files-sw.js", "favicon.ico", "manifest.json", "logo.png",
    "apple-touch-icon.png", "android-chrome-192x192.png",
}  # fmt: skip
PATHS = {path for method, path in marimo_routes() if method != WEBSOCKET}


def policy(path: str, content_type: str = "text/html", **headers: str) -> str:
    found = content_policy(path, content_type, headers or AS_PAGE)
    assert found["X-Content-Type-Options"] == "nosniff"
    return found.get("Content-Security-Policy", "")


@pytest.mark.parametrize("path", sorted(PATHS - OWN - {"x"}))
@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml", "text/xml", "text/plain"])
def test_whatever_is_no_page_of_marimo_is_opened_in_a_sandbox(path: str, content_type: str) -> None:
    assert policy(path, content_type).startswith("sandbox;")


@pytest.mark.parametrize("path", sorted(OWN))
def test_marimos_pages_and_assets_run_their_scripts(path: str) -> None:
    assert "sandbox" not in policy(path)


@pytest.mark.parametrize(
    "path",
    ["@file/9-x.html", "@file/9-assets/x.html", "public/assets/x.svg", "Assets/x.js", "assets",
     "%61ssets/x.js", "favicon.ico/x", "public-files-sw.js.html", "x/assets/a.js", "auth/login"],
)  # fmt: skip
def test_a_path_that_looks_like_one_of_them_is_none(path: str) -> None:
    assert policy(path).startswith("sandbox;")


def test_a_virtual_file_in_a_frame_of_the_notebook_runs_its_scripts_in_no_origin() -> None:
    framed = policy("@file/9-x.html", **IN_FRAME)
    assert framed.startswith("sandbox allow-scripts ")
    assert "allow-same-origin" not in framed and "allow-top-navigation" not in framed
    # Nowhere else, and not for another page. The browser keeps the answers apart.
    assert policy("public/x.html", **IN_FRAME).startswith("sandbox;")
    foreign = {**IN_FRAME, "Sec-Fetch-Site": "same-site"}
    assert policy("@file/9-x.html", **foreign).startswith("sandbox;")
    assert "Sec-Fetch-Dest" in content_policy("@file/9-x.html", "text/html", IN_FRAME)["Vary"]


def test_a_pdf_is_shown_by_the_browser_itself() -> None:
    assert policy("@file/9-x.pdf", "application/pdf") == "frame-ancestors 'self'"
    assert policy("@file/9-x.pdf", "text/html").startswith("sandbox;")
