"""Hosts: the hub keeps to its own, users have others, and what the hub answers there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.support.host_names import origin_of, pointed
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform

PAGE = {"Sec-Fetch-Mode": "navigate"}
SCRIPT = {"Sec-Fetch-Mode": "cors"}
#: Two names whose host names would be the same: tests/unit/hub/origins/test_hosts.py.
FIRST, SECOND = "ada.lovelace1160", "ada.lovelace16050"


@pytest.fixture
def admin(platform: RunningPlatform) -> LocalPerson:
    return LocalPerson(platform, "admin", platform.admin_password)


def ask(url: str, headers: dict[str, str], method: str = "GET") -> requests.Response:
    return requests.request(method, url, headers=headers, allow_redirects=False, timeout=60)


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("/", "/hub/"),
        ("/hub/home?a=1", "/hub/home?a=1"),
        ("/hub/login", "/hub/login"),
        ("/user/nobody/?file=a.py", "/hub/user/nobody/?file=a.py"),
        ("//evil.example/", "/hub//evil.example/"),
        ("/hubris", "/hub/hubris"),
    ],
)
def test_a_page_of_the_hub_is_on_the_hubs_host_only(
    platform: RunningPlatform, path: str, leads_to: str
) -> None:
    answer = ask(origin_of(platform.url, "nobody") + path, PAGE)
    assert (answer.status_code, answer.headers["Location"]) == (302, platform.url + leads_to)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/hub/home", "/hub/login", "/hub/api/user", "/hub/api/users", "/user/nobody/api/status"],
)
def test_a_script_finds_no_hub_on_a_users_host(
    platform: RunningPlatform, admin: LocalPerson, method: str, path: str
) -> None:
    cookies = {**admin.hub_cookies(), "X-XSRFToken": admin.xsrf()}
    answer = ask(origin_of(platform.url, "nobody") + path, {**SCRIPT, **cookies}, method)
    assert answer.status_code in (404, 424)
    assert "Set-Cookie" not in answer.headers


def test_programs_use_127_0_0_1_and_browsers_are_led_from_there(
    platform: RunningPlatform, admin: LocalPerson
) -> None:
    outside = f"http://127.0.0.1:{platform.port}"
    for path in ("/", "/hub/login", "/user/ada/?file=a.py"):
        assert ask(outside + path, PAGE).headers["Location"] == platform.url + path
    assert ask(f"{outside}/hub/health", {}).status_code == 200
    token = admin.api("POST", "users/admin/tokens", json={}).json()["token"]
    answer = ask(f"{outside}/hub/api/user", {"Authorization": f"token {token}"})
    assert answer.json()["name"] == "admin"
    # Cookies are for the hub's own host.
    assert ask(f"{outside}/hub/api/user", admin.hub_cookies()).status_code == 403


def test_an_address_that_nobody_gave_the_platform_is_explained(platform: RunningPlatform) -> None:
    with pointed("moss.example", "127.0.0.1"):
        answer = ask(f"http://moss.example:{platform.port}/hub/login", PAGE)
    assert answer.status_code == 421
    assert f"This platform is at {platform.url}" in answer.text
    assert "SUBDOMAINS=no" in answer.text


def test_the_hubs_cookies_are_for_its_host_alone_and_its_pages_for_no_frame(
    platform: RunningPlatform,
) -> None:
    person = LocalPerson(platform, "ada")
    set_cookies = [
        line
        for step in [*person.login.history, person.login]
        for line in step.raw.headers.getlist("Set-Cookie")
    ]
    assert any(line.startswith("jupyterhub-session-id=") for line in set_cookies)
    assert [line for line in set_cookies if "domain" in line.lower()] == []
    assert [line for line in set_cookies if "samesite=lax" not in line.lower()] == []
    for path in ("/hub/login", "/hub/home", "/hub/nothing", "/hub/api/user"):
        answer = person.session.get(platform.url + path, timeout=30)
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"], path


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_a_page_of_another_origin_is_nobody_to_the_hub(
    platform: RunningPlatform, admin: LocalPerson, site: str
) -> None:
    own = {**admin.hub_cookies(), "X-XSRFToken": admin.xsrf()}
    foreign = {**own, **SCRIPT, "Sec-Fetch-Site": site}
    assert ask(f"{platform.url}/hub/api/users", foreign).status_code == 403
    image = {**own, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": site}
    out = ask(f"{platform.url}/hub/logout", image)
    assert "Set-Cookie" not in out.headers, "an image signs nobody out"
    frame = {**own, **PAGE, "Sec-Fetch-Dest": "iframe", "Sec-Fetch-Site": site}
    assert "/hub/login" in ask(f"{platform.url}/hub/home", frame).headers["Location"]
    # The nearest allowed: the hub's own page, and a link.
    assert ask(f"{platform.url}/hub/api/users", {**own, **SCRIPT}).status_code == 200
    link = {**own, **PAGE, "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": site}
    assert ask(f"{platform.url}/hub/home", link).status_code == 200


def test_no_two_users_share_a_host(platform: RunningPlatform, admin: LocalPerson) -> None:
    first = LocalPerson(platform, FIRST)
    assert first.api("GET", "user").json()["name"] == FIRST
    second = LocalPerson(platform, SECOND)
    assert second.login.status_code == 403
    assert f"The name {SECOND} cannot be used here" in second.login.text
    added = admin.api("POST", "users", json={"usernames": [SECOND]})
    assert added.status_code == 409, added.text
    assert "belongs to another" in added.json()["message"]
    assert SECOND not in {user["name"] for user in admin.api("GET", "users").json()}
    # The nearest that may.
    assert LocalPerson(platform, "ada.lovelace").api("GET", "user").ok
    assert LocalPerson(platform, FIRST).api("GET", "user").ok


@pytest.mark.slow
def test_a_name_that_is_no_dns_label_has_an_editor_on_a_host(platform: RunningPlatform) -> None:
    person = LocalPerson(platform, "a.b")
    page = person.editor()
    assert "<marimo-" in page.text
    host = urlsplit(page.url).hostname or ""
    assert re.fullmatch(r"[a-z0-9-]+--[a-z0-9]{7}\.localhost", host)
    assert urlsplit(page.url).path == "/user/a.b/"


def test_only_from_inside_is_it_told_which_hosts_there_are(
    platform: RunningPlatform, admin: LocalPerson
) -> None:
    LocalPerson(platform, "ada")
    path = "/hub/api/mosshub/known-host?domain="
    inside = f"http://127.0.0.1:{platform.port}{path}"
    known = {
        host: requests.get(inside + host, timeout=30)
        for host in ("ada.localhost", "ADA.localhost", "check--mosshub.localhost", "localhost",
                     "nobody.localhost", "ada.ada.localhost", "ada.evil.example", "ada", "")
    }  # fmt: skip
    assert {h for h, a in known.items() if a.status_code == 200} == {
        "ada.localhost", "ADA.localhost", "check--mosshub.localhost",
    }  # fmt: skip
    assert {a.status_code for a in known.values()} == {200, 404}
    assert known["ada.localhost"].content == b""
    for url in (platform.url, origin_of(platform.url, "ada")):
        asked = admin.session.get(f"{url}{path}ada.localhost", headers=SCRIPT, timeout=30)
        assert asked.status_code == 404


# One origin for all


@pytest.fixture(scope="module")
def one_origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform with SUBDOMAINS=no, on which ada shared her server with bob before."""
    running = RunningPlatform(tmp_path_factory.mktemp("one-origin"))
    running.start()
    LocalPerson(running, "ada").editor()
    LocalPerson(running, "bob")
    admin = LocalPerson(running, "admin", running.admin_password)
    shared = admin.api("POST", "shares/ada/", json={"user": "bob", "scopes": None})
    assert shared.status_code == 200, shared.text
    running.stop()
    running.environment["SUBDOMAINS"] = "no"
    running.start()
    yield running
    running.stop()


@pytest.mark.slow
def test_with_one_origin_a_server_is_its_owners_alone(one_origin: RunningPlatform) -> None:
    ada = LocalPerson(one_origin, "ada")
    assert ada.base == f"{one_origin.url}/user/ada/"
    assert "<marimo-" in ada.editor().text
    for name, password in (("admin", one_origin.admin_password), ("bob", None)):
        person = LocalPerson(one_origin, name, password)
        if name == "bob":
            admin = LocalPerson(one_origin, "admin", one_origin.admin_password)
            for path in ("shares/ada/", "share-codes/ada/"):
                shared = admin.api("POST", path, json={"user": "bob", "scopes": None})
                assert shared.status_code == 403, shared.text
                assert "SUBDOMAINS=no" in shared.json()["message"]
            # A share of before is there still; it opens nothing.
            (share,) = admin.api("GET", "shares/ada/").json()["items"]
            assert share["user"]["name"] == "bob"
        # The hub refuses them at once, with no question before.
        refused = person.session.get(ada.base, timeout=60)
        assert refused.status_code == 403
        assert f"Only ada may open this editor, and you are signed in as {name}" in refused.text
        assert "SUBDOMAINS=no" in refused.text
        # So does the server, however they prove who they are.
        token = person.api("POST", f"users/{name}/tokens", json={}).json()["token"]
        own = {"Authorization": f"token {token}"}
        for path in ("", "api/status", "@file/1-x", "terminal/ws"):
            answer = requests.get(ada.base + path, headers=own, timeout=60)
            assert answer.status_code == 403, (name, path)
            assert "Only ada may open this server" in answer.text
        with pytest.raises(InvalidStatus, match="403"):
            connect(
                ada.base.replace("http", "ws", 1) + "terminal/ws",
                origin=one_origin.url,  # type: ignore[arg-type]
                additional_headers=own,
            ).close()
    assert "<marimo-" in ada.open().text, "the nearest allowed: its owner"
    # The cookies of one origin have no prefix: such a cookie would reach every user's server.
    assert not [c for c in ada.session.cookies if c.name.startswith("__Host-")]
    ours = [c for c in ada.session.cookies if c.name.startswith("jupyterhub-")]
    assert len(ours) >= 3, "of hub, session and server"
    assert {c.get_nonstandard_attr("SameSite") for c in ours} == {"Lax"}
    paths = {c.path for c in ours if c.name == "jupyterhub-hub-login"}
    assert paths == {"/hub/"}
