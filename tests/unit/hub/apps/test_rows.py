"""What the page of apps says of each app, and how apps are searched."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from mosshub_contract.apps import AppCard

from hub.admin.usage import Usage
from hub.apps.rows import Row, arrange, describe
from hub.apps.store import App, Version

CARD = AppCard("peek", "Peek", "peek.py", audience=("linus", "group:lab"))
APP = App("ada", CARD, 0, 2, (Version(1, 0.0, 9), Version(2, 86400.0, 9), Version(3, 90000.0, 9)))


class Server(SimpleNamespace):
    """A server as JupyterHub has it, as far as a row needs it."""

    __hash__ = object.__hash__

    def __init__(self, **is_so: object) -> None:
        nothing = {"ready": False, "pending": None, "_failed": False, "mem_limit": 0}
        super().__init__(**nothing | is_so)


def row(app: App = APP, server: Server | None = None, memory: int | None = None) -> Row:
    usage = {server: Usage(memory, None)} if server and memory is not None else {}
    return describe(app, server, usage)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("server", "state", "words", "is_active"),
    [
        (None, "stopped", "Stopped", False),
        (Server(), "stopped", "Stopped", False),
        (Server(ready=True), "running", "Running", True),
        (Server(pending="spawn"), "starting", "Starting", True),
        (Server(pending="stop", ready=True), "stopping", "Stopping", False),
        (Server(_failed=True), "failed", "Did not start", False),
    ],
)
def test_the_state_of_its_server(
    server: Server | None, state: str, words: str, is_active: bool
) -> None:
    found = row(server=server)
    assert (found.state, found.state_words, found.is_active) == (state, words, is_active)


def test_memory_is_that_of_its_own_server() -> None:
    server = Server(ready=True)
    assert row(server=server, memory=300 * 2**20).memory == "300 MB"
    limited = Server(ready=True, mem_limit=2 * 2**30)
    assert row(server=limited, memory=2**30).memory == "1.0 of 2.0 GB"
    assert row(server=server).memory == "–"  # it could not be measured
    assert row().memory == "–"
    other = {Server(ready=True): Usage(2**30, None)}
    assert describe(APP, server, other).memory == "–"  # type: ignore[arg-type]


def test_when_somebody_opened_it_last() -> None:
    assert row().opened == "–"
    now = time.time()
    viewed = replace(APP, viewers={"linus": now - 7200, "grace": now - 200})
    assert row(viewed).opened == "3 min ago"
    assert row(replace(APP, viewers={"linus": now - 7200})).opened == "2 h 0 min ago"


def test_who_may_open_it_and_its_other_snapshots() -> None:
    found = row()
    assert found.audience == "linus, the group lab"
    assert found.earlier == ((3, "02 Jan 1970, 01:00 UTC"), (1, "01 Jan 1970, 00:00 UTC"))


def found_by(text: str) -> list[tuple[str, str]]:
    def titled(title: str, author: str) -> App:
        return replace(APP, author=author, card=replace(CARD, title=title))

    rows = [
        row(titled("sales", "grace")),
        row(titled("Peek", "linus")),
        row(titled("Peek", "ada"), Server(ready=True)),
        row(titled("Budget of Ada", "grace")),
    ]
    return [(one.app.card.title, one.app.author) for one in arrange(rows, text)]


def test_a_search_looks_at_title_author_and_state() -> None:
    everything = [
        ("Budget of Ada", "grace"),
        ("Peek", "ada"),
        ("Peek", "linus"),
        ("sales", "grace"),
    ]
    assert found_by("") == found_by("  ") == everything
    assert found_by("PEEK") == [("Peek", "ada"), ("Peek", "linus")]
    assert found_by(" ada ") == [("Budget of Ada", "grace"), ("Peek", "ada")]
    assert found_by("running") == [("Peek", "ada")]
    assert found_by("SAL") == [("sales", "grace")]
    assert found_by("nothing of that name") == []
