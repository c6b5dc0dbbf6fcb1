"""Groups, admins, and people who are removed."""

import pytest
from playwright.sync_api import Page, expect

from tests.standins.engine import docker
from tests.support.host_names import server_of
from tests.support.keycloak import KeycloakAdmin, sign_in
from tests.support.stack import Stack
from tests.support.team_pages import hub_settings, is_running, wait_for_files
from tests.support.waiting import retry_until

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]


RECHECK = 5  # seconds between two looks at the provider, for the test of who left


def accounts(stack: Stack) -> set[str]:
    """Return the users whose password the broker knows, without the accounts of apps."""
    names = stack.in_hub(
        "from hub.accounts import make_reconciler\n"
        "from hub.settings import load_settings\n"
        "print(*make_reconciler(load_settings(), list)._kafka.account_names())"
    ).split()
    return {name for name in names if not name.startswith("app.")}


def fetch(page: Page, path: str) -> dict:
    """Return status and JSON of a request by the page's script; 0 for a redirect."""
    return page.evaluate(FETCH, path)


FETCH = """async path => {
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/);
    const answer = await fetch(path, {
        redirect: "manual", headers: xsrf ? {"X-XSRFToken": xsrf[1]} : {},
    });
    const body = await answer.text();
    return {status: answer.status, json: body.startsWith("[") ? JSON.parse(body) : null};
}"""


def test_an_admin_lands_in_the_panel_with_the_providers_groups(stack, enter, picture):
    enter("ada")
    page = enter("grace")
    expect(page).to_have_url(f"{stack.url}/hub/admin")
    page.locator("tr", has_text="ada").first.wait_for()
    picture(page, "team-panel")
    page.goto(f"{stack.url}/hub/admin#/groups")
    expect(page.get_by_text("team", exact=True).first).to_be_visible()
    expect(page.get_by_text("admins", exact=True).first).to_be_visible()
    picture(page, "team-groups")
    answer = fetch(page, "/hub/api/groups")
    groups = {group["name"]: set(group["users"]) for group in answer["json"]}
    assert {"ada", "grace"} <= groups["team"]
    assert groups["admins"] == {"grace"}


def test_a_person_removed_at_the_provider_is_signed_out(stack, enter, picture):
    keycloak = KeycloakAdmin(stack)
    member, team = keycloak.user_id("linus"), keycloak.group_id("team")
    home = server_of(stack.url, "linus")
    with hub_settings(stack, f"AUTH_REFRESH_AGE={RECHECK}\nALLOWED_USERS=ada\n"):
        ada, page = enter("ada"), enter("linus")
        wait_for_files(ada), wait_for_files(page)
        assert fetch(page, home)["status"] == 200
        assert accounts(stack) == {"ada", "linus"}
        keycloak.request("DELETE", f"users/{member}/groups/{team}")
        try:
            # He stays at his editor and asks the hub for nothing.
            retry_until(lambda: fetch(page, home)["status"] != 200, 90, "no answer")
            retry_until(lambda: not is_running(stack, "linus"), 60, "his server has ended")
            retry_until(lambda: accounts(stack) == {"ada"}, 60, "his account on the broker is gone")
            assert page.goto(home)
            assert "/hub/login" in page.url
            page.get_by_role("button", name="Sign in with Keycloak").click()
            expect(page.get_by_role("heading", name="You are not let in")).to_be_visible()
            picture(page, "team-removed")
            # The nearest allowed case.
            ada.reload()
            wait_for_files(ada)
            assert is_running(stack, "ada")
        finally:
            keycloak.request("PUT", f"users/{member}/groups/{team}")
        page.goto(f"{stack.url}/hub/home")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert "Traceback" not in stack.logs("hub")


# Admins


def test_a_removed_person_is_out_and_their_files_are_kept_and_named(stack, enter, picture):
    person = wait_for_files(enter("linus"))
    volume = f"{stack.name}_home_linus"
    page = enter("grace")
    row = page.locator("tr", has_text="linus").first
    row.get_by_role("button", name="Edit User").click()
    picture(page, "team-edit")
    page.get_by_role("button", name="Delete user").click()
    retry_until(lambda: not is_running(stack, "linus"), 90, "his server has ended")
    assert docker("volume", "ls", "--quiet", "--filter", f"name=^{volume}$") == volume
    retry_until(lambda: volume in stack.logs("hub"), 60, "the hub's log names the volume")
    reply = person.goto(server_of(stack.url, "linus"))
    assert reply
    assert "/hub/login" in person.url
    # The name is free: the next person who signs in under it has the files.
    _, answer = sign_in(stack, "linus", stack.secret("linus"))
    assert answer.status_code == 302, answer.text
