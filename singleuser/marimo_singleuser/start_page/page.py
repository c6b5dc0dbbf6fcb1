"""The page as HTML, and its files."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path

from tornado.template import Loader

from ..proxy.pages import with_code
from ..settings import Settings
from . import prefetch
from .content import Content

_HERE = Path(__file__).parent


def render(settings: Settings, content: Content, *, viewer: str, **values: object) -> bytes:
    """Return the page (HTML).

    Args:
        settings: what the hub told this server.
        content: what it shows of the user's files.
        viewer: name of the user who is signed in.
        values: what else the template shows.
    """
    return (
        _loader()
        .load("start_page.html")
        .generate(
            owner=settings.user,
            viewer=viewer,
            is_owner=viewer == settings.user,
            content=content,
            announcement=settings.announcement,
            team_links=settings.team_links,
            hub_url=settings.hub_url,
            base_url=settings.base_url,
            new_notebook=_new_notebook(),
            version=version,
            with_code=with_code,
            **values,
        )
    )


def file_content(name: str) -> bytes:
    """Return one of the page's files.

    Args:
        name: `home.css` or `prefetch.js`.
    """
    return prefetch.script() if name == "prefetch.js" else _read(name)


@cache
def version(name: str) -> str:
    """Return what changes in a file's address when the file changes."""
    return hashlib.sha256(file_content(name)).hexdigest()[:12]


@cache
def _read(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


@cache
def _loader() -> Loader:
    return Loader(str(_HERE / "templates"))


def _new_notebook() -> str:
    """Return the query string of a new notebook as marimo's page writes it, another each time."""
    return f"file=__new__s_{secrets.token_hex(3)}"
