"""Which path of marimo a request is for, whatever the user's name looks like."""

from __future__ import annotations

import string
from pathlib import Path
from urllib.parse import quote

import marimo
import pytest
from jupyterhub.utils import url_escape_path
from marimo_singleuser.assets.files import ENCODINGS
from marimo_singleuser.proxy.paths import ASSET, below, is_closed, without_redirect_count

_NAMES = [f"a{c}b" for c in string.printable if c.isprintable() and c not in "/\\"]
_NAMES += ["ada", "ünï", "u\u0308", "山田太郎", "marimo 🌱", "{x}", "{x:path}", "50%41", "n" * 64]


@pytest.mark.parametrize("name", _NAMES)
def test_every_spelling_of_a_name_is_the_same_server(name: str) -> None:
    base = f"/user/{url_escape_path(name)}/"
    everything_escaped = "".join(f"%{byte:02x}" for byte in name.encode())
    hardly_anything = (
        quote(name, safe="!$&'()*+,;=:@~[]{}|^`\"<> ") if name.isascii() else base[6:-1]
    )
    for spelling in (url_escape_path(name), everything_escaped, hardly_anything):
        assert below(base, f"/user/{spelling}/api/status") == "api/status"
        assert below(base, f"/user/{spelling}/") == ""
        assert below(base, f"/user/{spelling}") == ""
    assert below(base, f"/user/{everything_escaped}x/") is None
    assert below(base, "/user/") is None


def test_the_rest_of_a_path_stays_as_it_came() -> None:
    assert below("/user/ada/", "/user/ada/public/a%20b//c%2Fd") == "public/a%20b//c%2Fd"
    assert below("/", "/api/status") == "api/status"
    assert below("/hub/user/ada/", "/hub/user/ada/x") == "x"
    assert below("/user/ada/", "/user%2Fada/x") is None
    assert below("/user/ada/", "/user/ada2/x") is None


@pytest.mark.parametrize(
    "path",
    [
        *("api/marimo/v1", "api/marimo/v1/", "api/marimo", "/api/marimo/v1", "api//marimo/v1"),
        *("auth", "auth/token", "auth/login"),
    ],
)
def test_the_host_api_and_marimos_own_sign_in_are_closed(path: str) -> None:
    assert is_closed(path)


@pytest.mark.parametrize("path", ["", "api/status", "api/marimo2", "authors.csv", "x/auth/token"])
def test_everything_else_is_open(path: str) -> None:
    assert not is_closed(path)


def test_every_file_of_marimos_page_never_changes() -> None:
    """A browser may keep them for ever: each has a hash of its content in its name."""
    folder = Path(marimo.__file__).parent / "_static/assets"
    names = [file.name for file in folder.iterdir() if file.suffix not in ENCODINGS.values()]
    assert len(names) > 500
    assert [name for name in names if not ASSET.fullmatch(f"assets/{name}")] == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "index.html",
        "assets",
        "assets/plain.js",
        "assets/a/index-s-M1OXjs.js",
        "x/assets/index-s-M1OXjs.js",
    ],
)
def test_other_files_may_change(path: str) -> None:
    assert not ASSET.fullmatch(path)


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("redirects=1", ""),
        ("file=a%20b.py&redirects=2", "file=a%20b.py"),
        # These are the user's own.
        ("redirects=1&file=a.py", "redirects=1&file=a.py"),
        ("file=a.py&redirects=10", "file=a.py&redirects=10"),
        ("file=a.py&my-redirects=1", "file=a.py&my-redirects=1"),
        ("file=redirects=1", "file=redirects=1"),
        ("", ""),
    ],
)
def test_the_hubs_count_of_redirects_is_taken_off(query: str, left: str) -> None:
    assert without_redirect_count(query) == left
