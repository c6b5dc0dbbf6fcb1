"""The laptop's platform in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.support.platform import RunningPlatform


@pytest.fixture
def sign_in(
    profile: Callable[..., BrowserContext], platform: RunningPlatform
) -> Callable[..., Page]:
    """Sign somebody in, in a browser profile of their own or on a given page of it; returns the
    page they land on."""

    def enter(name: str, password: str | None = None, page: Page | None = None) -> Page:
        page = page or profile().new_page()
        page.goto(platform.url)
        page.fill("#username_input", name)
        page.fill("#password_input", password or platform.password)
        page.click("#login_submit")
        return page

    return enter


@pytest.fixture
def restart(platform: RunningPlatform) -> Callable[[Page], None]:
    """Stop somebody's server and start it again, on the hub's page; ends with their files."""

    def go(page: Page) -> None:
        page.goto(f"{platform.url}/hub/home")
        page.wait_for_load_state("networkidle")  # before that the button does nothing
        page.get_by_role("button", name="Stop my editor").click()
        page.get_by_text("Your editor is not running").wait_for(timeout=180_000)
        page.get_by_role("button", name="Open my editor").click()
        page.get_by_text("image_class.py", exact=True).first.wait_for(timeout=120_000)

    return go
