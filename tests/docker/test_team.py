"""A team in real browsers: through Keycloak to their editors, their work side by side, and out.

Over HTTPS, on a platform of their own that starts from nothing.
"""

import base64
import hashlib
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.docker.containers import eventually
from tests.docker.stack import DOMAIN, SERVICES, Stack, come_back, errors_in, sign_in, standins
from tests.standins.engine import docker

pytestmark = [pytest.mark.timeout(1800), pytest.mark.browser]

MINUTE = 60_000
RECHECK = 5  # seconds between two looks at the provider, for the test of who left


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`make up` from nothing, with a domain."""
    standins()
    running = Stack(tmp_path_factory.mktemp("team"), https=True)
    try:
        running.start()
        yield running
    finally:
        running.remove()


@pytest.fixture(scope="module")
def browser(launch: Callable[..., Browser], stack: Stack) -> Iterator[Browser]:
    """A browser that knows the domain's address and trusts Caddy's authority, and no other."""
    issuer = x509.load_pem_x509_certificate(stack.certificate("intermediate").encode())
    key = issuer.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
    running = launch(
        f"--host-resolver-rules=MAP {DOMAIN} {stack.bind}",
        f"--ignore-certificate-errors-spki-list={trusted}",
    )
    yield running
    running.close()


# Why requests of each page failed: a browser on the containers' own host drops what it is loading
# when another container starts.
DROPPED: dict[Page, list[str]] = {}


def fill_in(page: Page, name: str, password: str) -> None:
    """Keycloak's form."""
    page.wait_for_url("**/auth/realms/mosshub/**")
    page.fill("#username", name)
    page.fill("#password", password)
    page.click("#kc-login")


@pytest.fixture
def enter(profile: Callable[..., BrowserContext], stack: Stack) -> Callable[..., Page]:
    """Sign somebody in with a browser profile of their own; returns the page they land on."""

    def go(name: str, path: str = "/") -> Page:
        page = profile().new_page()
        DROPPED[page] = []
        page.on("requestfailed", lambda request: DROPPED[page].append(request.failure or ""))
        page.goto(stack.url + path)
        page.get_by_role("button", name="Sign in with Keycloak").click()
        fill_in(page, name, stack.secret(name))
        return page

    return go


def seen(page: Page, place: Locator) -> Page:
    """Wait for `place`; a page of which the browser dropped something is loaded anew."""

    def there() -> bool:
        if any("ERR_NETWORK_CHANGED" in reason for reason in DROPPED[page]):
            DROPPED[page].clear()
            page.reload()
        page.wait_for_timeout(200)
        return place.is_visible()

    eventually(there, 180, f"{page.url} shows {place}")
    return page


def files(page: Page) -> Page:
    """Wait for marimo's list of the person's files."""
    return seen(page, page.get_by_text("image_class.py", exact=True).first)


def show(page: Page, text: str | re.Pattern) -> None:
    """Wait for `text` and bring it into view."""
    place = page.get_by_text(text).first
    place.wait_for(timeout=3 * MINUTE)
    place.evaluate("element => element.scrollIntoView()")


def server(stack: Stack, name: str) -> str:
    return f"{stack.name}_{name}--"


def running(stack: Stack, name: str) -> bool:
    return bool(docker("ps", "--quiet", "--filter", f"name=^{server(stack, name)}$"))


class Keeper:
    """Keycloak's admin, through its API."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.session = stack, stack.session()

    def token(self) -> str:
        """Good for a minute."""
        form = {"grant_type": "password", "client_id": "admin-cli", "username": "keeper"}
        answer = self.session.post(
            f"{self.stack.url}/auth/realms/master/protocol/openid-connect/token",
            {**form, "password": self.stack.secret("keeper")},
            timeout=30,
        )
        answer.raise_for_status()
        return answer.json()["access_token"]

    def ask(self, method: str, path: str) -> requests.Response:
        answer = self.session.request(
            method,
            f"{self.stack.url}/auth/admin/realms/mosshub/{path}",
            headers={"Authorization": f"Bearer {self.token()}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer

    def person(self, name: str) -> str:
        """Their id."""
        return self.ask("GET", f"users?username={name}&exact=true").json()[0]["id"]

    def group(self, name: str) -> str:
        return next(g["id"] for g in self.ask("GET", "groups").json() if g["name"] == name)


@contextmanager
def settings(stack: Stack, more: str) -> Iterator[None]:
    """The hub with more settings; afterwards as before."""
    before = stack.settings.read_text()

    def restart() -> None:
        stack.compose("up", "--detach", "--wait", "hub")

    stack.settings.write_text(before + more)
    restart()
    try:
        yield
    finally:
        stack.settings.write_text(before)
        restart()


def accounts(stack: Stack) -> set[str]:
    """Whose password the broker knows."""
    return set(
        stack.in_hub(
            "from hub.accounts import keeper\n"
            "from hub.settings import load_settings\n"
            "print(*keeper(load_settings(), list)._broker.names())"
        ).split()
    )


def fetch(page: Page, path: str) -> dict:
    """Status and JSON of what a script of the page's own asks; 0 where it is sent elsewhere."""
    return page.evaluate(FETCH, path)


FETCH = """async path => {
    const xsrf = document.cookie.match(/_xsrf=([^;]+)/);
    const answer = await fetch(path, {
        redirect: "manual", headers: xsrf ? {"X-XSRFToken": xsrf[1]} : {},
    });
    const body = await answer.text();
    return {status: answer.status, json: body.startsWith("[") ? JSON.parse(body) : null};
}"""


# Two people, side by side


def test_two_people_train_and_stream_through_one_broker(stack, enter, picture):
    homes: dict[str, Page] = {}
    notebooks: dict[str, Page] = {}
    for name in ("ada", "linus"):
        # The start of a container makes the browser drop what it loads: one after the other.
        homes[name] = enter(name)
        expect(homes[name]).to_have_url(re.compile(f"/user/{name}/"), timeout=3 * MINUTE)
        files(homes[name])
    for name, home in homes.items():
        with home.context.expect_page() as tab:
            home.get_by_text("image_class.py", exact=True).first.click()
        notebooks[name] = tab.value
    picture(homes["ada"], "team-files")
    for page in notebooks.values():
        show(page, re.compile("training images and"))
        page.get_by_role("button", name="Train").click()
    for page in notebooks.values():
        show(page, re.compile(r"Trained\. Of all .* test images"))
    for page in notebooks.values():
        page.get_by_text("running", exact=True).wait_for(timeout=2 * MINUTE)
        page.get_by_role("button", name="Send").click()
    for page in notebooks.values():
        show(page, re.compile("The mistakes with the highest confidence|This run has no mistakes"))
        expect(page.locator("tr", has_text="cnn").last).to_contain_text("%")
        page.locator("marimo-vega svg, marimo-vega canvas, .vega-embed canvas").last.wait_for()
        show(page, re.compile("Compare the results"))
    picture(notebooks["ada"], "team-verdicts")

    # One broker has what both sent, each under their own names.
    topics = stack.in_hub(TOPICS).split()
    for name in homes:
        assert [t for t in topics if t.startswith(f"{name}.")], topics

    # What one makes, the other does not have; nor may they look.
    own = "import marimo\n\napp = marimo.App()\n"
    docker(
        *("exec", "--user=1000", server(stack, "ada"), "sh", "-c"),
        f"printf {own!r} > ~/notebooks/adas_own.py",
    )
    for name, home in homes.items():
        home.reload()
        files(home)
        expect(home.get_by_text("adas_own.py", exact=True)).to_have_count(int(name == "ada"))
    # All that was said meanwhile, by the platform and by both servers.
    assert {s: errors_in(stack.logs(s)) for s in SERVICES} == {s: [] for s in SERVICES}
    for name in homes:
        done = subprocess.run(
            ["docker", "logs", server(stack, name)], capture_output=True, text=True
        )
        assert errors_in(done.stdout + done.stderr) == [], name

    stranger = homes["linus"].context.new_page()
    reply = stranger.goto(f"{stack.url}/user/ada/")
    assert reply
    assert reply.status == 403
    picture(stranger, "team-refused")

    cookies = [c for home in homes.values() for c in home.context.cookies()]
    hubs = [c for c in cookies if (c.get("name") or "").startswith("jupyterhub-")]
    assert len(hubs) >= 4, "of hub and server, for each of the two"
    assert [c for c in hubs if not (c.get("secure") and c.get("httpOnly"))] == []


# Who comes in, and who does not


def test_signing_out_is_signing_out_of_the_provider_too(stack, enter, picture):
    page = enter("ada")
    files(page)
    page.goto(f"{stack.url}/hub/home")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/auth/realms/mosshub/**")
    picture(page, "team-sign-out")
    page.get_by_role("button", name="Logout").click()
    page.get_by_role("button", name="Sign in with Keycloak").wait_for()
    picture(page, "team-login")
    page.goto(f"{stack.url}/user/ada/")
    page.get_by_role("button", name="Sign in with Keycloak").click()
    expect(page.locator("#password")).to_be_visible()  # nobody is let in without it
    picture(page, "team-keycloak")
    fill_in(page, "ada", stack.secret("ada"))
    files(page)


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


def test_a_replayed_code_and_a_replayed_state_are_refused(stack):
    session = stack.session()
    back = come_back(stack, session, "ada", stack.secret("ada")).headers["Location"]
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
    assert not [c for s in (other, sign) for c in s.cookies if c.name == "jupyterhub-hub-login"]
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
    assert "jupyterhub-hub-login" not in again.cookies
    assert "Traceback" not in replayed.text


def test_an_expired_session_leads_through_sign_in_back_to_the_page(stack, enter):
    page = enter("ada")
    files(page)
    wanted = f"{stack.url}/hub/token"
    page.context.clear_cookies(name=re.compile("^jupyterhub-"))
    page.goto(wanted)
    assert "/hub/login" in page.url
    page.get_by_role("button", name="Sign in with Keycloak").click()
    expect(page).to_have_url(wanted)  # Keycloak still knew her


def test_who_was_removed_at_the_provider_is_out(stack, enter, picture):
    keeper = Keeper(stack)
    member, team = keeper.person("linus"), keeper.group("team")
    home = "/user/linus/"
    with settings(stack, f"AUTH_REFRESH_AGE={RECHECK}\nALLOWED_USERS=ada\n"):
        ada, page = enter("ada"), enter("linus")
        files(ada), files(page)
        assert fetch(page, home)["status"] == 200
        assert accounts(stack) == {"ada", "linus"}
        keeper.ask("DELETE", f"users/{member}/groups/{team}")
        try:
            # He stays at his editor and asks the hub for nothing.
            eventually(lambda: fetch(page, home)["status"] != 200, 90, "no answer")
            eventually(lambda: not running(stack, "linus"), 60, "his server has ended")
            eventually(lambda: accounts(stack) == {"ada"}, 60, "his account on the broker is gone")
            assert page.goto(stack.url + home)
            assert "/hub/login" in page.url
            page.get_by_role("button", name="Sign in with Keycloak").click()
            expect(page.get_by_role("heading", name="You are not let in")).to_be_visible()
            picture(page, "team-removed")
            # The nearest that may.
            ada.reload()
            files(ada)
            assert running(stack, "ada")
        finally:
            keeper.ask("PUT", f"users/{member}/groups/{team}")
        page.goto(f"{stack.url}/hub/home")
        expect(page.get_by_role("button", name="Sign out")).to_be_visible()
        assert "Traceback" not in stack.logs("hub")


# The start of a server


def choice_is_offered(page: Page, stack: Stack) -> bool:
    page.goto(f"{stack.url}/hub/spawn")
    return page.get_by_label("Image").is_visible()


def test_an_image_is_chosen_and_one_that_fails_says_why(stack, enter, picture):
    failing = f"{stack.name}/user:failing"
    program = "FROM debian:trixie-slim\nCMD echo 'there is no editor in here'; exit 7\n"
    build = ["docker", "build", "--quiet", "--tag", failing, "-"]
    subprocess.run(build, input=program.encode(), check=True, capture_output=True)
    try:
        with settings(stack, f"USER_IMAGES=mosshub/user:cpu,{failing}\n"):
            if running(stack, "linus"):
                docker("rm", "-f", server(stack, "linus"))
            page = enter("linus")
            choice = page.get_by_label("Image")
            expect(choice.locator("option")).to_have_text(["cpu", "failing"])
            picture(page, "team-images")
            choice.select_option("cpu")
            page.get_by_role("button", name="Start").click()
            files(page)
            docker("rm", "-f", server(stack, "linus"))
            # The hub notices within five seconds.
            eventually(lambda: choice_is_offered(page, stack), 60, "the form for a new start")
            choice.select_option("failing")
            page.get_by_role("button", name="Start").click()
            seen(page, page.get_by_text("there is no editor in here").first)
            # On the form where it failed at once, else on the page that follows the waiting one.
            ends = re.compile("Start your editor|Your editor could not start")
            expect(page.get_by_role("heading", name=ends)).to_be_visible()
            expect(page.get_by_text("exit code 7")).to_be_visible()
            expect(page.get_by_text("SpawnException")).to_have_count(0)
            picture(page, "team-failed")
        # An admin took the image away that linus had chosen last: he gets the one there is.
        page.goto(f"{stack.url}/hub/spawn")
        files(page)
    finally:
        docker("image", "rm", "-f", failing)


# Admins


def test_a_removed_person_is_out_and_their_files_are_kept_and_named(stack, enter, picture):
    person = files(enter("linus"))
    volume = f"{stack.name}_home_linus"
    page = enter("grace")
    row = page.locator("tr", has_text="linus").first
    row.get_by_role("button", name="Edit User").click()
    picture(page, "team-edit")
    page.get_by_role("button", name="Delete user").click()
    eventually(lambda: not running(stack, "linus"), 90, "his server has ended")
    assert docker("volume", "ls", "--quiet", "--filter", f"name=^{volume}$") == volume
    eventually(lambda: volume in stack.logs("hub"), 60, "the hub's log names the volume")
    reply = person.goto(f"{stack.url}/user/linus/")
    assert reply
    assert "/hub/login" in person.url
    # The name is free, and whoever is let in under it has the files that go with it.
    _, answer = sign_in(stack, "linus", stack.secret("linus"))
    assert answer.status_code == 302, answer.text


TOPICS = """
from hub.accounts import Broker, admin_server, broker_secret
from hub.settings import load_settings
settings = load_settings()
print(*Broker(lambda: admin_server(settings), broker_secret(settings)).topics())
"""
