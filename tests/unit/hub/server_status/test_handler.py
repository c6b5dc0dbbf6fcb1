"""Who may ask how a server is, and what is answered."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from hub.server_status.handler import describe, may_ask, parse_server
from hub.server_status.reasons import Reason, forget_stop, note_stop

HUB = "moss.example.org"


@pytest.mark.parametrize(
    ("path", "base", "server"),
    [
        ("/user/ada/", "/", ("ada", "")),
        ("/user/ada", "/", ("ada", "")),
        ("/user/o%27brien%20jr/second/", "/", ("o'brien jr", "second")),
        ("/moss/user/ada/", "/moss/", ("ada", "")),
        ("/user/ada/", "/moss/", None),
        ("/hub/home", "/", None),
        ("/user/", "/", None),
        ("", "/", None),
    ],
)
def test_a_server_is_named_by_its_path(
    path: str, base: str, server: tuple[str, str] | None
) -> None:
    assert parse_server(path, base) == server


@pytest.mark.parametrize(
    ("origin", "owner_host", "allowed"),
    [
        (f"https://ada.{HUB}", f"ada.{HUB}", True),
        (f"https://ada.{HUB}:8443", f"ada.{HUB}", True),
        (f"https://bob.{HUB}", f"ada.{HUB}", False),
        (f"https://{HUB}", f"ada.{HUB}", False),
        ("https://evil.example", f"ada.{HUB}", False),
        (f"https://ada.{HUB}.evil.example", f"ada.{HUB}", False),
        ("null", f"ada.{HUB}", False),
        (None, f"ada.{HUB}", False),
        # One origin for all pages.
        (None, "", True),
        (f"https://{HUB}", "", True),
        ("https://evil.example", "", False),
        ("null", "", False),
    ],
)
def test_only_the_servers_own_pages_may_ask(
    origin: str | None, owner_host: str, allowed: bool
) -> None:
    assert may_ask(origin, owner_host, HUB) is allowed


def spawner(**state: object) -> SimpleNamespace:
    named = {"user": SimpleNamespace(name="ada"), "name": ""}
    return SimpleNamespace(**named | {"active": False, "pending": None, "ready": False} | state)


def test_the_state_and_why() -> None:
    assert describe(None) == {"state": "stopped", "why": None}
    assert describe(spawner(active=True, ready=True)) == {"state": "up", "why": None}
    assert describe(spawner(active=True, pending="spawn")) == {"state": "starting", "why": None}
    assert describe(spawner(active=True, pending="stop")) == {"state": "stopped", "why": None}
    stopped = spawner(exit_reason="")
    note_stop(stopped, Reason.ADMIN)
    assert describe(stopped) == {"state": "stopped", "why": "admin"}
    # JupyterHub makes another spawner when a server has stopped.
    again = spawner(exit_reason="")
    assert describe(again) == {"state": "stopped", "why": "admin"}
    assert describe(spawner(name="second", exit_reason=""))["why"] is None
    forget_stop(stopped)
    forget_stop(stopped)
    assert describe(stopped) == {"state": "stopped", "why": None}
    used_up = spawner(exit_reason="it used more than its 4 GB of memory and was ended")
    assert describe(used_up) == {"state": "stopped", "why": "memory"}
    crashed = spawner(exit_reason="it ended by itself (exit code 1)")
    assert describe(crashed) == {"state": "stopped", "why": "crash"}
