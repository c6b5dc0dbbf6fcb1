"""Apps on a laptop: published, opened by somebody else, refused to a third, unpublished."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from html import unescape

import pytest
import requests
from mosshub_contract.apps import AppCard
from mosshub_contract.snapshots import Snapshot, pack
from websockets.exceptions import ConnectionClosed, InvalidStatus

from hub.apps.store import AppStore
from tests.support.apps import (
    NAME,
    PEEK,
    SLUG,
    TOPICS,
    app_url,
    assert_nothing_of_the_viewer,
    assert_snapshot_and_open_topic,
    open_app,
    publish,
    seen_by_code,
    server_url,
    socket,
    unpublish,
)
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def author(platform: RunningPlatform) -> LocalPerson:
    """Ivy, whose editor runs, with a notebook, its data and a private file."""
    ivy = LocalPerson(platform, "ivy")
    ivy.editor()
    notebooks = platform.data_dir / "users" / "ivy" / "notebooks"
    (notebooks / NAME).write_text(PEEK.replace("AUTHOR", "ivy"))
    (notebooks / "numbers.csv").write_text("1,2,3")
    (notebooks / "private.csv").write_text("not for others")
    return ivy


@pytest.fixture(scope="module")
def viewer(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "noel")


@pytest.fixture(scope="module")
def stranger(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "omar")


@pytest.fixture
def published(author: LocalPerson) -> Iterator[requests.Response]:
    """The app, for noel alone."""
    page = publish(author, audience="noel", topics="ivy.open")
    assert page.status_code == 200, page.text
    assert app_url(author) in page.text
    yield page
    unpublish(author)


def test_those_whom_the_author_chose_open_it_and_nobody_else(
    published: requests.Response, author: LocalPerson, viewer: LocalPerson, stranger: LocalPerson
) -> None:
    assert "run as one operating-system user" in published.text  # a laptop says so
    page = open_app(viewer, author)
    assert page.url.startswith(server_url(author))
    assert "by ivy" in page.text
    assert "PEEK" not in page.text  # the code is not in the page
    assert "noel" not in page.text  # scripts of the app can read all of it
    refused = stranger.session.get(app_url(author), timeout=60)
    assert refused.status_code == 403
    assert "ivy has not opened this app to you" in unescape(refused.text)
    # Nor at the address of its server, with or without a sign-in there.
    for path in ("", "_mosshub/status", "api/status", "@file/1-x"):
        answer = stranger.session.get(server_url(author) + path, timeout=60)
        assert answer.status_code in (401, 403), (path, answer.status_code)
    with pytest.raises(InvalidStatus):
        socket(stranger, author)
    # The page of all apps shows it to those who may open it.
    shown = [p.session.get(f"{p.url}/hub/apps", timeout=60).text for p in (viewer, stranger)]
    assert ["/hub/apps/ivy/peek" in text for text in shown] == [True, False]


def test_a_token_opens_only_its_own_users_apps_and_if_it_may_access_servers(
    published: requests.Response, author: LocalPerson, viewer: LocalPerson
) -> None:
    def status(person: LocalPerson, **limits: list[str]) -> int:
        asked = person.api("POST", f"users/{person.name}/tokens", json={"note": "t", **limits})
        headers = {"Authorization": f"token {asked.json()['token']}"}
        found = {
            requests.get(url, headers=headers, allow_redirects=False, timeout=60).status_code
            for url in (app_url(author), f"{app_url(author)}/state")
        }
        return max(found)

    assert status(author) in (200, 302)
    assert status(author, scopes=["read:users:name!user=ivy"]) == 403
    assert status(viewer) == 403, "the page is open to them, and to no token of theirs"


def with_account(platform: RunningPlatform, program: str) -> None:
    """Run a program with the author's account on the broker."""
    editor = next(
        process
        for process in platform.processes()
        if "marimo_singleuser.marimo_patches" in process.cmdline()
        and process.environ().get("JUPYTERHUB_USER") == "ivy"
    )
    subprocess.run(
        [sys.executable, "-c", program, "ivy"], env=os.environ | editor.environ(), check=True
    )


def keep_outputs(platform: RunningPlatform, notebook: str, html: str) -> None:
    """Write the outputs that marimo keeps beside a notebook of the author."""
    outputs = [{"type": "data", "data": {"text/html": html}}]
    place = platform.data_dir / "users/ivy/notebooks/__marimo__/session" / f"{notebook}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"cells": [{"outputs": outputs}]}))


def test_its_code_sees_nothing_of_the_viewer_and_the_snapshot_alone(
    published: requests.Response,
    platform: RunningPlatform,
    author: LocalPerson,
    viewer: LocalPerson,
) -> None:
    with_account(platform, TOPICS)
    open_app(viewer, author)
    seen = seen_by_code(viewer, author)
    assert_nothing_of_the_viewer(seen, viewer)
    assert_snapshot_and_open_topic(seen, author)
    assert not [name for name in seen["environment"] if "TOKEN" in name]
    open_app(author, author)
    # What belongs to the editor is closed, also to the author.
    for path in ("api/files/list_files", "api/kernel/run", "api/files/read_code", "terminal/ws"):
        for person in (viewer, author):
            answer = person.session.post(
                server_url(author) + path,
                json={},
                headers={
                    "Origin": author.origin,
                    "Sec-Fetch-Site": "same-origin",
                    "Sec-Fetch-Mode": "cors",
                },
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
        done = unpublish(author)
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
    status = f"{server_url(author)}_mosshub/status"
    assert viewer.session.get(status, timeout=60).ok
    changed = open_to(author, "omar")
    assert "Who may open Peek is changed" in unescape(changed.text)
    wait_until(lambda: viewer.session.get(status, timeout=60).status_code == 403, 10, "the loss")
    refused = viewer.session.get(server_url(author), timeout=60)
    assert refused.status_code == 403 and "noel" not in refused.text  # an open page reads it
    assert viewer.session.get(app_url(author), timeout=60).status_code == 403
    for person, audience, said in (
        (author, "omar, nobody-of-that-name", "Nobody here has the name nobody-of-that-name"),
        (viewer, "noel", "Only ivy or an admin may do this"),
    ):
        refused = open_to(author, audience, by=person)
        assert refused.status_code in (403, 409)
        assert said in unescape(refused.text)
    # Published to everybody, it is there again, with the same address.
    assert open_to(author, "everybody").ok
    assert open_app(viewer, author).ok


def open_to(author: LocalPerson, audience: str, by: LocalPerson | None = None) -> requests.Response:
    """Change who may open the app, on the page of apps."""
    form = {"audience": audience}
    return (by or author).post_form(f"/hub/apps/{author.name}/{SLUG}/audience", form)


def test_an_open_app_stays_while_the_hub_is_away(
    published: requests.Response,
    platform: RunningPlatform,
    author: LocalPerson,
    viewer: LocalPerson,
) -> None:
    open_app(viewer, author)
    base = f"{server_url(author)}_mosshub/"
    hub = next(process for process in platform.processes() if "hub" in process.cmdline()[1:3])
    hub.suspend()
    try:
        assert viewer.session.post(f"{base}ask-hub-again", timeout=60).ok  # no answer is known
        assert viewer.session.get(f"{base}status", timeout=60).ok
    finally:
        hub.resume()


def test_an_app_without_its_packages_says_so(
    platform: RunningPlatform, author: LocalPerson, viewer: LocalPerson
) -> None:
    notebook = platform.data_dir / "users" / "ivy" / "notebooks" / NAME
    before = notebook.read_text()
    lacking = "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n    {}\n    return\n"
    try:
        notebook.write_text(lacking.format("import no_such_package"))
        assert publish(author, audience="noel").status_code == 200
        said = viewer.wait(lambda: cannot_run(viewer, author), 240, "the page that says why")
        assert "It imports a package that is not installed: no_such_package." in said
        assert "tell ivy" in said
        assert "Correct peek.py in your editor" in (cannot_run(author, author) or "")
        # What nobody can run is not published, and the app stays as it was.
        notebook.write_text(lacking.format("x = ("))
        refused = publish(author, audience="noel")
        assert refused.status_code == 400
        assert "Its code is no Python: line 8 has an error" in unescape(refused.text)
        notebook.write_text(lacking.format("x = 1"))
        assert publish(author, audience="noel").status_code == 200
        assert open_app(viewer, author).ok
    finally:
        notebook.write_text(before)
        unpublish(author)


def cannot_run(person: LocalPerson, author: LocalPerson) -> str | None:
    """Return the page that says why the app cannot run; None if that is not shown."""
    page = unescape(person.session.get(app_url(author), timeout=60).text)
    return page if "cannot run" in page else None


def test_the_apps_of_somebody_who_is_blocked_or_removed_end(
    platform: RunningPlatform, viewer: LocalPerson
) -> None:
    admin = LocalPerson(platform, "admin", platform.admin_password)
    rosa = LocalPerson(platform, "rosa")
    card = AppCard(SLUG, "Peek", NAME, audience=("noel",))
    code = b"import marimo\n\napp = marimo.App()\n"
    store = AppStore(platform.data_dir / "hub" / "apps")
    store.publish("rosa", pack(Snapshot(card, {NAME: code})))
    people = admin.session.get(f"{admin.url}/hub/mosshub/admin?q=rosa", timeout=60).text
    assert '<span data-cell="apps">1</span>' in people
    open_app(viewer, rosa)
    status = f"{server_url(rosa)}_mosshub/status"
    assert viewer.session.get(status, timeout=60).ok
    assert admin.post_form("/hub/mosshub/admin/people/rosa/block", {}).ok

    def said() -> str:
        return unescape(viewer.session.get(app_url(rosa), timeout=60).text)

    assert "This app is stopped: its author, rosa, is blocked on this platform." in said()
    wait_until(lambda: not viewer.session.get(status, timeout=60).ok, 30, "the end of the app")
    assert admin.post_form("/hub/mosshub/admin/people/rosa/unblock", {}).ok
    assert "is blocked" not in said()

    def is_removed() -> bool:
        answer = admin.post_form("/hub/mosshub/admin/people/rosa/remove", {})
        assert answer.ok or "An app of rosa is starting or stopping" in answer.text
        return answer.ok

    wait_until(is_removed, 30, "the removal")
    assert "or has left this platform" in said()
    assert store.all() == [one for one in store.all() if one.author != "rosa"]


def test_who_has_it_open_is_asked_before_it_learns_their_name(
    author: LocalPerson, viewer: LocalPerson, published: requests.Response
) -> None:
    open_app(viewer, author)
    assert publish(author, audience="noel", topics="ivy.open", tells="yes").status_code == 200

    def asked() -> bool:
        page = viewer.session.get(app_url(author), timeout=60)
        assert "This app knows" not in page.text, "nobody was asked"
        return "The code of the app learns your name" in unescape(page.text)

    wait_until(asked, 120, "the question")


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


def shows(viewer: LocalPerson, author: LocalPerson, text: str, slug: str = SLUG) -> bool:
    """Return whether the app shows a text to somebody who opens it."""
    with socket(viewer, author, slug) as connection, suppress(TimeoutError):
        deadline = time.monotonic() + 10 * TIMEOUT_FACTOR
        while (left := deadline - time.monotonic()) > 0:
            message = json.loads(connection.recv(timeout=left))
            if text in str((message.get("data") or {}).get("output")):
                return True
    return False


def test_a_file_is_followed_and_an_earlier_snapshot_comes_back(
    platform: RunningPlatform, author: LocalPerson, viewer: LocalPerson
) -> None:
    notebook = platform.data_dir / "users" / "ivy" / "notebooks" / NAME
    before = notebook.read_text()

    def write(text: str) -> None:
        notebook.write_text(
            "import marimo\n\napp = marimo.App()\n\n\n@app.cell\ndef _():\n"
            f'    import marimo as mo\n\n    mo.plain_text("{text}")\n    return\n'
        )

    try:
        write("the first text")
        assert publish(author, audience="noel", follows="yes").status_code == 200
        open_app(viewer, author)
        assert shows(viewer, author, "the first text")
        with socket(viewer, author) as open_page:
            write("another text")
            wait_until(lambda: shows(viewer, author, "another text"), 60, "what was saved")
            open_page.close()
        back = author.post_form("/hub/apps/ivy/peek/roll-back", {"number": "1"})
        assert "shows an earlier snapshot" in unescape(back.text)
        wait_until(lambda: shows(viewer, author, "the first text"), 30, "the first snapshot")
        # Whom nobody asked cannot do it.
        assert viewer.post_form("/hub/apps/ivy/peek/roll-back", {"number": "2"}).status_code == 403
    finally:
        notebook.write_text(before)
        unpublish(author)


#: Run with an author's account: announces a verdict of the team.
ANNOUNCE = """
from imageclass.kafka.connection import connect
from imageclass.messages.verdicts import Verdict, encode_verdict
verdict = Verdict("r1", "q1", "digits", "cnn", 0, 0.0, 7, "7", 7, "7", 0.9, True, ())
connection = connect(prefix="team.")
with connection.producer() as producer:
    producer.send(connection.topics.verdicts, encode_verdict(verdict), key=b"q1").get(60)
"""


@pytest.fixture
def lab(platform: RunningPlatform, viewer: LocalPerson) -> Iterator[LocalPerson]:
    """The admin, who has made a group of the viewer."""
    admin = LocalPerson(platform, "admin", platform.admin_password)
    admin.api("POST", "groups/lab")
    assert admin.api("POST", "groups/lab/users", json={"users": [viewer.name]}).ok
    yield admin
    admin.api("DELETE", "groups/lab")


def test_the_dashboard_is_opened_by_a_group_with_live_verdicts(
    platform: RunningPlatform,
    author: LocalPerson,
    viewer: LocalPerson,
    stranger: LocalPerson,
    lab: LocalPerson,
) -> None:
    with_account(platform, ANNOUNCE)
    about = {"notebook": "live_dashboard.py", "title": "Live", "audience": "group:lab"}
    keep_outputs(platform, "live_dashboard.py", "<h1>As it was</h1>")
    form = author.session.get(f"{author.base}_mosshub/publish?file=live_dashboard.py", timeout=60)
    assert "This notebook connects to the broker" in form.text
    done = publish(author, **about, files="", topics="team.verdicts, team.agents")
    assert done.status_code == 200, done.text
    # A member opens it from the page of apps. Nothing runs: the outputs that were kept are there.
    assert "/hub/apps/ivy/live" in viewer.session.get(f"{viewer.url}/hub/apps", timeout=60).text
    assert "As it was" in viewer.session.get(app_url(author, "live"), timeout=60).text
    open_app(viewer, author, "live")
    assert shows(viewer, author, "marimo-stat", "live")
    refused = stranger.session.get(app_url(author, "live"), timeout=60)
    assert "ivy has not opened this app to you" in unescape(refused.text)
    # Whoever leaves the group loses it.
    status = f"{server_url(author, 'live')}_mosshub/status"
    assert viewer.session.get(status, timeout=60).ok
    assert lab.api("DELETE", "groups/lab/users", json={"users": ["noel"]}).ok
    wait_until(lambda: viewer.session.get(status, timeout=60).status_code == 403, 20, "the loss")
    assert viewer.session.get(app_url(author, "live"), timeout=60).status_code == 403
    unpublish(author, "live")


def test_a_new_platform_has_an_example(platform: RunningPlatform, viewer: LocalPerson) -> None:
    shown = viewer.session.get(f"{viewer.url}/hub/apps", timeout=60).text
    assert "/hub/apps/admin/team-dashboard" in shown
    assert "Team dashboard" in shown
