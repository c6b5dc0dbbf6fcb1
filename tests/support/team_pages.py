"""Pages of the team's platform in a real browser, and the servers behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Error, Locator, Page

from tests.standins.engine import docker
from tests.support.stack import Stack
from tests.support.waiting import TIMEOUT_FACTOR, retry_until

MINUTE = 60_000 * TIMEOUT_FACTOR  # milliseconds


def fill_in(page: Page, name: str, password: str) -> None:
    """Fill in Keycloak's form and send it."""
    page.wait_for_url("**/auth/realms/mosshub/**")
    page.fill("#username", name)
    page.fill("#password", password)
    page.click("#kc-login")


# Why requests of a page failed. A browser that shares the network of a machine on which containers
# start drops what it loads; one in a network of its own (tests/support/browser.py) does not.
_failed: dict[Page, list[str]] = {}


def watch(page: Page) -> Page:
    """Note which requests of the page fail, for `seen`."""
    _failed[page] = []
    page.on("requestfailed", lambda request: _failed[page].append(request.failure or ""))
    return page


def open_page(page: Page, address: str) -> None:
    """Go to an address; once more when the browser took its network to have changed."""
    try:
        page.goto(address)
    except Error as error:
        if "ERR_NETWORK_CHANGED" not in error.message:
            raise
        page.wait_for_timeout(2_000)  # the browser goes to its own page about the error
        page.goto(address)


def network_changed(page: Page) -> bool:
    """Return once whether the browser dropped a request of a watched page for that reason."""
    page.wait_for_timeout(500)
    failed = _failed.get(page, [])
    dropped = any("ERR_NETWORK_CHANGED" in reason for reason in failed)
    failed.clear()
    return dropped


def seen(page: Page, place: Locator) -> Page:
    """Wait for `place`; a page of which the browser dropped a request is loaded again."""

    def there() -> bool:
        if network_changed(page):
            page.reload()
        return place.is_visible()

    retry_until(there, 180, f"{page.url} shows {place}")
    return page


def wait_for_files(page: Page) -> Page:
    """Wait for marimo's list of the person's files."""
    return seen(page, page.get_by_text("image_class.py", exact=True).first)


def show(page: Page, text: str | re.Pattern, timeout: float = 3 * MINUTE) -> None:
    """Wait for visible `text`, for milliseconds at most, and bring it into view."""
    place = page.get_by_text(text).filter(visible=True).first  # an app has its code, hidden
    place.wait_for(timeout=timeout)
    place.evaluate("element => element.scrollIntoView()")


def server(stack: Stack, name: str) -> str:
    """Return the name of a person's container."""
    return f"{stack.name}_{name}--"


def is_running(stack: Stack, name: str) -> bool:
    """Return whether a person's container runs."""
    return bool(docker("ps", "--quiet", "--filter", f"name=^{server(stack, name)}$"))


@contextmanager
def hub_settings(stack: Stack, more: str) -> Iterator[None]:
    """Run the hub with more settings; afterwards as before."""
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
