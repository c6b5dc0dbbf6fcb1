"""A real browser: Debian's Chromium, driven by Playwright."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.running import RunningPlatform

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
ROOT = Path(__file__).resolve().parent.parent.parent
# `make pictures` sets this to docs/pictures.
PICTURES = ROOT / os.environ.get("PICTURES", "tests/.artifacts/pictures")


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def picture() -> Callable[[Page, str], None]:
    """Take a picture of a page, for docs/pictures and for whoever asks what a test saw."""

    def take(page: Page, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png")

    return take


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def sign_in(
    request: pytest.FixtureRequest, browser: Browser, platform: RunningPlatform
) -> Iterator[Callable[..., Page]]:
    """Sign somebody in, in a browser profile of their own; returns the page they land on.

    Pictures of all open pages are kept when the test fails.
    """
    contexts = []

    def enter(name: str, password: str | None = None) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(platform.url)
        page.fill("#username_input", name)
        page.fill("#password_input", password or platform.password)
        page.click("#login_submit")
        return page

    yield enter
    if request.node.stash.get(FAILED, False):
        (PICTURES / "failed").mkdir(parents=True, exist_ok=True)
        for number, page in enumerate(page for context in contexts for page in context.pages):
            page.screenshot(path=PICTURES / "failed" / f"{request.node.name}-{number}.png")
    for context in contexts:
        context.close()
