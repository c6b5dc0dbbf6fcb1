"""An origin for each user, over HTTPS: what a user's page can do to whoever opens it."""

import re
import socket
import ssl

import pytest
from playwright.sync_api import expect

from tests.support.app_scripts import apps_of, attack_a_viewer
from tests.support.attack import ATTACK_PAGE, state, tries_everything
from tests.support.host_names import server_of
from tests.support.members import TeamMember
from tests.support.planting import plants_cookies
from tests.support.stack import DOMAIN, Stack
from tests.support.team_pages import MINUTE, wait_for_files
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


def opened(page, stack, name):
    """Open somebody's server as an admin does, with the hub's question."""
    page.goto(server_of(stack.url, name))
    question = page.get_by_role("button", name=re.compile("^Open .* editor$"))
    question.or_(page.get_by_text("image_class.py", exact=True)).first.wait_for(timeout=MINUTE)
    if question.is_visible():
        question.click()
    return wait_for_files(page)


def test_a_script_on_a_users_page_gets_nothing(stack, enter):
    """Grace is an admin, and looks at linus's server and at ada's."""
    for name in ("linus", "ada"):
        wait_for_files(enter(name))
    page = enter("grace")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    admin = TeamMember(stack, "grace")
    page.goto(f"{stack.url}/hub/spawn")
    wait_for_files(page)
    for name in ("ada", "linus"):
        opened(page, stack, name)
    before = state(admin)
    server = server_of(stack.url, "linus")
    attack = ATTACK_PAGE % {"hub": stack.url, "owner": "linus", "victim": "grace"}
    page.route(
        f"{server}attack", lambda route: route.fulfill(body=attack, content_type="text/html")
    )
    page.goto(f"{server}attack")
    expect(page).to_have_title("the script runs")
    servers = [server_of(stack.url, name) for name in ("grace", "ada")]
    tries_everything(page, stack.url, "grace", servers)
    assert page.title() == "the script runs"
    assert state(admin) == before
    page.goto(f"{stack.url}/hub/admin")
    expect(page.locator("tr", has_text="linus").first).to_be_visible(timeout=MINUTE)


def test_apps_of_two_authors_get_nothing_of_their_viewer(stack, enter):
    """Grace, an admin, opens the apps of ada and linus."""
    authors = TeamMember(stack, "ada"), TeamMember(stack, "linus")
    for author in authors:
        author.start()
    page = enter("grace")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    page.goto(f"{stack.url}/hub/spawn")
    wait_for_files(page)
    with apps_of(authors, "grace"):
        attack_a_viewer(page, TeamMember(stack, "grace"), authors)


def test_cookies_that_a_users_page_plants_have_no_effect(stack, enter):
    linus = wait_for_files(enter("linus"))
    page = enter("grace")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    opened(page, stack, "linus")
    there = {c.get("name") for c in page.context.cookies(server_of(stack.url, "linus"))}
    assert there == {"__Host-jupyterhub-user-linus", "_xsrf"}
    plants_cookies(page, stack.url, linus.context.cookies(stack.url), "grace")
    # Her own server answers too.
    page.goto(f"{stack.url}/hub/spawn")
    wait_for_files(page)
    # Whoever signs in with the planted cookies in place gets a session of their own.
    page.goto(f"{stack.url}/hub/logout")
    page.get_by_role("button", name="Logout").click()
    page.get_by_role("button", name="Sign in with Keycloak").click()
    page.fill("#username", "grace")
    page.fill("#password", stack.secret("grace"))
    page.click("#kc-login")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    page.goto(f"{stack.url}/hub/home")
    expect(page.get_by_role("heading", name="Hello, grace")).to_be_visible()


MANY_COOKIES = """domain => {
  for (let i = 0; i < 12; i++)
    document.cookie = `_planted${i}=${"x".repeat(3000)}; Domain=${domain}; Path=/; Secure`;
}"""


def test_many_large_cookies_of_a_users_page_keep_nobody_out(stack, enter):
    """Cookies for the whole domain: more than the 16 KiB that the proxy takes in a request."""
    wait_for_files(enter("linus"))
    page = enter("grace")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    page.goto(f"{stack.url}/hub/spawn")
    wait_for_files(page)
    opened(page, stack, "linus")
    page.evaluate(MANY_COOKIES, DOMAIN)

    def planted() -> int:
        cookies = page.context.cookies(stack.url)
        return sum(
            len(c.get("value") or "") for c in cookies if (c.get("name") or "")[:8] == "_planted"
        )

    # The browser stores them after the script has gone on, and limits how much it keeps.
    wait_until(lambda: planted() >= 20_000, 30, "more cookies than the proxy takes")
    page.goto(f"{stack.url}/hub/home")
    expect(page.get_by_role("heading", name="Hello, grace")).to_be_visible()
    page.goto(server_of(stack.url, "grace"))
    wait_for_files(page)


#: OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID.
NOT_YET_VALID = 9


def handshake(stack: Stack, name: str) -> bool:
    """Return whether the edge shows a certificate for a name, of its own authority.

    Caddy's is valid from the moment in which it is made, and the clock of OpenSSL is up to 4 ms
    behind: at the turn of a second a new one comes from the future.
    """
    trust = ssl.create_default_context(cafile=str(stack.authority))

    def is_valid() -> bool:
        try:
            with (
                socket.create_connection((stack.bind, 443), timeout=30) as plain,
                trust.wrap_socket(plain, server_hostname=name),
            ):
                return True
        except ssl.SSLCertVerificationError as error:
            assert error.verify_code == NOT_YET_VALID, error
            return False

    try:
        wait_until(is_valid, 5, f"a certificate of {name} that is valid")
    except ssl.SSLError:
        return False
    return True


def test_there_are_certificates_for_the_hosts_of_known_users_only(stack):
    TeamMember(stack, "ada")
    assert handshake(stack, DOMAIN)
    assert handshake(stack, f"ada.{DOMAIN}")
    assert handshake(stack, f"check--mosshub.{DOMAIN}")
    for name in ("nobody", "ada.ada", "u-x--1234567", "mallory"):
        assert not handshake(stack, f"{name}.{DOMAIN}"), name


def test_many_users_open_their_hosts_in_the_same_minute(stack):
    admin = TeamMember(stack, "grace")
    names = [f"guest{number}" for number in range(40)]
    try:
        assert admin.api("POST", "users", json={"usernames": names}).ok
        refused = [name for name in names if not handshake(stack, f"{name}.{DOMAIN}")]
    finally:
        for name in names:
            admin.api("DELETE", f"users/{name}")
    assert refused == []
