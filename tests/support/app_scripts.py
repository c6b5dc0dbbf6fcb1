"""Apps of two authors in one browser, whose code and scripts look for all that they can reach."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import BrowserContext, Page

from tests.support.apps import NAME, PEEK, WRITE, app_url, publish, server_url, unpublish
from tests.support.attack import CALL, server_calls, state, tries_everything
from tests.support.members import TeamMember
from tests.support.people import Person
from tests.support.waiting import TIMEOUT_FACTOR

START_MS = 240_000 * TIMEOUT_FACTOR
# What a script of the app reads in the viewer's page, and what the app's server answers it.
_READ = """(async () => {
  const { base } = document.getElementById("mosshub-app").dataset;
  const found = {
    cookie: document.cookie, window: name, from: document.referrer,
    kept: JSON.stringify([{ ...localStorage }, { ...sessionStorage }]),
    asked: performance.getEntries().map(entry => entry.name),
  };
  for (const path of ["", "_mosshub/status", "oauth_callback", "api/status/connections", "none"])
    found[path] = await fetch(base + path).then(answer => answer.text(), String);
  found.page = document.documentElement.outerHTML;
  window.read = JSON.stringify(found);
})();"""
_CELL = """
@app.cell
def _(mo):
    mo.Html('<script src="data:text/javascript;base64,SCRIPT"></script>')
    return


if __name__"""
_SCRIPT = base64.b64encode(_READ.encode()).decode()
#: As `PEEK`; in the viewer's page `window.read` is what its script could read there.
PEEK_AND_READ = PEEK.replace("    return\n\n\nif __name__", "    return (mo,)\n\n" + _CELL).replace(
    "SCRIPT", _SCRIPT
)


def open_app(page: Page, author: Person) -> dict[str, Any]:
    """Open an app in a browser, and wait for its script; return what the app's code sees."""
    page.goto(app_url(author))
    page.wait_for_function("window.read", timeout=START_MS)
    shown = page.get_by_text("PEEK{").first.inner_text()
    return json.loads(shown[shown.index("PEEK") + 4 : shown.rindex("KEEP")])


def secrets_of(browser: BrowserContext) -> set[str]:
    """Return the values of all cookies that say who somebody is."""
    cookies = browser.cookies()
    return {c["value"] for c in cookies if "_xsrf" not in c["name"] and len(c["value"]) >= 8}


def assert_reads_nothing(page: Page, seen: dict[str, Any], viewer: str) -> None:
    """Check that neither an app's code nor its script knows whose browser it is.

    Args:
        page: where the app is open.
        seen: what its code sees.
        viewer: name of the user who looks at it.
    """
    read = page.evaluate("window.read")
    assert 'id="mosshub-app"' in json.loads(read)["page"], "the nearest that it reads"
    told = {name: seen[name] for name in ("headers", "cookies", "user", "environment")}
    assert seen["cookies"] == {}
    agent = page.evaluate("navigator.userAgent")
    for text in (json.dumps(told), read):
        assert not re.search(rf"\b{viewer}\b", text), text
        assert not [value for value in secrets_of(page.context) if value in text]
    assert agent not in json.dumps(told)


@contextmanager
def apps_of(authors: Sequence[TeamMember], viewer: str) -> Iterator[None]:
    """Publish such an app of each author to somebody; afterwards it is unpublished."""
    for author in authors:
        author.inside("python3", "-c", WRITE, PEEK_AND_READ.replace("AUTHOR", author.name))
        page = publish(author, audience=viewer)
        assert page.status_code == 200, page.text
    yield
    for author in authors:
        unpublish(author)
        author.inside("rm", "-f", f"/home/mosshub/notebooks/{NAME}")


def attack_a_viewer(page: Page, viewer: Person, authors: tuple[Person, Person]) -> None:
    """Open the apps of two authors in the browser of somebody, and let their scripts try it all.

    Args:
        page: of the browser of an admin, who has opened their own editor there.
        viewer: that admin.
        authors: who have published such apps to the admin, and whose editors run.
    """
    one, other = authors
    for author in (other, one):
        assert_reads_nothing(page, open_app(page, author), viewer.name)
    before = state(viewer)
    servers = [viewer.base, one.base, other.base, server_url(other)]
    tries_everything(page, viewer.url, viewer.name, servers, own=server_url(one))
    open_app(page, other)
    assert page.evaluate(CALL, server_calls(server_url(one))) == []
    assert state(viewer) == before
