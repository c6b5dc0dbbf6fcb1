"""The few pages a person sees that are not marimo's."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tornado.template import Loader


@cache
def _loader() -> Loader:
    return Loader(str(Path(__file__).parent / "templates"))


def starting(base_url: str) -> bytes:
    """A page that asks again by itself until marimo answers."""
    return _page("Starting your editor …", base_url, refresh=1)


def failed(base_url: str, said: str, lines: list[str]) -> bytes:
    """A page that says why there is no editor, with marimo's last log lines."""
    return _page(
        "Your editor did not start",
        base_url,
        text=f"{said}. It is being started again; your files are safe. If this stays, stop the "
        "server on the hub's page and start it anew, and show the lines below to an admin.",
        lines=lines,
    )


def error(base_url: str, status: int, text: str) -> bytes:
    """A page for a refusal or an error: what went wrong and what to do next."""
    return _page(f"{status}", base_url, text=text)


def with_way_back(page: bytes, hub_url: str, viewer: str) -> bytes:
    """marimo's file list (HTML) with a corner that leads back to the hub.

    `hub_url` is the hub's path, ending in a slash; `viewer` the name of whoever is signed in.
    """
    corner = _loader().load("corner.html").generate(hub_url=hub_url, viewer=viewer)
    head, end, rest = page.rpartition(b"</body>")
    return head + corner + end + rest if end else page


def _page(
    title: str, base_url: str, *, text: str = "", lines: list[str] | None = None, refresh: int = 0
) -> bytes:
    return (
        _loader()
        .load("page.html")
        .generate(title=title, text=text, lines=lines or [], refresh=refresh, base_url=base_url)
    )
