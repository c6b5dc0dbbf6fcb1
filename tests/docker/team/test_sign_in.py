"""Who comes in through Keycloak, and who does not."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from tests.support.host_names import server_of
from tests.support.keycloak import submit_form
from tests.support.team_pages import MINUTE, fill_in, wait_for_files

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


def test_signing_out_is_signing_out_of_the_provider_too(stack, enter, picture):
    page = enter("ada")
    wait_for_files(page)
    page.goto(f"{stack.url}/hub/home")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/realms/mosshub/**")
    picture(page, "team-sign-out")
    page.get_by_role("button", name="Logout").click()
    page.get_by_role("button", name="Sign in with Keycloak").wait_for()
    picture(page, "team-login")
    page.goto(server_of(stack.url, "ada"))
    page.get_by_role("button", name="Sign in with Keycloak").click()
    expect(page.locator("#password")).to_be_visible()  # a password is needed
    picture(page, "team-keycloak")
    fill_in(page, "ada", stack.secret("ada"))
    wait_for_files(page)


def test_a_stranger_is_told_so_and_may_be_somebody_else(stack, enter, picture):
    page = enter("mallory")
    expect(page.get_by_role("heading", name="You are not let in")).to_be_visible()
    expect(page.get_by_text("not among the people who may come in")).to_be_visible()
    picture(page, "team-stranger")
    assert page.goto(f"{stack.url}/hub/home")
    assert "/hub/login" in page.url
    page.go_back()
    # The provider still knows them as mallory: without its sign-out there is no way back.
    page.get_by_role("link", name="Sign in as somebody else").click()
    page.wait_for_url("**/auth/realms/mosshub/**")
    page.get_by_role("button", name="Logout").click()
    page.get_by_role("button", name="Sign in with Keycloak").click()
    fill_in(page, "linus", stack.secret("linus"))
    expect(page).to_have_url(re.compile("/user/linus/|/hub/spawn"), timeout=2 * MINUTE)


def test_a_replayed_code_and_a_replayed_state_are_refused(stack):
    session = stack.session()
    back = submit_form(stack, session, "ada", stack.secret("ada")).headers["Location"]
    before = session.cookies.copy()
    sent = parse_qs(urlsplit(back).query)
    assert {"code", "state"} <= set(sent)

    def present(session: requests.Session, address: str) -> requests.Response:
        return session.get(address, allow_redirects=False, timeout=60)

    # Somebody else's browser, or none of this sign-in: the state is not theirs.
    other = stack.session()
    assert present(other, back).status_code in (400, 403)
    sign = stack.session()
    sign.get(f"{stack.url}/hub/oauth_login", timeout=60)
    assert present(sign, back).status_code in (400, 403)
    assert not [
        c for s in (other, sign) for c in s.cookies if c.name == "__Host-jupyterhub-hub-login"
    ]
    # A state of this sign-in with a code that nobody gave out.
    forged = stack.session()
    forged.cookies = before.copy()  # type: ignore[assignment]
    assert not present(forged, back.replace(sent["code"][0], "made-up")).is_redirect
    # The nearest that may, once.
    assert present(session, back).status_code == 302
    again = stack.session()
    again.cookies = before  # type: ignore[assignment]
    replayed = present(again, back)
    assert replayed.status_code >= 400
    assert "__Host-jupyterhub-hub-login" not in again.cookies
    assert "Traceback" not in replayed.text


def test_an_expired_session_leads_through_sign_in_back_to_the_page(stack, enter):
    page = enter("ada")
    wait_for_files(page)
    wanted = f"{stack.url}/hub/token"
    page.context.clear_cookies(name=re.compile("jupyterhub-"))
    page.goto(wanted)
    assert "/hub/login" in page.url
    page.get_by_role("button", name="Sign in with Keycloak").click()
    expect(page).to_have_url(wanted)  # Keycloak still knew her
