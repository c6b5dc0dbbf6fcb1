"""Cookies that a user's page sets for the whole domain, to be sent to the hub."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, expect

PLANTED = "0123456789abcdef0123456789abcdef"
NAMES = (
    "jupyterhub-session-id",
    "_xsrf",
    "jupyterhub-hub-login",
    "oauthenticator-state",
    "jupyterhub-user-{name}",
)
PATHS = ("/", "/hub", "/hub/", "/hub/api", "/hub/login", "/user/{name}/")

PLANT = """cookies => { for (const cookie of cookies) document.cookie = cookie; }"""


def plants_cookies(page: Page, hub: str, own: list[Any], name: str) -> None:
    """Plant cookies on the attacker's page, then use the hub; AssertionError if it does not work.

    Args:
        page: a page of the attacker's server in the browser of somebody who is signed in.
        hub: the hub's address, without a path.
        own: the cookies that the hub gave the attacker, which are valid ones.
        name: name of the person whose browser it is.
    """
    domain = urlsplit(hub).hostname
    secure = "; Secure" if hub.startswith("https") else ""
    values = {known: [PLANTED] for known in NAMES}
    for cookie in own:
        values.setdefault(cookie["name"].removeprefix("__Host-"), []).insert(0, cookie["value"])
    wanted = [
        f"{prefix}{known.format(name=name)}={value}; Domain={domain}; "
        f"Path={path.format(name=name)}{secure}"
        for known, found in values.items()
        for value in found
        for path in PATHS
        for prefix in ("", "__Host-")
    ]
    page.evaluate(PLANT, wanted)
    arrives = [
        c
        for path in ("/hub/", "/hub/api/", "/hub/login")
        for c in page.context.cookies(hub + path)
        if (c.get("domain") or "").startswith(".")
    ]
    # Browsers take `localhost` for a public suffix, and refuse cookies for all of it.
    assert bool(arrives) == (domain != "localhost"), arrives
    assert not [c for c in arrives if (c.get("name") or "").startswith("__Host-")]

    # The hub knows who this is, and its pages work: one asks for a token, which needs XSRF.
    page.goto(f"{hub}/hub/home")
    expect(page.get_by_role("heading", name=f"Hello, {name}")).to_be_visible()
    page.goto(f"{hub}/hub/token")
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Request new API token").click()
    expect(page.locator("#token-result")).to_have_text(re.compile(r"\w{20,}"))
    sessions = page.evaluate(
        """async name => {
          const xsrf = window.jhdata.xsrf_token;
          const answer = await fetch(`/hub/api/users/${name}/tokens?_xsrf=${xsrf}`);
          return [answer.status, await answer.text()];
        }""",
        name,
    )
    assert sessions[0] == 200, sessions
    assert PLANTED not in sessions[1], "no session has the id that was planted"
    assert not [c["value"] for c in own if c["value"] in sessions[1]]
