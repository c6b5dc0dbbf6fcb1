"""Lays the frame into a page of marimo."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from tornado.template import Loader

from ..assets.bundle import with_bundle
from ..assets.files import static_directory
from ..assets.page_files import of_the_editor
from ..settings import Settings
from ..team.places import team_part
from .views import APP, EDIT

_HERE = Path(__file__).parent
# Together they are one module: a second file would be one more that can fail to come.
_SCRIPTS = ("connection.js", "platform.js", "bar.js")


@dataclass(frozen=True)
class Shown:
    """What a page of marimo shows.

    Attributes:
        notebook: the notebook as the page's address has it; empty for the list of files.
        title: the notebook's name for people.
        view: `app` or `edit`.
        viewer: name of the user who is signed in.
    """

    notebook: str
    title: str
    view: str
    viewer: str


def add_frame(page: bytes, settings: Settings, shown: Shown) -> bytes:
    """Return a page of marimo with the frame.

    The script goes before all others, so that marimo finds its sockets and requests in place.

    Args:
        page: marimo's page (HTML).
        settings: what the hub told this server.
        shown: what the page shows.
    """
    head = _template("head.html").generate(
        base_url=settings.base_url, version=version(), style=_read("page.css").decode()
    )
    start = "/".join(quote(part, safe="") for part in (settings.user, settings.server_name) if part)
    is_other = shown.viewer != settings.user
    element = _template("element.html").generate(
        settings=settings,
        shown=shown,
        style=_read("bar.css").decode(),
        start_url=f"{settings.hub_url}spawn/{start}",
        is_other=is_other,
        # What the team may change must not run as an app on this user's own address.
        may_publish=not is_other and team_part(settings, shown.notebook) is None,
        has_views=bool(shown.notebook) and not shown.notebook.startswith("__new__"),
        EDIT=EDIT,
        APP=APP,
    )
    page = with_bundle(page)
    if shown.notebook:
        page = _hint(page)
    before, opened, rest = page.partition(b"<head>")
    page = before + opened + head + rest
    rest, closed, end = page.rpartition(b"</body>")
    return rest + element + closed + end


def _hint(page: bytes) -> bytes:
    """Name all files that a notebook needs, so that a browser asks for them at once.

    marimo's program asks for half of them when the other half is there, and for its largest one
    after all others. What a page can do without does not come before them, and the start page
    fetches it ahead: fonts, and pictures for an emergency.
    """
    page = re.sub(rb'<link rel="preload" href="[^"]*" as="(?:image|font)"[^>]*>', b"", page)
    before, closed, rest = page.partition(b"</head>")
    return before + _hints() + closed + rest


@cache
def _hints() -> bytes:
    return _template("hints.html").generate(files=of_the_editor(static_directory()))


@cache
def script() -> bytes:
    """Return the frame's script, one module; comments and indents stay here."""
    source = "\n".join(_read(name).decode() for name in _SCRIPTS)
    lines = (re.sub(r"(^|  )// .*", "", line.strip()) for line in source.splitlines())
    return "".join(f"{line}\n" for line in lines if line).encode()


@cache
def version() -> str:
    """Return what changes in the script's address when the script changes."""
    return hashlib.sha256(script()).hexdigest()[:12]


def signed_in_page(team_name: str) -> bytes:
    """Return the page of the small window in which a user signed in, or started the editor."""
    return _template("signed_in.html").generate(team_name=team_name)


@cache
def _read(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


def _template(name: str):  # type: ignore[no-untyped-def]
    return _loader().load(name)


@cache
def _loader() -> Loader:
    return Loader(str(_HERE / "templates"))
