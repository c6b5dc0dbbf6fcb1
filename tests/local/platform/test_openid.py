"""Sign-in through a second OpenID provider, certified and stricter than the demo's Keycloak.

Hub, proxy and provider are real and speak HTTP; servers are light ones (tests/support/light_hub).
"""

import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import psutil
import pytest

from tests.support.light_team import TEAM, Team
from tests.support.oidc_provider import CLIENT_SECRET, browser, sign_in, sign_out
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def new_team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Team]]:
    made: list[Team] = []

    def start(**settings: str) -> Team:
        made.append(Team(tmp_path_factory.mktemp("team"), **settings))
        made[-1].hub.start()
        return made[-1]

    yield start
    for team in made:
        team.stop()


@pytest.fixture(scope="module")
def team(new_team: Callable[..., Team]) -> Team:
    """A team whose provider tells groups for the scope `groups`, and a hub that asks for it."""
    return new_team(OAUTH_SCOPE="groups")


@pytest.mark.parametrize(("name", "admin"), [("ada", False), ("grace", True)])
def test_members_of_an_allowed_group_sign_in(team: Team, name: str, admin: bool) -> None:
    session = browser()
    page, trail = sign_in(session, team.hub.url, name, next="/hub/home")
    assert page.url == f"{team.hub.url}/hub/home", page.text
    assert f"Hello, {name}" in page.text
    assert session.get(f"{team.hub.url}/hub/admin", timeout=60).ok == admin
    # The provider names its endpoints by the address at which it is asked; the hub asks at another.
    provider = [urlsplit(x) for x in trail if not x.startswith(team.hub.url)]
    assert {f"{x.scheme}://{x.netloc}" for x in provider} == {team.provider.issuer}
    assert "groups" in parse_qs(provider[0].query)["scope"][0].split()


def test_an_editor_opens(team: Team) -> None:
    session = browser()
    sign_in(session, team.hub.url, "ada")
    session.get(f"{team.hub.url}/hub/spawn", timeout=60)

    def opened() -> bool:
        page = session.get(f"{team.hub.url}/user/ada/", timeout=60)
        return "<marimo-light>ada" in page.text

    wait_until(opened, 60, "ada's editor")


def test_a_provider_that_is_slow_at_a_start(team: Team) -> None:
    """The hub asks it whether she is still allowed, and leads to the page that waits after that."""
    session = browser()
    sign_in(session, team.hub.url, "grace", next="/hub/home")
    provider = psutil.Process(team.provider.process.pid)
    resume = threading.Timer(4, provider.resume)
    provider.suspend()
    resume.start()
    try:
        page = session.get(f"{team.hub.url}/hub/spawn", timeout=60)
    finally:
        resume.join()
    assert "Your editor is not running" not in page.text
    assert "Your editor is starting" in page.text or "<marimo-light>grace" in page.text


def test_signing_out_is_signing_out_of_the_provider_too(team: Team) -> None:
    session = browser()
    sign_in(session, team.hub.url, "ada")
    page, trail = sign_out(session, team.hub.url)
    assert trail[-1] == f"{team.hub.url}/hub/login"
    assert "Sign in with OpenID" in page.text
    assert any(x.startswith(f"{team.provider.issuer}/session/end") for x in trail)
    assert not [x for x in trail if x.startswith(team.provider.internal_url)]
    asked = session.get(f"{team.hub.url}/hub/oauth_login", timeout=60)
    assert "/interaction/" in asked.url, "the provider asks for a password again"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mallory", "not among the people who may come in"),
        ("eve", "is not verified"),
        ("nameless", "its answer has no &#39;preferred_username&#39;"),
    ],
)
def test_others_are_told_why_they_may_not(team: Team, name: str, reason: str) -> None:
    session = browser()
    page, _ = sign_in(session, team.hub.url, name)
    assert page.status_code == 403
    assert reason in page.text, page.text[-3500:]
    assert "/hub/login" in session.get(f"{team.hub.url}/hub/home", timeout=60).url
    assert "Traceback" not in team.hub.log


def test_the_log_names_a_claim_that_is_missing(team: Team) -> None:
    sign_in(browser(), team.hub.url, "nameless")
    assert "has no claim 'preferred_username', only: " in team.hub.log
    assert "nameless@example.org" not in team.hub.log


@pytest.mark.slow
def test_a_provider_that_does_not_tell_groups(new_team: Callable[..., Team]) -> None:
    """Everybody is refused, and the admin reads why, and what to set."""
    team = new_team()
    page, _ = sign_in(browser(), team.hub.url, "ada")
    assert page.status_code == 403
    (line,) = [line for line in team.hub.log.splitlines() if "has no claim 'groups'" in line]
    assert "ALLOWED_GROUPS and ADMIN_GROUPS do not let them in" in line
    assert "OAUTH_SCOPE=groups" in line


def test_codes_and_states_are_in_no_log(team: Team) -> None:
    """Whichever way a sign-in ends: inside, refused, forged, replayed, or the provider is away."""
    seen: set[str] = set()
    for name in ("ada", "mallory", "eve", "nameless"):
        session = browser()
        _, trail = sign_in(session, team.hub.url, name, next=f"/hub/home?code={CLIENT_SECRET}")
        (back,) = [x for x in trail if "/hub/oauth_callback" in x]
        query = parse_qs(urlsplit(back).query)
        seen |= {query["code"][0], query["state"][0]}
        for address in (back, back.replace(query["code"][0], f"made-up-{uuid.uuid4().hex}")):
            for other in (session, browser()):
                answer = other.get(address, timeout=60)
                assert answer.status_code in (400, 403, 500), answer.text
        # In the right browser, with a code that the provider refuses.
        fresh = browser()
        asked = fresh.get(f"{team.hub.url}/hub/oauth_login", allow_redirects=False, timeout=60)
        state = parse_qs(urlsplit(asked.headers["Location"]).query)["state"][0]
        forged = uuid.uuid4().hex
        address = f"{team.hub.url}/hub/oauth_callback?code={forged}&state={state}"
        answer = fresh.get(address, timeout=60)
        assert answer.status_code >= 400
        seen |= {forged, state}
    log = team.hub.log
    assert [value for value in seen if value in log] == []
    assert CLIENT_SECRET not in log
    assert re.search(r"oauth_callback\?…", log)
    assert [s for s in ("PROXY_TOKEN", "COOKIE_SECRET", "CRYPT_KEY") if TEAM[s] in log] == []


@pytest.mark.slow
def test_a_provider_that_is_away_signs_nobody_out(new_team: Callable[..., Team]) -> None:
    """Whom it let in before stays in; whom it refuses once it is back does not."""
    team = new_team(OAUTH_SCOPE="groups", AUTH_REFRESH_AGE="1")
    session = browser()
    sign_in(session, team.hub.url, "ada")
    team.provider.stop()
    for _ in range(2):
        time.sleep(1.5)  # the hub asks again
        page = session.get(f"{team.hub.url}/hub/home", timeout=60)
        assert page.status_code == 200, page.text
        assert "Hello, ada" in page.text
    assert "OpenID does not answer, so nobody's right to be here was checked" in team.hub.log
    assert "Traceback" not in team.hub.log
    # A provider of that address that does not know the token.
    team.provider.start()
    time.sleep(1.5)
    assert "Hello, ada" not in session.get(f"{team.hub.url}/hub/home", timeout=60).text
