"""Apps on a laptop: published, opened by somebody else, refused to a third, unpublished."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from pathlib import Path

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow

#: An app that shows everything that its code can see, in one output.
PEEK = """
import marimo

app = marimo.App(app_title="Peek")


@app.cell
def _():
    import json, os, pathlib
    import marimo as mo

    request = mo.app_meta().request
    seen = {
        "headers": dict(request.headers),
        "cookies": dict(request.cookies),
        "user": request.user,
        "environment": dict(os.environ),
        "home": sorted(str(p) for p in pathlib.Path.home().rglob("*") if ".venv" not in p.parts),
        "data": pathlib.Path("numbers.csv").read_text(),
    }
    mo.plain_text("PEEK" + json.dumps(seen) + "KEEP")
    return


if __name__ == "__main__":
    app.run()
"""
NAME = "peek.py"


@pytest.fixture(scope="module")
def author(platform: RunningPlatform) -> LocalPerson:
    """Ivy, whose editor runs, with a notebook, its data and a private file."""
    ivy = LocalPerson(platform, "ivy")
    ivy.editor()
    notebooks = platform.data_dir / "users" / "ivy" / "notebooks"
    (notebooks / NAME).write_text(PEEK)
    (notebooks / "numbers.csv").write_text("1,2,3")
    (notebooks / "private.csv").write_text("not for others")
    return ivy


@pytest.fixture(scope="module")
def viewer(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "noel")


@pytest.fixture(scope="module")
def stranger(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "omar")


def publish(author: LocalPerson, **fields: str) -> requests.Response:
    """Send the form of the page on which a user publishes."""
    notebook = {"notebook": NAME, "title": "Peek", "files": "numbers.csv", **fields}
    return author.session.post(
        f"{author.base}_mosshub/publish",
        data=notebook,
        headers={"Origin": author.origin, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"},
        timeout=120,
    )


def app_url(author: LocalPerson, slug: str = "peek") -> str:
    return f"{author.url}/hub/apps/{author.name}/{slug}"


def open_app(person: LocalPerson, author: LocalPerson, slug: str = "peek") -> requests.Response:
    """Open the app's address as a browser does, until the app is there."""

    def opened() -> requests.Response | None:
        page = person.session.get(app_url(author, slug), timeout=60)
        assert page.status_code < 500, page.text
        return page if "mosshub-app" in page.text and "<marimo-" in page.text else None

    return wait_until(opened, 180, f"the app\n{author.context()}")


def socket(person: LocalPerson, author: LocalPerson, slug: str = "peek") -> ClientConnection:
    base = f"{author.base}app-{slug}/"
    return connect(
        f"{base.replace('http', 'ws', 1)}ws?session_id=s_{secrets.token_hex(3)}",
        origin=author.origin,  # type: ignore[arg-type]
        additional_headers={**person.cookies(base), "User-Agent": "the viewer's browser"},
        max_size=None,
        open_timeout=90,
    )


def seen_by_code(person: LocalPerson, author: LocalPerson) -> dict:
    """Return what the app's code wrote about what it sees of a viewer."""
    deadline = time.monotonic() + 60 * TIMEOUT_FACTOR
    with socket(person, author) as connection:
        while time.monotonic() < deadline:
            message = json.loads(connection.recv(timeout=60 * TIMEOUT_FACTOR))
            text = unescape(json.dumps(message.get("data", {}).get("output") or ""))
            if "PEEK" in text:
                output = unescape(str(message["data"]["output"]["data"]))
                return json.loads(output[output.index("PEEK") + 4 : output.rindex("KEEP")])
    raise AssertionError("the app showed nothing")


@pytest.fixture
def published(author: LocalPerson) -> Iterator[requests.Response]:
    """The app, for noel alone."""
    page = publish(author, audience="noel")
    assert page.status_code == 200, page.text
    assert app_url(author) in page.text
    yield page
    author.post_form("/hub/apps/ivy/peek/unpublish", {})


def test_those_whom_the_author_chose_open_it_and_nobody_else(
    published: requests.Response, author: LocalPerson, viewer: LocalPerson, stranger: LocalPerson
) -> None:
    assert "run as one operating-system user" in published.text  # a laptop says so
    page = open_app(viewer, author)
    assert page.url.startswith(f"{author.base}app-peek/")
    assert "by ivy" in page.text
    assert "PEEK" not in page.text  # the code is not in the page
    refused = stranger.session.get(app_url(author), timeout=60)
    assert refused.status_code == 403
    assert "ivy has not opened this app to you" in unescape(refused.text)
    # Nor at the address of its server, with or without a sign-in there.
    for path in ("", "_mosshub/status", "api/status", "@file/1-x"):
        answer = stranger.session.get(f"{author.base}app-peek/{path}", timeout=60)
        assert answer.status_code in (401, 403), (path, answer.status_code)
    with pytest.raises(InvalidStatus):
        socket(stranger, author)
    # The page of all apps shows it to those who may open it.
    shown = [p.session.get(f"{p.url}/hub/apps", timeout=60).text for p in (viewer, stranger)]
    assert ["/hub/apps/ivy/peek" in text for text in shown] == [True, False]


def test_its_code_sees_nothing_of_the_viewer_and_the_snapshot_alone(
    published: requests.Response,
    platform: RunningPlatform,
    author: LocalPerson,
    viewer: LocalPerson,
) -> None:
    open_app(viewer, author)
    seen = seen_by_code(viewer, author)
    text = json.dumps(seen)
    assert seen["data"] == "1,2,3"
    assert seen["cookies"] == {}
    assert "noel" not in text
    assert "the viewer's browser" not in text
    for cookie in viewer.session.cookies:
        assert cookie.value is None or len(cookie.value) < 8 or cookie.value not in text
    assert not [name for name in seen["environment"] if "TOKEN" in name]
    files = {Path(path).name for path in seen["home"]}
    assert {"peek.py", "numbers.csv"} <= files
    assert not {"private.csv", "image_class.py"} & files
    # What belongs to the editor is closed, also to the author.
    for path in ("api/files/list_files", "api/kernel/run", "api/files/read_code", "terminal/ws"):
        for person in (viewer, author):
            answer = person.session.post(
                f"{author.base}app-peek/{path}",
                json={},
                headers={"Origin": author.origin, "Sec-Fetch-Site": "same-origin"},
                timeout=60,
            )
            assert answer.status_code == 404, (path, answer.status_code)


def test_unpublished_it_is_gone_for_pages_that_are_open(
    author: LocalPerson, viewer: LocalPerson
) -> None:
    assert publish(author, audience="noel").status_code == 200
    open_app(viewer, author)
    with socket(viewer, author) as connection:
        connection.recv(timeout=60)
        done = author.post_form("/hub/apps/ivy/peek/unpublish", {})
        assert "Peek is unpublished" in unescape(done.text)
        began = time.monotonic()
        with suppress(ConnectionClosed):
            while True:
                connection.recv(timeout=30)
        assert time.monotonic() - began < 15 * TIMEOUT_FACTOR
    gone = viewer.session.get(app_url(author), timeout=60)
    assert gone.status_code == 404
    assert "Its author may have unpublished it" in gone.text
    assert "peek" not in viewer.session.get(f"{viewer.url}/hub/apps", timeout=60).text


def test_who_loses_an_app_loses_it_within_seconds(
    published: requests.Response, author: LocalPerson, viewer: LocalPerson
) -> None:
    open_app(viewer, author)
    status = f"{author.base}app-peek/_mosshub/status"
    assert viewer.session.get(status, timeout=60).json() == {"viewer": "noel"}
    assert publish(author, audience="ivy").status_code == 200
    wait_until(lambda: viewer.session.get(status, timeout=60).status_code == 403, 10, "the loss")
    assert viewer.session.get(app_url(author), timeout=60).status_code == 403
    # Published to everybody, it is there again, with the same address.
    assert publish(author, everybody="yes").status_code == 200
    assert open_app(viewer, author).ok


def test_only_apps_are_servers_with_a_name(author: LocalPerson) -> None:
    for path in ("users/ivy/servers/second", "users/ivy/servers/app-nothing"):
        refused = author.api("POST", path, json={})
        assert refused.status_code == 403
        assert "Each user has one editor here" in refused.json()["message"]
    assert author.session.get(f"{author.url}/hub/spawn/ivy/second", timeout=60).status_code == 403


def test_what_cannot_be_published_is_said(author: LocalPerson) -> None:
    refused = publish(author, audience="nobody-of-that-name")
    assert refused.status_code == 400
    assert "Nobody here has the name nobody-of-that-name" in unescape(refused.text)
    outside = publish(author, notebook="../../../../etc/passwd")
    assert outside.status_code == 404
    escaping = publish(author, files="../../noel/notebooks/train.py")
    assert "is no file beside the notebook" in escaping.text
    assert "you may not read the topic" in publish(author, topics="noel.secret").text.lower()
