"""An origin for each user: what a user's page can do to whoever opens it, and where pages are."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.attack import ATTACK_PAGE, state, tries_everything
from tests.support.host_names import origin_of, server_of
from tests.support.people import LocalPerson
from tests.support.planting import plants_cookies
from tests.support.platform import RunningPlatform
from tests.support.start_page import open_all_files
from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR


def files(page: Page) -> Page:
    """Wait for marimo's list of files."""
    return open_all_files(page)


def open_server(page: Page, platform: RunningPlatform, owner: str) -> None:
    """Open another user's server by its address."""
    page.goto(server_of(platform.url, owner))
    answer_question(page)


def answer_question(page: Page) -> None:
    """Wait for another user's files; the first time the hub asks whether it may tell who looks."""
    question = page.get_by_role("button", name=re.compile("^Open .* editor$"))
    question.or_(page.get_by_text("image_class.py", exact=True)).first.wait_for(timeout=3 * MINUTE)
    if question.is_visible():
        question.click()
    files(page)


@pytest.fixture
def admin(platform: RunningPlatform) -> LocalPerson:
    """The admin, without a browser."""
    return LocalPerson(platform, "admin", platform.admin_password)


@pytest.fixture
def attack_file(platform: RunningPlatform) -> Iterator[Callable[[str, str], str]]:
    """Write the attack page as somebody's virtual file; give its path on their server."""
    file = Path("/dev/shm/mosshub-attack.html")  # noqa: S108  where marimo keeps virtual files

    def write(owner: str, victim: str) -> str:
        page = ATTACK_PAGE % {"hub": platform.url, "owner": owner, "victim": victim}
        file.write_text(page)
        return f"@file/{len(page.encode())}-{file.name}"

    yield write
    file.unlink(missing_ok=True)


def test_a_page_that_linus_wrote_cannot_act_as_the_admin_who_opens_it(
    sign_in: Callable[..., Page],
    platform: RunningPlatform,
    admin: LocalPerson,
    attack_file: Callable[[str, str], str],
) -> None:
    files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    before = state(admin)
    server = server_of(platform.url, "linus")
    open_server(page, platform, "linus")
    answer = page.goto(server + attack_file("linus", "admin"))
    assert answer and answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("sandbox;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert page.title() == "nothing happened", "in a sandbox no script runs"
    # A page without a sandbox, as from a server that linus replaced: the script runs.
    attack = ATTACK_PAGE % {"hub": platform.url, "owner": "linus", "victim": "admin"}
    page.route(
        f"{server}attack", lambda route: route.fulfill(body=attack, content_type="text/html")
    )
    page.goto(f"{server}attack")
    expect(page).to_have_title("the script runs")
    page.wait_for_timeout(2000)
    assert page.title() == "the script runs", "and is told nothing"
    assert state(admin) == before


def test_a_script_on_a_users_page_gets_nothing(
    sign_in: Callable[..., Page], platform: RunningPlatform, admin: LocalPerson
) -> None:
    """The hub's routes, marimo's routes on other servers, frames, WebSockets."""
    for name in ("linus", "ada"):
        files(sign_in(name))
    admin.editor()
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    servers = [server_of(platform.url, name) for name in ("admin", "ada")]
    for owner in ("admin", "ada", "linus"):
        open_server(page, platform, owner)
    before = state(admin)
    tries_everything(page, platform.url, "admin", servers)
    assert state(admin) == before
    # The admin is still signed in, and her pages work.
    page.goto(f"{platform.url}/hub/admin")
    expect(page.locator("tr", has_text="linus").first).to_be_visible(timeout=3 * MINUTE)


def test_a_users_server_is_given_nothing_of_the_hub(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    """Neither cookies of the hub, nor a token that is good for anything but to know who looks."""
    files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    server = server_of(platform.url, "linus")
    open_server(page, platform, "linus")
    there = {c.get("name") for c in page.context.cookies(server)}
    assert there == {"jupyterhub-user-linus", "_xsrf"}
    hubs = [c for c in page.context.cookies() if "linus" not in (c.get("domain") or "")]
    assert {c.get("domain") for c in hubs} == {"localhost"}, "no cookie is for the whole domain"
    assert {"jupyterhub-hub-login", "jupyterhub-session-id"} <= {c.get("name") for c in hubs}


def test_cookies_that_a_users_page_plants_have_no_effect(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    linus = files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    open_server(page, platform, "linus")
    plants_cookies(page, platform.url, linus.context.cookies(platform.url), "admin")


# Where pages are


def test_every_old_address_leads_to_the_right_one(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    page = files(sign_in("ada"))
    here, server = origin_of(platform.url, "ada"), server_of(platform.url, "ada")
    assert page.url.startswith(server)
    outside = platform.url.replace("localhost", "127.0.0.1")
    for address in (
        f"{server}?file=image_class.py",  # a deep link
        f"{platform.url}/user/ada/?file=image_class.py",  # a bookmark of before
        f"{outside}/user/ada/?file=image_class.py",
    ):
        page.goto(address)
        deep_link = re.compile(re.escape(server) + r"\?.*file=image_class\.py")
        expect(page).to_have_url(deep_link, timeout=3 * MINUTE)
        page.get_by_role("heading", name="Image classification over Kafka").wait_for(
            timeout=3 * MINUTE
        )
        page.locator(".cm-editor").first.wait_for()
    for address in (outside, f"{here}/hub/home", f"{here}/"):
        page.goto(address)
        assert page.url.startswith(f"{platform.url}/hub/") or page.url.startswith(server), page.url
    # Programs may use 127.0.0.1.
    person = LocalPerson(platform, "ada")
    token = person.api("POST", "users/ada/tokens", json={}).json()["token"]
    assert requests.get(f"{outside}/hub/health", timeout=30).ok
    answer = requests.get(
        f"{outside}/hub/api/user", headers={"Authorization": f"token {token}"}, timeout=30
    )
    assert answer.json()["name"] == "ada"


def test_an_admin_opens_a_server_from_the_panel(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    row = page.locator("tr", has_text="linus").first
    row.get_by_role("link", name="Access Server").click(timeout=3 * MINUTE)
    answer_question(page)
    assert page.url.startswith(server_of(platform.url, "linus"))


def test_the_address_of_a_stopped_server_leads_to_its_start(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    page = files(sign_in("ada"))
    page.goto(f"{platform.url}/hub/home")
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Stop my editor").click()
    page.get_by_text("Your editor is not running").wait_for(timeout=3 * MINUTE)
    page.goto(f"{server_of(platform.url, 'ada')}?file=image_class.py")
    expect(page.get_by_role("heading", name="Your editor is not running")).to_be_visible()
    assert page.url.startswith(f"{platform.url}/hub/user/ada/")
    page.get_by_role("button", name="Open my editor").click()
    page.get_by_role("heading", name="Image classification over Kafka").wait_for(timeout=3 * MINUTE)
    assert page.url.startswith(server_of(platform.url, "ada"))


def test_a_sign_out_counts_at_once_on_the_users_host(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    page = files(sign_in("ada"))
    other = page.context.new_page()
    other.goto(f"{platform.url}/hub/logout")
    page.goto(server_of(platform.url, "ada"))
    expect(page.get_by_label("Name:")).to_be_visible()
    assert page.url.startswith(f"{platform.url}/hub/login")
    sign_in("bob", page=page)
    answer = page.goto(server_of(platform.url, "ada"))
    assert answer and answer.status == 403


def test_the_sign_in_page_says_if_a_browser_does_not_reach_users_hosts(
    profile: Callable[..., BrowserContext], platform: RunningPlatform, picture: Callable
) -> None:
    said = "This browser does not reach addresses such as ada.localhost"
    page = profile().new_page()
    with page.expect_response(re.compile(r"//check--mosshub\.localhost:\d+/hub/health")):
        page.goto(platform.url)
    page.wait_for_timeout(500)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.route(re.compile(r"//check--mosshub\."), lambda route: route.abort("namenotresolved"))
    page.goto(platform.url)
    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(page.get_by_role("alert")).to_contain_text("SUBDOMAINS=no")
    picture(page, "unreachable")
