"""Every page of ours can be used by everybody: WCAG 2.2 AA, light and dark, wide and narrow, keys.

marimo's own pages are not ours; of them only what we put there is meant.
"""

import itertools
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from marimo_singleuser.history.store import History
from marimo_singleuser.proxy import pages
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.accessibility import unreachable, violations
from tests.support.host_names import ALL_FILES, server_of
from tests.support.light_hub import LightHub
from tests.support.paths import ROOT
from tests.support.people import LocalPerson
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR
# Colours do not depend on the width, nor sizes on the theme: two looks see all four.
LOOKS = (("light", 1280), ("dark", 390))
Take = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def slow_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightHub]:
    """A hub whose servers start for ever, with a team's own look."""
    folder = tmp_path_factory.mktemp("hub")
    look = {"TEAM_NAME": "Vision Lab", "TEAM_COLOUR": "#8a2be2", "HELP_URL": "mailto:help@lab.org"}
    with LightHub(folder / "data", start_seconds=900, **look) as running:
        yield running


def each_look(browser: Browser, state: object) -> Iterator[tuple[str, BrowserContext]]:
    """Yield a browser for each of LOOKS; `state` is the session of who is signed in."""
    for scheme, width in LOOKS:
        context = browser.new_context(
            storage_state=state,  # type: ignore[arg-type]
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        context.set_default_timeout(2 * MINUTE)
        try:
            yield f"{scheme}-{width}", context
        finally:
            context.close()


def check(page: Page, name: str, picture: Take, selector: str | None = None) -> list[str]:
    """Return what is wrong with the page that is shown, each with the page's name."""
    picture(page, name)
    wrong = violations(page, selector)
    width = page.viewport_size["width"]  # type: ignore[index]
    if page.evaluate("document.documentElement.scrollWidth") > width:
        wrong.append("it is wider than the window")
    wrong += unreachable(page, selector or "body")
    return [f"{name}: {what}" for what in wrong]


def enter(context: BrowserContext, url: str, name: str, password: str) -> Page:
    page = context.new_page()
    page.goto(f"{url}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", password)
    page.keyboard.press("Enter")
    return page


def test_the_hubs_pages(
    slow_hub: LightHub, browser: Browser, profile: Callable[..., BrowserContext], picture: Take
) -> None:
    hub = slow_hub
    for name in ("ada", "a-name-that-is-really-quite-long-for-a-table"):
        LocalPerson(hub, name)  # their editors start
    admin = profile()
    enter(admin, hub.url, "admin", hub.admin_password).wait_for_url("**/hub/admin")
    ada = profile()
    enter(ada, hub.url, "ada", hub.password).wait_for_url(re.compile("/spawn-pending/ada"))
    people = "/hub/mosshub/admin"
    visits = [
        (None, "login", "/hub/login"),
        (None, "error-503", "/hub/error/503"),
        (None, "error-401", "/hub/error/401"),
        (ada, "starting", "/hub/spawn-pending/ada"),
        (ada, "error-404", "/hub/nowhere"),
        (ada, "error-403", people),
        (ada, "error-500", "/hub/error/500"),
        (admin, "hub-home", "/hub/home"),
        (admin, "not-running", "/hub/user/admin/"),
        (admin, "people", people),
        (admin, "person", f"{people}/people/ada"),
        (admin, "start-without", "/hub/mosshub/start-without/ada"),
    ]
    wrong: list[str] = []
    for who, visited in itertools.groupby(visits, key=lambda visit: visit[0]):
        steps = list(visited)
        for look, context in each_look(browser, who.storage_state() if who else None):
            for _, name, path in steps:
                page = context.new_page()
                page.goto(hub.url + path)
                # The page of a server that is away asks again, and would find this one well.
                page.route("**/hub/error/503", lambda route: route.fulfill(status=503))
                assert "Vision Lab" in page.title()
                wrong += check(page, f"{name}-{look}", picture)
                page.close()
    assert not wrong, "\n".join(wrong)


def test_pages_that_are_shown_without_a_hub(browser: Browser, picture: Take) -> None:
    shown = {
        "editor-starting": pages.starting(),
        "editor-failed": pages.failed("marimo ended (exit code 1)", ["a line"] * 9, "/hub/"),
        "editor-error": pages.error(403, "You may not open this address.", "/hub/"),
        "hub-away": (ROOT / "hub/pages/static/unavailable.html")
        .read_bytes()
        .replace(b"{{ team_name }}", b"Mosshub")
        .replace(b"{{ team_style }}", b""),
    }
    wrong: list[str] = []
    for look, context in each_look(browser, None):
        for name, html in shown.items():
            page = context.new_page()
            page.set_content(html.decode().replace("location.reload()", "null"))
            picture(page, f"{name}-{look}")
            wrong += [f"{name}-{look}: {what}" for what in violations(page)]
            page.close()
    assert not wrong, "\n".join(wrong)


def test_the_editors_pages(
    platform: RunningPlatform,
    sign_in: Callable[..., Page],
    browser: Browser,
    picture: Take,
) -> None:
    page = sign_in("irma")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    home = server_of(platform.url, "irma")
    notebooks = platform.data_dir / "users" / "irma" / "notebooks"
    (notebooks / "mine.py").write_text("import marimo\n\napp = marimo.App()\n")
    (notebooks / "train.py").write_text("import marimo\n\napp = marimo.App()\n")
    history = History(notebooks.parent / ".local" / "share" / "mosshub" / "history.sqlite")
    history.keep("mine.py", "import marimo\n\napp = marimo.App()\n# as it was\n", time.time() - 99)
    history.keep("gone.py", "x = 1\n", time.time())
    admin = sign_in("admin", platform.admin_password)
    admin.wait_for_url("**/hub/admin")
    wrong: list[str] = []
    for look, context in each_look(browser, page.context.storage_state()):
        shown = context.new_page()
        shown.goto(home)
        wrong += check(shown, f"home-{look}", picture)
        for query, name in (
            ("", "versions"),
            ("?file=mine.py", "version"),
            ("?file=gone.py", "gone"),
        ):
            shown.goto(f"{home}_mosshub/history{query}")
            wrong += check(shown, f"{name}-{look}", picture)
    for look, context in each_look(browser, admin.context.storage_state()):
        shown = context.new_page()
        shown.goto(home)
        expect(shown.get_by_role("heading", name="Open irma's editor?")).to_be_visible()
        wrong += check(shown, f"consent-{look}", picture)
    assert not wrong, "\n".join(wrong)


def test_a_person_with_an_account_on_the_broker(
    platform: RunningPlatform, sign_in: Callable[..., Page], picture: Take
) -> None:
    LocalPerson(platform, "jean").editor()
    page = sign_in("admin", platform.admin_password)
    page.wait_for_url("**/hub/admin")
    page.get_by_role("link", name="People", exact=True).click()
    row = page.get_by_role("row").filter(has_text="jean")
    expect(row).to_contain_text("Running")
    # The script writes what has changed: the first measurement tells no processors.
    expect(row.locator("[data-cell=processors]")).to_have_text(re.compile(r"\d\.\d"))
    expect(row.get_by_role("button", name="Stop jean's editor")).to_be_visible()
    expect(row.get_by_role("button", name="Start jean's editor")).to_be_hidden()
    page.get_by_label("Search by name, state or image").fill("jea")
    expect(page.get_by_role("row").filter(has_text="admin")).to_be_hidden()
    row.get_by_role("link", name="jean", exact=True).click()
    begins = "whose names begin with jean."
    expect(page.get_by_text(f"consumer groups and transactions {begins}")).to_be_visible()
    expect(page.get_by_text("read and write topics whose names begin with team.")).to_be_visible()
    expect(page.get_by_role("region", name="Last lines of the editor's log")).to_be_visible()
    picture(page, "person-with-account")
    page.get_by_role("button", name="Stop the editor").click()
    expect(page.get_by_role("status")).to_contain_text("jean's editor is stopped")
    with platform.broker_paused():
        page.reload()
        expect(page.get_by_text("The broker is away.")).to_be_visible()


def test_nothing_leaves_the_platform(
    platform: RunningPlatform, profile: Callable[..., BrowserContext], sign_in: Callable[..., Page]
) -> None:
    """Home, marimo's list and a notebook ask only the platform, and offer no way outside."""
    context = profile()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))
    page = sign_in("kira", page=context.new_page())
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    home = server_of(platform.url, "kira")
    page.goto(home + ALL_FILES)
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    tutorials = page.get_by_test_id("open-tutorial-button")
    expect(tutorials).to_have_count(1)
    expect(tutorials).to_be_hidden()
    page.goto(f"{home}?file=topics.py")
    page.get_by_role("heading", name="Topics").first.wait_for(timeout=3 * MINUTE)
    page.get_by_test_id("notebook-menu-dropdown").click()
    expect(page.get_by_role("menuitem", name="Export")).to_be_visible()
    for outside in ("Resources", "Report an issue"):
        item = page.get_by_test_id(f"notebook-menu-dropdown-{outside}")
        expect(item).to_have_count(1)
        expect(item).to_be_hidden()
    hosts = {urlsplit(url).hostname for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {"localhost", "kira.localhost"} | (hosts & {"check--mosshub.localhost"})
