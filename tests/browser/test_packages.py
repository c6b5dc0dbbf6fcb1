"""A package from marimo's own panel is still there after the server was restarted."""

import re
from collections.abc import Callable
from contextlib import suppress

from playwright.sync_api import Locator, Page, TimeoutError

from tests.support.host_names import server_of
from tests.support.platform import RunningPlatform
from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR


def open_panel(page: Page) -> Locator:
    """Open marimo's panel of packages; return its search field."""
    page.get_by_role("heading", name="Image classification over Kafka").wait_for(timeout=3 * MINUTE)
    search = page.get_by_placeholder(re.compile("Install packages")).first
    for _ in range(4):  # marimo remembers an open panel, and takes a quick click for a drag
        with suppress(TimeoutError):
            search.wait_for(timeout=15_000)
            return search
        page.locator('[data-testid="chrome-sidebar"] svg.lucide-box').click()
        page.keyboard.press("Escape")
    raise AssertionError("marimo's panel of packages does not open")


def test_a_package_from_the_panel_survives_a_restart_of_the_server(
    sign_in: Callable[..., Page],
    restart: Callable[[Page], None],
    picture: Callable[[Page, str], None],
    platform: RunningPlatform,
) -> None:
    page = sign_in("pat")
    page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=3 * MINUTE)
    page.goto(f"{server_of(platform.url, 'pat')}?file=image_class.py")
    search = open_panel(page)
    search.fill("cowsay")
    search.press("Enter")
    # A row of the list, not the toast that says it is being installed.
    page.locator("tr", has_text="cowsay").wait_for(timeout=3 * MINUTE)
    picture(page, "packages")

    restart(page)
    page.goto(f"{server_of(platform.url, 'pat')}?file=image_class.py")
    open_panel(page)
    page.locator("tr", has_text="cowsay").wait_for(timeout=3 * MINUTE)
