"""The laptop's platform in a real browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.running import RunningPlatform


@pytest.fixture
def sign_in(
    profile: Callable[..., BrowserContext], platform: RunningPlatform
) -> Callable[..., Page]:
    """Sign somebody in, in a browser profile of their own; returns the page they land on."""

    def enter(name: str, password: str | None = None) -> Page:
        page = profile().new_page()
        page.goto(platform.url)
        page.fill("#username_input", name)
        page.fill("#password_input", password or platform.password)
        page.click("#login_submit")
        return page

    return enter
