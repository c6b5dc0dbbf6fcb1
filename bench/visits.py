"""What a person does, in a browser: signs in, waits for the notebooks, opens one."""

from __future__ import annotations

import contextlib
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from bench.hubs import BenchError, Hub
from bench.subjects import LISTED, NOTEBOOK, OUTPUT
from tests.support.browser import FLAGS, settle
from tests.support.browser_network import BrowserNetwork

PROGRAM = "/usr/bin/chromium"
TIMEOUT_MS = 240_000
#: Between seeing the notebooks and opening one, seconds: a person reads.
READING_S = 3.0
PRESS_AGAIN_MS = 200
_SLOW = {
    "latency": 300,
    "downloadThroughput": 200_000,
    "uploadThroughput": 200_000,
}  # bytes a second


@dataclass
class Traffic:
    """What a page's connections took so far.

    Attributes:
        requests: how many.
        received: bytes on the wire, headers included.
    """

    requests: int = 0
    received: int = 0


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Run Chromium in a network namespace of its own: containers that start do not disturb it."""
    network = BrowserNetwork()
    with tempfile.TemporaryDirectory(prefix="mosshub-bench-") as scratch, sync_playwright() as tool:
        program = network.wrapper(PROGRAM, Path(scratch))
        running = tool.chromium.launch(executable_path=str(program), args=[*FLAGS, *network.flags])
        settle(running)
        try:
            yield running
        finally:
            running.close()
            network.close()


class Visit:
    """A visit with an empty cache.

    Args:
        browser: the browser.
        hub: where the user signs in.
        user: their name.
        slow: whether the network is slow.
    """

    def __init__(self, browser: Browser, hub: Hub, user: str, *, slow: bool = False) -> None:
        self._hub, self._user = hub, user
        self._context = browser.new_context(viewport={"width": 1280, "height": 900})
        self._context.set_default_timeout(TIMEOUT_MS)
        self.page: Page = self._context.new_page()
        self.traffic = Traffic()
        session = self._context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._received)
        if slow:
            session.send("Network.emulateNetworkConditions", {"offline": False, **_SLOW})

    def _asked(self, event: dict) -> None:
        self.traffic.requests += event["request"]["url"].startswith("http")

    def _received(self, event: dict) -> None:
        self.traffic.received += int(event["encodedDataLength"])

    def __enter__(self) -> Visit:
        return self

    def __exit__(self, *error: object) -> None:
        self._context.close()

    def sign_in(self) -> float:
        """Sign in and return the seconds from the click until the notebooks are there."""
        self.page.goto(f"{self._hub.url}/hub/login")
        self.page.fill("#username_input", self._user)
        self.page.fill("#password_input", "any")
        listed = self.page.get_by_text(LISTED, exact=True).first
        self.traffic.requests = self.traffic.received = 0
        begin = time.perf_counter()
        self.page.locator("#login_submit").click(no_wait_after=True)
        try:
            listed.wait_for()
        except Exception as error:
            seen = self.page.locator("body").inner_text()[:500]
            raise BenchError(f"{self._user} at {self.page.url}: {seen}\n{error}") from error
        return time.perf_counter() - begin

    def open_notebook(
        self, notebook: str = NOTEBOOK, heading: str | re.Pattern[str] = OUTPUT
    ) -> float:
        """Open a notebook, run it if it waits for that, and return the seconds to its output."""
        self.page.wait_for_timeout(1000 * READING_S)
        link = self.page.locator(f"a[href*='{notebook}']").first
        href = link.get_attribute("href") if link.count() else f"?file={notebook}"
        address = self.page.evaluate("href => new URL(href, location.href).href", href)
        output = self.page.get_by_role("heading", name=heading).first
        # marimo's button that runs what waits. A press that comes before the kernel has no effect.
        strip = self.page.get_by_test_id("chrome-controls-bottom-right")
        run = strip.get_by_test_id("run-button")
        begin = time.perf_counter()
        self.page.goto(address, wait_until="commit")
        deadline = begin + TIMEOUT_MS / 1000
        while time.perf_counter() < deadline:
            with contextlib.suppress(PlaywrightTimeout):
                output.wait_for(timeout=PRESS_AGAIN_MS)
                return time.perf_counter() - begin
            with contextlib.suppress(PlaywrightTimeout):
                if run.is_visible() and run.is_enabled():
                    run.click(timeout=PRESS_AGAIN_MS)
        raise BenchError(f"{self._user}: no output at {self.page.url}")
