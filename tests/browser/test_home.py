"""The start page in a real browser: small, whole without scripts, and nobody else is asked."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from tests.support.host_names import ALL_FILES, server_of
from tests.support.platform import RunningPlatform
from tests.support.start_page import open_all_files
from tests.support.waiting import TIMEOUT_FACTOR, wait_until

MINUTE = 60_000 * TIMEOUT_FACTOR
MAX_BYTES, MAX_REQUESTS = 60_000, 6
# What the page needed: itself, and what it loaded by then. Redirects before it do not count.
LOADED = """() => performance.getEntriesByType("resource")
  .concat(performance.getEntriesByType("navigation"))
  .map((entry) => [entry.name, entry.transferSize])"""


@pytest.fixture
def home(sign_in: Callable[..., Page], platform: RunningPlatform) -> Page:
    """Hedy's start page, with a notebook of her own and an edited one of the platform."""
    page = sign_in("hedy")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    notebooks = platform.data_dir / "users" / "hedy" / "notebooks"
    (notebooks / "a notebook with a long_name_without_any_space_in_it_at_all.py").write_text(
        "import marimo\n\napp = marimo.App()\n"
    )
    (notebooks / "train.py").write_text("import marimo\n\napp = marimo.App()\n")
    return page


def test_the_page_is_small_and_asks_only_the_platform(
    home: Page, platform: RunningPlatform, profile: Callable[..., BrowserContext]
) -> None:
    address = server_of(platform.url, "hedy")
    open_all_files(home)  # marimo runs
    context = profile(storage_state=home.context.storage_state())
    page = context.new_page()  # with an empty cache
    asked: list[Request] = []
    context.on("request", lambda request: asked.append(request))
    page.goto(address, wait_until="load")
    loaded = [entry for entry in page.evaluate(LOADED) if not entry[0].startswith("data:")]
    print(len(loaded), "requests,", sum(size for _, size in loaded), "bytes", loaded)
    assert 1 < len(loaded) <= MAX_REQUESTS
    assert 10_000 < sum(size for _, size in loaded) <= MAX_BYTES

    # Then marimo's files come, so that a notebook opens from the browser's cache.
    with page.expect_response(re.compile("/assets/edit-page-.*css"), timeout=3 * MINUTE) as last:
        page.wait_for_timeout(100)
    assert last.value.ok
    with context.expect_page() as tab:
        page.get_by_role("link", name="Image classification over Kafka").click()
    notebook = tab.value
    notebook.get_by_role("heading", name="Image classification over Kafka").wait_for(
        timeout=3 * MINUTE
    )
    again = [url for url, size in notebook.evaluate(LOADED) if "/assets/" in url and size > 300]
    assert len(again) < 60, "most of what the notebook needs was there"
    page.reload()
    expect(page.get_by_role("heading", name="Running")).to_be_visible()
    # Nothing of the notebook leads outside: marimo offers no way to publish it.
    notebook.get_by_role("button", name="Edit", exact=True).click()  # it opened as an app
    notebook.get_by_test_id("notebook-menu-dropdown").click(timeout=3 * MINUTE)
    expect(notebook.get_by_role("menuitem", name="Export")).to_be_visible()
    menu = notebook.get_by_role("menu").inner_text()
    assert not re.search("share|publish|molab|WebAssembly", menu, re.IGNORECASE), menu
    hosts = {urlsplit(r.url).hostname for r in asked if not r.url.startswith("data:")}
    assert hosts <= {"localhost", "hedy.localhost"}


def test_it_says_that_the_editor_starts_until_it_has(home: Page, platform: RunningPlatform) -> None:
    open_all_files(home)  # marimo runs
    notebooks = str(platform.data_dir / "users" / "hedy" / "notebooks")
    starting = home.get_by_text("Your editor is still starting")

    def seen_after_its_end() -> bool:
        for process in psutil.process_iter(["cmdline"]):
            words = process.info["cmdline"] or []
            if "edit" in words and notebooks in words:
                process.kill()
        home.goto(server_of(platform.url, "hedy"))
        return starting.is_visible()

    wait_until(seen_after_its_end, 60, "the page says that the editor starts")
    expect(starting).to_be_hidden(timeout=MINUTE)
    status = home.evaluate("fetch('_mosshub/status?seen=').then((answer) => answer.json())")
    assert status["editor"] == "ready"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_screen(
    home: Page, browser: Browser, picture: Callable[[Page, str], None], scheme: str
) -> None:
    for width in (320, 390, 1280):
        context = browser.new_context(
            storage_state=home.context.storage_state(),
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        page.goto(home.url)
        expect(page.get_by_role("heading", name="Hello, hedy")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        picture(page, f"home-{scheme}-{width}")
        context.close()


def test_it_works_without_scripts(
    home: Page, platform: RunningPlatform, profile: Callable[..., BrowserContext]
) -> None:
    context = profile(storage_state=home.context.storage_state(), java_script_enabled=False)
    page = context.new_page()
    page.goto(home.url)
    card = page.get_by_role("listitem").filter(has_text="train.py")
    card.get_by_text("You edited this notebook").click()
    card.get_by_role("button", name="Restore the original of train.py").click()
    expect(page.get_by_role("status")).to_contain_text("Your version is now train.mine.py")
    expect(page.get_by_text("train.mine.py", exact=True)).to_be_visible()
    notebooks = platform.data_dir / "users" / "hedy" / "notebooks"
    assert "Train" in (notebooks / "train.py").read_text()
    (notebooks / "train.mine.py").unlink()

    # A kernel, started in another window.
    notebook = home.context.new_page()
    notebook.goto(f"{home.url}?file=topics.py")
    notebook.get_by_role("heading", name="Topics").first.wait_for(timeout=3 * MINUTE)
    page.reload()
    page.get_by_role("button", name="Stop topics.py").click()
    expect(page.get_by_role("status")).to_contain_text("The notebook is stopped")
    expect(page.get_by_role("button", name="Stop topics.py")).to_have_count(0)


def test_marimos_list_leads_back_and_not_outside(home: Page, platform: RunningPlatform) -> None:
    page = open_all_files(home)
    assert page.url == server_of(platform.url, "hedy") + ALL_FILES
    outside = page.locator("a[href^='http']:visible")
    links = [link.get_attribute("href") or "" for link in outside.all()]
    assert not [link for link in links if "localhost" not in link], links
    page.get_by_role("link", name="Home", exact=True).click()
    expect(page.get_by_role("heading", name="Hello, hedy")).to_be_visible()
