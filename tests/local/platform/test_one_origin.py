"""SUBDOMAINS=no: nobody is asked whether they want to open another user's server. It is refused."""

from collections.abc import Iterator
from html import unescape

import pytest
import requests

from tests.support.light_hub import LightHub
from tests.support.people import LocalPerson


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    with LightHub(tmp_path_factory.mktemp("hub") / "data", SUBDOMAINS="no") as running:
        yield running


def ask_to_open(who: LocalPerson, owner: str) -> requests.Response:
    """Go where a user's server sends a visitor whom it does not know."""
    query = {
        "client_id": f"jupyterhub-user-{owner}",
        "redirect_uri": f"/user/{owner}/oauth_callback",
        "response_type": "code",
        "state": "x",
    }
    url = f"{who.url}/hub/api/oauth2/authorize"
    return who.session.get(url, params=query, allow_redirects=False, timeout=60)


@pytest.mark.slow
def test_another_users_editor_is_refused_at_once(hub: LightHub) -> None:
    ada = LocalPerson(hub, "ada")
    ada.editor()
    for name, password in (("admin", hub.admin_password), ("bob", hub.password)):
        refused = ask_to_open(LocalPerson(hub, name, password), "ada")
        assert refused.status_code == 403
        page = unescape(refused.text)
        assert f"Only ada may open this editor, and you are signed in as {name}" in page
        assert "SUBDOMAINS=no" in page
        assert "'s editor?" not in page
    # The nearest that may.
    opened = ask_to_open(ada, "ada")
    assert opened.status_code == 302
    assert opened.headers["Location"].startswith("/user/ada/oauth_callback?code=")


@pytest.mark.slow
def test_the_pages_of_admins_and_of_apps_say_why_nothing_is_shared(hub: LightHub) -> None:
    admin = LocalPerson(hub, "admin", hub.admin_password)
    bob = LocalPerson(hub, "bob")
    people = admin.session.get(f"{hub.url}/hub/mosshub/admin", timeout=60).text
    assert "Nobody opens the editor or an app of somebody else here" in people
    shown = bob.session.get(f"{hub.url}/hub/apps", timeout=60).text
    assert "Apps are for their authors alone here" in shown
    example = "/hub/apps/admin/team-dashboard"
    assert example not in shown
    assert bob.session.get(f"{hub.url}{example}", timeout=60).status_code == 403
    # Its author has it, and opens it to nobody.
    assert example in admin.session.get(f"{hub.url}/hub/apps", timeout=60).text
    refused = admin.post_form(f"{example}/audience", {"audience": "bob"})
    assert refused.status_code == 403
    assert "SUBDOMAINS=no" in refused.text
