"""SUBDOMAINS=no: all pages share one origin, so nobody opens the server of another user."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.attack import ATTACK_PAGE, state, tries_everything
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.start_page import open_all_files
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
def _():
    import marimo as mo

    mo.md("# A page for one")
    return
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """A platform with one origin, for this module."""
    running = RunningPlatform(tmp_path_factory.mktemp("one-origin"), SUBDOMAINS="no")
    running.start()
    yield running
    running.stop()


def files(page: Page) -> Page:
    return open_all_files(page)


def test_an_admin_cannot_open_the_page_that_linus_wrote(
    sign_in: Callable[..., Page], platform: RunningPlatform, picture: Callable[[Page, str], None]
) -> None:
    owner = files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    admin = LocalPerson(platform, "admin", platform.admin_password)
    before = state(admin)
    attack = ATTACK_PAGE % {"hub": platform.url, "owner": "linus", "victim": "admin"}
    file = Path("/dev/shm/mosshub-attack.html")  # noqa: S108  where marimo keeps virtual files
    file.write_text(attack)
    address = f"{platform.url}/user/linus/@file/{len(attack.encode())}-{file.name}"
    try:
        page.goto(address)
        # Nobody is asked: it is refused at once.
        expect(page.get_by_role("heading", name="You may not open this page")).to_be_visible()
        expect(page.get_by_text("Only linus may open this editor")).to_be_visible()
        expect(page.get_by_text("SUBDOMAINS=no")).to_be_visible()
        picture(page, "one-origin")
        for path in ("", "?file=image_class.py", "api/status"):
            answer = page.goto(f"{platform.url}/user/linus/{path}")
            assert answer and answer.status == 403
        # Its owner may, and then it is a page in a sandbox.
        answer = owner.goto(address)
        assert answer and answer.status == 200
        assert answer.headers["content-security-policy"].startswith("sandbox;")
        assert owner.title() == "nothing happened"
    finally:
        file.unlink()
    assert state(admin) == before


def test_a_script_in_a_frame_of_the_owners_page_gets_nothing(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    """Outputs of a notebook that are files run their scripts there, and belong to no origin."""
    files(sign_in("ada"))
    page = files(sign_in("linus"))
    file = Path("/dev/shm/mosshub-frame.html")  # noqa: S108  where marimo keeps virtual files
    file.write_text("<p id=shown>shown</p><script>document.title = 'it runs'</script>")
    admin = LocalPerson(platform, "admin", platform.admin_password)
    before = state(admin)
    try:
        address = f"/user/linus/@file/{file.stat().st_size}-{file.name}"
        page.evaluate(
            """address => {
              const frame = document.createElement("iframe");
              frame.src = address;
              document.body.append(frame);
            }""",
            address,
        )
        page.frame_locator(f'iframe[src="{address}"]').locator("#shown").wait_for()
        frame = next(frame for frame in page.frames if frame.url.endswith(address))
        assert frame.evaluate("[document.title, self.origin]") == ["it runs", "null"]
        servers = [f"{platform.url}/user/{name}/" for name in ("ada", "linus")]
        tries_everything(page, platform.url, "linus", servers, frame)
    finally:
        file.unlink()
    assert state(admin) == before


def test_the_panel_offers_the_admins_own_server_only(
    sign_in: Callable[..., Page], platform: RunningPlatform
) -> None:
    files(sign_in("linus"))
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    page.goto(f"{platform.url}/hub/spawn")
    files(page)
    page.goto(f"{platform.url}/hub/admin")
    open_server = page.get_by_role("link", name="Access Server")
    expect(page.locator("tr", has_text="linus").first).to_be_visible()
    stop = page.locator("tr", has_text="linus").first.get_by_role("button", name="Stop Server")
    expect(stop).to_be_visible()
    expect(open_server).to_have_count(1)
    assert open_server.get_attribute("href") == "/user/admin/"


def test_an_app_is_its_authors_alone_and_copies_are_given_and_taken(
    sign_in: Callable[..., Page], platform: RunningPlatform, picture: Callable[[Page, str], None]
) -> None:
    author, other = files(sign_in("linus")), files(sign_in("ada"))
    homes = {name: platform.data_dir / "users" / name / "notebooks" for name in ("linus", "ada")}
    (homes["linus"] / "alone.py").write_text(NOTEBOOK)
    author.goto(f"{platform.url}/user/linus/_mosshub/publish?file=alone.py")
    expect(author.get_by_text("Apps are for their authors alone here")).to_be_visible()
    author.get_by_label("Title").fill("Alone")
    author.get_by_role("button", name="Publish", exact=True).click()
    expect(author.get_by_role("status")).to_contain_text("Alone is published")
    author.goto(f"{platform.url}/hub/apps")
    with author.expect_popup() as opened:
        author.get_by_role("link", name="Alone").click()
    app = opened.value
    app.get_by_role("heading", name="A page for one").wait_for(timeout=3 * MINUTE)
    picture(app, "one-origin-app")
    answer = other.goto(f"{platform.url}/hub/apps/linus/alone")
    assert answer and answer.status == 403
    expect(other.get_by_text("SUBDOMAINS=no")).to_be_visible()

    author.goto(f"{platform.url}/user/linus/_mosshub/copies?file=alone.py")
    author.get_by_label("Send it to").fill("ada")
    author.get_by_role("button", name="Give a copy").click()
    expect(author.get_by_text("is given to: ada")).to_be_visible()
    take = other.get_by_role("button", name="Make it mine: alone.py of linus")

    def waits() -> bool:
        other.goto(f"{platform.url}/user/ada/")
        return bool(take.count())

    wait_until(waits, 60, "the copy waits on ada's Home")
    take.click()
    expect(other.get_by_text("alone.py is yours")).to_be_visible()
    assert (homes["ada"] / "alone.py").read_text() == NOTEBOOK


def test_the_sign_in_page_needs_no_other_host(
    profile: Callable[..., BrowserContext], platform: RunningPlatform
) -> None:
    page = profile().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(platform.url.replace("localhost", "127.0.0.1"))  # here any address is good
    expect(page.get_by_label("Name:")).to_be_visible()
    assert page.url.startswith(platform.url.replace("localhost", "127.0.0.1"))
    expect(page.get_by_role("alert")).to_have_count(0)
    assert not [url for url in asked if "check--mosshub" in url]
