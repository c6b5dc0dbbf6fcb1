"""The pages of a user's server that are not marimo's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tornado.escape import xhtml_escape
from tornado.template import Loader

_CODE = re.compile("`([^`]+)`")


def starting(what: str = "your editor") -> bytes:
    """Return the page that loads itself again until marimo answers.

    Args:
        what: what is starting.
    """
    return _page(f"Starting {what} …", refresh_s=1)


def failed(status: str, log_tail: list[str], hub_url: str) -> bytes:
    """Return the page that says why there is no editor.

    Args:
        status: one clause that says how marimo ended.
        log_tail: the last lines of marimo's output.
        hub_url: address of the hub with a slash at its end.
    """
    return _page(
        "Your editor did not start",
        text=f"{status}. It is started again now, and your files are safe. If this page stays, "
        "stop the server on the hub's page and start it again. If that does not help, show the "
        "lines below to an admin.",
        lines=log_tail,
        hub_url=hub_url,
    )


def error(status_code: int, text: str, hub_url: str, refresh_s: int = 0) -> bytes:
    """Return the page for a refusal or an error.

    Args:
        status_code: the HTTP status.
        text: what went wrong and what to do next.
        hub_url: address of the hub with a slash at its end.
        refresh_s: seconds after which the page loads itself again; 0 for a page that stays.
    """
    return _page(f"{status_code}", text=text, hub_url=hub_url, refresh_s=refresh_s)


def app_problem(title: str, text: str, lines: Sequence[str], hub_url: str, refresh_s: int) -> bytes:
    """Return the page that says why an app cannot run, until it can.

    Args:
        title: the app's name for people.
        text: why, and what to do.
        lines: the last lines of its output, for its author.
        hub_url: address of the hub with a slash at its end.
        refresh_s: seconds after which the page loads itself again.
    """
    text = f"{text} This page opens the app as soon as it works." if not lines else text
    return _page(
        f"{title} cannot run", text=text, lines=list(lines), hub_url=hub_url, refresh_s=refresh_s
    )


def add_reload(page: bytes) -> bytes:
    """Return marimo's page with a script that loads it again when one of its files did not come.

    Args:
        page: marimo's page (HTML).
    """
    return _at_the_start(page, "reload.html")


def add_trust(page: bytes) -> bytes:
    """Return marimo's page with a script that says that the notebook's outputs may have frames.

    WORKAROUND(marimo 0.25.2): a page drops frames from outputs until the user runs a cell there.
    That protects somebody who only looks at a notebook. Here it runs when it is opened, or shows
    what it showed when it ran: Bokeh's plots and `mo.iframe` stayed empty.
    Test: test_every_element_that_shows_a_file_works

    Args:
        page: marimo's page (HTML).
    """
    return _at_the_start(page, "trusted.html")


def add_notices(page: bytes, headline: str, notices: list[str], start_id: str) -> bytes:
    """Return a page of marimo with sentences above it that the user can dismiss.

    Args:
        page: marimo's page (HTML).
        headline: what the sentences are about.
        notices: the sentences; what is between backticks is set as code.
        start_id: what was dismissed is shown again when this is another.
    """
    html = [with_code(notice) for notice in notices]
    return _at_the_end(page, "notices.html", headline=headline, notices=html, start_id=start_id)


def with_code(sentence: str) -> str:
    """Return a sentence as HTML; what is between backticks is set as code."""
    return _CODE.sub(r"<code>\1</code>", xhtml_escape(sentence))


def _at_the_start(page: bytes, template: str) -> bytes:
    """Return marimo's page with a template before everything else that it loads."""
    script = _loader().load(template).generate()
    start, head, rest = page.partition(b"<head>")
    return start + head + script + rest if head else page


def _at_the_end(page: bytes, template: str, **values: object) -> bytes:
    """Return marimo's page with a template after everything else that it shows."""
    part = _loader().load(template).generate(**values)
    head, end, rest = page.rpartition(b"</body>")
    return head + part + end + rest if end else page


@cache
def _loader() -> Loader:
    return Loader(str(Path(__file__).parent / "templates"))


def _page(
    title: str,
    *,
    text: str = "",
    lines: list[str] | None = None,
    hub_url: str = "",
    refresh_s: int = 0,
) -> bytes:
    template = _loader().load("page.html")
    return template.generate(
        title=title, text=text, lines=lines or [], hub_url=hub_url, refresh_s=refresh_s
    )
