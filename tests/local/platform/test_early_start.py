"""A server starts while its user is at the provider, in browsers that know whose they are."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
import requests
from tornado.web import create_signed_value, decode_signed_value

from hub.signin.known_browsers import COOKIE, MAX_AGE_DAYS
from tests.support.light_team import TEAM, Team
from tests.support.oidc_provider import browser, sign_in, sign_out
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow  # a hub and a provider of its own

DAY_S = 86_400
HOME = "/hub/home"  # where no server is started
#: After the answer to a click, seconds within which a start would have been seen.
QUIET_S = 2.0


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    made = Team(tmp_path_factory.mktemp("team"), OAUTH_SCOPE="groups")
    made.hub.start()
    yield made
    made.stop()


def click(team: Team, cookie: str, **headers: str) -> requests.Response:
    """Press *Sign in* in a browser that has this cookie and is signed in nowhere."""
    return requests.get(
        f"{team.hub.url}/hub/oauth_login",
        headers={
            "Cookie": f"{COOKIE}={cookie}",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-Site": "same-origin",
            **headers,
        },
        allow_redirects=False,
        timeout=60,
    )


def known_browser(team: Team, name: str) -> str:
    """Sign somebody in and return the cookie that their browser keeps."""
    session = browser()
    sign_in(session, team.hub.url, name, next=HOME)
    (cookie,) = [cookie for cookie in session.cookies if cookie.name == COOKIE]
    assert cookie.has_nonstandard_attr("HttpOnly") and cookie.path == "/hub/"
    assert cookie.expires is not None
    assert 0 < cookie.expires - time.time() <= MAX_AGE_DAYS * DAY_S
    return (cookie.value or "").strip('"')


def starts(team: Team) -> list[str]:
    return [name for event, name in team.hub.journal() if event == "starts"]


def test_a_known_browser_starts_its_users_server_and_no_other_cookie_does(team: Team) -> None:
    cookie = known_browser(team, "ada")
    content = signed_content(team, cookie)
    secret = bytes.fromhex(TEAM["COOKIE_SECRET"])
    other_secret = bytes(32)

    def made(secret: bytes, name: str, content: bytes, age_days: float = 0) -> str:
        clock = time.time() - age_days * DAY_S
        return create_signed_value(secret, name, content, clock=lambda: clock).decode()

    unknown = content.replace(b":ada", b":nobody")
    other_user = content.replace(b":ada", b":grace")
    refused = {
        "no cookie": "",
        "changed": cookie[:-4] + ("0000" if cookie[-4:] != "0000" else "1111"),
        "other secret": made(other_secret, COOKIE, content),
        "other cookie": made(secret, "jupyterhub-hub-login", content),
        "expired": made(secret, COOKIE, content, MAX_AGE_DAYS + 1),
        "unknown": made(secret, COOKIE, unknown),
        "another's name": made(secret, COOKIE, other_user),
        "no name": made(secret, COOKIE, b"ada"),
        "no text": made(secret, COOKIE, b"\xff\xfe:ada"),
    }
    for value in refused.values():
        answer = click(team, value)
        assert answer.is_redirect
        assert answer.headers["Location"].startswith(team.provider.issuer)
    # A page of another site, an address that was typed, and a browser that does not say.
    for site in ("cross-site", "same-site", "none", ""):
        click(team, cookie, **{"Sec-Fetch-Site": site})
    time.sleep(QUIET_S)
    assert starts(team) == []

    answer = click(team, cookie)
    assert answer.headers["Location"].startswith(team.provider.issuer), "nobody is signed in by it"
    assert not [c for c in answer.cookies if "jupyterhub" in c.name], answer.cookies
    wait_until(lambda: starts(team), 60, f"ada's server\n{team.hub.log[-3000:]}")
    for _ in range(3):
        click(team, cookie)
    # Whoever comes back finds the server that started.
    session = browser()
    sign_in(session, team.hub.url, "ada")
    wait_until(
        lambda: "<marimo-light>ada" in session.get(f"{team.hub.url}/user/ada/", timeout=60).text,
        60,
        "ada's editor",
    )
    assert starts(team) == ["ada"]

    # Once a minute at most.
    stop(team, session, "ada")
    click(team, cookie)
    time.sleep(QUIET_S)
    assert starts(team) == ["ada"]
    assert "Traceback" not in team.hub.log


def test_a_blocked_user_and_one_who_signed_out_start_nothing(team: Team) -> None:
    session = browser()
    sign_in(session, team.hub.url, "grace", next=HOME)
    cookie = (session.cookies.get(COOKIE) or "").strip('"')
    assert cookie
    sign_out(session, team.hub.url)
    assert not session.cookies.get(COOKIE), "the browser forgot whose it was"
    blocked = team.hub.data_dir / "hub" / "blocked.json"
    blocked.write_text(json.dumps(["grace"]))
    click(team, cookie)
    wait_until(lambda: "has blocked grace" in team.hub.log, 30, "the log says why")
    time.sleep(QUIET_S)
    assert "grace" not in starts(team)
    blocked.unlink()


def signed_content(team: Team, cookie: str) -> bytes:
    """Return what a cookie says; the name is in it, and nothing with which somebody signs in."""
    content = decode_signed_value(bytes.fromhex(TEAM["COOKIE_SECRET"]), COOKIE, cookie)
    assert content and content.endswith(b":ada")
    database = sqlite3.connect(team.hub.data_dir / "hub" / "jupyterhub.sqlite")
    ((cookie_id,),) = database.execute("select cookie_id from users where name = 'ada'")
    database.close()
    assert cookie_id.encode() not in content
    return content


def stop(team: Team, session: requests.Session, name: str) -> None:
    """Stop somebody's server with their own session."""
    xsrf = session.cookies.get("_xsrf", path="/hub/") or ""
    address = f"{team.hub.url}/hub/api/users/{quote(name)}"
    headers = {
        "X-XSRFToken": xsrf,
        "Referer": f"{team.hub.url}/hub/home",
        "Sec-Fetch-Mode": "cors",
        "Sec-Fetch-Site": "same-origin",
    }
    session.delete(f"{address}/server", headers=headers, timeout=60)
    wait_until(
        lambda: not session.get(address, headers=headers, timeout=60).json()["servers"],
        60,
        f"{name}'s server is stopped",
    )
