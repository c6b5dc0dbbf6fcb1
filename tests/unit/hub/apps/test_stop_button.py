"""The button that stops an app: for its author and admins, and for nobody else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from mosshub_contract.apps import AppCard
from tornado import web

from hub.apps import pages
from hub.apps.pages import AppAction
from hub.apps.store import App
from hub.server_status.reasons import Reason

APP = App("ada", AppCard("peek", "Peek", "peek.py", audience=("linus",)), 0, 1, ())


def user(name: str, *, admin: bool = False) -> Any:
    return SimpleNamespace(name=name, admin=admin)


def press(monkeypatch: pytest.MonkeyPatch, by: Any) -> tuple[list[tuple[str, str, Reason]], str]:
    """Press the button; return which servers are stopped and why, and where it leads."""
    stopped: list[tuple[str, str, Reason]] = []
    led: list[str] = []

    async def stop(author: Any, slug: str, reason: Reason) -> None:
        stopped.append((author.name, slug, reason))

    monkeypatch.setattr(pages.servers, "stop", stop)
    found = {("ada", "peek"): APP}
    handler = SimpleNamespace(
        current_user=by,
        parts=SimpleNamespace(store=SimpleNamespace(get=lambda *name: found.get(name))),
        find_user=user,
        page_url=lambda **query: f"{query['said']}: {query['about']}",
        redirect=lambda url, status: led.append(url),
    )
    try:
        asyncio.run(AppAction.post(handler, "ada", "peek", "stop"))  # type: ignore[arg-type]
    except web.HTTPError as error:
        return stopped, f"{error.status_code} {error.log_message}"
    return stopped, led[0]


@pytest.mark.parametrize(
    ("by", "reason"),
    [
        (user("ada"), Reason.USER),
        (user("root", admin=True), Reason.ADMIN),
        (user("ada", admin=True), Reason.USER),
    ],
)
def test_the_author_and_admins_stop_it(
    monkeypatch: pytest.MonkeyPatch, by: Any, reason: Reason
) -> None:
    assert press(monkeypatch, by) == ([("ada", "peek", reason)], "stopped: Peek")


def test_a_viewer_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped, said = press(monkeypatch, user("linus"))
    assert stopped == []
    assert said == "403 Only ada or an admin may do this."
