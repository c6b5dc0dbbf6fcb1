"""A page of an app that somebody sees counts as use of the app. One that is only open does not."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from marimo_singleuser.app_server.handler import AppStatus
from marimo_singleuser.app_server.page import viewer_mark
from tornado import web

from tests.support.singleuser_settings import settings_in

SETTINGS = settings_in(Path("/home/ada"), MOSSHUB_APP="peek")


class Page(SimpleNamespace):
    """A request of an app's page, as far as the handler needs it.

    Attributes:
        sent: what was answered.
        touches: how often the app counted as used.
    """

    server_settings, _hub_auth_user_cache = SETTINGS, {"name": "linus"}

    def __init__(self, *, admitted: bool = True, **query: str) -> None:
        super().__init__(admitted=admitted, query=query, sent=None, touches=0)
        self.services = SimpleNamespace(activity=self)

    def touch(self) -> None:
        self.touches += 1

    def get_query_argument(self, name: str, default: str) -> str:
        return self.query.get(name, default)

    def set_header(self, name: str, value: str) -> None:
        pass

    def finish(self, answer: dict[str, Any]) -> None:
        self.sent = answer

    def _check_admitted(self) -> None:
        if not self.admitted:
            raise web.HTTPError(403)

    def ask(self) -> Page:
        asyncio.run(AppStatus.get(self))  # type: ignore[arg-type]
        return self


def test_a_page_that_is_seen_counts_as_use() -> None:
    page = Page(seen="yes").ask()
    assert page.touches == 1
    assert page.sent == {"mark": viewer_mark(SETTINGS, "linus")}


@pytest.mark.parametrize("query", [{}, {"seen": ""}, {"seen": "no"}])
def test_a_page_that_is_only_open_does_not(query: dict[str, str]) -> None:
    page = Page(**query).ask()
    assert page.touches == 0
    assert page.sent == {"mark": viewer_mark(SETTINGS, "linus")}


def test_nobody_else_keeps_an_app_running() -> None:
    page = Page(admitted=False, seen="yes")
    with pytest.raises(web.HTTPError):
        page.ask()
    assert page.touches == 0 and page.sent is None
