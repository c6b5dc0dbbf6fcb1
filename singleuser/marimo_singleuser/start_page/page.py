"""The page as HTML, and its files."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mosshub_contract.team_colour import palette
from tornado.template import Loader, Template

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
    shared = shared_values(settings, viewer)
    return template("start_page.html").generate(
        **shared,
        owner_path=quote(settings.user, safe=""),
        content=content,
        announcement=settings.announcement,
        team_links=settings.team_links,
        new_notebook=_new_notebook(),
        with_code=with_code,
        **values,
    )


def shared_values(settings: Settings, viewer: str) -> dict[str, Any]:
    """Return what `base.html` shows.

    Args:
        settings: what the hub told this server.
        viewer: name of the user who is signed in.
    """
    return {
        "owner": settings.user,
        "viewer": viewer,
        "is_owner": viewer == settings.user,
        "team_name": settings.team_name,
        "has_team_logo": settings.has_team_logo,
        "help_url": settings.help_url,
        "hub_url": settings.hub_url,
        "base_url": settings.base_url,
        "version": lambda name: version(name, settings.team_colour),
    }


def template(name: str) -> Template:
    """Return a template of this room; those that extend `base.html` need `shared_values`."""
    return _loader().load(name)


def file_content(name: str, team_colour: str) -> bytes:
    """Return one of the page's files.

    Args:
        name: `home.css` or `prefetch.js`.
        team_colour: the team's colour as `#rrggbb`; empty for the platform's own.
    """
    if name == "prefetch.js":
        return prefetch.script()
    return _read(name) + (_shades(team_colour) if team_colour else b"")


@cache
def version(name: str, team_colour: str) -> str:
    """Return what changes in a file's address when the file changes."""
    return hashlib.sha256(file_content(name, team_colour)).hexdigest()[:12]


def _shades(team_colour: str) -> bytes:
    """Return the end of the stylesheet, with shades of the team's colour."""
    return _loader().load("shades.css").generate(shades=palette(team_colour))


@cache
def _read(name: str) -> bytes:
    return (_HERE / "static" / name).read_bytes()


@cache
def _loader() -> Loader:
    return Loader(str(_HERE / "templates"))


def _new_notebook() -> str:
    """Return the query string of a new notebook as marimo's page writes it, another each time."""
    return f"file=__new__s_{secrets.token_hex(3)}"
