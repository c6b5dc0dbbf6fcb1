"""A notebook that is open in a page with the platform's frame around it."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.support.waiting import TIMEOUT_FACTOR

MINUTE = 60_000 * TIMEOUT_FACTOR
# Milliseconds within which the frame says what happened. Among other tests nothing is known of it.
SOON = 5_000 if TIMEOUT_FACTOR == 1 else MINUTE
DEAD_END = re.compile("kernel not found|Try again|Failed to connect", re.IGNORECASE)
NOTEBOOK = """import marimo

__generated_with = "0.25.2"
app = marimo.App()


@app.cell
def _():
    import time

    x = 1
    return time, x


@app.cell
def _(x):
    print("twice x is", 2 * x)
    return


if __name__ == "__main__":
    app.run()
"""


class FramedPage:
    """NOTEBOOK, or one like it, that is open in `page`."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        page.goto(address)
        page.get_by_text("twice x is 2").wait_for(timeout=3 * MINUTE)

    def slow_down(self) -> None:
        """Give the page a slow network from now on: 300 ms to everything, 1.6 Mbit/s."""
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Network.enable")
        rates = {"downloadThroughput": 200_000, "uploadThroughput": 200_000}  # bytes in a second
        slow = {"offline": False, "latency": 300, **rates}
        devtools.send("Network.emulateNetworkConditions", slow)

    @property
    def bar(self) -> Locator:
        return self.page.locator("mosshub-frame")

    def says(self, text: str | re.Pattern, timeout: float = SOON) -> None:
        """Wait until the frame says it; marimo's own dead ends are not there."""
        expect(self.bar.locator("#said")).to_contain_text(text, timeout=timeout)
        assert not DEAD_END.search(self.page.locator("#root").inner_text())

    def says_no_more(self, text: str, timeout: float = MINUTE) -> None:
        expect(self.bar.locator("#said")).not_to_contain_text(text, timeout=timeout)

    def type(self, text: str) -> None:
        """Type at the end of the first cell."""
        self.page.locator(".cm-content").first.click()
        self.page.keyboard.press("Control+End")
        self.page.keyboard.type(f"  # {text}")

    def run_last_cell(self, shows: str) -> None:
        self.page.locator(".cm-content").last.click()
        self.page.keyboard.press("Control+Enter")
        expect(self.page.locator("#App")).to_contain_text(shows, timeout=MINUTE)
